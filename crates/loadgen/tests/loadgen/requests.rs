//! `--requests`: exactly that many are sent, whatever the load, and then the run ends.

use loadgen::Report;
use nix::sys::signal::Signal;

use crate::fake::{Act, Fake, assert_adds_up, error};
use crate::program::{Left, Running, loadgen};

fn run(fake: &Fake, arguments: &str) -> (Left, Report) {
    let left = loadgen(&format!(
        "run --connect {} --timeout 60s --json - {arguments}",
        fake.address
    ));
    let report: Report = serde_json::from_str(&left.stdout).expect("it is a result");
    assert_adds_up(&report);
    (left, report)
}

#[test]
fn every_load_sends_the_exact_number_of_requests() {
    for load in ["", "--rate 2000", "--rate 2000 --arrivals uniform"] {
        for (shape, requests) in [
            ("--connections 1", 1),
            ("--connections 8", 1_000),
            ("--connections 8 --threads 3", 1_000),
            ("--connections 5 --threads 2 --pipeline 4", 333),
            ("--connections 4 --requests-per-connection 7", 100),
            // More connections and threads than requests.
            ("--connections 16 --threads 4", 3),
        ] {
            let fake = Fake::good();
            let (left, report) = run(&fake, &format!("--requests {requests} {shape} {load}"));
            let what = format!("{shape} {load}: {:?}", report.requests);
            assert_eq!((left.code, fake.requests()), (Some(0), requests), "{what}");
            let counts = &report.requests;
            assert_eq!(
                (counts.planned, counts.sent, counts.ok),
                (requests, requests, requests),
                "{what}"
            );
            let within: u64 = report.intervals.iter().map(|interval| interval.ok).sum();
            assert_eq!(within, requests, "{what}");
            let rate = requests as f64 / report.window_s;
            assert!((report.throughput_per_s / rate - 1.0).abs() < 1e-6, "{what}");
            assert_eq!(
                (report.options.requests, report.options.duration_s),
                (Some(requests), None)
            );
            let advice = loadgen::advice::advise(&report).join("\n");
            assert!(
                !advice.contains("never served") && !advice.contains("were in flight"),
                "{advice}"
            );
        }
    }
}

#[test]
fn requests_of_a_warm_up_are_not_measured() {
    for load in ["", "--rate 500"] {
        let fake = Fake::new(|_| Act::AnswerAfter(std::time::Duration::from_millis(2)));
        let (left, report) = run(
            &fake,
            &format!("--requests 50 --connections 4 --warmup 200ms {load}"),
        );
        assert_eq!(
            (left.code, report.requests.planned, report.requests.ok),
            (Some(0), 50, 50)
        );
        assert!(fake.requests() > 50, "{}", fake.requests());
    }
}

#[test]
fn requests_that_fail_are_counted_like_others() {
    for fault in ["error", "close", "reset", "garbage"] {
        let fake = Fake::new(move |asked| match fault {
            _ if !asked.number.is_multiple_of(7) => Act::Answer,
            "error" => Act::Instead(error("bad_params")),
            "close" => Act::CloseAfter(Vec::new()),
            "reset" => Act::Reset,
            _ => Act::Instead(b"HTTP/1.1 400".to_vec()),
        });
        let (_, report) = run(&fake, "--requests 200 --connections 4");
        assert_eq!(
            (report.requests.planned, report.requests.sent),
            (200, 200),
            "{fault}"
        );
        assert_eq!(fake.requests(), 200, "{fault}");
        assert_eq!(report.ended_early, None, "{fault}");
    }
}

#[test]
fn an_interrupted_run_counts_those_that_it_did_not_send() {
    for load in [&[][..], &["--rate", "2000"]] {
        let fake = Fake::good();
        let address = fake.address.to_string();
        let asked = [
            "run",
            "--connect",
            &address,
            "--requests",
            "18446744073709551615",
            "--json",
            "-",
        ];
        let running = Running::start(&[&asked, load].concat());
        fake.wait_for_requests(100);
        running.signal(Signal::SIGINT);
        let left = running.end();
        assert_eq!(left.code, Some(1), "{}", left.stderr);
        let report: Report = serde_json::from_str(&left.stdout).expect("it is a result");
        assert_adds_up(&report);
        assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
        assert_eq!(report.requests.planned, u64::MAX);
        assert!(report.requests.ok >= 100);
    }
}

#[test]
fn a_page_shows_how_many_requests_were_asked_for() {
    let fake = Fake::good();
    let left = loadgen(&format!(
        "run --connect {} --requests 20 --connections 2",
        fake.address
    ));
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stdout.contains("; 20 requests after 0 s of warm-up"),
        "{}",
        left.stdout
    );
}

#[test]
fn a_number_of_requests_that_cannot_be_is_refused() {
    for arguments in [
        "--requests 0",
        "--requests -1",
        "--requests many",
        "--requests 1.5",
        "--requests 18446744073709551616",
        "--requests 5 --duration 1s",
    ] {
        let left = loadgen(&format!("run --connect 127.0.0.1:1 {arguments}"));
        assert_eq!((left.code, &*left.stdout), (Some(2), ""), "{arguments}");
        assert!(left.stderr.contains("--requests"), "{arguments}: {}", left.stderr);
    }
}
