//! Asking whether to stop changes nothing. Beginning the drain closes the listener and keeps what waits in its backlog.
//!
//! The signal is for the whole process, so this test has a process of its own, without the usual harness.

use std::net::TcpStream;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use serving::{Listener, Options, Result, Stop};

fn main() -> ExitCode {
    let options = Options::parse_from(["server", "--listen=127.0.0.1:0"]);
    match only_the_drain_closes_the_listener(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn only_the_drain_closes_the_listener(options: &Options) -> Result<()> {
    let stop = Stop::install(options.drain_timeout)?;
    let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);
    let connect = || TcpStream::connect(listener.address());
    assert!(!stop.requested());
    stop.handle_signals();
    let first = connect().expect("nobody has asked the process to stop");

    raise(Signal::SIGTERM).expect("a process can signal itself");
    for _ in 0..2 {
        assert!(stop.requested());
    }
    let second = connect().expect("the question has not closed the listener");

    stop.handle_signals();
    connect().expect_err("the drain has closed the listener");
    stop.begin_drain();
    for client in [first, second] {
        let accepted = listener.accept(stop)?.expect("it waited in the backlog");
        let its_peer = accepted.peer_addr().expect("it is connected");
        assert_eq!(its_peer, client.local_addr().expect("it is bound"));
    }
    assert!(listener.accept(stop)?.is_none());
    Ok(())
}
