//! The signal state that a process relies on. A process inherits its mask and its ignored signals from its parent, and many
//! parents block or ignore signals: cron, supervisors, test harnesses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use loadgen::signals::{Blocked, ignored};
use nix::sys::signal::SigSet;
use signal_hook::consts::{FORBIDDEN, SIGCHLD, SIGHUP};

/// Unblocks all signals, and makes the kernel report children that end.
///
/// With SIGCHLD ignored, `wait` reports neither the status of a child nor what it spent.
pub(crate) fn rely_on_defaults() -> Result<()> {
    unblock_all()?;
    catch(ignored().into_iter().filter(|&signal| signal == SIGCHLD))
}

/// Whether this process was started to outlive a hangup, as by nohup(1).
pub(crate) fn outlives_hangup() -> bool {
    ignored().contains(&SIGHUP)
}

/// Prepares for `exec` of a program that needs the default action for every signal.
///
/// A signal that is caught has its default action after `exec`, and one that is ignored stays ignored.
pub(crate) fn leave_defaults_to_exec() -> Result<()> {
    unblock_all()?;
    catch(ignored())
}

fn unblock_all() -> Result<()> {
    SigSet::empty().thread_set_mask().context("can't unblock signals")
}

/// Catches these signals, and does nothing when one arrives.
fn catch(signals: impl IntoIterator<Item = i32>) -> Result<()> {
    let _blocked = Blocked::all().context("can't block signals")?;
    let nothing = Arc::new(AtomicBool::new(false));
    for signal in signals {
        if !FORBIDDEN.contains(&signal) {
            // The C library reserves two for itself, and refuses them.
            let _ = signal_hook::flag::register(signal, Arc::clone(&nothing));
        }
    }
    Ok(())
}
