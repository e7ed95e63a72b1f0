//! What remains if `compare` and its keeper are both killed: processes, control groups, temporary files. The next run removes
//! them. All carry the name of their [maker](Maker).

use std::collections::HashSet;
use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs::process::Stat;

use meter::{Cgroup, Maker, TEMPORARY, tree};

/// The environment variable of a server that names the `compare` that started it.
pub(crate) const MARK: &str = "COMPARE_MAKER";

/// The name of a keeper in a list of processes.
pub(crate) const KEEPER: &CStr = c"server-keeper";

/// How long the keepers of a killed `compare` may take to end their servers.
const KEEPERS_WITHIN: Duration = Duration::from_secs(5);
/// How long processes may take to be gone after SIGKILL.
const ENDED_WITHIN: Duration = Duration::from_secs(2);
/// The pause between two searches for processes.
const PAUSE: Duration = Duration::from_millis(1);

/// Removes what remains of a killed `compare`, and returns a line that names it, if there was anything.
#[must_use]
pub fn clear() -> Option<String> {
    await_keepers(Maker::is_gone, KEEPERS_WITHIN);
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
    (!found.is_empty()).then(|| format!("removed what a killed run left: {}", found.join(", ")))
}

/// Waits until no keeper of such a maker is left; false if one is left after that time. A keeper ends its whole tree, including
/// processes that have lost their mark.
fn await_keepers(is_such: impl Fn(Maker) -> bool, within: Duration) -> bool {
    let until = Instant::now() + within;
    let is_keeper = |process: &Stat| KEEPER.to_bytes() == process.comm.as_bytes();
    while processes(&is_such).iter().any(is_keeper) {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}

/// Kills the servers' processes of such a maker, and counts them.
pub fn end_processes(is_such: impl Fn(Maker) -> bool) -> usize {
    let until = Instant::now() + ENDED_WITHIN;
    let mut ended = HashSet::new();
    loop {
        // A process may have started another meanwhile, and a killed one remains for a while.
        let such = processes(&is_such);
        for process in &such {
            if kill(Pid::from_raw(process.pid), Signal::SIGKILL).is_ok() {
                ended.insert((process.pid, process.starttime));
            }
        }
        if such.is_empty() || Instant::now() >= until {
            return ended.len();
        }
        thread::sleep(PAUSE);
    }
}

/// The servers' processes of such a maker, without this process.
fn processes(is_such: impl Fn(Maker) -> bool) -> Vec<Stat> {
    let own = Pid::this().as_raw();
    let all = tree::numbers_in("/proc").filter(|&pid| pid != own);
    let such = all.filter(|&pid| maker_of(pid).is_some_and(&is_such));
    such.filter_map(|pid| tree::stat(pid).ok()).collect()
}

/// The maker of this process; none if it has ended, is another user's, or belongs to no server.
fn maker_of(pid: i32) -> Option<Maker> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut entries = environment.split(|&byte| byte == 0);
    let value = entries.find_map(|entry| entry.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Removes the temporary files of such a maker, and counts them.
pub fn remove_files(is_such: impl Fn(Maker) -> bool) -> usize {
    remove_from(&std::env::temp_dir(), TEMPORARY, is_such)
}

/// The begin of the name of an unfinished file, before its maker's.
const PART: &str = ".part-";

/// The begin of the name of an unfinished file of this process.
#[must_use]
pub fn part() -> String {
    format!("{PART}{}-", Maker::this())
}

/// Removes files from a folder that a killed run left unfinished, and returns a line that reports it, if there were any.
#[must_use]
pub fn clear_parts(folder: &Path) -> Option<String> {
    let removed = remove_from(folder, PART, Maker::is_gone);
    (removed > 0).then(|| {
        format!(
            "removed {removed} unfinished file{} of a killed run from {}",
            if removed == 1 { "" } else { "s" },
            folder.display()
        )
    })
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A maker that no process is.
    fn gone() -> Maker {
        let own = Maker::this().to_string();
        let (namespace, _) = own.split_once('-').unwrap();
        // No process has a number beyond the kernel's limit of 2^22.
        format!("{namespace}-{}-1", 1 << 23).parse().unwrap()
    }

    /// A maker that no other process of these tests looks for.
    fn elsewhere(pid: i32) -> Maker {
        format!("1-{pid}-0").parse().unwrap()
    }

    /// A process with that mark, once it can be found by it. It waits for the end of its stdin.
    fn marked(program: &Path, maker: Maker) -> Child {
        let child = Command::new(program)
            .arg0("sh")
            .args(["-c", "read line"])
            .env(MARK, maker.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // Until it has become another program, it has the environment of this one.
        while maker_of(child.id().cast_signed()) != Some(maker) {
            thread::sleep(PAUSE);
        }
        child
    }

    #[test]
    fn each_process_is_counted_once() {
        let mut left = [1, 2].map(|_| marked("/bin/sh".as_ref(), elsewhere(1)));
        assert_eq!(end_processes(|maker| maker == elsewhere(1)), 2);
        for child in &mut left {
            assert!(!child.wait().unwrap().success());
        }
        assert_eq!(end_processes(|maker| maker == elsewhere(1)), 0);
    }

    #[test]
    fn a_keeper_is_awaited_and_other_processes_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let named_keeper = folder.path().join("server-keeper");
        std::os::unix::fs::symlink("/bin/sh", &named_keeper).unwrap();
        let mut keeper = marked(&named_keeper, elsewhere(2));
        let mut other = marked("/bin/sh".as_ref(), elsewhere(2));
        let awaited = |within| await_keepers(|maker| maker == elsewhere(2), within);
        assert!(!awaited(Duration::from_millis(20)));
        drop(keeper.stdin.take());
        assert!(awaited(Duration::from_secs(60)));
        keeper.wait().unwrap();
        assert!(other.try_wait().unwrap().is_none());
        drop(other.stdin.take());
        other.wait().unwrap();
    }

    #[test]
    fn the_maker_of_a_file_is_in_its_name() {
        let maker = maker_of_file("compare-1-2-3-abc", TEMPORARY).unwrap();
        assert_eq!(maker.to_string(), "1-2-3");
        assert_eq!(maker_of_file("compare-1-2-abc", TEMPORARY), None);
    }

    #[test]
    fn processes_of_a_maker_that_is_gone_are_ended() {
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
        let own = meter::temporary_file().unwrap();
        remove_files(|maker| maker == gone());
        assert!(!left.exists() && own.path().exists());
    }

    #[test]
    fn unfinished_files_of_a_killed_run_are_removed() {
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
        let removed = clear_parts(folder.path()).expect("one was left");
        assert!(
            removed.starts_with("removed 1 unfinished file of a killed run"),
            "{removed}"
        );
        assert!(!left.exists() && own.exists() && other.exists());
    }
}
