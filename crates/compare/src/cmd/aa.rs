//! `compare aa`: a test of the workbench. How often does it report a false positive, and how often does it find a real
//! difference?

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::places::{PlaceFlags, cancelled_by_signals};
use crate::contender::Contender;
use crate::experiment::{self, Experiment, Setting};
use crate::output::{self, Text};
use crate::plan::Planned;
use crate::profile::{Choice, Profile, ROUNDS_MOST};
use crate::trial::{self, Bench, Unmade};
use host::Local;
use host::leftovers;
use report::Errors;
use report::metric::{Metric, cost, load};
use schema::plan::REPEATS_MOST;
use schema::record::{Measured, Outcome};
use stats::{Better, Comparison, Verdict};

/// Compare a model with itself, to count false positives; with --power, to count how often 5 % more work is found
///
/// Each comparison has as many pairs of trials as the profile quick has rounds, and is made for four metrics.
#[derive(Args)]
pub(crate) struct Flags {
    /// The model; without it, the first event loop
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Pairs of trials per comparison, from 6 to 1000; without it, the rounds of the profile quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(6..=i64::from(ROUNDS_MOST)))]
    pairs: Option<u16>,

    /// Comparisons of each metric, from 1 to 1000; without it 30, with --power 12
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(ROUNDS_MOST)))]
    comparisons: Option<u16>,

    /// Give the second trial of each pair 5 % more work
    #[arg(long)]
    power: bool,

    /// Seed of the order within the pairs, from 0 to 2^64 - 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    places: PlaceFlags,
}

/// Both sides do the same work, or the second does 5 % more.
const WORK: &str = r#"
    key = "aa"
    title = "A/A"
    question = "Is there a difference?"
    setup = "a closed loop of spin requests"
    headline = "cpu_us_per_request"
    [load]
    op = "spin"
    connections = 64
    limit_to_served = true
    [[where]]
    has = "serves:workers"
    load = { connections = 8 }
    [[setting]]
    key = "a"
    title = "a"
    load = { params = 100 }
    [[setting]]
    key = "b"
    title = "b"
    load = { params = 105 }
"#;

/// The metrics that are compared; the power is judged by the first.
static METRICS: [&Metric; 4] = [&cost::CPU, &load::P50, &load::P99, &load::THROUGHPUT];
/// The highest share of false positives.
const FALSE_MOST: f64 = 0.05;
/// The lowest share of comparisons that must find a difference of 5 %.
const FOUND_LEAST: f64 = 0.9;
/// With fewer comparisons there is no verdict on false positives, or, with --power, on how often a difference is found.
const COMPARISONS_LEAST: [usize; 2] = [100, 10];

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let profile = Profile::chosen(Choice::Quick);
    let pairs = flags.pairs.map_or(profile.rounds, usize::from);
    let comparisons = flags
        .comparisons
        .map_or(if flags.power { 12 } else { 30 }, usize::from);
    let (cpus, _) = flags.places.split()?;
    let discovered = flags.places.servers.discover_on(&cpus.server)?;
    let contender = discovered.one(flags.model.as_deref())?;
    meter::cpus::pin_this_thread(&cpus.client)?;
    let cancel = cancelled_by_signals()?;
    if let Some(removed) = leftovers::clear() {
        output::note(&removed);
    }
    let experiment = experiment::parse(WORK).expect("the work is well formed");
    let sides = [0, usize::from(flags.power)].map(|index| &experiment.settings[index]);
    let host = Local::new(&cpus, &cancel);
    let bench = Bench {
        host: &host,
        times: profile.times,
        ceiling_per_s: None,
        round_trip_us: None,
        histograms: None,
        output: None,
        seed: flags.seed,
        cancel: &cancel,
    };
    let mut series = Series {
        bench: &bench,
        experiment: &experiment,
        sides,
        contender: &contender,
        random: ChaCha8Rng::seed_from_u64(flags.seed),
        excluded: 0,
    };
    let mut tallies = METRICS.map(Tally::new);
    for comparison in 1..=comparisons {
        let Some(made) = series.pairs(pairs)? else {
            bail!("interrupted in comparison {comparison} of {comparisons}");
        };
        for tally in &mut tallies {
            tally.judge(&made, flags.power);
        }
        output::note(&format!("comparison {comparison} of {comparisons}"));
    }
    let mut out = Text::default();
    let code = verdict(
        &mut out,
        &tallies,
        flags,
        (&contender, &experiment),
        comparisons * pairs,
        series.excluded,
    );
    out.print()?;
    Ok(code)
}

/// The pairs of trials, made one after the other.
struct Series<'a> {
    bench: &'a Bench<'a, Local<'a>>,
    experiment: &'a Experiment,
    sides: [&'a Setting; 2],
    contender: &'a Contender,
    random: ChaCha8Rng,
    /// How many trials were excluded.
    excluded: usize,
}

