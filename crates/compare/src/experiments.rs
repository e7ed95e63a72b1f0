//! What is asked of every model: an experiment asks a question, in one setting or more.

use loadgen::{Params, Plan, Work};
use serde::{Deserialize, Serialize};

use std::net::SocketAddr;

/// A question, and the settings that answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Experiment {
    /// Its name on the command line.
    pub(crate) key: String,
    /// What it answers.
    pub(crate) question: String,
    /// A table for each.
    pub(crate) settings: Vec<Setting>,
}

/// What the load is in a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// Its name in records.
    pub(crate) key: String,
    /// The heading of its table.
    pub(crate) title: String,
    /// How many connections are open at once.
    pub(crate) connections: usize,
    /// After how many requests a connection is closed and another opened.
    pub(crate) requests_per_connection: Option<u64>,
}

/// All experiments, in the order of the report.
pub(crate) fn all() -> Vec<Experiment> {
    vec![
        Experiment {
            key: "request-cost".to_owned(),
            question: "What does a request cost each model, alone and among many connections?".to_owned(),
            settings: vec![
                Setting {
                    key: "ping-1".to_owned(),
                    title: "1 connection".to_owned(),
                    connections: 1,
                    requests_per_connection: None,
                },
                Setting {
                    key: "ping-64".to_owned(),
                    title: "64 connections".to_owned(),
                    connections: 64,
                    requests_per_connection: None,
                },
            ],
        },
        Experiment {
            key: "connection-cost".to_owned(),
            question: "What does a connection cost each model?".to_owned(),
            settings: vec![Setting {
                key: "connect-64".to_owned(),
                title: "64 at once, a new connection for each request".to_owned(),
                connections: 64,
                requests_per_connection: Some(1),
            }],
        },
    ]
}

/// The experiment of this name, for a list of them on the command line.
pub(crate) fn named(name: &str) -> Result<Experiment, String> {
    let all = all();
    let keys: Vec<_> = all.iter().map(|experiment| experiment.key.clone()).collect();
    all.into_iter()
        .find(|experiment| experiment.key == name)
        .ok_or_else(|| format!("there is no such experiment; choose from {}", keys.join(", ")))
}

impl Setting {
    /// The load on this server: a closed loop of pings, each with a value of its own.
    pub(crate) fn load(&self, target: SocketAddr) -> Plan {
        let work = Work::new("ping", Params::Unique).expect("a ping takes any value");
        Plan {
            requests_per_connection: self.requests_per_connection,
            ..Plan::closed_loop(target, self.connections, work)
        }
    }
}
