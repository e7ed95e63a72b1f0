//! The progress of a run on stderr: a bar on a terminal, else a line for each round.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;
use crate::plan::Planned;
use crate::runner::Watch;
use schema::record::Outcome;
use schema::text::terminal;

/// Shows the progress of a run.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    rounds: usize,
    round: usize,
}

impl Progress {
    pub(crate) fn start(trials: usize, rounds: usize, total: Duration) -> Self {
        let about = indicatif::HumanDuration(total);
        output::note(&format!("{trials} trials, about {about}"));
        let bar = io::stderr().is_terminal().then(|| bar(trials));
        Self {
            bar,
            rounds,
            round: 0,
        }
    }

    /// Prints a line that stays, such as why a trial failed.
    pub(crate) fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(terminal::escape(line)),
            None => output::note(line),
        }
    }
}

impl Watch for Progress {
    fn begins(&mut self, trial: Planned<'_>) {
        let Planned {
            round,
            experiment,
            setting,
            contender,
        } = trial;
        match &self.bar {
            Some(bar) => {
                let message = format!(
                    "round {round}/{} · {} · {}: {}",
                    self.rounds, contender.name, experiment.key, setting.key
                );
                bar.set_message(terminal::line(&message));
            }
            None if round > self.round => output::note(&format!("round {round} of {}", self.rounds)),
            None => {}
        }
        self.round = round;
    }

    fn ended(&mut self, trial: Planned<'_>, outcome: &Outcome) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Outcome::Failed(reason) = outcome {
            let (model, experiment, setting) =
                (&trial.contender.name, &trial.experiment.key, &trial.setting.key);
            self.print(&format!("{model}, {experiment}, {setting}: {reason}"));
        }
    }

    fn repeats(&mut self, trials: usize) {
        if let Some(bar) = &self.bar {
            bar.inc_length(trials as u64);
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
    // Twice per second: drawing it more often takes CPU time from the load generator.
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
