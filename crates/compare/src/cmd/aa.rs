//! `compare aa`: the workbench held against itself. How often does it see a difference that is not there, and how often
//! one that is?

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::places::{PlaceFlags, cancelled_by_signals};
use crate::contender::models::{self, Model};
use crate::experiment::{self, Experiment};
use crate::figures::{self, Figure};
use crate::plan::Planned;
use crate::profile::{Choice, Profile};
use crate::record::{Measured, Outcome};
use crate::statistics::Comparison;
use crate::trial::Bench;

/// Compare a model with itself: how often is a difference seen that is not there, or with --power, one that is?
///
/// A comparison is one of the profile `quick`: as many pairs of trials, of the same length. Each is made for four figures.
#[derive(Args)]
pub(crate) struct Flags {
    /// The model
    #[arg(long, value_name = "MODEL", default_value = "async", value_parser = models::named)]
    model: Model,

    /// How many pairs of trials a comparison has; without it, as many as the profile quick has rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(6..))]
    pairs: Option<u16>,

    /// How many comparisons are made of each figure; without it 25, with --power 10
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    comparisons: Option<u16>,

    /// Let the second of each pair take 5 % longer for its work
    #[arg(long)]
    power: bool,

    /// What the order within the pairs is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    places: PlaceFlags,
}

/// Both sides do the same, or the second 5 % more.
const WORK: &str = r#"
    key = "aa"
    title = "A/A"
    question = "Is there a difference?"
    setup = "a closed loop of spinning requests"
    headline = "cpu_us_per_request"
    [load]
    op = "spin"
    connections = 64
    [only.single]
    connections = 1
    [only.prefork]
    connections = 8
    [[setting]]
    key = "a"
    title = "a"
    load = { params = 100 }
    [[setting]]
    key = "b"
    title = "b"
    load = { params = 105 }
"#;

/// The figures that are compared; the first is that by which the power is judged.
const FIGURES: [&str; 4] = ["cpu_us_per_request", "p50_us", "p99_us", "throughput_per_s"];
/// How often a difference may be seen that is not there.
const FALSE_MOST: f64 = 0.05;
/// How often one of 5 % has to be seen.
const FOUND_LEAST: f64 = 0.9;

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let profile = Profile::of(Choice::Quick);
    let pairs = flags.pairs.map_or(profile.rounds, usize::from);
    let comparisons = flags
        .comparisons
        .map_or(if flags.power { 10 } else { 25 }, usize::from);
    let (cpus, _) = flags.places.split()?;
    cpus.client.pin_this_thread()?;
    let cancel = cancelled_by_signals()?;
    let contender = flags.places.contenders([flags.model])?.remove(0);
    let experiment = experiment::parse(WORK).expect("the work is well formed");
    let sides = [0, usize::from(flags.power)].map(|index| &experiment.settings[index]);
    let bench = Bench {
        cpus: &cpus,
        times: profile.times,
        ceiling_per_s: None,
        histograms: None,
        cancel: &cancel,
    };
    let mut random = ChaCha8Rng::seed_from_u64(flags.seed);
    let mut tallies = FIGURES.map(|key| Tally::of(figures::named(key)));
    let mut aside = 0;
    for comparison in 1..=comparisons {
        let mut made: Vec<[Measured; 2]> = Vec::new();
        for round in 1..=pairs {
            let mut order = [0, 1];
            order.shuffle(&mut random);
            let mut pair = [None, None];
            for side in order {
                let trial = Planned {
                    round,
                    experiment: &experiment,
                    setting: sides[side],
                    contender: &contender,
                };
                match bench.run(trial, None) {
                    Ok(Outcome::Measured(measured)) => pair[side] = Some(*measured),
                    Ok(Outcome::Failed(reason)) => bail!("a trial failed: {reason}"),
                    Err(_) => bail!("interrupted in comparison {comparison} of {comparisons}"),
                }
            }
            let [Some(first), Some(second)] = pair else {
                continue;
            };
            let disturbed = [&first, &second].iter().any(|trial| trial.set_aside().is_some());
            if disturbed {
                aside += 1;
            } else {
                made.push([first, second]);
            }
        }
        for tally in &mut tallies {
            tally.judge(&made);
        }
        eprintln!("comparison {comparison} of {comparisons}");
    }
    Ok(verdict(&tallies, flags, &experiment, comparisons * pairs, aside))
}

/// How often a figure's comparisons saw a difference.
#[derive(Debug)]
struct Tally {
    figure: &'static Figure,
    made: usize,
    seen: usize,
}

impl Tally {
    fn of(figure: &'static Figure) -> Self {
        Self {
            figure,
            made: 0,
            seen: 0,
        }
    }

    fn judge(&mut self, pairs: &[[Measured; 2]]) {
        let values: Vec<(f64, f64)> = pairs
            .iter()
            .filter_map(|[first, second]| Some(((self.figure.of)(first)?, (self.figure.of)(second)?)))
            .collect();
        self.made += 1;
        self.seen +=
            usize::from(Comparison::paired(&values).is_some_and(|comparison| comparison.told_apart()));
    }
}

fn verdict(
    tallies: &[Tally],
    flags: &Flags,
    experiment: &Experiment,
    pairs: usize,
    aside: usize,
) -> ExitCode {
    let what = if flags.power {
        "with 5 % more work on the second side"
    } else {
        "against itself"
    };
    println!(
        "{} {what}: {}, {pairs} pairs of trials, {aside} of them set aside\n",
        flags.model.name, experiment.setup
    );
    for tally in tallies {
        println!(
            "  {:24} told apart in {:3} of {:3}",
            tally.figure.title, tally.seen, tally.made
        );
    }
    let (seen, made) = tallies.iter().fold((0, 0), |(seen, made), tally| {
        (seen + tally.seen, made + tally.made)
    });
    let passed = if flags.power {
        let judged = &tallies[0];
        let passed = judged.seen as f64 >= FOUND_LEAST * judged.made as f64;
        println!(
            "\nfound by {} in {} of {} (at least 9 of 10 asked)",
            judged.figure.title, judged.seen, judged.made
        );
        passed
    } else {
        let most = most_by_chance(made);
        println!(
            "\na difference that is not there: {seen} of {made}, {:.1} % (at most 5 % asked; up to {most} of {made} can be chance)",
            seen as f64 / made as f64 * 100.0
        );
        seen <= most
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// So many false verdicts come with 95 % at the most where each has a chance of one in twenty: the binomial distribution's
/// quantile. (The figures of one comparison are not independent, so this is a little too strict.)
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
    fn as_many_false_verdicts_may_come_as_the_binomial_distribution_has() {
        // scipy.stats.binom.ppf(0.95, n, 0.05)
        assert_eq!(
            [most_by_chance(1), most_by_chance(20), most_by_chance(100)],
            [0, 3, 9]
        );
    }

    #[test]
    fn both_sides_can_be_asked_for() {
        assert_eq!(experiment::parse(WORK).unwrap().settings.len(), 2);
    }
}
