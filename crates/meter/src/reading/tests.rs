//! A meter, checked by the kernel's own account of a process whose work is known.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};

use super::*;

/// What one step of the burner's work is in this environment variable.
const WORK: &str = "COMPARE_TEST_BURNS";
/// The begin of its lines, by which they differ from the test harness's.
const PREFIX: &str = "burner: ";

/// A shell, below it a process that burns CPU time, and below that one that burns and ends: the tree of a server that forks.
struct Burner {
    shell: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What the burner and its children spent, by the kernel.
struct Burned {
    cpu_us: f64,
    minor_faults: u64,
}

impl Burner {
    fn start(cgroup: Option<&Cgroup>) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", "read go; \"$0\" \"$@\"; true"])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--ignored",
                "--nocapture",
                "reading::tests::burn_when_asked_to",
            ])
            .env(WORK, "parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        if let Some(cgroup) = cgroup {
            fs::write(cgroup.path().join("cgroup.procs"), shell.id().to_string()).unwrap();
        }
        let mut burner = Self {
            stdin: shell.stdin.take().unwrap(),
            lines: BufReader::new(shell.stdout.take().unwrap()).lines(),
            shell,
        };
        burner.ask("go");
        burner
    }

    fn leader(&self) -> Pid {
        Pid::from_raw(self.shell.id().cast_signed())
    }

    /// Sends it a line, and waits for its answer.
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.stdin, "{line}").unwrap();
        let mut lines = self.lines.by_ref().map(|line| line.unwrap());
        lines
            .find_map(|line| line.split_once(PREFIX).map(|(_, answer)| answer.to_owned()))
            .expect("the burner answers")
    }

    fn burn(&mut self) -> Burned {
        let answer = self.ask("burn");
        let (cpu_us, faults) = answer.split_once(' ').unwrap();
        Burned {
            cpu_us: cpu_us.parse().unwrap(),
            minor_faults: faults.parse().unwrap(),
        }
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = killpg(self.leader(), Signal::SIGKILL);
        let _ = self.shell.wait();
    }
}

/// Not a test: the process that the tests below start. It burns CPU time by its own clock, whatever else runs.
#[test]
#[ignore = "is started by other tests"]
fn burn_when_asked_to() {
    match std::env::var(WORK).as_deref() {
        Ok("parent") => {
            println!("{PREFIX}ready");
            for line in std::io::stdin().lines() {
                assert_eq!(line.unwrap(), "burn");
                let before = spent();
                burn(300);
                thread::spawn(|| burn(100)).join().unwrap();
                let child = Command::new(std::env::current_exe().unwrap())
                    .args(std::env::args().skip(1))
                    .env(WORK, "child")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .status();
                assert!(child.unwrap().success());
                let after = spent();
                println!("{PREFIX}{} {}", after.0 - before.0, after.1 - before.1);
            }
        }
        Ok("child") => burn(300),
        _ => {}
    }
}

fn burn(ms: u64) {
    let clock = ClockId::CLOCK_THREAD_CPUTIME_ID;
    let now = || Duration::from(clock.now().unwrap());
    let until = now() + Duration::from_millis(ms);
    while now() < until {}
}

/// By this process and its children: microseconds of CPU time, and minor faults.
fn spent() -> (i64, i64) {
    let all = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].map(|who| getrusage(who).unwrap());
    let us = |usage: &Usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec()
    };
    (
        all.iter().map(us).sum(),
        all.iter().map(Usage::minor_page_faults).sum(),
    )
}

fn measure(cgroup: Option<Cgroup>) -> (Spent, Burned) {
    let mut burner = Burner::start(cgroup.as_ref());
    let meter = Meter {
        family: Family::LedBy(burner.leader()),
        cgroup,
    };
    let before = meter.read();
    let work = burner.burn();
    let spent = before.until(&meter.read());
    (spent, work)
}

fn assert_within(spent: &Spent, burned: &Burned, allowed_us: f64) {
    let cpu_us = spent.user_us + spent.system_us;
    let off_us = cpu_us - burned.cpu_us;
    eprintln!(
        "{:?}: {cpu_us:.0} of {:.0} µs, {off_us:+.0}; {:?} of {} faults",
        spent.source, burned.cpu_us, spent.minor_faults, burned.minor_faults
    );
    assert!(off_us.abs() <= allowed_us, "{spent:?}");
}

#[test]
fn a_control_group_accounts_for_a_tree_within_a_hundredth() {
    let Some(cgroup) = Cgroup::create() else {
        test_support::skip("no control group can be made here");
        return;
    };
    let (spent, burned) = measure(Some(cgroup));
    assert_eq!(spent.source, CpuSource::Cgroup);
    assert_within(&spent, &burned, 0.01 * burned.cpu_us);
}

#[test]
fn proc_accounts_for_a_tree_within_two_ticks() {
    let (spent, burned) = measure(None);
    assert_eq!(spent.source, CpuSource::Proc);
    assert_within(&spent, &burned, 0.01 * burned.cpu_us + 20_000.0);
    // The shell may touch a page or two when its child writes.
    assert!(spent.minor_faults.unwrap().abs_diff(burned.minor_faults) <= burned.minor_faults / 4);
}

#[test]
fn switches_without_a_child_that_ended_are_the_survivors() {
    let (spent, _) = measure(None);
    assert_eq!(spent.switches_over, SwitchesOver::Survivors);
}

#[test]
fn switches_are_the_windows_if_living_threads_worked() {
    assert_eq!(whose_switches(1e6, 0.98e6, 0), SwitchesOver::Window);
    // The threads may have more: they are read later.
    assert_eq!(whose_switches(1e6, 1.02e6, 0), SwitchesOver::Window);
    assert_eq!(whose_switches(0.0, 0.0, 0), SwitchesOver::Window);
    assert_eq!(whose_switches(1e6, 0.9e6, 0), SwitchesOver::Survivors);
    assert_eq!(whose_switches(1e6, 1e6, 1), SwitchesOver::Survivors);
}

#[test]
fn time_is_divided_as_the_ticks_are() {
    let sum = |ms, user_ticks, system_ticks| Sum {
        time: Duration::from_millis(ms),
        user_ticks,
        system_ticks,
    };
    let (user, system) = sum(100, 8, 2).until(sum(500, 38, 12));
    assert!((user - 300_000.0).abs() < 1.0 && (system - 100_000.0).abs() < 1.0);
    let (user, system) = sum(100, 8, 2).until(sum(104, 8, 2));
    assert!((user - 2_000.0).abs() < 1.0 && (system - 2_000.0).abs() < 1.0);
}
