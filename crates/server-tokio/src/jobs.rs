//! Jobs on blocking threads: no more at a time than there may be threads. So a job that waits for a thread is no entry in
//! tokio's queue but a task that waits, and ends with its connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// How many blocking threads a runtime may have. This is tokio's default.
pub(crate) const MOST_THREADS: usize = 512;

/// The blocking threads of one runtime.
#[derive(Debug, Clone)]
pub(crate) struct BlockingThreads(Arc<Semaphore>);

/// A job that a thread runs, or that tokio has in its queue: at the system's limit of threads there are fewer than there
/// may be. A job is taken back from the queue when this is dropped.
struct Spawned<T>(JoinHandle<T>);

impl BlockingThreads {
    /// All of them are free.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_THREADS)))
    }

    /// Runs this on a blocking thread, once one is free. A job that has no thread yet when the future is dropped does not
    /// run. One that has goes on, but nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let thread = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .expect("nobody closes the semaphore");
        let spawned = spawn_blocking(move || {
            let _thread = thread;
            job()
        });
        Spawned(spawned).await
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Spawned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
