//! A worker thread that panics, or that ends although nobody has asked it to, is replaced. The process goes on.
//!
//! The signals are for the whole process, so this test has a process of its own, without the usual harness.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Parser;
use crossbeam::channel::bounded;
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use serving::{Error, Listening, Options, Result, TallyOptions, ThreadPool, Work};

/// A request in the project's wire: a ping.
const PING: &[u8] = b"\x1a\0\0\0{\"in\":\"ping\",\"params\":123}";

fn main() -> ExitCode {
    let options = Options::parse_from(["server", "--listen=127.0.0.1:0"]);
    match workers_that_end_are_replaced(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn workers_that_end_are_replaced(options: &Options) -> Result<()> {
    let mut threads = ThreadPool::listen(
        options,
        NonZeroU16::MIN,
        Listening::Shared,
        &TallyOptions::default(),
    )?;
    let service = options.service();
    let (address, addresses) = bounded(1);
    let started = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&started);
    threads.start(move |worker, listener| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let _ = address.try_send(listener.address());
        Ok(Work::new(move || match number {
            0 => panic!("a bug in a worker, which this test expects"),
            1 => Err(Error::Reported),
            2 => Ok(()),
            _ => {
                while let Some(connection) = worker.accept(listener)? {
                    let _ = worker.serve(connection, &service);
                }
                Ok(())
            }
        }))
    })?;
    let address = addresses.recv().expect("the worker was started");
    let client = thread::spawn(move || {
        let mut client = TcpStream::connect(address).expect("the server listens");
        client.write_all(PING).expect("the server takes requests");
        let mut prefix = [0; 4];
        let replied = client.read_exact(&mut prefix);
        kill(getpid(), Signal::SIGTERM).expect("a process can signal itself");
        replied
    });
    threads.supervise()?;
    threads.drain()?;
    let replied = client.join().expect("the client does not panic");
    replied.expect("a successor has replied");
    assert_eq!(
        started.load(Ordering::SeqCst),
        4,
        "three have ended by themselves"
    );
    Ok(())
}
