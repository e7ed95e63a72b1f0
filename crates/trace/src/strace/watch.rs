//! The clients of connections that a server accepts without asking for their addresses.
//!
//! strace shows a client's port only if the server asks for it. The kernel's table of connections has it, as long as the
//! connection is open. So this follows what strace writes, and looks up each such connection at once. The table takes a
//! fraction of a millisecond to read, in which the server is not stopped.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use procfs::process::Process;

use super::effects::{self, Sockets};

/// How often it looks at what strace has written.
const EVERY: Duration = Duration::from_millis(1);

/// A watch over the output of an strace. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Sockets>,
}

impl Watch {
    /// Begins to watch the output of an strace of a server with this process.
    pub(super) fn begin(output: PathBuf, process: i32) -> io::Result<Self> {
        let file = File::open(output)?;
        let (end, ended) = channel();
        let thread = thread::Builder::new()
            .name("connections".to_owned())
            .spawn(move || follow(file, process, &ended))?;
        Ok(Self { end, thread })
    }

    /// Ends it, and returns the connections that were found.
    pub(super) fn end(self) -> Sockets {
        drop(self.end);
        self.thread.join().unwrap_or_default()
    }
}

fn follow(mut file: File, process: i32, ended: &Receiver<()>) -> Sockets {
    let mut sockets = Sockets::default();
    let mut text = Vec::new();
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        if file.read_to_end(&mut text).is_err() {
            break;
        }
        let accepted = accepted(&mut text);
        if !accepted.is_empty() {
            look_up(process, &accepted, &mut sockets);
        }
    }
    sockets
}

/// Takes the whole lines, and returns the sockets of accepted connections whose address is not in them.
fn accepted(text: &mut Vec<u8>) -> HashSet<u64> {
    let Some(end) = text.iter().rposition(|&byte| byte == b'\n') else {
        return HashSet::new();
    };
    let lines: Vec<_> = text.drain(..=end).collect();
    let lines = String::from_utf8_lossy(&lines);
    lines.lines().filter_map(effects::accepted_unknown).collect()
}

/// Adds the ports of these sockets' other sides, from the table of the process's network namespace.
fn look_up(process: i32, accepted: &HashSet<u64>, sockets: &mut Sockets) {
    let Ok(process) = Process::new(process) else {
        return;
    };
    for table in [process.tcp(), process.tcp6()].into_iter().flatten() {
        for entry in table.iter().filter(|entry| accepted.contains(&entry.inode)) {
            sockets.add(entry.inode, entry.remote_address.port());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn only_whole_lines_are_taken() {
        let mut text =
            b"7 1.000000001 accept(3<socket:[5]>, NULL, NULL) = 4<socket:[6]> <0.000000001>\n7 1.0".to_vec();
        assert_eq!(accepted(&mut text), HashSet::from([6]));
        assert_eq!(text, b"7 1.0");
        assert_eq!(accepted(&mut text), HashSet::new());
    }

    #[test]
    fn the_client_of_an_accepted_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(accepted));
        let inode = file.metadata().unwrap().ino();
        let mut sockets = Sockets::default();
        look_up(
            nix::unistd::getpid().as_raw(),
            &HashSet::from([inode]),
            &mut sockets,
        );
        let mut expected = Sockets::default();
        expected.add(inode, client.local_addr().unwrap().port());
        assert_eq!(sockets, expected);
    }
}
