//! A name with several addresses, and a server on one of them.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use loadgen::{Plan, Report, Target};

use crate::fake::{Act, Fake, failures, ping, run};
use crate::ports::dead_port;
use crate::program::{Left, loadgen};

/// The same port on another address of this machine, where nothing listens.
fn elsewhere(address: SocketAddr) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], address.port()))
}

#[test]
fn each_address_of_a_name_is_tried_for_every_connection() {
    let fake = Fake::new(|asked| {
        // One connection is lost in the middle of the run.
        if asked.number == 50 {
            Act::Reset
        } else {
            Act::Answer
        }
    });
    let target = Target::with_addresses("both:80", [elsewhere(fake.address), fake.address]);
    let plan = Plan {
        target,
        idle: 2,
        silent: 1,
        threads: 2,
        ..fake.plan(4, ping())
    };
    let outcome = run(&plan);
    assert_eq!(failures(&outcome), [("reset", 1)]);
    let report = outcome.report;
    assert_eq!(report.target, "both:80");
    assert_eq!(report.addresses, [fake.address.to_string()]);
    assert_eq!((report.connections.opened, report.connections.failed), (4, 0));
    assert_eq!(
        report.background.map(|them| (them.idle, them.silent)),
        Some((2, 1))
    );
}

#[test]
fn a_server_that_changes_its_address_is_found() {
    let old = Fake::new(|asked| if asked.number < 50 { Act::Answer } else { Act::Die });
    let new = Fake::at(elsewhere(old.address)).expect("the address is this machine's");
    let target = Target::with_addresses("both:80", [old.address, new.address]);
    let report = run(&Plan {
        target,
        ..old.plan(4, ping())
    })
    .report;
    assert_eq!(report.ended_early, None);
    assert_eq!(
        report.addresses,
        [old.address, new.address].map(|it| it.to_string())
    );
    assert!(new.requests() > 0);
}

#[test]
fn an_error_lists_each_address_that_was_tried() {
    let (_held, address) = dead_port();
    let target = Target::with_addresses("both:80", [address, elsewhere(address)]);
    let plan = Plan::closed_loop(target, 1, ping());
    let error = loadgen::run(&plan, &AtomicBool::default(), &mut ()).unwrap_err();
    let refused = "Connection refused (os error 111)";
    assert_eq!(
        error.to_string(),
        format!(
            "can't connect to both:80: {address}: {refused}; {}: {refused}; check that the server is running there",
            elsewhere(address)
        )
    );
}

/// Runs the program with this /etc/hosts; none if it can't be replaced for this program only.
fn with_hosts(hosts: &str, arguments: &str) -> Option<Left> {
    let folder = tempfile::tempdir().expect("there can be a folder");
    let file = folder.path().join("hosts");
    std::fs::write(&file, hosts).expect("it can be written");
    let script = format!(
        "mount --bind {} /etc/hosts && echo ready >&2 && exec {} {arguments}",
        file.display(),
        env!("CARGO_BIN_EXE_loadgen")
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let left = output.ok().map(|output| Left {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    });
    let left = left.filter(|left| left.stderr.starts_with("ready\n"));
    if left.is_none() {
        test_support::skip("this machine allows no mount, or lacks unshare or mount");
    }
    left
}

#[test]
fn each_address_of_a_name_is_tried() {
    let ipv6 = Fake::at("[::1]:0".parse().expect("it is an address"));
    if ipv6.is_none() {
        test_support::skip("this machine has no IPv6");
    }
    for fake in [Some(Fake::good()), ipv6].into_iter().flatten() {
        let name = format!("both:{}", fake.address.port());
        for hosts in ["::1 both\n127.0.0.1 both\n", "127.0.0.1 both\n::1 both\n"] {
            let Some(called) = with_hosts(hosts, &format!("call --connect {name}")) else {
                return;
            };
            assert_eq!((called.code, &*called.stdout), (Some(0), "pong \"ireader 0\"\n"));
            let run = format!("run --connect {name} --idle 1 --warmup 0 --duration 50ms");
            let left = with_hosts(hosts, &format!("{run} --json -")).expect("it was possible before");
            let report: Report = serde_json::from_str(&left.stdout).expect("stdout is JSON");
            assert_eq!(report.target, name);
            assert_eq!(report.addresses, [fake.address.to_string()]);
            let left = with_hosts(hosts, &run).expect("it was possible before");
            let named = format!("closed loop on {name} ({}): ", fake.address);
            assert!(left.stdout.starts_with(&named), "{}", left.stdout);
        }
    }
}

#[test]
fn an_ipv6_address_may_name_its_interface() {
    let Some(fake) = Fake::at("[::1]:0".parse().expect("it is an address")) else {
        return test_support::skip("this machine has no IPv6");
    };
    let left = loadgen(&format!("call --connect [::1%lo]:{}", fake.address.port()));
    assert_eq!((left.code, &*left.stderr), (Some(0), ""));
}
