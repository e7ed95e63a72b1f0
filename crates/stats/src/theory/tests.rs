//! The formulas, checked by values from books, and by simulated queues.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn queue(name: &str) -> Queue {
    name.parse().unwrap()
}

fn servers(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn near(one: f64, other: f64, share: f64) {
    assert!((one / other - 1.0).abs() <= share, "{one} is not near {other}");
}

#[test]
fn the_formulas_are_those_of_the_books() {
    let time = |name: &str, load: f64| queue(name).mean_time_in_system(load, 1.0).unwrap();
    near(time("m/d/1", 0.5), 1.5, 1e-12);
    near(time("m/d/1", 0.8), 3.0, 1e-12);
    near(time("m/m/1", 0.5), 2.0, 1e-12);
    near(time("m/m/1", 0.8), 5.0, 1e-12);
    near(time("ps", 0.8), 5.0, 1e-12);
    // Two servers: S / (1 − ρ²).
    near(time("m/m/2", 1.5), 1.0 / (1.0 - 0.75 * 0.75), 1e-12);
    near(time("4*m/m/1", 3.2), 5.0, 1e-12);
    near(time("m/m/1", 0.0), 1.0, 1e-12);
    // A second moment of its own: half take 0, half take 2.
    near(mean_wait_general(0.5, 1.0, 2.0).unwrap(), 1.0, 1e-12);
}

#[test]
fn erlangs_c_is_that_of_the_tables() {
    // From the sum of powers over factorials, for few servers.
    near(chance_to_wait(2.0, servers(3)), 4.0 / 9.0, 1e-12);
    near(chance_to_wait(0.3, servers(1)), 0.3, 1e-12);
    // 10 calls an hour of 30 minutes each are 5 servers' worth of work.
    near(chance_to_wait(5.0, servers(8)), 0.167_269, 1e-4);
}

#[test]
fn thousands_of_servers_overflow_nothing() {
    for number in [170, 1000, 5000] {
        let c = f64::from(number);
        let all_busy = chance_to_wait(0.99 * c, servers(number));
        assert!(all_busy > 0.0 && all_busy < 1.0, "{all_busy}");
    }
    // Halfin and Whitt (1981): with a load of 1 − β/√c, the chance to wait is near 1 / (1 + βΦ(β)/φ(β)), for many servers.
    let c = 10_000.0_f64;
    let offered = c - c.sqrt();
    near(
        chance_to_wait(offered, servers(10_000)),
        1.0 / (1.0 + 0.841_345 / 0.241_971),
        0.01,
    );
}

#[test]
fn an_overloaded_server_has_no_mean() {
    for name in ["m/d/1", "m/m/1", "m/m/3", "3*m/m/1", "ps"] {
        let full = f64::from(queue(name).servers());
        assert!(queue(name).mean_time_in_system(0.999 * full, 1.0).is_some());
        for rate in [full, 2.0 * full, f64::INFINITY, f64::NAN, -1.0] {
            assert_eq!(
                queue(name).mean_time_in_system(rate, 1.0),
                None,
                "{name} at {rate}"
            );
        }
    }
}

#[test]
fn rate_and_service_time_may_have_any_common_unit() {
    let in_seconds = queue("m/m/4").mean_time_in_system(3000.0, 0.001).unwrap();
    near(
        in_seconds,
        queue("m/m/4").mean_time_in_system(3.0, 1.0).unwrap() / 1000.0,
        1e-12,
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    for name in ["m/d/1", "m/m/1", "m/m/4", "4*m/m/1", "ps"] {
        assert_eq!(queue(name).to_string(), name);
    }
    for name in ["", "m/g/1", "m/m/0", "0*m/m/1", "m/m/c", "m/m/-1", "4*m/d/1"] {
        let message = name.parse::<Queue>().unwrap_err().to_string();
        assert!(message.contains(&format!("{name:?}")), "{message}");
    }
    assert_eq!(Queue::named("m/m/c", servers(4)), Ok(queue("m/m/4")));
    assert_eq!(Queue::named("c*m/m/1", servers(4)), Ok(queue("4*m/m/1")));
    assert_eq!(Queue::named("ps", servers(4)), Ok(Queue::ProcessorSharing));
}

/// Requests that come by a Poisson process at a rate of 1, and how long each takes.
struct Requests(ChaCha8Rng);

impl Requests {
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.0.random::<f64>()).ln()
    }
}

