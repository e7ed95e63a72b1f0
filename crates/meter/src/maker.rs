//! The process that made something that may outlive it: a control group, a temporary file, a process.
//!
//! All carry the name of their maker. Its start time is part of it, since the kernel uses a process's number again. Its
//! namespace is too, since another one has the same numbers.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::unistd::Pid;
use procfs::process::Stat;
use tempfile::NamedTempFile;

use super::tree;

/// A process of this program that makes things that may outlive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    /// The namespace of process numbers.
    namespace: u64,
    pid: i32,
    /// When it started, in ticks since the machine did.
    started: u64,
}

impl Maker {
    /// This process.
    pub fn this() -> Self {
        static THIS: OnceLock<Maker> = OnceLock::new();
        *THIS.get_or_init(|| {
            let pid = Pid::this().as_raw();
            Self {
                namespace: own_namespace(),
                pid,
                started: tree::stat(pid).map_or(0, |stat| stat.starttime),
            }
        })
    }

    /// Whether it has ended. That is unknown of a process in another namespace, and then false.
    #[must_use]
    pub fn is_gone(self) -> bool {
        self.namespace == own_namespace() && self.is_gone_by(&tree::stat(self.pid))
    }

    /// The same, from what `/proc` has of its number. An error such as too many open files does not show that it has ended.
    fn is_gone_by(self, stat: &io::Result<Stat>) -> bool {
        match stat {
            Ok(stat) => stat.starttime != self.started || tree::has_ended(stat),
            Err(error) => {
                error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
            }
        }
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

/// An empty temporary file. If this process is killed, the next run removes it.
pub fn temporary_file() -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!("{TEMPORARY}{}-", Maker::this()))
        .tempfile()
}

/// How the names of temporary files begin, before their maker's.
pub const TEMPORARY: &str = "compare-";

fn own_namespace() -> u64 {
    fs::metadata(Path::new("/proc/self/ns/pid")).map_or(0, |namespace| namespace.ino())
}

#[cfg(test)]
mod tests {
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
        assert!(before.is_gone(), "another process has its number");
        let elsewhere = Maker {
            namespace: 1,
            ..gone()
        };
        assert!(!elsewhere.is_gone(), "unknown");
    }

    #[test]
    fn only_a_process_that_is_not_found_is_gone() {
        let by = |error: Errno| Maker::this().is_gone_by(&Err(error.into()));
        assert!(by(Errno::ENOENT) && by(Errno::ESRCH));
        for other in [Errno::EMFILE, Errno::ENFILE, Errno::EACCES, Errno::ENOMEM] {
            assert!(!by(other), "{other}");
        }
        assert!(tree::stat(gone().pid).is_err_and(|error| gone().is_gone_by(&Err(error))));
    }

    #[test]
    fn a_makers_name_can_be_read() {
        assert_eq!(gone().to_string().parse(), Ok(gone()));
        for other in ["", "1-2", "1-2-x", "a-b-c"] {
            assert_eq!(other.parse::<Maker>(), Err(()), "{other}");
        }
    }
}
