//! A server that misbehaves by a script, and counts what it did.
//!
//! It runs in threads of the test, on a port that the kernel chooses, and ends when it is dropped.

mod replies;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use loadgen::{Outcome, Params, Plan, Report, Work};
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Request};
use socket2::SockRef;

use self::replies::answer;
pub(crate) use self::replies::{error, reply};

/// A time limit for what is immediate on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the fake does on a request.
pub(crate) enum Act {
    /// The right reply.
    Answer,
    /// The right reply after this time, in which nothing else happens on the connection.
    AnswerAfter(Duration),
    /// The right reply in single bytes, with this pause between two.
    AnswerInBytes(Duration),
    /// The right reply, after that to the next request.
    AnswerBehindTheNext,
    /// These bytes instead.
    Instead(Vec<u8>),
    /// No reply.
    Nothing,
    /// These bytes, then the end of the connection.
    CloseAfter(Vec<u8>),
    /// The end of the connection by RST.
    Reset,
    /// The end of the server, its listener and all its connections.
    Die,
}

/// A request, as the script of a fake sees it.
pub(crate) struct Asked<'a> {
    /// The number of earlier requests on all connections.
    pub(crate) number: u64,
    /// The number of earlier requests on its connection.
    pub(crate) on_connection: u64,
    /// Whether the next one has arrived whole.
    pub(crate) followed: bool,
    /// Its `params`.
    pub(crate) params: &'a str,
    /// The right reply to it, a whole frame.
    pub(crate) answer: &'a [u8],
}

/// How a fake handles its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Each has a thread.
    Concurrent,
    /// The next is accepted when the last has ended.
    OneAtATime,
    /// Each is accepted and never read from.
    Deaf,
}

/// A server in threads of the test.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    style: Style,
    greeting: Vec<u8>,
    script: Box<dyn Fn(&Asked<'_>) -> Act + Send + Sync>,
    /// Whether it is to end.
    over: AtomicBool,
    /// Whether its listener is closed: a client that loses a connection from now on can't reconnect.
    closed: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    misbehaviors: AtomicU64,
}

impl Fake {
    /// A server that answers everything.
    pub(crate) fn good() -> Self {
        Self::new(|_| Act::Answer)
    }

    /// A server that does what `script` returns for each request.
    pub(crate) fn new(script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self::start(Style::Concurrent, Vec::new(), script)
    }

