//! Connections that carry no load: idle ones, which only exist, and silent ones, which begin a request and never end it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::plan::Plan;
use crate::report::Bystanders as Report;

/// What a silent connection sends: half of the frame of a ping.
const HALF_A_FRAME: &[u8] = b"\x20\x00\x00\x00{\"in\":\"ping\"";

/// The connections that carry no load, all opened before the load begins.
#[derive(Debug)]
pub(crate) struct Bystanders {
    idle: Vec<TcpStream>,
    silent: Vec<TcpStream>,
}

impl Bystanders {
    /// Opens those of a plan.
    pub(crate) fn open(plan: &Plan) -> io::Result<Self> {
        let connect = || TcpStream::connect_timeout(&plan.target, plan.timeout.min(Duration::from_secs(10)));
        let idle = (0..plan.idle).map(|_| connect()).collect::<io::Result<_>>()?;
        let silent = (0..plan.silent).map(|_| {
            let mut stream = connect()?;
            stream.write_all(HALF_A_FRAME)?;
            Ok(stream)
        });
        Ok(Self {
            idle,
            silent: silent.collect::<io::Result<_>>()?,
        })
    }

    /// How many of them the server still holds; nothing if there never were any.
    pub(crate) fn count(&self) -> Option<Report> {
        let open = |streams: &[TcpStream]| streams.iter().filter(|stream| is_open(stream)).count() as u64;
        let (idle, silent) = (self.idle.len() as u64, self.silent.len() as u64);
        (idle + silent > 0).then(|| Report {
            idle,
            idle_open: open(&self.idle),
            silent,
            silent_open: open(&self.silent),
        })
    }
}

/// A connection that is open has nothing to be read: neither bytes nor an end.
fn is_open(mut stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.read(&mut [0]));
    matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::work::{Params, Work};

    #[test]
    fn a_connection_that_the_server_closes_is_told_from_one_that_it_holds() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let work = Work::new("ping", Params::Unique).unwrap();
        let plan = Plan {
            idle: 2,
            silent: 1,
            ..Plan::closed_loop(listener.local_addr().unwrap(), 1, work)
        };
        let bystanders = Bystanders::open(&plan).unwrap();
        let first = listener.accept().unwrap().0;
        let _second = listener.accept().unwrap().0;
        let mut silent = listener.accept().unwrap().0;
        let mut heard = vec![0; HALF_A_FRAME.len()];
        silent.read_exact(&mut heard).unwrap();
        assert_eq!(heard, HALF_A_FRAME);
        drop(first);
        // The end of a connection on loopback is there when its close returns.
        let report = bystanders.count().unwrap();
        assert_eq!(
            (report.idle, report.idle_open, report.silent, report.silent_open),
            (2, 1, 1, 1)
        );
    }
}
