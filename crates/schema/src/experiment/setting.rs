//! A setting of an experiment, and what it means for a contender.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::load::Load;
use super::workload::Workload;
use crate::capability::Capability;
use crate::contender::Contender;

/// One way in which an experiment's question is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name within the experiment.
    pub key: String,
    /// The heading of its column.
    pub title: String,
    /// Its place on the experiment's axis.
    pub x: Option<f64>,
    /// The title of its panel: settings of the same panel share an axis. None: all settings without one share an axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// What a server must have to take part.
    pub needs: Vec<Capability>,
    /// The names of the models that take part; none: all.
    pub models: Option<Vec<String>>,
    /// Flags for all built-in models. A contender of a user knows none of them, so it takes no part.
    pub flags: Vec<String>,
    /// The number of workers, for servers that have workers.
    pub workers: Option<u16>,
    /// How connections are accepted, for servers whose `--accept` takes this value.
    pub accept: Option<String>,
    /// The profiles that it is part of, of those of the experiment.
    pub profiles: Vec<String>,
    /// The length of its windows, where it needs another than the profile's.
    pub window_ms: Option<u64>,
    /// What is asked of the server.
    pub load: Load,
    /// The workload that it stands for, if it stands for one that readers choose by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// What differs for some servers. Where several apply, the last one that gives a value counts.
    #[serde(rename = "where", default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
}

/// What differs in a setting for servers with these capabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// It applies to servers that have all of these.
    pub has: Vec<Capability>,
    /// It applies to the models of these names; none: to all.
    pub models: Option<Vec<String>>,
    /// The load, where it is another one.
    pub load: Option<Load>,
    /// The number of workers, where it is another one.
    pub workers: Option<u16>,
    /// How connections are accepted, where that differs.
    pub accept: Option<String>,
}

impl Case {
    fn applies_to(&self, contender: &Contender) -> bool {
        contender.is_among(self.models.as_deref()) && contender.capabilities.has_all(&self.has)
    }
}

/// Why a contender takes no part in a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excluded {
    /// The setting is for models of other names.
    NotNamed,
    /// The contender is known to lack this.
    Lacks(Capability),
    /// Nobody knows whether it has this.
    Unknown(Capability),
    /// It does not answer this operation.
    CannotAnswer(String),
    /// The setting needs flags of the built-in models.
    NeedsFlags,
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNamed => f.write_str("it is not among the models of the experiment"),
            Self::Lacks(capability) => write!(f, "it lacks {capability}"),
            Self::Unknown(capability) => write!(
                f,
                "whether it has {capability} is unknown; give {} in the contenders file",
                capability.key()
            ),
            Self::CannotAnswer(operation) => write!(f, "it does not answer {operation}"),
            Self::NeedsFlags => f.write_str("the experiment needs flags that only built-in models have"),
        }
    }
}

impl Setting {
    /// Whether a contender takes part in it.
    #[must_use]
    pub fn takes(&self, contender: &Contender) -> bool {
        self.excludes(contender).is_none()
    }

    /// Why a contender takes no part in it; none if it does.
    #[must_use]
    pub fn excludes(&self, contender: &Contender) -> Option<Excluded> {
        if !contender.is_among(self.models.as_deref()) {
            return Some(Excluded::NotNamed);
        }
        let operations = self.load_for(contender).operations();
        if let Some(operation) = operations
            .into_iter()
            .find(|operation| !contender.operations.contains(operation))
        {
            return Some(Excluded::CannotAnswer(operation));
        }
        if !contender.built_in && !self.flags.is_empty() {
            return Some(Excluded::NeedsFlags);
        }
        let mut missing =
            self.needs
                .iter()
                .filter_map(|capability| match contender.capabilities.has(capability) {
                    Some(true) => None,
                    Some(false) => Some(Excluded::Lacks(capability.clone())),
                    None => Some(Excluded::Unknown(capability.clone())),
                });
        missing.next()
    }

    /// What is asked of this contender.
    #[must_use]
    pub fn load_for(&self, contender: &Contender) -> Load {
        let own = self.last_given(contender, |case| case.load.as_ref());
        let mut load = own.unwrap_or(&self.load).clone();
        if load.limit_to_served {
            let served = contender.capabilities.serves_at_most(self.workers_for(contender));
            load.connections = served.map_or(load.connections, |served| load.connections.min(served));
        }
        load
    }

    /// The flags that this contender is started with.
    #[must_use]
    pub fn flags_for(&self, contender: &Contender) -> Vec<String> {
        let mut flags = self.flags.clone();
        if let Some(workers) = self.workers_for(contender) {
            flags.extend(["--workers".to_owned(), workers.to_string()]);
        }
        let accept = self.last_given(contender, |case| case.accept.as_ref());
        let known = accept.or(self.accept.as_ref()).filter(|accept| {
            let capability = Capability::Accept((*accept).clone());
            contender.capabilities.has(&capability) == Some(true)
        });
        if let Some(accept) = known {
            flags.extend(["--accept".to_owned(), accept.clone()]);
        }
        flags
    }

    /// The number of workers that this contender is started with, if it has workers and the setting gives a number.
    #[must_use]
    pub fn workers_for(&self, contender: &Contender) -> Option<u16> {
        contender.capabilities.workers?;
        let own = self.last_given(contender, |case| case.workers.as_ref());
        own.or(self.workers.as_ref()).copied()
    }

