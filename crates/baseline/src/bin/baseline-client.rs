//! The least that a closed-loop client can do: one request in flight on each connection. Prints requests/s and its own
//! CPU time per request, in microseconds.
//!
//! usage: `baseline-client HOST:PORT CONNECTIONS SECONDS`

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use baseline::Buffer;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [target, connections, seconds] = &arguments[..] else {
        return Err("usage: baseline-client HOST:PORT CONNECTIONS SECONDS".into());
    };
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let request = baseline::request();
    let mut open = Vec::new();
    for place in 0..connections.parse()? {
        let mut stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&epoll, &stream, EventData::new_u64(place), EventFlags::IN)?;
        stream.write_all(&request)?;
        open.push((stream, Buffer::default()));
    }
    let (start, cpu_at_start, duration) = (Instant::now(), cpu(), Duration::from_secs_f64(seconds.parse()?));
    let mut events = Vec::with_capacity(256);
    let mut done: u64 = 0;
    while start.elapsed() < duration {
        epoll::wait(
            &epoll,
            spare_capacity(&mut events),
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 100_000_000,
            }),
        )?;
        for event in events.drain(..) {
            let (stream, buffer) = &mut open[event.data.u64() as usize];
            let received = match stream.read(buffer.room()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Ok(0) => return Err("the server closed a connection".into()),
                other => other?,
            };
            if buffer.take_frames(received) > 0 {
                done += 1;
                stream.write_all(&request)?;
            }
        }
    }
    let (elapsed_s, cpu_s) = (
        start.elapsed().as_secs_f64(),
        cpu().saturating_sub(cpu_at_start).as_secs_f64(),
    );
    println!("{:.0} {:.4}", done as f64 / elapsed_s, cpu_s * 1e6 / done as f64);
    Ok(())
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
