//! `compare trace`: what the threads of each server do while they serve the same few requests.

mod asked;
mod one;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use clap::Args;
use schema::trace::{Source, Trace};

use self::one::{Bench, Untraced};
use self::source::Choice;
use super::contenders::ContendersFlag;
use super::places::{PlaceFlags, cancelled_by_signals};
use crate::contender::{Contender, LeftOut};
use crate::environment;
use crate::output::{self, Text};
use crate::progress;
use crate::traces::Folder;
use host::{Local, leftovers};

/// Show what the threads of each server do while it serves a few requests, as the kernel records it
///
/// Each connection sends its share of the requests and closes. Needs perf or strace. Exits with 1 if no server was traced, or
/// one was left out. What can't run on this machine, and is not named in --models, is left out without that.
#[derive(Args)]
pub(crate) struct Flags {
    /// The models: all, article (its six), further (the others), names (see compare list), or a mix. Contenders that it names
    /// take part without the others
    #[arg(long, value_name = "LIST")]
    models: Vec<String>,

    #[command(flatten)]
    contenders: ContendersFlag,

    #[command(flatten)]
    asked: asked::AskedFlags,

    /// Where the records are from; without it, the best that works here: perf, then switches, then strace
    #[arg(long, value_enum, value_name = "SOURCE")]
    source: Option<Choice>,

    #[command(flatten)]
    places: PlaceFlags,

    /// Folder of results; the traces get the folder trace in it
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,

    /// Also write the records that each trace is made from, whether or not one can be made
    #[arg(long, hide = true)]
    keep_records: bool,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let asked = flags.asked.read()?;
    let (cpus, _) = flags.places.split()?;
    let cancel = cancelled_by_signals()?;
    if let Some(removed) = leftovers::clear() {
        output::note(&removed);
    }
    // Removed at the end.
    let built = tempfile::tempdir().context("can't make a folder for what is built")?;
    let discovered = flags.places.servers.discover_on(&cpus.server)?;
    let others = flags.contenders.read(&discovered, built.path())?;
    let models_asked = discovered.parse(&flags.models, &others)?;
    let (contenders, faulty) = discovered.asked(&models_asked, others)?;
    // In the order of all lists: an earlier trace may be of a model that takes no part now.
    let models = discovered.descriptions().iter().map(|model| &model.name);
    let names = models.chain(contenders.iter().map(|contender| &contender.name));
    let names: Vec<_> = names.cloned().collect();
    let source = source::choose(flags.source)?;
    meter::cpus::pin_this_thread(&cpus.client)?;
    let folder = Folder::in_results(&flags.out);
    if let Some(removed) = leftovers::clear_parts(folder.path()) {
        output::note(&removed);
    }
    let host = Local::new(&cpus, &cancel);
    let bench = Bench {
        host: &host,
        asked: &asked,
        source,
        kernel: environment::kernel()?,
        commit: environment::commit(),
        cpus: &cpus,
        keep_records: flags.keep_records,
        cancel: &cancel,
    };
    let of_all = all(&bench, contenders, &folder)?;
    if cancel.load(Ordering::Relaxed) {
        folder.discard();
        return Ok(ExitCode::FAILURE);
    }
    let Traced { traces, mut left_out } = of_all;
    left_out.extend(faulty);
    for out in &mut left_out {
        out.named = models_asked.iter().any(|asked| asked.name() == Some(&out.name));
    }
    if traces.is_empty() {
        bail!("no server was traced; the reasons are above");
    }
    for trace in &traces {
        folder.write(trace)?;
    }
    let names: Vec<_> = names.iter().map(|name| &**name).collect();
    folder.write_page(&folder.read(&names))?;
    print(&traces, &folder)?;
    let missed: Vec<_> = left_out.iter().filter(|out| !out.is_excused()).collect();
    let names: Vec<_> = missed.iter().map(|out| &*out.name).collect();
    if names.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::note(&format!("not traced: {}", names.join(", ")));
    Ok(ExitCode::FAILURE)
}

/// What came of all contenders.
struct Traced {
    traces: Vec<Trace>,
    left_out: Vec<LeftOut>,
}

/// Traces each contender, until the command is to stop.
fn all(bench: &Bench<'_, Local<'_>>, contenders: Vec<Contender>, folder: &Folder) -> Result<Traced> {
    let mut traced = Traced {
        traces: Vec::new(),
        left_out: Vec::new(),
    };
    let progress = progress::Steps::start(contenders.len(), "servers");
    for contender in contenders {
        progress.begins(&contender.name);
        match bench.trace(&contender, folder) {
            Ok(trace) => traced.traces.push(trace),
            Err(Untraced::Interrupted) => break,
            Err(Untraced::Own(reason)) => bail!(reason),
            Err(Untraced::NotAsked(reason)) => {
                progress.print(&format!("{} is left out: {reason}", contender.name));
            }
            Err(Untraced::LeftOut { reason, unavailable }) => {
                progress.print(&format!("{} is left out: {reason}", contender.name));
                traced.left_out.push(LeftOut {
                    unavailable,
                    ..LeftOut::faulty(contender.name, reason)
                });
            }
        }
        progress.ended();
    }
    Ok(traced)
}

/// Prints a line for each trace, and where the files are.
fn print(traces: &[Trace], folder: &Folder) -> Result<()> {
    let mut out = Text::default();
    let width = traces.iter().map(|trace| trace.model.chars().count()).max();
    let width = width.unwrap_or_default();
    for trace in traces {
        out.add(format_args!(
            "{:width$}  {:>10} {:>13} {:6.1} ms, {}\n",
            trace.model,
            counted(trace.lanes.len(), "lane"),
            counted(trace.wakes.len(), "wake-up"),
            trace.length_ns as f64 / 1e6,
            source::name(trace.source),
        ));
    }
    out.add(format_args!(
        "\ninteractive page: {}\npictures: {}\nfor Perfetto (ui.perfetto.dev): {}\n",
        folder.page().display(),
        folder.path().join("*.svg").display(),
        folder.path().join("*.json").display(),
    ));
    out.print()
}

/// So many of something, with a comma behind.
fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural},")
}

impl Choice {
    fn source(self) -> Source {
        match self {
            Self::Perf => Source::Perf,
            Self::Switches => Source::Switches,
            Self::Strace => Source::Strace,
        }
    }
}
