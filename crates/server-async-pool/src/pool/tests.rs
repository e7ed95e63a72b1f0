use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::AtomicU16;
use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use event_loop::EventLoop;
use protocol::{Clock, Request, SessionOptions};
use serving::Service;
use socket2::SockRef;

use super::*;

const ONE: NonZeroU16 = NonZeroU16::MIN;

/// Passes no time.
struct Still;

impl Clock for Still {
    fn spin(&self, _: Duration) {}

    fn block(&self, _: Duration) {}
}

/// A loop that a test steps by hand, with a pool.
struct Stepped {
    event_loop: EventLoop,
    pool: Pool,
    listener: TcpListener,
}

impl Stepped {
    fn start(run: impl Fn(Job) -> Outcome + Send + Sync + 'static) -> Self {
        Self::start_with(ONE, run)
    }

    /// The queue has one place.
    fn start_with(workers: NonZeroU16, run: impl Fn(Job) -> Outcome + Send + Sync + 'static) -> Self {
        let service = Service {
            session: SessionOptions::default(),
            idle_timeout: None,
            frame_timeout: None,
            verbose: false,
        };
        let stop = Stop::install(Duration::from_secs(5)).unwrap();
        let mut event_loop = EventLoop::new(service, stop).unwrap();
        let pool = Pool::with_run(
            Size { workers, queue: ONE },
            event_loop.waker().unwrap(),
            Arc::new(run),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            event_loop,
            pool,
            listener,
        }
    }

    /// A new connection, whose `block` is submitted to the pool.
    fn submit(&mut self, ms: u64) -> TcpStream {
        let client = self.connect(ms);
        while !self.step() {}
        client
    }

    /// A new connection, which has sent a `block`.
    fn connect(&mut self, ms: u64) -> TcpStream {
        let mut client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let mut request = Vec::new();
        Request::append(&mut request, "block", &ms.to_string());
        client.write_all(&request).unwrap();
        self.event_loop.adopt(self.listener.accept().unwrap().0);
        client
    }

    /// One round of the loop. Returns whether a job was submitted.
    fn step(&mut self) -> bool {
        self.event_loop.poll().unwrap();
        for (connection, outcome) in self.pool.outcomes() {
            self.event_loop.finish(connection, outcome);
        }
        let mut submitted = false;
        while let Some(connection) = self.event_loop.next_ready() {
            if let Some(job) = self.event_loop.turn(connection) {
                self.pool.submit(self.event_loop.waiter(connection), job);
                submitted = true;
            }
        }
        submitted
    }

    fn step_until_connections_are(&mut self, count: usize) {
        while self.event_loop.open_connections() > count {
            self.step();
        }
    }
}

#[test]
fn a_job_that_panics_closes_its_connection_only() {
    let mut stepped = Stepped::start(|job| {
        assert!(!format!("{job:?}").contains("13"), "this job panics on purpose");
        job.run(&Still)
    });
    let mut unlucky = stepped.submit(13);
    stepped.step_until_connections_are(0);
    assert_eq!(unlucky.read(&mut [0; 64]).unwrap(), 0, "closed without a reply");

    let mut next = stepped.submit(1);
    next.shutdown(Shutdown::Write).unwrap();
    stepped.step_until_connections_are(0);
    let mut reply = Vec::new();
    next.read_to_end(&mut reply).unwrap();
    assert!(reply.ends_with(br#"{"out":"blocked","result":1}"#));
}

/// The first job holds the only thread, the second has the only place in the queue, and two more wait.
#[test]
fn a_restart_runs_queued_jobs_on_new_threads_in_order() {
    let (report, reports) = mpsc::channel::<(String, ThreadId)>();
    let (release, gate) = channel::bounded::<()>(0);
    let mut stepped = Stepped::start(move |job: Job| {
        let name = format!("{job:?}");
        report.send((name.clone(), thread::current().id())).unwrap();
        if name.contains("100") {
            gate.recv().unwrap();
        }
        job.run(&Still)
    });
    let _held = stepped.submit(100);
    let (_, old) = reports.recv().unwrap();
    let _queued: Vec<_> = [1, 2, 3].map(|ms| stepped.submit(ms)).into();
    stepped.pool.restart();
    for ms in [1, 2, 3] {
        let (job, thread) = loop {
            match reports.try_recv() {
                Ok(ran) => break ran,
                // Only an outcome that the loop takes makes room for the next job.
                Err(_) => stepped.step(),
            };
        };
        assert!(job.contains(&format!("ms: {ms} ")), "{job} in the place of {ms}");
        assert_ne!(thread, old, "the old thread holds the first job");
    }
    release.send(()).unwrap();
}

/// No job ends before all run, and nothing else wakes the loop.
#[test]
fn a_short_queue_keeps_every_thread_busy() {
    const JOBS: u16 = 4;
    let running = Arc::new(AtomicU16::new(0));
    let at_once = Arc::clone(&running);
    let mut stepped = Stepped::start_with(NonZeroU16::new(JOBS).unwrap(), move |job: Job| {
        at_once.fetch_add(1, Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(10);
        while at_once.load(Ordering::SeqCst) < JOBS {
            if Instant::now() > deadline {
                at_once.fetch_add(JOBS * 2, Ordering::SeqCst);
            }
            thread::sleep(Duration::from_millis(1));
        }
        job.run(&Still)
    });
    let clients: Vec<_> = (0..JOBS).map(|_| stepped.connect(1)).collect();
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
    }
    stepped.step_until_connections_are(0);
    assert_eq!(running.load(Ordering::SeqCst), JOBS, "all ran at once");
}

/// The first job holds the only thread, and the second has the only place in the queue.
#[test]
fn jobs_of_reset_connections_do_not_pile_up() {
    let (release, gate) = channel::bounded::<()>(0);
    let mut stepped = Stepped::start(move |job: Job| {
        let _ = gate.recv();
        job.run(&Still)
    });
    let open: Vec<_> = (0..10).map(|_| stepped.submit(1)).collect();
    for _ in 0..2_000 {
        let peer = stepped.submit(1);
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        stepped.step_until_connections_are(open.len());
        let waiting = stepped.pool.waiting.len();
        assert!(waiting <= (open.len() + 1) * 2 + FEW, "{waiting} jobs wait");
    }
    drop(release);
}
