//! An experiment: a question, the settings in which every contender is measured, and the metric that answers it.
//!
//! It is data and no code. `compare` reads it from a TOML file, and writes it to a run's `environment.json`;
//! `docs/EXPERIMENTS.md` lists the keys. No experiment names a model: it states what a server must be able to do.

mod load;
mod setting;
mod times;
mod workload;

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::contender::Contender;

pub use load::Load;
pub use setting::{Case, Excluded, Setting};
pub use times::Times;
pub use workload::{Decision, Workload};

/// A question, and the settings that answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its name on the command line and in records.
    pub key: String,
    /// The heading of its part of the report.
    pub title: String,
    /// What it answers.
    pub question: String,
    /// How it is measured, for the reader.
    pub setup: String,
    /// What was expected, and by whom.
    pub expected: Option<String>,
    /// How a trial goes.
    pub method: Method,
    /// The key of the metric that answers the question.
    pub headline: String,
    /// What that metric is called here, where the experiment makes clear what its name leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline_name: Option<String>,
    /// The keys of further metrics, which the tables show.
    pub metrics: Vec<String>,
    /// The keys of metrics that only the tables of all metrics show.
    pub more_metrics: Vec<String>,
    /// The keys of the metrics that get a plot each; none: the headline only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plots: Vec<String>,
    /// What the settings differ by, if they lie on an axis.
    pub axis: Option<Axis>,
    /// What queueing theory expects of the mean latency.
    pub theory: Vec<Theory>,
    /// The most rounds in which it takes part; none: all.
    pub max_rounds: Option<usize>,
    /// The profiles that it is part of. The profile `full` has all experiments.
    pub profiles: Vec<String>,
    /// A table column each, or a point on the axis.
    pub settings: Vec<Setting>,
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
    /// A load during which one worker of the server is killed.
    KillWorker,
    /// The system calls of a load are counted. That slows the server down, so nothing else is measured.
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

/// What queueing theory expects of the mean latency of some servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theory {
    /// The name of the queue, such as `m/d/1`.
    pub queue: String,
    /// How many servers the queue has. The mean service time is this divided by the measured capacity.
    #[serde(default = "one")]
    pub servers: NonZeroU32,
    /// It is about the servers that have all of these.
    #[serde(default, deserialize_with = "crate::capability::one_or_more")]
    pub has: Vec<Capability>,
    /// It is about the models of these names; none: about all.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// The keys of the settings that it is about; none: all.
    #[serde(default)]
    pub settings: Vec<String>,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl Theory {
    /// Whether it is about this contender in this setting.
    #[must_use]
    pub fn is_about(&self, contender: &Contender, setting: &Setting) -> bool {
        contender.is_among(self.models.as_deref())
            && contender.capabilities.has_all(&self.has)
            && (self.settings.is_empty() || self.settings.contains(&setting.key))
    }
}

impl Experiment {
    /// The experiment as a profile has it: with the settings that are part of the profile; none if there are none.
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

    /// The experiment as somebody who asks for it by name gets it: with the settings of the profile, or with all settings
    /// if the profile has none of it.
    #[must_use]
    pub fn asked_within(&self, profile: &str) -> Self {
        let everywhere = Self {
            profiles: vec![profile.to_owned()],
            ..self.clone()
        };
        everywhere.within(profile).unwrap_or_else(|| self.clone())
    }

    /// All model names in it.
    #[must_use]
    pub fn model_names(&self) -> BTreeSet<&str> {
        let theories = self.theory.iter().map(|theory| &theory.models);
        let settings = self.settings.iter().flat_map(|setting| {
            let cases = setting.cases.iter().map(|case| &case.models);
            std::iter::once(&setting.models).chain(cases)
        });
        let lists = theories.chain(settings).flatten();
        lists.flatten().map(|name| &**name).collect()
    }

    /// The keys of all its metrics, the headline first.
    pub fn metric_keys(&self) -> impl Iterator<Item = &str> + Clone {
        let others = self.metrics.iter().chain(&self.more_metrics);
        std::iter::once(&*self.headline).chain(others.map(|key| &**key))
    }

    /// The keys of the metrics that get a plot each, in the order of the plots.
    pub fn plot_keys(&self) -> impl Iterator<Item = &str> {
        let headline = Some(&*self.headline).filter(|_| self.plots.is_empty());
        headline.into_iter().chain(self.plots.iter().map(|key| &**key))
    }

    /// How many of these, from the first on, its main tables show.
    #[must_use]
    pub fn main_metrics(&self) -> usize {
        1 + self.metrics.len()
    }
}
