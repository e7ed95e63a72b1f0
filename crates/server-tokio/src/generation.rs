//! Runtimes that follow one another: SIGHUP starts a new one on the same listener, and the old one drains.
//!
//! The main thread belongs to no runtime. It alone sees signals, and it starts, drains and joins the runtimes. Each has a
//! thread that waits for its accept loop and then for its tasks.

use std::io::{self, PipeReader};
use std::mem;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serving::limits::require_stacks;
use serving::restart::{report_not_replaced, report_replaced};
use serving::watch::Woken;
use serving::{Error, Listener, Options, Restart, Result, Stop, Watch};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::incoming::Incoming;

const START: &str = "start an accept loop";

/// A runtime with its accept loop, on a thread that waits for it.
#[derive(Debug)]
struct Generation {
    /// Takes connections that waited in the backlog. To drop it ends the accept loop.
    waiting: mpsc::UnboundedSender<TcpStream>,
    /// Every task has a receiver of this.
    draining: watch::Sender<()>,
    thread: JoinHandle<Result<()>>,
    /// Closed when the thread ends.
    ended: PipeReader,
}

/// Serves until the process is asked to stop. `start` makes a runtime with this many worker threads, and `accept` is its
/// accept loop.
pub(crate) fn run<A>(
    options: &Options,
    workers: usize,
    start: impl Fn() -> io::Result<Runtime>,
    accept: impl Fn(Incoming) -> A + Clone + Send + 'static,
) -> Result<()>
where
    A: Future<Output = Result<()>> + Send + 'static,
{
    let watch = Watch::start(Stop::install(options.drain_timeout)?)?;
    let restart = Restart::install()?;
    let listener = Listener::open(options, watch.stop())?;
    let places = options
        .max_connections()
        .map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
    let generation = || {
        // The workers, the thread below, and a blocking thread.
        require_threads(workers + 2).map_err(Error::system("start a thread"))?;
        let runtime = start().map_err(Error::system("make a runtime"))?;
        Generation::start(
            runtime,
            &listener,
            options,
            places.clone(),
            watch.stop(),
            accept.clone(),
        )
    };

    let mut current = generation()?;
    listener.announce()?;
    let mut retired: Vec<JoinHandle<_>> = Vec::new();
    while !watch.stopping() {
        if watch.wait(&[current.ended.as_fd()], None)? == Woken::Ready {
            // Nobody has asked it to. The others, which drain, come to their end.
            watch.release()?;
            watch.stop().begin_drain();
            retired.insert(0, current.thread);
            return join_all(retired);
        }
        if restart.requested() && !watch.stopping() {
            match generation() {
                Ok(next) => {
                    retired.push(mem::replace(&mut current, next).drain(Vec::new()));
                    report_replaced(workers);
                }
                Err(error) => report_not_replaced(&error),
            }
        }
        for thread in retired.extract_if(.., |thread| thread.is_finished()) {
            if let Err(error) = join(thread) {
                error.report();
            }
        }
    }

    // Stopping, this closes the listener and returns what waited in its backlog.
    let mut waiting = Vec::new();
    while let Some(stream) = watch.accept(&listener, || {})? {
        waiting.push(stream);
    }
    // From here on this thread only waits, and a second signal has to reach it.
    watch.release()?;
    watch.stop().begin_drain();
    retired.push(current.drain(waiting));
    join_all(retired)
}

impl Generation {
    fn start<A>(
        runtime: Runtime,
        listener: &Listener,
        options: &Options,
        places: Option<Arc<Semaphore>>,
        stop: Stop,
        accept: impl FnOnce(Incoming) -> A + Send + 'static,
    ) -> Result<Self>
    where
        A: Future<Output = Result<()>> + Send + 'static,
    {
        let (draining, receiver) = watch::channel(());
        let (waiting, waiting_receiver) = mpsc::unbounded_channel();
        let (ended, ending) = io::pipe().map_err(Error::system(START))?;
        let incoming = {
            let _entered = runtime.enter();
            Incoming::new(
                listener.to_std()?,
                waiting_receiver,
                places,
                receiver,
                options.service(),
                stop,
            )
            .map_err(Error::system(START))?
        };
        let (drain_timeout, tasks) = (options.drain_timeout, draining.clone());
        // Jobs queue for this thread where no other can be started.
        runtime.spawn_blocking(|| {});
        let serve = move || {
            let served = runtime.block_on(async {
                // As a task, because this thread is no worker: each connection would cost a switch to it.
                match tokio::spawn(accept(incoming)).await {
                    Ok(ended) => ended?,
                    // It panicked, and has printed why.
                    Err(_) => return Err(Error::Reported),
                }
                // Every task has dropped its receiver, or the time is over.
                let _ = timeout(drain_timeout, tasks.closed()).await;
                Ok(())
            });
            // A job on a blocking thread, whose connection has ended, may go on for as long as it likes.
            runtime.shutdown_background();
            drop(ending);
            served
        };
        let thread = thread::Builder::new()
            .name("runtime".to_owned())
            .spawn(serve)
            .map_err(Error::system(START))?;
        Ok(Self {
            waiting,
            draining,
            thread,
            ended,
        })
    }

    /// Ends the accept loop, behind these connections, and lets each task answer what has arrived. The thread ends when they
    /// have, or at the end of the drain timeout.
    fn drain(self, waiting: Vec<TcpStream>) -> JoinHandle<Result<()>> {
        for stream in waiting {
            // It fails only if the thread has ended.
            let _ = self.waiting.send(stream);
        }
        self.draining.send_replace(());
        self.thread
    }
}

/// Waits for all of them, and returns the first error.
fn join_all(threads: Vec<JoinHandle<Result<()>>>) -> Result<()> {
    threads.into_iter().map(join).fold(Ok(()), Result::and)
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    // A panic has been reported by its thread.
    thread.join().unwrap_or(Err(Error::Reported))
}

/// Fails if this process can't start so many threads: tokio panics then.
fn require_threads(count: usize) -> io::Result<()> {
    require_stacks(count)?;
    let gate = Mutex::new(());
    let pass = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
    thread::scope(|scope| {
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..count {
            thread::Builder::new().spawn_scoped(scope, pass)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_error_ends_no_wait_for_other_threads() {
        let has_ended = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&has_ended);
        let first = thread::spawn(|| Err(Error::system("accept")(io::Error::from_raw_os_error(1))));
        let panics = thread::spawn(|| Err(Error::Reported));
        let last = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            ends.store(true, Ordering::SeqCst);
            Ok(())
        });
        let joined = join_all(vec![first, panics, last]);
        assert!(has_ended.load(Ordering::SeqCst), "the last thread has ended");
        assert!(
            matches!(joined, Err(Error::System { what: "accept", .. })),
            "{joined:?}"
        );
    }
}
