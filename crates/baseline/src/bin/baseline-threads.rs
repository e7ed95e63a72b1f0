//! The least that a server with one thread per connection can do. It takes no flags and prints `listening on ADDRESS`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use baseline::Buffer;
use rustix::net::sockopt::set_tcp_nodelay;

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    set_tcp_nodelay(&listener, true)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        std::thread::Builder::new().spawn(move || serve(stream))?;
    }
}

fn serve(mut stream: TcpStream) {
    let reply = baseline::reply();
    let (mut buffer, mut replies) = (Buffer::default(), Vec::new());
    while let Ok(received) = stream.read(buffer.room()) {
        replies.clear();
        for _ in 0..buffer.take_frames(received) {
            replies.extend_from_slice(&reply);
        }
        if received == 0 || (!replies.is_empty() && stream.write_all(&replies).is_err()) {
            return;
        }
    }
}
