//! How often threads that drain are woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use serving::worker_threads::WorkerThreads;
use serving::{Stop, Work};

/// The main thread tends its threads for every connection. A round through hundreds that drain would slow each of these.
#[test]
fn threads_that_drain_are_woken_in_rounds() {
    let stop = Stop::install(Duration::from_secs(60)).unwrap();
    let mut threads = WorkerThreads::new(1, stop).unwrap();
    let (ends, end) = bounded::<()>(0);
    let woken = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&woken);
    threads
        .start(move |_| {
            let (end, count) = (end.clone(), Arc::clone(&count));
            let work = Work::new(move || {
                let _ = end.recv();
                Ok(())
            });
            Ok(work.woken_by(move || {
                count.fetch_add(1, Ordering::SeqCst);
            }))
        })
        .unwrap();
    threads.restart();
    let began = Instant::now();
    let before = woken.load(Ordering::SeqCst);
    for _ in 0..10_000 {
        assert!(
            threads
                .tend()
                .is_some_and(|pause| pause <= Duration::from_millis(50))
        );
    }
    // The first round may come at once.
    let rounds = 1 + began.elapsed().as_millis() / 50;
    let wakes = woken.load(Ordering::SeqCst) - before;
    assert!(u128::from(wakes) <= rounds, "{wakes} wakes in {rounds} rounds");

    // It may block just after a round, so there is another one.
    thread::sleep(threads.tend().unwrap());
    let before = woken.load(Ordering::SeqCst);
    threads.tend();
    assert_eq!(woken.load(Ordering::SeqCst), before + 1);
    drop(ends);
    threads.retire();
    threads.join();
}
