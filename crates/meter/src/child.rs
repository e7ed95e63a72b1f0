//! Programs that this process starts for a while: tools, and what they are tried on.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Waits until a child has ended, for so long at most. Returns whether it has.
pub fn ends_within(child: &mut Child, within: Duration) -> bool {
    let until = Instant::now() + within;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Tries a tool on a process that only waits. As a server, it leads a process group of its own, and is no child of the tool.
/// It ends when its input does, so it ends in any case.
pub fn try_on_process<T>(tool: &str, try_on: impl FnOnce(Pid) -> T) -> Result<T, String> {
    let mut cat = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("can't start cat, on which {tool} is tried: {error}"))?;
    let tried = try_on(Pid::from_raw(cat.id().cast_signed()));
    drop(cat.stdin.take());
    let _ = cat.wait();
    Ok(tried)
}
