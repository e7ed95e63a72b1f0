//! Precedence of the load generator over other programs on its CPUs.
//!
//! A program that looks through `/proc` takes time for each process of the machine, on whatever CPU is free. Beside a server
//! of a thousand processes that is several milliseconds at a time, a few times a second, for which a load generator of
//! ordinary priority waits for its CPU. Niceness does not help: the scheduler's groups of sessions weigh the same.

use std::time::Duration;

use loadgen::{Load, Plan};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use crate::cpus::Split;

/// The kernel keeps a twentieth of each second from real-time threads, so a load that may take all of a CPU has to be over
/// before that.
const LOAD_MOST: Duration = Duration::from_millis(1_500);

/// From 0 to 99.
const OF_THE_LOAD: u8 = 10;
/// Whoever looks at the window's edges has to get there in time.
const OF_THE_LOOKS: u8 = 20;

/// Whether the load of this plan may take precedence on its CPUs: not on those of the server, and not in an open loop, which
/// may watch the clock without ever sleeping.
pub(super) fn suits(plan: &Plan, cpus: &Split) -> bool {
    !cpus.shared && plan.load == Load::Closed && plan.warmup + plan.duration <= LOAD_MOST
}

/// Gives this thread, and those that it starts, precedence. Where that is not permitted, nothing changes.
pub(super) fn raise_for_load() {
    raise(OF_THE_LOAD);
}

/// Gives this thread precedence over the load itself.
pub(super) fn raise_for_looks() {
    raise(OF_THE_LOOKS);
}

fn raise(priority: u8) {
    let Ok(priority) = priority.try_into() else { return };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    // An unprivileged process may not; its trials are then excluded when it waited too long.
    let _ = set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Crossplatform(priority),
        policy,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen::{Params, Work};

    fn split(shared: bool) -> Split {
        Split {
            server: "0".parse().unwrap(),
            client: "1".parse().unwrap(),
            shared,
        }
    }

    #[test]
    fn only_short_closed_loops_on_their_own_cpus_take_precedence() {
        let target: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
        let closed = Plan {
            warmup: Duration::from_millis(100),
            duration: Duration::from_millis(400),
            ..Plan::closed_loop(target, 1, Work::new("ping", Params::Unique).unwrap())
        };
        assert!(suits(&closed, &split(false)));
        assert!(!suits(&closed, &split(true)));
        let long = Plan {
            duration: Duration::from_secs(2),
            ..closed.clone()
        };
        assert!(!suits(&long, &split(false)));
        let open = Plan {
            load: Load::Open {
                rate_per_s: 10.0,
                arrivals: loadgen::Arrivals::Poisson,
                pacing: loadgen::Pacing::Hybrid,
            },
            ..closed
        };
        assert!(!suits(&open, &split(false)));
    }

    const SCHED_RR: u32 = 2;

    #[test]
    fn threads_of_the_load_inherit_its_precedence() {
        let policy = std::thread::spawn(|| {
            raise_for_load();
            let inherited = std::thread::spawn(|| {
                procfs::process::Process::myself()
                    .and_then(|own| own.task_from_tid(nix::unistd::gettid().as_raw()))
                    .and_then(|task| task.stat())
                    .map(|stat| stat.policy)
            });
            inherited.join().unwrap()
        });
        match policy.join().unwrap() {
            Ok(Some(SCHED_RR)) => {}
            Ok(Some(_)) => println!("skipped: this process may not take real-time priority"),
            _ => println!("skipped: the kernel does not show scheduling policies"),
        }
    }
}
