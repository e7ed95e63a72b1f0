//! A connection that was accepted as the signal came is served.
//!
//! Both the signal and the connection are there before the server looks for them. So on every run it accepts first, and
//! then sees the signal. The test forks, so its process may have one thread only. The usual harness has more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use serving::{Children, Fork, Listener, Options, Result};

const REQUEST: &[u8] = b"\x1b\0\0\0{\"in\": \"ping\", \"params\": 1}";
const REPLY: &[u8] = b"\x19\0\0\0{\"out\":\"pong\",\"result\":1}";

fn main() -> ExitCode {
    let options = Options::parse_from(["server", "--listen=127.0.0.1:0"]);
    match an_accepted_connection_is_served_although_a_signal_came(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn an_accepted_connection_is_served_although_a_signal_came(options: &Options) -> Result<()> {
    let mut children = Children::one_per_connection(options)?;
    let listener = Listener::open(options, children.stop())?;
    let mut client = connect_and_ask(&listener);

    raise(Signal::SIGTERM).expect("a process can signal itself");
    let stream = children.accept(&listener)?.expect("the connection is accepted");
    if children.fork()? == Fork::Child {
        drop((listener, client));
        serving::serve(&stream, &options.service(), children.stop());
        std::process::exit(0);
    }
    drop(stream);
    assert!(
        children.accept(&listener)?.is_none(),
        "the signal was seen, and ends the accepting"
    );
    children.drain()?;

    let mut reply = Vec::new();
    client
        .read_to_end(&mut reply)
        .expect("the connection ends in good order");
    assert_eq!(reply, REPLY, "{:?}", String::from_utf8_lossy(&reply));
    Ok(())
}

fn connect_and_ask(listener: &Listener) -> TcpStream {
    let mut client = TcpStream::connect(listener.address()).expect("the listener has a backlog");
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout can be set");
    client.write_all(REQUEST).expect("the kernel takes a request");
    client
}
