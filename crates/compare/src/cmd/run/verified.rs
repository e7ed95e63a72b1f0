//! Who takes part after all: each server is built, started and verified once before anything is measured.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use crate::contender::{Contender, LeftOut, build};
use crate::folder::Run;
use crate::output;
use crate::verify;
use host::{Fault, Local};
use schema::cpus::Split;
use schema::name::file_part;

/// Those that speak the wire, and those that do not or can't run here, with the reason; none if the run is to stop.
pub(super) fn verified(
    contenders: Vec<Contender>,
    cpus: &Split,
    run: &Run,
    cancel: &AtomicBool,
) -> Result<Option<(Vec<Contender>, Vec<LeftOut>)>> {
    let host = Local::new(cpus, cancel);
    let (mut taking_part, mut left_out) = (Vec::new(), Vec::new());
    for contender in contenders {
        let output = |what: &str| run.output(&format!("{what}-{}", file_part(&contender.name)));
        let verdict = build::built(&contender, &output("build"), cancel)
            .and_then(|()| verify::verify(&host, &contender, &output("verify"), cancel));
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (reason, unavailable) = match verdict {
            Ok(()) => {
                taking_part.push(contender);
                continue;
            }
            Err(Fault::Trial(reason)) => (reason, false),
            Err(Fault::Unavailable(reason)) => (reason, true),
            Err(Fault::Own(reason)) => bail!("{reason}"),
        };
        output::note(&format!("{} is left out: {reason}", contender.name));
        left_out.push(LeftOut {
            unavailable,
            ..LeftOut::faulty(contender.name, reason)
        });
    }
    Ok(Some((taking_part, left_out)))
}

/// Builds those contenders of a resumed run that have to be built: what they were built into before is gone. Whether the run
/// is to continue.
pub(super) fn rebuilt(contenders: &[Contender], run: &Run, cancel: &AtomicBool) -> Result<bool> {
    for contender in contenders.iter().filter(|contender| contender.build.is_some()) {
        let output = run.output(&format!("build-{}", file_part(&contender.name)));
        let verdict = build::built(contender, &output, cancel);
        if cancel.load(Ordering::Relaxed) {
            return Ok(false);
        }
        verdict.with_context(|| format!("can't build {} again", contender.name))?;
    }
    Ok(true)
}