    /// The value of the last case that applies and gives one.
    fn last_given<'a, T>(
        &'a self,
        contender: &Contender,
        value: impl Fn(&'a Case) -> Option<&'a T>,
    ) -> Option<&'a T> {
        let applying = self.cases.iter().filter(|case| case.applies_to(contender));
        applying.filter_map(value).next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Capabilities;
    use crate::contender::Ready;
    use crate::model::{Serves, WorkerKind, Workers};

    fn contender(name: &str, serves: Option<Serves>, workers: Option<u16>) -> Contender {
        let workers = workers.map(|default| Workers {
            kind: WorkerKind::Processes,
            default,
        });
        Contender {
            name: name.to_owned(),
            build: None,
            command: vec![name.to_owned()],
            folder: "bin".into(),
            built: std::path::PathBuf::new(),
            ready: Ready::Line,
            ready_within_ms: 1000,
            operations: vec!["ping".to_owned()],
            built_in: true,
            capabilities: Capabilities {
                serves,
                workers,
                accept: workers.map(|_| vec!["shared".to_owned()]),
                ..Capabilities::default()
            },
        }
    }

    fn setting() -> Setting {
        Setting {
            key: "a".to_owned(),
            title: "a".to_owned(),
            x: None,
            panel: None,
            needs: Vec::new(),
            models: None,
            flags: Vec::new(),
            workers: None,
            accept: None,
            profiles: Vec::new(),
            window_ms: None,
            workload: None,
            load: Load {
                limit_to_served: true,
                ..Load::default()
            },
            cases: Vec::new(),
        }
    }

    fn case(has: &[&str]) -> Case {
        Case {
            has: has.iter().map(|name| name.parse().unwrap()).collect(),
            models: None,
            load: None,
            workers: None,
            accept: None,
        }
    }

    #[test]
    fn connections_are_limited_to_those_served_at_once() {
        let one = contender("alpha", Some(Serves::One), None);
        let workers = contender("beta", Some(Serves::Workers), Some(10));
        let many = contender("gamma", Some(Serves::Many), None);
        let unknown = contender("delta", None, None);
        let connections = |setting: &Setting| {
            [&one, &workers, &many, &unknown].map(|who| setting.load_for(who).connections)
        };
        let mut setting = setting();
        assert_eq!(connections(&setting), [1, 10, 64, 64]);
        setting.workers = Some(4);
        assert_eq!(connections(&setting), [1, 4, 64, 64]);
        setting.load.limit_to_served = false;
        assert_eq!(connections(&setting), [64; 4]);
    }

    #[test]
    fn flags_go_to_servers_that_take_them() {
        let mut setting = setting();
        setting.flags = vec!["--two-writes".to_owned()];
        setting.workers = Some(4);
        setting.accept = Some("shared".to_owned());
        let flags = |setting: &Setting, who: &Contender| setting.flags_for(who).join(" ");
        let workers = contender("beta", Some(Serves::Workers), Some(10));
        let without = contender("alpha", Some(Serves::Many), None);
        assert_eq!(
            flags(&setting, &workers),
            "--two-writes --workers 4 --accept shared"
        );
        assert_eq!(flags(&setting, &without), "--two-writes");
        setting.accept = Some("reuseport".to_owned());
        assert_eq!(flags(&setting, &workers), "--two-writes --workers 4");
    }

    #[test]
    fn the_last_case_that_gives_a_value_counts() {
        let mut setting = setting();
        let few = Load {
            connections: 3,
            ..setting.load.clone()
        };
        setting.cases = vec![
            Case {
                workers: Some(8),
                load: Some(few),
                ..case(&["workers"])
            },
            Case {
                workers: Some(2),
                ..case(&["serves:many", "workers"])
            },
            Case {
                workers: Some(9),
                models: Some(vec!["other".to_owned()]),
                ..case(&[])
            },
        ];
        let loops = contender("gamma", Some(Serves::Many), Some(1));
        assert_eq!(setting.flags_for(&loops), ["--workers", "2"]);
        assert_eq!(setting.load_for(&loops).connections, 3);
        let prepared = contender("beta", Some(Serves::Workers), Some(1));
        assert_eq!(setting.flags_for(&prepared), ["--workers", "8"]);
        let without = contender("alpha", Some(Serves::Many), None);
        assert_eq!(setting.load_for(&without).connections, 64);
    }

    #[test]
    fn who_takes_no_part_gets_the_reason() {
        let mut setting = setting();
        setting.needs = vec![Capability::Workers];
        let reason =
            |setting: &Setting, who: &Contender| setting.excludes(who).map(|reason| reason.to_string());
        let with = contender("beta", Some(Serves::Many), Some(2));
        let mut without = contender("alpha", Some(Serves::Many), None);
        assert_eq!(reason(&setting, &with), None);
        assert_eq!(reason(&setting, &without).unwrap(), "it lacks workers");
        without.capabilities = Capabilities::default();
        assert_eq!(
            reason(&setting, &without).unwrap(),
            "whether it has workers is unknown; give workers in the contenders file"
        );
        setting.needs.clear();
        assert_eq!(reason(&setting, &without), None);
        setting.flags = vec!["--two-writes".to_owned()];
        without.built_in = false;
        assert_eq!(setting.excludes(&without), Some(Excluded::NeedsFlags));
        setting.load.op = "pi".to_owned();
        assert_eq!(reason(&setting, &with).unwrap(), "it does not answer pi");
        setting.models = Some(vec!["other".to_owned()]);
        assert_eq!(setting.excludes(&with), Some(Excluded::NotNamed));
    }
}
