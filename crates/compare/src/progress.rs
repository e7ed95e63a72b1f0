//! What is shown while a run goes on: a bar where somebody watches, else a line for each round.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::plan::Planned;

/// Shows how far the run is, on stderr.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    rounds: usize,
    round: usize,
}

impl Progress {
    pub(crate) fn of(trials: usize, rounds: usize, each: Duration) -> Self {
        let total = each * u32::try_from(trials).unwrap_or(u32::MAX);
        let about = indicatif::HumanDuration(total);
        let bar = io::stderr().is_terminal().then(|| bar(trials));
        if bar.is_none() {
            eprintln!("{trials} trials, about {about}");
        }
        Self {
            bar,
            rounds,
            round: 0,
        }
    }

    /// The next trial begins.
    pub(crate) fn begins(&mut self, trial: Planned<'_>) {
        let Planned {
            round,
            setting,
            contender,
        } = trial;
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!(
                    "round {round}/{} · {} · {}",
                    self.rounds, contender.name, setting.title
                ));
            }
            None if round > self.round => eprintln!("round {round} of {}", self.rounds),
            None => {}
        }
        self.round = round;
    }

    /// It has ended.
    pub(crate) fn ended(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Says something that is to stay, such as why a trial failed.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(trials: usize) -> ProgressBar {
    const TEMPLATE: &str = "{bar:30} {pos}/{len} trials, {eta} left · {wide_msg}";
    let bar = ProgressBar::new(trials as u64);
    bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is well formed"));
    // Twice a second: a bar that is drawn more often takes the load generator's time.
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
