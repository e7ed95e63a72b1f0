//! Builds the result of a run from the plan and the counts.

mod checks;

use schema::load::{
    BackgroundConnections, CLIENT_BUSY_MOST, Checks, Client, ClientPauses, Fairness, LoopKind, Options,
    Outage, Part, Report, SCHEMA, StageResult, Within,
};

use crate::histogram::quantiles;
use crate::outages::Outages;
use crate::pauses;
use crate::plan::{Load, Plan};
use crate::slices::Aggregator;
use crate::tally::Tally;

/// Builds the result of a run.
pub(crate) fn build(
    plan: &Plan,
    tally: &Tally,
    aggregator: &Aggregator,
    background: Option<BackgroundConnections>,
) -> Report {
    let window_s = tally.window.as_secs_f64();
    let completed = tally.completed as f64;
    let is_open = matches!(plan.load, Load::Open { .. });
    let times = &aggregator.whole;
    let latency_us = quantiles(&times.latency);
    let throughput_per_s = if window_s > 0.0 { completed / window_s } else { 0.0 };
    let parts = plan.work.parts().zip(&tally.parts);
    Report {
        schema: SCHEMA,
        loop_kind: if is_open { LoopKind::Open } else { LoopKind::Closed },
        target: plan.target.to_string(),
        addresses: {
            let opened = plan.target.addresses().iter().zip(&tally.opened_to);
            let used = opened.filter(|&(_, &count)| count > 0);
            used.map(|(address, _)| address.to_string()).collect()
        },
        options: options(plan),
        window_s,
        throughput_per_s,
        requests: tally.requests,
        backlog: is_open.then_some(tally.backlog),
        overloaded: is_open
            .then(|| tally.completed > 0 && tally.backlog.outgrew(&tally.requests, tally.pauses.requests)),
        connections: tally.connections(plan.connections as u64),
        latency_us,
        within: plan.within.map(|bound| Within {
            bound_us: bound.as_secs_f64() * 1e6,
            ok: tally.within,
        }),
        service_us: if is_open {
            quantiles(&times.service)
        } else {
            latency_us
        },
        send_delay_us: quantiles(&times.send_delay),
        connecting_us: quantiles(&tally.connecting),
        parts: parts
            .map(|(op, latency)| Part {
                op: op.to_owned(),
                latency_us: quantiles(latency),
            })
            .collect(),
        fairness: Fairness::from_served(&tally.served),
        background,
        client: Client {
            cpu_us_per_request: (tally.completed > 0).then(|| tally.cpu.as_secs_f64() * 1e6 / completed),
            busy: tally.busiest().busy,
            waited: tally.busiest().waited,
            busy_each: tally.threads.iter().map(|time| time.busy).collect(),
            threads: plan.threads,
        },
        client_pauses: Some(ClientPauses {
            bound_us: pauses::bound(plan.timeout).as_secs_f64() * 1e6,
            count: tally.pauses.count,
            longest_us: tally.pauses.longest_ns as f64 / 1e3,
            requests: tally.pauses.requests,
        }),
        checks: Checks {
            little: checks::little(tally),
            accounting: tally.requests.add_up(),
            arrivals: checks::arrivals(&tally.gaps),
            client_limited: Some(
                tally.busiest().taken() > CLIENT_BUSY_MOST || checks::is_near_ceiling(plan, throughput_per_s),
            ),
            late_share: latency_us.and_then(|latency| checks::late_share(&times.send_delay, latency.p50?)),
            // With a changing rate the latency changes too.
            drift: aggregator.drift().filter(|_| plan.stages.is_empty()),
        },
        stages: stage_results(plan, aggregator),
        intervals: aggregator.intervals.clone(),
        failures: tally.failures(),
        outage: outage(&tally.outages),
        ended_early: tally.ended_early.clone(),
    }
}

fn options(plan: &Plan) -> Options {
    let (rate_per_s, arrivals, pacing) = match plan.load {
        Load::Closed => (None, None, None),
        Load::Open {
            rate_per_s,
            arrivals,
            pacing,
        } => (
            plan.stages.is_empty().then_some(rate_per_s),
            Some(arrivals.to_string()),
            Some(pacing.to_string()),
        ),
    };
    Options {
        connections: plan.connections,
        threads: plan.threads,
        rate_per_s,
        arrivals,
        pacing,
        seed: plan.seed,
        duration_s: plan.requests.is_none().then(|| plan.window().as_secs_f64()),
        requests: plan.requests,
        warmup_s: plan.warmup.as_secs_f64(),
        op: plan.work.operation(),
        params: plan.work.fixed_params(),
        payload_bytes: plan.work.payload_bytes(),
        mix: plan.work.mix_parts(),
        pipeline: plan.pipeline,
        requests_per_connection: plan.requests_per_connection,
        idle: plan.idle,
        silent: plan.silent,
        timeout_s: plan.timeout.as_secs_f64(),
        wait_for_server_s: plan.wait_for_server.as_secs_f64(),
        ride_out_s: plan.ride_out.as_secs_f64(),
        two_writes: plan.two_writes,
        cpus: plan.cpus.clone(),
    }
}

/// The results of the stages that began.
fn stage_results(plan: &Plan, aggregator: &Aggregator) -> Vec<StageResult> {
    let mut starts_s = 0.0;
    let stages = plan.stages.iter().zip(&aggregator.stages);
    let results = stages.map(|(stage, totals)| {
        let ends_s = totals.ends.as_secs_f64();
        let length_s = ends_s - starts_s;
        let result = StageResult {
            name: stage.name.clone(),
            from_per_s: stage.from_per_s,
            to_per_s: stage.to_per_s,
            starts_s,
            ends_s,
            due: totals.due,
            ok: totals.ok,
            failed: totals.failed,
            throughput_per_s: if length_s > 0.0 {
                totals.ok as f64 / length_s
            } else {
                0.0
            },
            latency_us: totals.latency_us,
        };
        starts_s = ends_s;
        result
    });
    results.collect()
}

fn outage(outages: &Outages) -> Option<Outage> {
    let lengths: Vec<_> = outages.lengths_ns().map(|ns| ns as f64 / 1e9).collect();
    (!lengths.is_empty()).then(|| Outage {
        count: lengths.len() as u64,
        total_s: lengths.iter().sum(),
        longest_s: lengths.iter().copied().fold(0.0, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::plan::RIDE_OUT_USUAL;
    use crate::work::{Params, Work};

    #[test]
    fn an_older_result_has_the_usual_time_to_ride_out() {
        let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let plan = Plan::closed_loop(target, 1, Work::new("ping", Params::Unique).unwrap());
        let mut json = serde_json::to_value(options(&plan)).unwrap();
        json.as_object_mut().unwrap().remove("ride_out_s");
        let read: Options = serde_json::from_value(json).unwrap();
        assert!((read.ride_out_s - RIDE_OUT_USUAL.as_secs_f64()).abs() < 1e-9);
    }
}
