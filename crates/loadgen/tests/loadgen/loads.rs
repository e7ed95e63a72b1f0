//! Loads of all shapes: the counts of the server agree with the result.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loadgen::Report;
use schema::load::LoopKind;

use crate::fake::{Act, Fake};
use crate::output::{logged, short_run};

/// The result of a short run with these arguments, whose counts have to agree with the server's.
#[track_caller]
fn report_of(fake: &Fake, arguments: &[&str]) -> Report {
    let left = short_run(fake, &[arguments, &["--json", "-"]].concat());
    assert_eq!((left.code, &*left.stderr), (Some(0), ""), "{}", left.stdout);
    let report: Report = serde_json::from_str(&left.stdout).expect("it is a result");
    let counts = &report.requests;
    assert!(counts.ok > 0);
    assert_eq!((counts.ok, counts.sent), (fake.requests(), fake.requests()));
    assert_eq!(counts.planned, counts.sent + counts.unsent);
    assert_eq!(report.failures, []);
    report
}

#[test]
fn a_rate_has_the_requests_of_its_schedule() {
    for pacing in ["hybrid", "spin", "sleep"] {
        let fake = Fake::good();
        let report = report_of(
            &fake,
            &["--rate", "400", "--arrivals", "uniform", "--pacing", pacing],
        );
        assert_eq!(report.loop_kind, LoopKind::Open);
        // 400/s for 150 ms.
        assert_eq!(report.requests.planned, 60, "{pacing}");
        assert_eq!(report.options.pacing.as_deref(), Some(pacing));
    }
}

#[test]
fn a_seed_determines_poisson_arrivals() {
    let planned = |seed| {
        let fake = Fake::good();
        let report = report_of(&fake, &["--rate", "400", "--threads", "2", "--seed", seed]);
        assert_eq!(report.options.arrivals.as_deref(), Some("poisson"));
        report.requests.planned
    };
    let seeds = ["1", "2", "3", "4"];
    let counts = seeds.map(planned);
    assert_eq!(seeds.map(planned), counts);
    assert!(counts.iter().any(|&count| count != counts[0]), "{counts:?}");
}

#[test]
fn a_histogram_log_contains_every_request_three_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let fake = Fake::good();
    report_of(&fake, &["--rate", "400", "--hdr", path.to_str().unwrap()]);
    let log = fs::read_to_string(&path).unwrap();
    for tag in [None, Some("service"), Some("lateness")] {
        assert_eq!(logged(&log, tag), fake.requests(), "{tag:?}");
    }
}

#[test]
fn the_result_counts_each_part_of_a_mix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mix.toml");
    let mix =
        "[[operation]]\nop = \"ping\"\nweight = 2\n\n[[operation]]\nop = \"sleep\"\nweight = 1\nparams = 1\n";
    fs::write(&path, mix).unwrap();
    for load in [&[][..], &["--rate", "400"]] {
        let sleeps = Arc::new(AtomicU64::new(0));
        let fake = Fake::new({
            let sleeps = Arc::clone(&sleeps);
            move |asked| {
                sleeps.fetch_add(u64::from(asked.params == "1"), Ordering::SeqCst);
                Act::Answer
            }
        });
        let report = report_of(&fake, &[load, &["--mix", path.to_str().unwrap()]].concat());
        let slept = sleeps.load(Ordering::SeqCst);
        let counts: Vec<_> = report
            .parts
            .iter()
            .map(|part| (&*part.op, part.latency_us.map_or(0, |latency| latency.count)))
            .collect();
        assert_eq!(counts, [("ping", fake.requests() - slept), ("sleep", slept)]);
    }
}

#[test]
fn background_connections_stay_open_and_send_no_requests() {
    let fake = Fake::good();
    let report = report_of(&fake, &["--idle", "3", "--silent", "2"]);
    assert_eq!(fake.connections(), 4, "those that carry the load");
    let others = report.background.expect("there are some");
    assert_eq!(
        (others.idle, others.idle_open, others.silent, others.silent_open),
        (3, 3, 2, 2)
    );
}

#[test]
fn an_open_loop_limits_requests_per_connection() {
    let most = Arc::new(AtomicU64::new(0));
    let fake = Fake::new({
        let most = Arc::clone(&most);
        move |asked| {
            most.fetch_max(asked.on_connection + 1, Ordering::SeqCst);
            Act::Answer
        }
    });
    let report = report_of(&fake, &["--rate", "400", "--requests-per-connection", "3"]);
    assert!(most.load(Ordering::SeqCst) <= 3);
    // The last connection in each of the four slots may have had no request.
    let opened = report.connections.opened + report.connections.reconnects;
    assert!((opened - 4..=opened).contains(&fake.connections()), "{opened}");
    assert!(fake.connections() >= fake.requests().div_ceil(3));
}
