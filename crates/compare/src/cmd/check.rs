//! `compare check`: whether a model got worse, for a CI job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::Usage;
use super::comparison::{ComparisonFlags, Opened};
use super::tables::{Columns, nothing_in_common, print_notes, print_table, values};
use crate::folder;
use crate::output::Text;
use report::difference::{Compared, Judged, Verdict, share_in_words};
use report::numbers::list;
use stats::{Finding, metrics_judged_by, trials_needed_by_a_check};

/// Exit with 1 if a model got worse than in an earlier run
///
/// A headline metric got worse if it is worse by more than is allowed, and by more than chance explains. A new kind of error
/// in most trials counts too, and so does a model without any trial left. With unchanged code, at most 1 check in 20 fails.
#[derive(Args)]
pub(crate) struct Flags {
    /// Folder of the run to judge; without it, the newest beside the baseline
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,

    /// Folder of the earlier run
    #[arg(long, value_name = "RUN")]
    baseline: PathBuf,

    /// How much worse a metric may become, such as 5% (or 0.05): from 0 to under 1000%
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share, allow_negative_numbers = true)]
    max_regression: f64,

    /// Accept a baseline from another machine; --reference does so too
    #[arg(long)]
    other_machine: bool,

    /// Judge these metrics, by key, in place of the headlines
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    metrics: Vec<String>,

    #[command(flatten)]
    comparison: ComparisonFlags,
}

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let comparison = &flags.comparison;
    comparison.check_files()?;
    let judged = match &flags.run {
        Some(run) => run.clone(),
        None => newest_beside(&flags.baseline)?,
    };
    let (before, after) = (Opened::read(&flags.baseline)?, Opened::read(&judged)?);
    let machines = [&before, &after].map(|run| &run.recorded.environment.machine);
    if machines[0] != machines[1] && !flags.other_machine && comparison.reference().is_none() {
        return Err(Usage(format!(
            "the baseline is from another machine ({}, not {}); measure one here, or give --other-machine, or compare by a \
             model of both runs with --reference",
            machines[0].describe(),
            machines[1].describe()
        ))
        .into());
    }
    let selection = comparison.selection(&flags.metrics, &[&before.recorded, &after.recorded])?;
    let compared = Compared {
        before: before.as_run(),
        after: Some(after.as_run()),
        selection: &selection,
    };
    let verdict = Verdict::between(
        &before.recorded,
        &after.recorded,
        flags.max_regression,
        &selection,
    );
    let why = why_no_verdict(&compared, &verdict);
    let in_short = why.as_ref().and_then(|why| why.lines().next());
    let document = compared.check(&verdict, flags.max_regression, in_short);
    let mut out = Text::default();
    for caution in &document.cautions {
        out.add(format_args!("{caution}\n\n"));
    }
    print_notes(&mut out, "Errors:\n", &verdict.errors);
    if why.is_none() {
        print_verdict(&mut out, &verdict, flags, &judged, &compared);
    }
    if !comparison.takes_stdout() {
        out.print()?;
    }
    comparison.write(&document)?;
    if let Some(why) = why {
        return Err(Usage(format!(
            "{} can't be judged by {}: {why}",
            judged.display(),
            flags.baseline.display()
        ))
        .into());
    }
    Ok(if verdict.got_worse() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Why there is no verdict, if there is none. A run that can't be judged has not passed.
fn why_no_verdict(compared: &Compared<'_>, verdict: &Verdict) -> Option<String> {
    if verdict.got_worse() {
        return None;
    }
    if verdict.judged.is_empty() {
        return Some(nothing_in_common(compared, &verdict.not_compared));
    }
    let all_too_few = verdict.found(Finding::TooFew).count() == verdict.judged.len();
    all_too_few.then(|| too_few(verdict))
}

/// What was found. The worst comes last, where a reader of a log looks first.
fn print_verdict(out: &mut Text, verdict: &Verdict, flags: &Flags, judged: &Path, compared: &Compared<'_>) {
    print_notes(out, "Not compared:\n", &verdict.not_compared);
    print_notes(
        out,
        "\nNew errors, in too few trials for a verdict:\n",
        &verdict.seldom,
    );
    if verdict.found(Finding::TooFew).next().is_some() {
        out.add(format_args!("\n{}\n", too_few(verdict)));
    }
    print_notes(out, "\nMeasured only before:\n", &verdict.gone);
    print_notes(out, "\nNew errors, in most trials:\n", &verdict.faults);
    let worse: Vec<_> = verdict.found(Finding::Worse).collect();
    let differences = worse.iter().map(|judged| &judged.difference);
    let table = values(&Columns::new(compared), differences);
    print_table(out, "\nWorse than allowed:\n", &table);
    out.add(format_args!(
        "\n{} compared with {}: {} of {} {}values are worse by more than {} (with unchanged code, a check finds one \
         by chance in at most 5 % of cases); new errors: {}; model settings without a usable trial: {}\n",
        judged.display(),
        flags.baseline.display(),
        worse.len(),
        verdict.judged.len(),
        if flags.metrics.is_empty() { "headline " } else { "" },
        share_in_words(flags.max_regression),
        verdict.faults.len(),
        verdict.gone.len()
    ));
}

/// The experiments with too few trials to find a value worse, however bad it is.
fn too_few(verdict: &Verdict) -> String {
    let found: Vec<_> = verdict.found(Finding::TooFew).collect();
    let mut experiments: BTreeMap<&str, (usize, (usize, usize))> = BTreeMap::new();
    for Judged { difference, .. } in &found {
        let key = difference.place.experiment.as_deref().unwrap_or_default();
        let (values, fewest) = experiments.entry(key).or_insert((0, difference.trials));
        *values += 1;
        *fewest = (*fewest).min(difference.trials);
    }
    let describe = |(key, (values, (before, after)))| format!("{values} of {key} ({before} and {after})");
    let places: Vec<_> = experiments.into_iter().map(describe).collect();
    let fewest = found.iter().map(|judged| judged.difference.trials);
    let fewest = fewest.min_by_key(|&trials| metrics_judged_by(trials));
    let fewer = match fewest {
        Some((before, after)) if metrics_judged_by((before, after)) > 0 => format!(
            "judge at most {} such values together with --experiments, --models or --metrics, or ",
            metrics_judged_by((before, after))
        ),
        _ => String::new(),
    };
    format!(
        "with {} values, each needs {} trials in both runs to be found worse; too few trials: {}; {fewer}measure again with \
         more --trials (max_rounds in an experiment's file limits them)",
        verdict.judged.len(),
        trials_needed_by_a_check(verdict.judged.len()),
        list(&places)
    )
}

/// A share such as `5%` or `0.05`. A bare 5 more likely means 5 % than 500 %.
fn share(text: &str) -> Result<f64, String> {
    /// In per cent: ten times worse.
    const PERCENT_MOST: f64 = 1000.0;
    let fault = "give a share such as 5%, from 0 to under 1000%";
    let (number, is_percentage) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), true),
        None => (text, false),
    };
    let number = number.parse::<f64>().map_err(|_| fault)?;
    match is_percentage {
        true if (0.0..PERCENT_MOST).contains(&number) => Ok(number / 100.0),
        false if (0.0..1.0).contains(&number) => Ok(number),
        false if (1.0..PERCENT_MOST).contains(&number) => Err(format!("did you mean {number}%?")),
        _ => Err(fault.to_owned()),
    }
}

/// The newest run in the folder that this one lies in; their names are their times.
fn newest_beside(baseline: &Path) -> Result<PathBuf> {
    let own = baseline
        .canonicalize()
        .map_err(|error| Usage(format!("can't read the baseline {}: {error}", baseline.display())))?;
    let folder = own.parent().context("a run lies in a folder")?;
    let runs = std::fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut others: Vec<_> = runs
        .filter_map(|run| Some(run.ok()?.path()))
        // A run that was killed before it began has no records.
        .filter(|path| *path != own && folder::records_in(path).is_file())
        .collect();
    others.sort();
    let newest = others.pop();
    newest.ok_or_else(|| {
        Usage(format!(
            "there is no other run beside {}; make one with compare run, or give its folder",
            baseline.display()
        ))
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.05"), Ok(0.05));
        assert_eq!(share("150%"), Ok(1.5));
        for bad in ["", "%", "-1%", "-1", "x", "nan", "1000%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_percentage_without_its_sign_is_refused_with_a_question() {
        assert_eq!(share("5"), Err("did you mean 5%?".to_owned()));
        assert_eq!(share("1"), Err("did you mean 1%?".to_owned()));
    }
}
