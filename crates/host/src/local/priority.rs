//! Priority of the load generator over other programs on its CPUs.
//!
//! A program that reads `/proc` takes time for each process of the machine, on any free CPU. Beside a server of a thousand
//! processes that is several milliseconds, a few times per second, and a load generator of ordinary priority waits for its
//! CPU. Niceness does not help: the scheduler gives all sessions the same weight.

use std::time::Duration;

use loadgen::{Load, Plan};
use procfs::sys::kernel::Version;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use schema::cpus::Split;

/// From this version on, the kernel stops real-time threads only for others that starve ("fair server"), and for at most
/// 50 ms of each second. Earlier versions stop a real-time thread after 950 ms of each second in any case.
const FAIR_SERVER: Version = Version {
    major: 6,
    minor: 12,
    patch: 0,
};
const LOAD_MOST: Duration = Duration::from_millis(1_500);
/// There, a load that may take all of a CPU has to end before that.
const LOAD_MOST_BEFORE: Duration = Duration::from_millis(900);

/// From 0 to 99.
const OF_THE_LOAD: u8 = 10;
/// The thread that reads at the window's edges has to run in time.
const OF_THE_READINGS: u8 = 20;

/// Whether the load of this plan may have real-time priority on its CPUs: not on those of the server, and not in an open loop,
/// which may watch the clock without ever sleeping.
pub(super) fn suits(plan: &Plan, cpus: &Split) -> bool {
    let most = Version::current().map_or(LOAD_MOST_BEFORE, longest);
    !cpus.shared && plan.load == Load::Closed && plan.warmup + plan.duration <= most
}

fn longest(kernel: Version) -> Duration {
    if kernel >= FAIR_SERVER {
        LOAD_MOST
    } else {
        LOAD_MOST_BEFORE
    }
}

/// Gives this thread, and those that it starts, real-time priority. Where that is not permitted, nothing changes.
pub(super) fn raise_for_load() {
    raise(OF_THE_LOAD);
}

/// Gives this thread priority over the load itself.
pub(super) fn raise_for_readings() {
    raise(OF_THE_READINGS);
}

fn raise(priority: u8) {
    let Ok(priority) = priority.try_into() else { return };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    // An unprivileged process may not. Its trials are excluded when it waited too long.
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

    #[test]
    fn older_kernels_stop_real_time_threads_earlier() {
        assert_eq!(longest(Version::new(6, 11, 9)), LOAD_MOST_BEFORE);
        assert_eq!(longest(Version::new(6, 12, 0)), LOAD_MOST);
        assert_eq!(longest(Version::new(7, 0, 0)), LOAD_MOST);
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
            Ok(Some(_)) => test_support::skip("this process may not take real-time priority"),
            _ => test_support::skip("the kernel does not show scheduling policies"),
        }
    }
}