    /// A server on this address that answers everything; none if the address can't be bound.
    pub(crate) fn at(address: SocketAddr) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::start_on(listener, Style::Concurrent, Vec::new(), |_| {
            Act::Answer
        }))
    }

    /// A server that answers everything, one connection at a time.
    pub(crate) fn one_at_a_time() -> Self {
        Self::start(Style::OneAtATime, Vec::new(), |_| Act::Answer)
    }

    /// A server that accepts connections and never reads.
    pub(crate) fn deaf() -> Self {
        Self::start(Style::Deaf, Vec::new(), |_| Act::Nothing)
    }

    /// A server that answers everything, but sends this first on every connection.
    pub(crate) fn greeting(bytes: Vec<u8>) -> Self {
        Self::start(Style::Concurrent, bytes, |_| Act::Answer)
    }

    fn start(
        style: Style,
        greeting: Vec<u8>,
        script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the kernel has a port");
        Self::start_on(listener, style, greeting, script)
    }

    fn start_on(
        listener: TcpListener,
        style: Style,
        greeting: Vec<u8>,
        script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            address,
            style,
            greeting,
            script: Box::new(script),
            over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            misbehaviors: AtomicU64::new(0),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(listener)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// The number of connections with a request.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The number of requests.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The number of requests without the right reply.
    pub(crate) fn misbehaviors(&self) -> u64 {
        self.shared.misbehaviors.load(Ordering::SeqCst)
    }

    /// A short run without warm-up, whose requests time out only if they are lost.
    pub(crate) fn plan(&self, connections: usize, work: Work) -> Plan {
        Plan {
            warmup: Duration::ZERO,
            duration: Duration::from_millis(200),
            timeout: PATIENCE,
            ..Plan::closed_loop(self.address, connections, work)
        }
    }

    /// Waits for this number of requests.
    #[track_caller]
    pub(crate) fn wait_for_requests(&self, requests: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.requests() < requests {
            assert!(
                Instant::now() < deadline,
                "only {} requests came",
                self.requests()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.end();
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the fake server panicked");
        }
    }
}

impl Shared {
    fn accept(&self, listener: TcpListener) {
        thread::scope(|scope| {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                if self.over.load(Ordering::SeqCst) {
                    break;
                }
                let stream = stream.expect("a connection can be accepted");
                match self.style {
                    Style::Concurrent => {
                        scope.spawn(|| self.serve(stream));
                    }
                    Style::OneAtATime => self.serve(stream),
                    Style::Deaf => held.push(stream),
                }
            }
            drop(listener);
            self.closed.store(true, Ordering::SeqCst);
        });
    }

    /// Whether connections are to end: after the listener, unless that waits for them.
    fn over(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
            || self.style == Style::OneAtATime && self.over.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the acceptor, if it is still there.
        let _ = TcpStream::connect(self.address);
    }

    /// Serves a connection until it ends.
    fn serve(&self, mut stream: TcpStream) {
        // After each wait it checks whether the server is to end.
        let wait = Duration::from_millis(10);
        stream.set_read_timeout(Some(wait)).expect("it can wait");
        stream.set_nodelay(true).expect("it can be prompt");
        if stream.write_all(&self.greeting).is_err() {
            return;
        }
        let (mut input, mut received, mut on_connection) = (Vec::new(), vec![0; 64 * 1024], 0);
        while !self.over() {
            match stream.read(&mut received) {
                Ok(0) => return,
                Ok(bytes) => input.extend_from_slice(&received[..bytes]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => return,
            }
            if !self.act_on_all(&mut stream, &mut input, &mut on_connection) {
                return;
            }
        }
    }

    /// Follows the script for each whole request. Returns whether the connection goes on.
    fn act_on_all(&self, stream: &mut TcpStream, input: &mut Vec<u8>, on_connection: &mut u64) -> bool {
        let (mut output, mut behind) = (Vec::new(), Vec::new());
        let mut rest = &input[..];
        while let Head::Whole(body) = frame::head(rest, FrameLimit::MOST) {
            rest = &rest[PREFIX_BYTES + body.len()..];
            let request = Request::parse(body).expect("the client sends requests");
            let answer = answer(&request);
            if *on_connection == 0 {
                self.connections.fetch_add(1, Ordering::SeqCst);
            }
            let act = (self.script)(&Asked {
                number: self.requests.fetch_add(1, Ordering::SeqCst),
                on_connection: *on_connection,
                followed: matches!(frame::head(rest, FrameLimit::MOST), Head::Whole(_)),
                params: request.params.get(),
                answer: &answer,
            });
            *on_connection += 1;
            if !matches!(act, Act::Answer | Act::AnswerAfter(_) | Act::AnswerInBytes(_)) {
                self.misbehaviors.fetch_add(1, Ordering::SeqCst);
            }
            match act {
                Act::Answer => output.extend(answer),
                Act::AnswerAfter(pause) => {
                    let _ = stream.write_all(&std::mem::take(&mut output));
                    thread::sleep(pause);
                    output.extend(answer);
                }
                Act::AnswerInBytes(pause) => {
                    output.extend(answer);
                    for byte in output.drain(..) {
                        if self.over() || stream.write_all(&[byte]).is_err() {
                            return false;
                        }
                        thread::sleep(pause);
                    }
                }
                Act::AnswerBehindTheNext => {
                    behind = answer;
                    continue;
                }
                Act::Instead(bytes) => output.extend(bytes),
                Act::Nothing => {}
                Act::CloseAfter(bytes) => {
                    output.extend(bytes);
                    let _ = stream.write_all(&output);
                    return false;
                }
                Act::Reset => {
                    let _ = stream.write_all(&output);
                    SockRef::from(&*stream)
                        .set_linger(Some(Duration::ZERO))
                        .expect("it can end by RST");
                    return false;
                }
                Act::Die => {
                    self.end();
                    while !self.over() {
                        thread::yield_now();
                    }
                    return false;
                }
            }
            output.append(&mut behind);
        }
        *input = rest.to_vec();
        // The client may have gone, which is no error here.
        let _ = stream.write_all(&output);
        true
    }
}

/// A ping with a different string each time.
pub(crate) fn ping() -> Work {
    Work::new("ping", Params::Unique).expect("there is a ping")
}

/// Runs a plan to its end.
pub(crate) fn run(plan: &Plan) -> Outcome {
    let outcome = loadgen::run(plan, &AtomicBool::new(false), &mut ()).expect("the server is there");
    assert_adds_up(&outcome.report);
    outcome
}

/// Checks that every request and all of its time are accounted for. Both sides of Little's law are sums of the same
/// nanoseconds, so they may differ by rounding only.
#[track_caller]
pub(crate) fn assert_adds_up(report: &Report) {
    let counts = &report.requests;
    let ended = counts.ok + counts.wrong + counts.error + counts.timeout + counts.reset + counts.in_flight;
    assert_eq!(counts.planned, counts.sent + counts.unsent);
    assert_eq!(counts.sent, ended);
    assert!(report.checks.accounting);
    if let Some(little) = report.checks.little {
        assert!(little.error < 1e-9, "{little:?}");
    }
}

/// The number of failures of each kind.
pub(crate) fn failures(outcome: &Outcome) -> Vec<(&str, u64)> {
    let failures = outcome.report.failures.iter();
    failures
        .map(|failures| (&*failures.kind, failures.count))
        .collect()
}