impl Series<'_> {
    /// Makes this many pairs, without those that were disturbed; none if the run is to stop.
    fn pairs(&mut self, pairs: usize) -> Result<Option<Vec<[Measured; 2]>>> {
        let mut made = Vec::new();
        for round in 1..=pairs {
            let mut order = [0, 1];
            order.shuffle(&mut self.random);
            let mut pair = [None, None];
            for side in order {
                // As in a run: a trial that is excluded is repeated.
                for _ in 0..=REPEATS_MOST {
                    let Some(trial) = self.trial(round, side)? else {
                        return Ok(None);
                    };
                    if trial.exclusion().is_none() {
                        pair[side] = Some(trial);
                        break;
                    }
                    self.excluded += 1;
                }
            }
            if let [Some(first), Some(second)] = pair {
                made.push([first, second]);
            }
        }
        Ok(Some(made))
    }

    fn trial(&self, round: usize, side: usize) -> Result<Option<Measured>> {
        let planned = Planned {
            round,
            experiment: self.experiment,
            setting: self.sides[side],
            contender: self.contender,
        };
        match trial::run(self.bench, planned, None) {
            Ok(Outcome::Measured(measured)) => {
                let errors = Errors::from_trials([&*measured], 0);
                if errors.are_too_many() {
                    bail!("its trials can't be compared: {}", errors.in_words());
                }
                Ok(Some(*measured))
            }
            Ok(Outcome::Failed(reason)) => bail!("a trial failed: {reason}"),
            Err(Unmade::Interrupted) => Ok(None),
            Err(Unmade::Fault(reason)) => bail!(reason),
        }
    }
}

/// How many comparisons of a metric found a significant difference.
#[derive(Debug)]
struct Tally {
    metric: &'static Metric,
    made: usize,
    seen: usize,
}

impl Tally {
    fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            made: 0,
            seen: 0,
        }
    }

    /// Compares the pairs, if there are enough. With power, only a difference in the right direction counts as found.
    fn judge(&mut self, pairs: &[[Measured; 2]], power: bool) {
        let values: Vec<(f64, f64)> = pairs
            .iter()
            .filter_map(|[first, second]| Some(((self.metric.value)(first)?, (self.metric.value)(second)?)))
            .collect();
        let Some(comparison) = Comparison::paired(&values).filter(|comparison| comparison.high.is_finite())
        else {
            return;
        };
        self.made += 1;
        let expected = match self.metric.better {
            Some(Better::More) => Verdict::Less,
            Some(Better::Less) | None => Verdict::More,
        };
        self.seen += usize::from(if power {
            comparison.verdict() == expected
        } else {
            comparison.is_significant()
        });
    }
}

fn verdict(
    out: &mut Text,
    tallies: &[Tally],
    flags: &Flags,
    (contender, experiment): (&Contender, &Experiment),
    pairs: usize,
    excluded: usize,
) -> ExitCode {
    let what = if flags.power {
        "compared with 5 % more work"
    } else {
        "compared with itself"
    };
    out.add(format_args!(
        "{} {what}: {}, {pairs} pairs of trials, {excluded} trials excluded\n\n",
        contender.name, experiment.setup
    ));
    for tally in tallies {
        out.add(format_args!(
            "  {:24} significant difference in {:3} of {:3}\n",
            tally.metric.name, tally.seen, tally.made
        ));
    }
    let (seen, made) = tallies.iter().fold((0, 0), |(seen, made), tally| {
        (seen + tally.seen, made + tally.made)
    });
    let (judged, least) = if flags.power {
        (tallies[0].made, COMPARISONS_LEAST[1])
    } else {
        (made, COMPARISONS_LEAST[0])
    };
    if judged < least {
        out.add(format_args!(
            "\nno verdict: {judged} comparisons had enough undisturbed pairs, but {least} are needed; give more --comparisons\n"
        ));
        return ExitCode::FAILURE;
    }
    let passed = if flags.power {
        let judged = &tallies[0];
        let passed = judged.seen as f64 >= FOUND_LEAST * judged.made as f64;
        out.add(format_args!(
            "\n{}: difference found in {} of {} comparisons (required: 9 of 10)\n",
            judged.metric.name, judged.seen, judged.made
        ));
        passed
    } else {
        let most = most_by_chance(made);
        out.add(format_args!(
            "\nfalse positives: {seen} of {made}, {:.1} % (allowed: 5 %, or up to {most} of {made} by chance)\n",
            seen as f64 / made as f64 * 100.0
        ));
        seen <= most
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The 95 % quantile of the number of false positives, if each has a probability of 5 %: that of the binomial distribution.
/// The metrics of one comparison are not independent, so this is a little too strict.
fn most_by_chance(comparisons: usize) -> usize {
    let n = comparisons as f64;
    let mut chance = (1.0 - FALSE_MOST).powf(n);
    let mut sum = chance;
    let mut count = 0;
    while sum < 0.95 && count < comparisons {
        chance *= (n - count as f64) / (count as f64 + 1.0) * FALSE_MOST / (1.0 - FALSE_MOST);
        sum += chance;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_false_positives_follow_the_binomial_distribution() {
        // scipy.stats.binom.ppf(0.95, n, 0.05)
        assert_eq!(
            [most_by_chance(1), most_by_chance(20), most_by_chance(100)],
            [0, 3, 9]
        );
    }

    #[test]
    fn the_work_has_two_sides() {
        assert_eq!(experiment::parse(WORK).unwrap().settings.len(), 2);
    }
}
