//! What is asked of each server.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use loadgen::{Arrivals, Load, Pacing, Params, Plan, Work, rate};
use schema::trace::Workload;
use serde_json::Value;

use crate::cmd::Usage;

/// More are not readable in a picture.
const CONNECTIONS_MOST: i64 = 64;
const REQUESTS_MOST: i64 = 1000;
/// strace makes a server many times slower, so this is long.
const TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_USUAL: &str = "work";
const PARAMS_USUAL: &str = r#"{"cpu_us":300,"wait_ms":1}"#;

/// The flags of the load.
#[derive(Args)]
pub(super) struct AskedFlags {
    /// Operation of the requests: ping, pi, spin, sleep, block, blob or work
    #[arg(long, value_name = "OP", default_value = OPERATION_USUAL)]
    op: String,

    /// Its parameters; without it, work computes for 300 µs and waits for 1 ms, and the others do what is usual
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    params: Option<String>,

    /// Connections, from 1 to 64
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=CONNECTIONS_MOST))]
    connections: u16,

    /// Requests on all connections together, from 1 to 1000: a multiple of the connections
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=REQUESTS_MOST))]
    requests: u16,

    /// Requests/s of an open loop with equal gaps, such as 1k; without it, each connection sends its next when it has a reply
    #[arg(long, value_name = "RATE", value_parser = rate::parse)]
    rate: Option<f64>,

    /// Workers of the models that have them, from 1 to 64
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
}

/// What is asked of each server.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    work: Work,
    connections: usize,
    /// On each connection.
    share: u64,
    rate_per_s: Option<f64>,
    pub(super) workers: u16,
    /// The operation of all requests.
    pub(super) operation: String,
}

impl AskedFlags {
    /// What they ask for, if it can be done.
    pub(super) fn read(&self) -> Result<Asked, Usage> {
        let params = match &self.params {
            Some(text) => Params::Json(text.clone()),
            None if self.op == OPERATION_USUAL => Params::Json(PARAMS_USUAL.to_owned()),
            None => Params::Unique,
        };
        let work = Work::new(&self.op, params).map_err(|error| Usage(error.to_string()))?;
        let (connections, requests) = (self.connections, self.requests);
        if !requests.is_multiple_of(connections) {
            let below = requests / connections * connections;
            let nearest = match below {
                0 => connections.to_string(),
                below => format!("{below} or {}", below + connections),
            };
            return Err(Usage(format!(
                "--requests is {requests}, which {connections} connections can't share equally; use {nearest}"
            )));
        }
        let asked = Asked {
            work,
            connections: connections.into(),
            share: (requests / connections).into(),
            rate_per_s: self.rate,
            workers: self.workers,
            operation: self.op.clone(),
        };
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let fault = asked.plan(anywhere, Vec::new()).check();
        fault.map_err(|error| Usage(error.to_string()))?;
        Ok(asked)
    }
}

impl Asked {
    /// The load on the server at this address, by one thread on these CPUs.
    pub(super) fn plan(&self, target: SocketAddr, cpus: Vec<usize>) -> Plan {
        let load = self.rate_per_s.map_or(Load::Closed, |rate_per_s| Load::Open {
            rate_per_s,
            arrivals: Arrivals::Uniform,
            pacing: Pacing::Hybrid,
        });
        Plan {
            load,
            requests: Some(self.requests()),
            requests_per_connection: Some(self.share),
            replace_spent: false,
            warmup: Duration::ZERO,
            timeout: TIMEOUT,
            cpus,
            marks: true,
            ..Plan::closed_loop(target, self.connections, self.work.clone())
        }
    }

    /// It as a trace has it.
    pub(super) fn workload(&self) -> Workload {
        let params = self.work.fixed_params();
        let params = params.and_then(|text| serde_json::from_str(&text).ok());
        Workload {
            op: self.operation.clone(),
            params: params.unwrap_or(Value::Null),
            connections: self.connections,
            requests: self.requests(),
            rate_per_s: self.rate_per_s,
        }
    }

    fn requests(&self) -> u64 {
        self.share * self.connections as u64
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        asked: AskedFlags,
    }

    fn read(flags: &str) -> Result<Asked, String> {
        let words = std::iter::once("trace").chain(flags.split_whitespace());
        let command = Command::try_parse_from(words).map_err(|error| error.to_string())?;
        command.asked.read().map_err(|error| error.to_string())
    }

    #[test]
    fn each_connection_has_an_equal_share() {
        for (flags, connections, share) in [
            ("", 4, 2),
            ("--connections 1 --requests 7", 1, 7),
            ("--connections 64 --requests 64", 64, 1),
        ] {
            let asked = read(flags).unwrap();
            assert_eq!((asked.connections, asked.share), (connections, share), "{flags}");
        }
        for (flags, advice) in [
            ("--requests 9", "use 8 or 12"),
            ("--requests 3", "use 4"),
            ("--connections 5", "use 5 or 10"),
        ] {
            let fault = read(flags).unwrap_err();
            assert!(fault.ends_with(advice), "{fault}");
        }
    }

    #[test]
    fn each_operation_has_usual_parameters() {
        let params = |flags: &str| read(flags).unwrap().workload().params;
        assert_eq!(params(""), serde_json::json!({"cpu_us": 300, "wait_ms": 1}));
        assert_eq!(params("--op sleep"), serde_json::json!(10));
        assert_eq!(params("--op sleep --params 3"), serde_json::json!(3));
        assert_eq!(params("--op ping"), Value::Null, "each has its own");
        assert_eq!(params("--op ping --params -1.5"), serde_json::json!(-1.5));
    }

    #[test]
    fn the_plan_leaves_spent_connections_closed() {
        let asked = read("--rate 2k").unwrap();
        let plan = asked.plan(SocketAddr::from(([127, 0, 0, 1], 1)), vec![3]);
        assert!(plan.marks && !plan.replace_spent);
        assert_eq!((plan.requests, plan.requests_per_connection), (Some(8), Some(2)));
        let Load::Open {
            rate_per_s, arrivals, ..
        } = plan.load
        else {
            panic!("{:?}", plan.load);
        };
        assert_eq!((rate_per_s, arrivals), (2_000.0, Arrivals::Uniform));
    }
}
