//! Which source the records come from.

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use schema::trace::Source;
use trace::recorder::{self, Best};

use crate::output;

/// A source that can be asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Choice {
    /// States, system calls and wake-ups, by perf
    Perf,
    /// States and system calls without root, by records of context switches and strace
    Switches,
    /// System calls, by strace alone
    Strace,
}

/// The name of a source, as it is asked for.
pub(super) fn name(source: Source) -> &'static str {
    match source {
        Source::Perf => "perf",
        Source::Switches => "switches",
        Source::Strace => "strace",
    }
}

/// The source that was asked for, or the best that works here. Sources that do not are reported.
pub(super) fn choose(asked: Option<Choice>) -> Result<Source> {
    match asked.map(Choice::source) {
        Some(source) => match recorder::probe(source) {
            Ok(()) => Ok(source),
            Err(reason) => Err(anyhow!("source {} can't be used: {reason}", name(source))),
        },
        None => best(&recorder::best()),
    }
}

fn best(best: &Best) -> Result<Source> {
    let Some(source) = best.source else {
        let reasons = best.refused.iter();
        let reasons: Vec<_> = reasons
            .map(|(source, reason)| format!("{}: {reason}", name(*source)))
            .collect();
        return Err(anyhow!("no source of traces works here: {}", reasons.join("; ")));
    };
    for (skipped, reason) in &best.refused {
        output::note(&format!("source {} is not used: {reason}", name(*skipped)));
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_any_source_all_reasons_are_given() {
        let refused = recorder::SOURCES.map(|source| (source, format!("install {source:?}")));
        let none = Best {
            source: None,
            refused: refused.to_vec(),
        };
        assert_eq!(
            best(&none).unwrap_err().to_string(),
            "no source of traces works here: perf: install Perf; switches: install Switches; strace: install Strace"
        );
        let some = Best {
            source: Some(Source::Strace),
            ..none
        };
        assert_eq!(best(&some).unwrap(), Source::Strace);
    }
}
