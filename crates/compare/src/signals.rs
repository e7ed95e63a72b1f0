//! What a process relies on about signals. A process inherits its mask and its ignored signals from whoever started it,
//! and a program that blocks or ignores signals is a common parent: cron, a supervisor, a test harness.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use loadgen::signals::{Blocked, ignored};
use nix::sys::signal::SigSet;
use signal_hook::consts::{FORBIDDEN, SIGCHLD, SIGHUP};

/// Unblocks all signals, and sees to it that the kernel reports children that end.
///
/// With SIGCHLD ignored, `wait` reports nothing of a child, neither its status nor what it spent.
pub(crate) fn rely_on_defaults() -> Result<()> {
    unblock_all()?;
    catch(ignored().into_iter().filter(|&signal| signal == SIGCHLD))
}

/// Whether whoever started this process wants it to outlive a hangup, as nohup(1) does.
pub(crate) fn outlives_hangup() -> bool {
    ignored().contains(&SIGHUP)
}

/// Prepares for `exec` of a program that is to find every signal as it is by default.
///
/// A signal that is caught has its default action after `exec`, and one that is ignored stays ignored.
pub(crate) fn leave_defaults_to_exec() -> Result<()> {
    unblock_all()?;
    catch(ignored())
}

fn unblock_all() -> Result<()> {
    SigSet::empty().thread_set_mask().context("can't unblock signals")
}

/// Catches these, and does nothing when they come.
fn catch(signals: impl IntoIterator<Item = i32>) -> Result<()> {
    let _blocked = Blocked::all().context("can't block signals")?;
    let nothing = Arc::new(AtomicBool::new(false));
    for signal in signals {
        if !FORBIDDEN.contains(&signal) {
            // The C library keeps two for itself, and refuses them.
            let _ = signal_hook::flag::register(signal, Arc::clone(&nothing));
        }
    }
    Ok(())
}
