//! What a `compare` leaves that was killed, its keeper too: processes, control groups, temporary files. The next one
//! removes them.
//!
//! All carry the name of their maker. Its start time is part of it, since the kernel uses a process's number again, and
//! so is its namespace, since another one has the same numbers.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs::FromRead;
use procfs::process::Stat;
use tempfile::NamedTempFile;

use crate::costs::{Cgroup, tree};
use crate::keeper::MARK;

/// A process of this program that makes things which may outlive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maker {
    /// Of the namespace of process numbers.
    namespace: u64,
    pid: i32,
    /// When it started, in ticks since the machine did.
    started: u64,
}

impl Maker {
    /// This process.
    pub(crate) fn this() -> Self {
        static THIS: OnceLock<Maker> = OnceLock::new();
        *THIS.get_or_init(|| {
            let pid = Pid::this().as_raw();
            Self {
                namespace: own_namespace(),
                pid,
                started: stat(pid).map_or(0, |stat| stat.starttime),
            }
        })
    }

    /// Whether it has ended. Nobody knows that of a process in another namespace.
    pub(crate) fn is_gone(self) -> bool {
        let lives = |stat: &Stat| stat.starttime == self.started && !tree::has_ended(stat);
        self.namespace == own_namespace() && !stat(self.pid).is_some_and(|stat| lives(&stat))
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.namespace, self.pid, self.started)
    }
}

impl FromStr for Maker {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().ok_or(());
        Ok(Self {
            namespace: part()?.parse().map_err(drop)?,
            pid: part()?.parse().map_err(drop)?,
            started: part()?.parse().map_err(drop)?,
        })
    }
}

/// An empty file that the next `compare` removes if this one can't.
pub(crate) fn temporary_file() -> std::io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!("{TEMPORARY}{}-", Maker::this()))
        .tempfile()
}

/// How the names of temporary files begin, before their maker's.
const TEMPORARY: &str = "compare-";

/// Removes what a killed `compare` left, and reports it on stderr.
pub(crate) fn clear() {
    let groups = Cgroup::remove_leftovers();
    let processes = end_processes(Maker::is_gone);
    let files = remove_files(Maker::is_gone);
    let found = [
        (processes, "process", "processes"),
        (groups, "control group", "control groups"),
        (files, "temporary file", "temporary files"),
    ];
    let found: Vec<_> = found
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    if !found.is_empty() {
        crate::output::note(&format!("removed what a killed run left: {}", found.join(", ")));
    }
}

/// Kills the servers' processes whose maker is such a one, and counts them.
pub(crate) fn end_processes(is_such: impl Fn(Maker) -> bool) -> usize {
    let own = Pid::this().as_raw();
    let mut ended = 0;
    // A process may have started another since the last look.
    for _ in 0..100 {
        let all = tree::numbers_in("/proc").filter(|&pid| pid != own);
        let such: Vec<_> = all.filter(|&pid| maker_of(pid).is_some_and(&is_such)).collect();
        if such.is_empty() {
            break;
        }
        for pid in such {
            ended += usize::from(kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok());
        }
    }
    ended
}

/// Who started this process; none if it has ended, is another user's, or is no server's.
fn maker_of(pid: i32) -> Option<Maker> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut entries = environment.split(|&byte| byte == 0);
    let value = entries.find_map(|entry| entry.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Removes the temporary files whose maker is such a one, and counts them.
pub(crate) fn remove_files(is_such: impl Fn(Maker) -> bool) -> usize {
    remove_from(&std::env::temp_dir(), TEMPORARY, is_such)
}

/// How the names of files begin that are not whole yet, before their maker's.
const PART: &str = ".part-";

/// How the name of a file of this process begins that is not whole yet.
pub(crate) fn part() -> String {
    format!("{PART}{}-", Maker::this())
}

/// Removes files from a folder that a killed run did not finish, and reports it.
pub(crate) fn clear_parts(folder: &Path) {
    let removed = remove_from(folder, PART, Maker::is_gone);
    if removed > 0 {
        crate::output::note(&format!(
            "removed {removed} unfinished file{} of a killed run from {}",
            if removed == 1 { "" } else { "s" },
            folder.display()
        ));
    }
}

fn remove_from(folder: &Path, prefix: &str, is_such: impl Fn(Maker) -> bool) -> usize {
    let own_user = fs::metadata("/proc/self").map(|own| own.uid()).ok();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let removed = entries.filter(|entry| {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| maker_of_file(name, prefix));
        let own = || entry.metadata().ok().map(|data| data.uid()) == own_user;
        maker.is_some_and(&is_such) && own() && fs::remove_file(entry.path()).is_ok()
    });
    removed.count()
}

fn maker_of_file(name: &str, prefix: &str) -> Option<Maker> {
    let (maker, _) = name.strip_prefix(prefix)?.rsplit_once('-')?;
    maker.parse().ok()
}

fn own_namespace() -> u64 {
    fs::metadata(Path::new("/proc/self/ns/pid")).map_or(0, |namespace| namespace.ino())
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    Stat::from_read(text.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// No process has a number beyond the kernel's limit of 2^22.
    fn gone() -> Maker {
        Maker {
            pid: 1 << 23,
            ..Maker::this()
        }
    }

    #[test]
    fn a_maker_is_gone_when_its_process_is() {
        assert!(!Maker::this().is_gone());
        assert!(gone().is_gone());
        let before = Maker {
            started: 0,
            ..Maker::this()
        };
        assert!(before.is_gone(), "its number is another's now");
        let elsewhere = Maker {
            namespace: 1,
            ..gone()
        };
        assert!(!elsewhere.is_gone(), "nobody knows");
    }

    #[test]
    fn a_makers_name_can_be_read() {
        assert_eq!(gone().to_string().parse(), Ok(gone()));
        for other in ["", "1-2", "1-2-x", "a-b-c"] {
            assert_eq!(other.parse::<Maker>(), Err(()), "{other}");
        }
        assert_eq!(maker_of_file("compare-1-2-3-abc", TEMPORARY).unwrap().pid, 2);
        assert_eq!(maker_of_file("compare-1-2-abc", TEMPORARY), None);
    }

    #[test]
    fn a_process_of_a_maker_that_is_gone_is_ended() {
        let start = |maker: Maker| {
            Command::new("cat")
                .env(MARK, maker.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        let (mut left, mut other) = (start(gone()), start(Maker::this()));
        // It waits for what never comes, so nothing else ends it. Until it has become another program, a child has the
        // environment of this one.
        while left.try_wait().unwrap().is_none() {
            end_processes(|maker| maker == gone());
        }
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
    }

    #[test]
    fn temporary_files_of_a_maker_are_removed() {
        let name = format!("{TEMPORARY}{}-abc", gone());
        let left = std::env::temp_dir().join(name);
        fs::write(&left, "").unwrap();
        let own = temporary_file().unwrap();
        remove_files(|maker| maker == gone());
        assert!(!left.exists() && own.path().exists());
    }

    #[test]
    fn unfinished_files_of_a_maker_that_is_gone_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let [left, own, other] = [
            format!("{PART}{}-abc", gone()),
            format!("{}abc", part()),
            ".part-mine".to_owned(),
        ]
        .map(|name| folder.path().join(name));
        for path in [&left, &own, &other] {
            fs::write(path, "").unwrap();
        }
        clear_parts(folder.path());
        assert!(!left.exists() && own.exists() && other.exists());
    }
}
