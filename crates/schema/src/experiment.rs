//! An experiment: a question, the settings in which it is put to every contender, and the figure that answers it.
//!
//! It is data and no code: a TOML file, shipped in this program ([`shipped`]) or a user's own. `docs/EXPERIMENTS.md` says
//! what may stand in one.

mod load;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

pub use load::Load;
pub use times::Times;

/// A question, and the settings that answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its name on the command line and in records.
    pub key: String,
    /// The heading of its part of the report.
    pub title: String,
    /// What it answers.
    pub question: String,
    /// How it is put, for people.
    pub setup: String,
    /// What was expected of it, and by whom.
    pub expected: Option<String>,
    /// How a trial of it goes.
    pub method: Method,
    /// The figure that answers it, by its key (see [`crate::figures`]).
    pub headline: String,
    /// Further figures that its tables show.
    pub figures: Vec<String>,
    /// Figures that only the tables of all figures show.
    pub more: Vec<String>,
    /// What the settings differ by, if they lie on an axis.
    pub axis: Option<Axis>,
    /// What a theory expects of the mean latency, if there is one.
    pub theory: Vec<Theory>,
    /// The most rounds that it takes part in; none: all.
    pub rounds_most: Option<usize>,
    /// The profiles that it is part of. `full` has all.
    pub profiles: Vec<String>,
    /// A table column each, or a point on the axis.
    pub settings: Vec<Setting>,
}

/// One way in which the question is put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name within the experiment.
    pub key: String,
    /// The heading of its column.
    pub title: String,
    /// Its place on the experiment's axis.
    pub x: Option<f64>,
    /// The models that it is put to; none: all contenders.
    pub models: Option<Vec<String>>,
    /// Flags for the servers of this house, by model; those of `all` are for all of them.
    pub flags: BTreeMap<String, Vec<String>>,
    /// The profiles that it is part of, of those of the experiment.
    pub profiles: Vec<String>,
    /// The length of its windows, where it needs another than the profile's.
    pub window_ms: Option<u64>,
    /// What is asked of the server.
    pub load: Load,
    /// What is asked of some models in its place, where they can't do what the others do.
    pub only: Vec<Only>,
}

/// A load of a model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Only {
    /// Its name.
    pub model: String,
    /// What it is asked.
    pub load: Load,
}

/// How a trial goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One load, measured once it is warm.
    Load,
    /// The highest offered rate that keeps the p99 latency under a bound, by search.
    RateUnderBound {
        /// The bound, in milliseconds.
        p99_ms: u64,
    },
    /// A load within which one worker of the server is killed.
    KillWorker,
    /// The system calls of a load are counted, which slows it down: nothing else is measured.
    SystemCalls,
}

/// What the settings differ by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: String,
    /// Whether equal steps are equal ratios.
    #[serde(default)]
    pub logarithmic: bool,
}

/// What queueing theory expects of the mean latency of some models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theory {
    /// The queue, as [`stats::theory`] names it.
    pub queue: String,
    /// How many servers the queue has. The mean service time is this by the capacity that was measured.
    #[serde(default = "one")]
    pub servers: NonZeroU32,
    /// Whom it is about.
    pub models: Vec<String>,
    /// The settings that it is about; none: all.
    #[serde(default)]
    pub settings: Vec<String>,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl Experiment {
    /// The experiment as a profile has it: with the settings that are part of it; none if there are none.
    #[must_use]
    pub fn within(&self, profile: &str) -> Option<Self> {
        let is_in = |profiles: &[String]| profile == "full" || profiles.iter().any(|name| name == profile);
        if !is_in(&self.profiles) {
            return None;
        }
        let settings: Vec<_> = self
            .settings
            .iter()
            .filter(|setting| is_in(&setting.profiles))
            .cloned()
            .collect();
        (!settings.is_empty()).then(|| Self {
            settings,
            ..self.clone()
        })
    }

    /// The experiment as somebody who asks for it by name has it: with the settings that the profile has, or with all where
    /// it has none of it.
    #[must_use]
    pub fn asked_within(&self, profile: &str) -> Self {
        let everywhere = Self {
            profiles: vec![profile.to_owned()],
            ..self.clone()
        };
        everywhere.within(profile).unwrap_or_else(|| self.clone())
    }

    /// Everybody whom it says something of by name.
    #[must_use]
    pub fn named(&self) -> BTreeSet<&str> {
        let of_theory = self.theory.iter().flat_map(|theory| &theory.models);
        let of_settings = self.settings.iter().flat_map(|setting| {
            let only = setting.only.iter().map(|only| &only.model);
            setting.models.iter().flatten().chain(only)
        });
        of_theory.chain(of_settings).map(|name| &**name).collect()
    }

    /// The keys of all its figures, that which answers it first.
    pub fn figure_keys(&self) -> impl Iterator<Item = &str> {
        let others = self.figures.iter().chain(&self.more);
        std::iter::once(&*self.headline).chain(others.map(|key| &**key))
    }

    /// How many of them its main tables show, the first ones.
    #[must_use]
    pub fn main_figures(&self) -> usize {
        1 + self.figures.len()
    }
}

impl Setting {
    /// What is asked of this model.
    #[must_use]
    pub fn load_of(&self, model: &str) -> &Load {
        let own = self.only.iter().find(|only| only.model == model);
        own.map_or(&self.load, |only| &only.load)
    }

    /// The flags that a model of this house is started with.
    pub fn flags_of(&self, model: &str) -> impl Iterator<Item = &str> {
        let of = |name: &str| self.flags.get(name).into_iter().flatten();
        of("all").chain(of(model)).map(|flag| &**flag)
    }

    /// Whether it is put to this model at all.
    #[must_use]
    pub fn is_put_to(&self, model: &str) -> bool {
        self.models
            .as_ref()
            .is_none_or(|models| models.iter().any(|name| name == model))
    }
}
