//! The least that a closed-loop client can do: one request in flight on each connection.
//!
//! usage: `baseline-client HOST:PORT CONNECTIONS SECONDS`
//!
//! It prints `loading` when each connection has been served, which is when the time begins. While it is stopped, as by SIGSTOP,
//! its time stands still, so that two clients can load two servers in turn. At the end it prints requests/s, its own CPU
//! time per request in microseconds, and the number of requests. It ends when its stdin does, so that whoever measures the
//! server can look at it before the connections close.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use baseline::Buffer;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

/// How long it waits for a reply at once.
const WAIT: Duration = Duration::from_millis(50);

/// How long it waits for the first reply on each connection.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [target, connections, seconds] = &arguments[..] else {
        return Err("usage: baseline-client HOST:PORT CONNECTIONS SECONDS".into());
    };
    let duration = Duration::from_secs_f64(seconds.parse()?);
    let mut client = Client::connect(target, connections.parse()?)?;
    let patience = Instant::now() + PATIENCE;
    while client.served < client.open.len() {
        client.answer_events()?;
        if Instant::now() > patience {
            let (served, open) = (client.served, client.open.len());
            return Err(format!("{served} of {open} connections were served").into());
        }
    }
    client.begin_load()?;
    println!("loading");
    let (cpu_at_start, done_at_start) = (cpu(), client.done);
    let (mut ran, mut last) = (Duration::ZERO, Instant::now());
    while ran < duration {
        client.answer_events()?;
        let step = last.elapsed();
        last += step;
        // A longer one is a time for which it was stopped.
        if step < 2 * WAIT {
            ran += step;
        }
    }
    let (elapsed_s, cpu_s) = (
        ran.as_secs_f64(),
        cpu().saturating_sub(cpu_at_start).as_secs_f64(),
    );
    let done = (client.done - done_at_start) as f64;
    println!("{:.0} {:.4} {done}", done / elapsed_s, cpu_s * 1e6 / done);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

struct Client {
    epoll: OwnedFd,
    events: Vec<Event>,
    open: Vec<Open>,
    request: Vec<u8>,
    /// How many replies have come.
    done: u64,
    /// How many connections have had one.
    served: usize,
    /// Whether each reply is followed by the next request.
    is_loading: bool,
}

struct Open {
    stream: TcpStream,
    buffer: Buffer,
    was_served: bool,
}

impl Client {
    /// Opens the connections, with a request in flight on each.
    fn connect(target: &str, connections: u64) -> Result<Self, Box<dyn Error>> {
        let mut client = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(256),
            open: Vec::new(),
            request: baseline::request(),
            done: 0,
            served: 0,
            is_loading: false,
        };
        for place in 0..connections {
            let mut stream = TcpStream::connect(target)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&client.epoll, &stream, EventData::new_u64(place), EventFlags::IN)?;
            stream.write_all(&client.request)?;
            client.open.push(Open {
                stream,
                buffer: Buffer::default(),
                was_served: false,
            });
        }
        Ok(client)
    }

    /// Sends the second request on each connection. Without this pause, a server with a thread or a process for each of 10,000
    /// connections would be kept from accepting by those that it serves already.
    fn begin_load(&mut self) -> Result<(), Box<dyn Error>> {
        self.is_loading = true;
        for open in &mut self.open {
            open.stream.write_all(&self.request)?;
        }
        Ok(())
    }

    /// Waits for replies, and sends a request for each once the load has begun.
    fn answer_events(&mut self) -> Result<(), Box<dyn Error>> {
        let wait = Timespec::try_from(WAIT)?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&wait)) {
            // It was stopped, and goes on.
            Err(Errno::INTR) => return Ok(()),
            other => other?,
        };
        for event in self.events.drain(..) {
            let open = &mut self.open[event.data.u64() as usize];
            let received = match open.stream.read(open.buffer.room()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Ok(0) => return Err("the server closed a connection".into()),
                other => other?,
            };
            if open.buffer.take_frames(received) > 0 {
                self.done += 1;
                self.served += usize::from(!mem::replace(&mut open.was_served, true));
                if self.is_loading {
                    open.stream.write_all(&self.request)?;
                }
            }
        }
        Ok(())
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
