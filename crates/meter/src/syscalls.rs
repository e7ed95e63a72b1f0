//! The system calls of a server under load, counted by strace(1).
//!
//! Every call of a traced process stops it twice. So this is for trials of their own, in which nothing else is measured.

use std::collections::BTreeMap;
use std::io;

use crate::strace::Strace;
use crate::tree::Family;

const OPTIONS: [&str; 3] = ["-c", "-U", "name,calls"];

/// An strace that counts. Dropping it ends it, and the traced processes continue.
#[derive(Debug)]
pub struct Tracer(Strace);

impl Tracer {
    /// Starts to count the calls of a server, and of all that it starts from now on. None where there is no strace, or where it
    /// may not trace.
    #[must_use]
    pub fn attach(server: Family) -> Option<Self> {
        let strace = Strace::attach(server, &OPTIONS);
        strace.ok().map(Self)
    }

    /// Checks whether system calls can be counted here; the error is the reason.
    pub fn probe() -> Result<(), String> {
        Strace::probe(&OPTIONS)
    }

    /// Stops counting, and returns the calls by name.
    pub fn finish(self) -> io::Result<BTreeMap<String, u64>> {
        let table = self.0.finish()?;
        calls(&table).ok_or_else(|| io::Error::other("strace wrote no table of calls"))
    }
}

/// The calls in a table of `strace -c -U name,calls`; none if it is not one. An empty file means that nothing was called.
fn calls(table: &str) -> Option<BTreeMap<String, u64>> {
    let mut lines = table.lines();
    let Some(head) = lines.next() else {
        return Some(BTreeMap::new());
    };
    if !head.split_whitespace().eq(["syscall", "calls"]) {
        return None;
    }
    let mut calls = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('-')) {
        let mut words = line.split_whitespace();
        let (name, count) = (words.next()?, words.next()?.parse().ok()?);
        if name != "total" {
            calls.insert(name.to_owned(), count);
        }
    }
    Some(calls)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use nix::unistd::Pid;

    use super::*;

    /// strace 6.1 on a server that served four connections for most of a second.
    const TABLE: &str = "\
syscall              calls
---------------- ---------
sendto               23401
recvfrom             23402
---------------- ---------
total                46803
";

    #[test]
    fn a_table_is_read_without_its_total() {
        let expected = [("recvfrom", 23_402), ("sendto", 23_401)];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(calls(TABLE), Some(BTreeMap::from(expected)));
    }

    #[test]
    fn an_empty_table_has_no_calls() {
        assert_eq!(calls(""), Some(BTreeMap::new()));
        assert_eq!(
            calls("strace: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n"),
            None
        );
        assert_eq!(calls("syscall calls\nread many\n"), None);
    }

    #[test]
    fn calls_of_new_children_are_counted_too() {
        // The shell reads a line byte by byte, since it may not read what is for others; then it starts `cat`.
        let mut shell = Command::new("sh")
            .args(["-c", "read go; cat < /dev/null; read end; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(shell.id().cast_signed());
        let Some(tracer) = Tracer::attach(Family::LedBy(leader)) else {
            test_support::skip("strace is missing, or may not trace");
            shell.kill().unwrap();
            shell.wait().unwrap();
            return;
        };
        let mut stdin = shell.stdin.take().unwrap();
        io::Write::write_all(&mut stdin, b"go and do it\nend\n").unwrap();
        shell.wait().unwrap();
        let calls = tracer.finish().unwrap();
        assert!(calls["read"] >= 13, "{calls:?}");
        assert_eq!(calls["execve"], 1, "{calls:?}");
    }
}
