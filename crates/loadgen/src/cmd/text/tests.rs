//! Pages of fixed results.

use schema::load::{BackgroundConnections, Failures, MixPart, Part, Within};

use super::*;

fn fixed() -> Report {
    serde_json::from_str(include_str!("../../../tests/golden/report.json"))
        .expect("the fixed result can be read")
}

/// Compares a page with the one that is kept. To keep a new one: `INSTA_UPDATE=always cargo test -p loadgen --bin loadgen`.
fn assert_page(name: &str, page: &str) {
    insta::with_settings!({snapshot_path => "../../../tests/golden", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, page);
    });
}

#[test]
fn the_page_of_a_usual_result_is_unchanged() {
    assert_page("page", &page(&fixed()));
}

/// A closed loop with options other than the defaults, and with bad news.
fn unusual() -> Report {
    let mut report = fixed();
    let mix = [("spin 20", 9), ("sleep bimodal 1|50:0.1", 1)];
    let (latency_us, options) = (report.latency_us, &mut report.options);
    options.mix = Some(mix.map(asked).to_vec());
    report.parts = vec![
        Part {
            op: "spin".to_owned(),
            latency_us,
        },
        Part {
            op: "sleep".to_owned(),
            latency_us: None,
        },
    ];
    (options.rate_per_s, options.requests_per_connection) = (None, Some(100));
    (options.timeout_s, options.seed, options.two_writes) = (2.5, 7, true);
    options.cpus = vec![1, 3];
    report.client.waited = 0.034;
    report.loop_kind = LoopKind::Closed;
    report.send_delay_us = None;
    report.within = Some(Within {
        bound_us: 500.0,
        ok: report.requests.planned - 2,
    });
    (report.checks.arrivals, report.checks.late_share) = (None, None);
    report.background = Some(BackgroundConnections {
        idle: 10,
        idle_open: 9,
        silent: 2,
        silent_open: 2,
    });
    report.fairness.as_mut().expect("there is one").jain = None;
    report.failures = vec![Failures {
        kind: "wrong_value".to_owned(),
        count: 1,
        first: "pong 1 in place of pong 0".to_owned(),
    }];
    report
}

fn asked((name, weight): (&str, u64)) -> MixPart {
    MixPart {
        name: name.to_owned(),
        weight,
        op: name.split(' ').next().unwrap_or_default().to_owned(),
        params: None,
        payload_bytes: None,
        times: None,
    }
}

#[test]
fn the_page_of_an_unusual_result_is_unchanged() {
    assert_page("unusual", &page(&unusual()));
}

#[test]
fn a_page_shows_the_parameters_of_a_ping() {
    let mut options = fixed().options;
    assert_eq!(work(&options), "ping (different each time)");
    options.payload_bytes = Some(100_000);
    assert_eq!(work(&options), "ping of 100000 bytes (different each time)");
    options.params = Some("\"xxx\"".to_owned());
    options.payload_bytes = Some(3);
    assert_eq!(work(&options), "ping of 3 bytes");
    options.payload_bytes = None;
    assert_eq!(work(&options), "ping \"xxx\"");
}
