//! The progress of a run on stderr: a bar on a terminal, else a line for each round. Shorter work shows a bar only.

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
        let bar = bar(trials, "trials");
        Self {
            bar,
            rounds,
            round: 0,
        }
    }

    /// Prints a line that stays, such as why a trial failed.
    pub(crate) fn print(&self, line: &str) {
        print_above(self.bar.as_ref(), line);
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

/// The progress of something that takes seconds.
pub(crate) struct Steps {
    bar: Option<ProgressBar>,
}

impl Steps {
    /// Begins so many steps; `what` they are, in the plural.
    pub(crate) fn start(steps: usize, what: &str) -> Self {
        Self {
            bar: bar(steps, what),
        }
    }

    pub(crate) fn begins(&self, step: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(terminal::line(step));
        }
    }

    pub(crate) fn ended(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Prints a line that stays.
    pub(crate) fn print(&self, line: &str) {
        print_above(self.bar.as_ref(), line);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn print_above(bar: Option<&ProgressBar>, line: &str) {
    match bar {
        Some(bar) => bar.println(terminal::escape(line)),
        None => output::note(line),
    }
}

/// A bar for so many steps, if stderr is a terminal.
fn bar(steps: usize, what: &str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let template = format!("{{bar:30}} {{pos}}/{{len}} {what}, {{eta}} left · {{wide_msg}}");
    let bar = ProgressBar::new(steps as u64);
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is well formed"));
    // Twice per second: drawing it more often takes CPU time from the load generator.
    bar.enable_steady_tick(Duration::from_millis(500));
    Some(bar)
}
