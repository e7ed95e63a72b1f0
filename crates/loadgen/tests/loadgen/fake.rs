//! A server that misbehaves as it is told, and counts what it did.
//!
//! It runs in threads of the test, on a port that the kernel chooses, and is gone when it is dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use loadgen::{Outcome, Params, Plan, Report, Work};
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Reply, Request, operation};
use socket2::SockRef;

/// How long something may take that always comes at once on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the fake does about a request.
pub(crate) enum Act {
    /// The right reply.
    Answer,
    /// The right reply, after this long, for which nothing else happens on its connection.
    AnswerAfter(Duration),
    /// The right reply, a byte at a time, with so long between two.
    AnswerInBytes(Duration),
    /// The right reply, behind that to the next request.
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
    /// How many came before it, on all connections.
    pub(crate) number: u64,
    /// How many came before it on its own.
    pub(crate) on_connection: u64,
    /// Whether another one has come whole behind it.
    pub(crate) followed: bool,
    /// Its `params`.
    pub(crate) params: &'a str,
    /// The right reply to it, a whole frame.
    pub(crate) answer: &'a [u8],
}

/// How a fake deals with its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
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
    manner: Manner,
    greeting: Vec<u8>,
    script: Box<dyn Fn(&Asked<'_>) -> Act + Send + Sync>,
    /// It is to end.
    over: AtomicBool,
    /// Its listener is gone, so that whoever loses a connection from now on finds nobody.
    closed: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    misdeeds: AtomicU64,
}

impl Fake {
    /// One that answers everything as it should.
    pub(crate) fn good() -> Self {
        Self::new(|_| Act::Answer)
    }

    /// One that does with each request as `script` says.
    pub(crate) fn new(script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self::start(Manner::Concurrent, Vec::new(), script)
    }

    /// One on this address that answers everything as it should; nothing if the address can't be had.
    pub(crate) fn at(address: SocketAddr) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::start_on(listener, Manner::Concurrent, Vec::new(), |_| {
            Act::Answer
        }))
    }

    /// One that answers as it should, and takes the next connection when the last has ended.
    pub(crate) fn one_at_a_time() -> Self {
        Self::start(Manner::OneAtATime, Vec::new(), |_| Act::Answer)
    }

    /// One that takes connections and never reads.
    pub(crate) fn deaf() -> Self {
        Self::start(Manner::Deaf, Vec::new(), |_| Act::Nothing)
    }

    /// One that answers as it should, but says this first on every connection.
    pub(crate) fn greeting(bytes: Vec<u8>) -> Self {
        Self::start(Manner::Concurrent, bytes, |_| Act::Answer)
    }

    fn start(
        manner: Manner,
        greeting: Vec<u8>,
        script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the kernel has a port");
        Self::start_on(listener, manner, greeting, script)
    }

    fn start_on(
        listener: TcpListener,
        manner: Manner,
        greeting: Vec<u8>,
        script: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            address,
            manner,
            greeting,
            script: Box::new(script),
            over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            misdeeds: AtomicU64::new(0),
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

    /// The connections that it has had a request on.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests that it has had.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The requests that it has not answered as it should.
    pub(crate) fn misdeeds(&self) -> u64 {
        self.shared.misdeeds.load(Ordering::SeqCst)
    }

    /// A short run against it, all of it within the window, whose requests time out only if they are lost for good.
    pub(crate) fn plan(&self, connections: usize, work: Work) -> Plan {
        Plan {
            warmup: Duration::ZERO,
            duration: Duration::from_millis(200),
            timeout: PATIENCE,
            ..Plan::closed_loop(self.address, connections, work)
        }
    }

    /// Waits until it has had so many requests.
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
                match self.manner {
                    Manner::Concurrent => {
                        scope.spawn(|| self.serve(stream));
                    }
                    Manner::OneAtATime => self.serve(stream),
                    Manner::Deaf => held.push(stream),
                }
            }
            drop(listener);
            self.closed.store(true, Ordering::SeqCst);
        });
    }

    /// Whether connections are to end: behind the listener, unless that waits for them.
    fn over(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
            || self.manner == Manner::OneAtATime && self.over.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the acceptor, if it is still there.
        let _ = TcpStream::connect(self.address);
    }

    /// Serves a connection until it ends, one way or the other.
    fn serve(&self, mut stream: TcpStream) {
        // Between two waits it looks whether the server is over.
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

    /// Does as the script says with each request that has come whole. Says whether the connection goes on.
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
                self.misdeeds.fetch_add(1, Ordering::SeqCst);
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
        // A client that has gone is no fault of the server's.
        let _ = stream.write_all(&output);
        true
    }
}

/// The right reply to a request, as a frame.
fn answer(request: &Request<'_>) -> Vec<u8> {
    let params = request.params.get();
    let number = || params.parse::<u64>().expect("the operation takes a number");
    let (kind, result) = match &*request.operation {
        "ping" => ("pong", params.to_owned()),
        "pi" => ("pi_r", operation::pi(number()).to_string()),
        "blob" => ("blob", format!("\"{}\"", "b".repeat(number() as usize))),
        "sleep" => {
            thread::sleep(Duration::from_millis(number()));
            ("slept", params.to_owned())
        }
        _ => return error("unknown_operation"),
    };
    reply(kind, &result)
}

/// A reply of this kind, as a frame.
pub(crate) fn reply(kind: &str, result: &str) -> Vec<u8> {
    let mut reply = Vec::new();
    Reply::append(&mut reply, kind, |out| out.extend_from_slice(result.as_bytes()));
    reply
}

/// An error reply with this code, as a frame.
pub(crate) fn error(code: &str) -> Vec<u8> {
    reply(
        "error",
        &format!("{{\"code\":\"{code}\",\"message\":\"as told\"}}"),
    )
}

/// A ping that says something else each time.
pub(crate) fn ping() -> Work {
    Work::new("ping", Params::Unique).expect("there is a ping")
}

/// Carries a plan out to its end.
pub(crate) fn run(plan: &Plan) -> Outcome {
    let outcome = loadgen::run(plan, &AtomicBool::new(false), &mut ()).expect("the server is there");
    assert_adds_up(&outcome.report);
    outcome
}

/// Every request is accounted for, and all of its time: both sides of Little's law are sums of the same nanoseconds, so that
/// nothing but rounding may stand between them.
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

/// How many failures of each kind there were.
pub(crate) fn failures(outcome: &Outcome) -> Vec<(&str, u64)> {
    let failures = outcome.report.failures.iter();
    failures
        .map(|failures| (&*failures.kind, failures.count))
        .collect()
}
