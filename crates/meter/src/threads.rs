//! What each thread of a process has done since it began.
//!
//! The kernel counts context switches per thread. Those of ended threads are added up in their process. `/proc` does not show
//! that sum, but getrusage(2) does, to the parent that has waited for the process.

use std::collections::HashMap;
use std::fs;
use std::ops::AddAssign;
use std::time::Duration;

use super::tree::numbers_in;

/// The account of a thread, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) on_cpu: Duration,
    /// How long it was ready to run and had no CPU.
    pub(crate) waited: Duration,
    /// Switches because it had to wait.
    pub(crate) voluntary: u64,
    /// Switches because another thread was due.
    pub(crate) involuntary: u64,
}

/// Threads by their numbers.
pub(crate) type Accounts = HashMap<i32, Account>;

/// Adds the threads of this process to the accounts.
pub(crate) fn read(pid: i32, accounts: &mut Accounts) {
    for thread in numbers_in(&format!("/proc/{pid}/task")) {
        if let Some(account) = account(pid, thread) {
            accounts.insert(thread, account);
        }
    }
}

/// What each thread that lives at the later reading has done since the earlier one, and how many are gone. A thread that
/// began in between counts from zero. So does one that has done less than before: a new thread has its number.
pub(crate) fn since(later: &Accounts, earlier: &Accounts) -> (Vec<Account>, u64) {
    let mut kept = 0;
    let grown = later.iter().map(|(thread, now)| {
        let grown = earlier.get(thread).and_then(|before| now.since(before));
        kept += u64::from(grown.is_some());
        grown.unwrap_or(*now)
    });
    let grown = grown.collect();
    (grown, earlier.len() as u64 - kept)
}

impl Account {
    fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            on_cpu: self.on_cpu.checked_sub(earlier.on_cpu)?,
            waited: self.waited.checked_sub(earlier.waited)?,
            voluntary: self.voluntary.checked_sub(earlier.voluntary)?,
            involuntary: self.involuntary.checked_sub(earlier.involuntary)?,
        })
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.on_cpu += other.on_cpu;
        self.waited += other.waited;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
    }
}

/// None if the thread has ended meanwhile.
fn account(pid: i32, thread: i32) -> Option<Account> {
    let folder = format!("/proc/{pid}/task/{thread}");
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    // A kernel may be built without this file; then both times are zero.
    let schedstat = fs::read_to_string(format!("{folder}/schedstat")).unwrap_or_default();
    let (on_cpu, waited) = times(&schedstat);
    Some(Account {
        on_cpu,
        waited,
        voluntary: count(&status, "voluntary_ctxt_switches:"),
        involuntary: count(&status, "nonvoluntary_ctxt_switches:"),
    })
}

/// The first two fields of a `schedstat`: nanoseconds on a CPU, and waiting for one.
fn times(schedstat: &str) -> (Duration, Duration) {
    let mut fields = schedstat.split_whitespace();
    let mut next = || Duration::from_nanos(fields.next().and_then(|field| field.parse().ok()).unwrap_or(0));
    (next(), next())
}

fn count(status: &str, label: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(on_cpu_ms: u64, voluntary: u64) -> Account {
        Account {
            on_cpu: Duration::from_millis(on_cpu_ms),
            voluntary,
            ..Account::default()
        }
    }

    #[test]
    fn both_kinds_of_switches_are_read() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(count(status, "voluntary_ctxt_switches:"), 150);
        assert_eq!(count(status, "nonvoluntary_ctxt_switches:"), 7);
    }

    #[test]
    fn unknown_times_of_a_thread_are_zero() {
        let read = times("1380409 97503 2\n");
        assert_eq!(
            read,
            (Duration::from_nanos(1_380_409), Duration::from_nanos(97_503))
        );
        assert_eq!(times(""), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn new_threads_count_from_zero_and_ended_ones_are_counted() {
        let earlier = Accounts::from([(1, done(10, 4)), (2, done(20, 5))]);
        let later = Accounts::from([(1, done(15, 6)), (3, done(2, 1))]);
        let (mut grown, ended) = since(&later, &earlier);
        grown.sort_by_key(|account| account.on_cpu);
        assert_eq!((grown, ended), (vec![done(2, 1), done(5, 2)], 1));
    }

    #[test]
    fn a_reused_thread_number_counts_from_zero() {
        let earlier = Accounts::from([(1, done(10, 4))]);
        let later = Accounts::from([(1, done(3, 9))]);
        assert_eq!(since(&later, &earlier), (vec![done(3, 9)], 1));
    }

    #[test]
    fn this_process_has_the_thread_that_runs_this() {
        let mut accounts = Accounts::new();
        read(std::process::id().cast_signed(), &mut accounts);
        let own = accounts.get(&nix::unistd::gettid().as_raw()).copied();
        assert!(own.is_some());
    }
}
