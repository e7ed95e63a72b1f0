//! The least that a correct server with one event loop can do. It prints `listening on ADDRESS`.
//!
//! usage: `baseline-server [--reply-bytes N]`

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use baseline::{BUFFER_BYTES, Flags, whole_frames};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::sockopt::set_tcp_nodelay;

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    set_tcp_nodelay(&listener, true)?;
    flags.prepare(&listener)?;
    println!("listening on {}", listener.local_addr()?);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(u64::MAX), EventFlags::IN)?;
    let reply = flags.reply();
    // By descriptor, which the kernel keeps small. A connection keeps only the part of a frame that has arrived, so that many
    // connections need little of the CPU's cache.
    let mut connections: Vec<Option<(TcpStream, Vec<u8>)>> = Vec::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Vec::with_capacity(256);
    let mut replies = Vec::new();
    loop {
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let place = event.data.u64() as usize;
            if event.data.u64() == u64::MAX {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    let place = stream.as_raw_fd() as usize;
                    epoll::add(&epoll, &stream, EventData::new_u64(place as u64), EventFlags::IN)?;
                    connections.resize_with(connections.len().max(place + 1), || None);
                    connections[place] = Some((stream, Vec::new()));
                }
                continue;
            }
            let Some((stream, part)) = &mut connections[place] else {
                continue;
            };
            buffer[..part.len()].copy_from_slice(part);
            let received = match stream.read(&mut buffer[part.len()..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                other => other.unwrap_or(0),
            };
            let bytes = &buffer[..part.len() + received];
            let (frames, end) = whole_frames(bytes);
            *part = bytes[end..].to_vec();
            replies.clear();
            for _ in 0..frames {
                replies.extend_from_slice(&reply);
            }
            if received == 0 || (!replies.is_empty() && stream.write_all(&replies).is_err()) {
                connections[place] = None;
            }
        }
    }
}