/// The mean time in the system where requests wait for the first server that is free, as in Kiefer and Wolfowitz (1955). With
/// one server it is Lindley's recursion (1952). With `random_queue` they choose a server at random instead.
fn simulated(servers: usize, random_queue: bool, service: impl Fn(&mut Requests) -> f64) -> f64 {
    const REQUESTS: u32 = 150_000;
    let mut requests = Requests(ChaCha8Rng::seed_from_u64(1917));
    let mut free_at = vec![0.0_f64; servers];
    let (mut now, mut sum) = (0.0, 0.0);
    for _ in 0..REQUESTS {
        now += requests.exponential();
        let takes = service(&mut requests);
        let server = if random_queue {
            requests.0.random_range(0..servers)
        } else {
            (0..servers)
                .min_by(|&a, &b| free_at[a].total_cmp(&free_at[b]))
                .unwrap()
        };
        free_at[server] = free_at[server].max(now) + takes;
        sum += free_at[server] - now;
    }
    sum / f64::from(REQUESTS)
}

#[test]
fn simulated_queues_agree_with_the_formulas() {
    let expected = |name: &str, service: f64| queue(name).mean_time_in_system(1.0, service).unwrap();
    near(simulated(1, false, |_| 0.7), expected("m/d/1", 0.7), 0.03);
    let exponential = |mean: f64| move |requests: &mut Requests| mean * requests.exponential();
    near(
        simulated(1, false, exponential(0.7)),
        expected("m/m/1", 0.7),
        0.03,
    );
    near(
        simulated(4, false, exponential(3.2)),
        expected("m/m/4", 3.2),
        0.03,
    );
    near(
        simulated(4, true, exponential(2.8)),
        expected("4*m/m/1", 2.8),
        0.03,
    );
    // One in ten takes ten times as long.
    let uneven = |requests: &mut Requests| {
        if requests.0.random::<f64>() < 0.1 {
            3.0
        } else {
            0.3
        }
    };
    let square = 0.1 * 9.0 + 0.9 * 0.09;
    near(
        simulated(1, false, uneven),
        0.57 + mean_wait_general(1.0, 0.57, square).unwrap(),
        0.03,
    );
}

/// The mean time in the system of one server that works on all requests at once, each as fast as the others.
fn played_through_shared(service: impl Fn(&mut Requests) -> f64) -> f64 {
    const REQUESTS: usize = 60_000;
    let mut requests = Requests(ChaCha8Rng::seed_from_u64(1967));
    // What each has left to do. Time in the system is how many are there, summed over time.
    let mut left: Vec<f64> = Vec::new();
    let mut sum = 0.0;
    for _ in 0..REQUESTS {
        let mut until_next = requests.exponential();
        while !left.is_empty() && until_next > 0.0 {
            let present = left.len() as f64;
            let soonest = left.iter().copied().fold(f64::INFINITY, f64::min) * present;
            let step = soonest.min(until_next);
            sum += present * step;
            until_next -= step;
            for left in &mut left {
                *left -= step / present;
            }
            left.retain(|left| *left > 1e-12);
        }
        left.push(service(&mut requests));
    }
    sum / REQUESTS as f64
}

#[test]
fn a_shared_server_does_not_depend_on_the_distribution() {
    let expected = |service: f64| Queue::ProcessorSharing.mean_time_in_system(1.0, service).unwrap();
    near(played_through_shared(|_| 0.6), expected(0.6), 0.04);
    near(
        played_through_shared(|requests| 0.6 * requests.exponential()),
        expected(0.6),
        0.04,
    );
    let uneven = |requests: &mut Requests| {
        if requests.0.random::<f64>() < 0.1 {
            3.0
        } else {
            0.3
        }
    };
    near(played_through_shared(uneven), expected(0.57), 0.04);
}
