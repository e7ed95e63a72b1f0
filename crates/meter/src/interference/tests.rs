use schema::cost::{CpuSource, SwitchesOver};

use super::*;
use crate::threads::Account;

const STAT: &str = "cpu  111851 0 34092 1599328 871 0 3075 731 0 0\n\
                    cpu0 57069 1 15662 800032 234 2 1554 398 0 0\n\
                    cpu2 54781 0 18429 799296 637 0 1520 333 0 0\n\
                    intr 12345\n";

fn spent(seconds: f64, cpu_s: f64) -> Spent {
    Spent {
        elapsed_s: seconds,
        source: CpuSource::Cgroup,
        user_us: cpu_s * 0.25e6,
        system_us: cpu_s * 0.75e6,
        voluntary_switches: 0,
        involuntary_switches: 7,
        switches_over: SwitchesOver::Window,
        ended_threads: 0,
        minor_faults: Some(0),
        major_faults: Some(0),
    }
}

/// A reading of two CPUs, the first one the server's; ticks are busy, idle, stolen.
fn reading(at: Instant, server: (u64, u64, u64), client: (u64, u64, u64), waited_ms: u64) -> MachineReading {
    let ticks = |(busy, idle, stolen)| CpuTicks { busy, idle, stolen };
    let thread = Account {
        on_cpu: Duration::from_secs(1),
        waited: Duration::from_millis(waited_ms),
        ..Account::default()
    };
    MachineReading {
        at,
        server_cpus: vec![0],
        client_cpus: vec![1],
        cpus: BTreeMap::from([(0, ticks(server)), (1, ticks(client))]),
        client: Accounts::from([(7, thread)]),
        own_cpu: Duration::from_millis(10 * client.0.min(50)),
        own_involuntary: 0,
        pressure: Some(Duration::from_millis(waited_ms)),
    }
}

/// What is found of a server that spent 0.6 s in a second.
fn found(server: (u64, u64, u64), client: (u64, u64, u64), waited_ms: u64) -> Interference {
    let began = Instant::now();
    let earlier = reading(began, (0, 0, 0), (0, 0, 0), 0);
    let later = reading(began + Duration::from_secs(1), server, client, waited_ms);
    earlier.until(&later, &spent(1.0, 0.6))
}

fn close(share: Option<f64>, expected: f64) -> bool {
    share.is_some_and(|share| (share - expected).abs() < 1e-6)
}

#[test]
fn each_cpu_is_read_by_its_number() {
    let read = cpu_ticks(STAT);
    assert_eq!(read.keys().copied().collect::<Vec<_>>(), [0, 2]);
    let first = CpuTicks {
        busy: 57_069 + 1 + 15_662 + 2 + 1_554,
        idle: 800_266,
        stolen: 398,
    };
    assert_eq!(read[&0], first);
}

#[test]
fn pressure_is_that_of_some_and_not_of_all() {
    let file = "some avg10=0.00 avg60=0.00 avg300=0.00 total=145646681\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
    assert_eq!(some_total(file), Some(Duration::from_micros(145_646_681)));
    assert_eq!(some_total(""), None);
}

#[test]
fn time_neither_the_servers_nor_idle_is_foreign() {
    // 90 of 100 ticks busy, of which the server had 60.
    assert!(close(found((90, 10, 0), (50, 50, 0), 0).foreign_share, 0.3));
}

#[test]
fn time_neither_the_clients_nor_idle_is_foreign() {
    // 90 of 100 ticks busy, of which this process had 50.
    assert!(close(
        found((60, 40, 0), (90, 10, 0), 0).client_foreign_share,
        0.4
    ));
}

#[test]
fn the_wait_of_an_ended_thread_is_unknown() {
    let began = Instant::now();
    let earlier = reading(began, (0, 0, 0), (0, 0, 0), 0);
    let mut later = reading(began + Duration::from_secs(1), (60, 40, 0), (50, 50, 0), 9);
    let thread = later.client.remove(&7).unwrap();
    later.client.insert(8, thread);
    let interference = earlier.until(&later, &spent(1.0, 0.6));
    assert_eq!(interference.client_wait_share, None);
}

#[test]
fn extra_ticks_and_short_sleeps_are_not_foreign() {
    // The sample is 90, but the CPU was idle for 40 of 100.
    assert!(close(found((90, 40, 0), (50, 50, 0), 0).foreign_share, 0.0));
    // Not idle for 70, but the sample is 60.
    assert!(close(found((60, 30, 0), (50, 50, 0), 0).foreign_share, 0.0));
    // The server spent more than the sample shows.
    assert!(close(found((50, 40, 0), (50, 50, 0), 0).foreign_share, 0.0));
}

#[test]
fn stolen_time_is_that_of_both_sides_and_not_foreign() {
    let interference = found((60, 30, 10), (50, 50, 2), 0);
    assert!(close(interference.stolen_share, 0.06));
    assert!(close(interference.foreign_share, 0.0));
}

#[test]
fn waits_and_pressure_are_shares_of_the_window() {
    let interference = found((60, 40, 0), (50, 50, 0), 70);
    assert!(close(interference.client_wait_share, 0.07));
    assert!(close(interference.psi_some_share, 0.07));
    assert_eq!(interference.server_involuntary_switches, 7);
}

#[test]
fn unknown_values_are_none_and_exclude_no_trial() {
    let began = Instant::now();
    let mut earlier = reading(began, (0, 0, 0), (0, 0, 0), 0);
    earlier.cpus.clear();
    earlier.client.clear();
    earlier.pressure = None;
    let mut later = earlier.clone();
    later.at = began + Duration::from_secs(1);
    let interference = earlier.until(&later, &spent(1.0, 0.6));
    assert_eq!(interference.stolen_share, None);
    assert_eq!(interference.client_wait_share, None);
    assert_eq!(interference.foreign_share, None);
    assert_eq!(interference.psi_some_share, None);
    assert_eq!(interference.exclusion(), None);
}

#[test]
fn on_shared_cpus_neither_side_is_foreign() {
    let began = Instant::now();
    let mut earlier = reading(began, (0, 0, 0), (0, 0, 0), 0);
    earlier.client_cpus = vec![0];
    let mut later = reading(began + Duration::from_secs(1), (100, 0, 0), (0, 0, 0), 500);
    later.client_cpus = vec![0];
    let interference = earlier.until(&later, &spent(1.0, 0.5));
    assert_eq!(interference.foreign_share, None);
    assert!(interference.shared_cpus);
    assert_eq!(interference.exclusion(), None);
}

#[test]
fn the_reading_thread_does_not_belong_to_the_client() {
    let one: schema::cpus::CpuSet = "0".parse().unwrap();
    let split = Split {
        server: one.clone(),
        client: one,
        shared: true,
    };
    let reading = MachineReading::now(&split, &[]);
    assert!(!reading.client.contains_key(&gettid().as_raw()));
}
