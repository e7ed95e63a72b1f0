//! `loadgen run`: loads a server, measures, and reports the result.

mod flags;
mod view;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use loadgen::Report;
use loadgen::hdr::V2DeflateSerializer;
use schema::load::Failures;

pub(crate) use self::flags::Flags;
use self::view::{View, lines_to};
use super::live;
use super::output::Output;
use super::signals::cancelled_by_signals;
use super::streams::{complain, print};
use super::text;
use super::usage::usage_or_failure;

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let plan = flags.plan()?;
    let cancel = cancelled_by_signals()?;
    // A file that can't be written is an error before the load, and not after it.
    let (json, hdr) = flags.outputs()?;
    let mut serializer = V2DeflateSerializer::new();
    let mut lines = hdr.as_ref().map(|hdr| lines_to(hdr));
    let mut view = View {
        live: (!flags.is_quiet()).then(live::Line::on_a_terminal).flatten(),
        to_begin: lines.as_mut().map(|lines| (lines, &mut serializer)),
        log: None,
        fault: None,
    };
    let outcome = loadgen::run(&plan, &cancel, &mut view).map_err(usage_or_failure)?;
    let View { live, log, fault, .. } = view;
    drop((live, log));
    let fault = fault.map_or_else(|| lines.as_mut().map_or(Ok(()), Write::flush), Err);
    let report = outcome.report;
    let prints_page = !flags.is_quiet()
        && ![&json, &hdr]
            .into_iter()
            .flatten()
            .any(|it| it.is_same(&Output::Stdout));
    let page = || print(&text::page(&report));
    // A result can't be measured again, so an output that can't be written does not keep the others from being written.
    let written = [
        prints_page.then(page),
        json.as_ref().map(|json| write_json(json, &report)),
        hdr.as_ref().map(|hdr| fault.with_context(|| hdr.fault())),
    ];
    let failed: Vec<_> = flags
        .conditions()
        .iter()
        .filter_map(|condition| condition.failure(&report))
        .collect();
    for line in &failed {
        complain(line);
    }
    let faults = written.into_iter().flatten().filter_map(Result::err);
    let faults: Vec<_> = faults.map(|fault| format!("{fault:#}")).collect();
    if !faults.is_empty() {
        bail!(faults.join("; "));
    }
    if !failed.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(verdict(&report))
}

fn write_json(to: &Output<'_>, report: &Report) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("can't write the result as JSON")?;
    to.write(&format!("{text}\n"))
}

/// Exit code 1 if the result is bad news: the server is gone, or a reply was wrong. Connections that were never served are
/// no bad news: some models serve fewer.
fn verdict(report: &Report) -> ExitCode {
    // A wrong reply in the warm-up is as bad as one in the window.
    let faulty = report.failures.iter().any(Failures::are_of_replies);
    if faulty || report.requests.ok == 0 || report.ended_early.is_some() || !report.checks.accounting {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
