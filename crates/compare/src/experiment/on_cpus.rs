//! An experiment on the CPUs of a run: a rate for each CPU becomes the rate that is offered.

use schema::experiment::{Experiment, Setting};

use report::numbers;

/// What stands for the offered rate in the title of a setting and of its workload.
pub(super) const RATE: &str = "{rate}";

/// The experiment on servers with so many CPUs. In titles the offered rate is filled in, and a setting without a place on the
/// axis has its rate there.
pub(crate) fn on_cpus(experiment: &Experiment, cpus: usize) -> Experiment {
    let settings = experiment.settings.iter().map(|setting| {
        let mut setting = Setting {
            load: setting.load.on_cpus(cpus),
            x: setting
                .x
                .or_else(|| setting.load.on_cpus(cpus).known_rate_per_s()),
            ..setting.clone()
        };
        for case in &mut setting.cases {
            case.load = case.load.as_ref().map(|load| load.on_cpus(cpus));
        }
        if let Some(rate_per_s) = setting.load.known_rate_per_s() {
            let rate = numbers::count(rate_per_s);
            setting.title = setting.title.replace(RATE, &rate);
            if let Some(workload) = &mut setting.workload {
                workload.title = workload.title.replace(RATE, &rate);
            }
        }
        setting
    });
    Experiment {
        settings: settings.collect(),
        ..experiment.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::file::parse;

    #[test]
    fn a_rate_for_each_cpu_becomes_the_offered_rate() {
        let text = r#"
            key = "mine"
            title = "Mine"
            question = "?"
            setup = "-"
            headline = "mean_us"
            axis = { title = "offered rate, requests/s" }
            [[where]]
            has = "serves:one"
            load = { connections = 1 }
            [[setting]]
            key = "a"
            title = "{rate} requests/s"
            load = { rate_per_s_per_cpu = 12500.0 }
            [setting.workload]
            title = "at {rate}/s"
            [[setting]]
            key = "b"
            title = "half"
            x = 0.5
            load = { capacity = 0.5 }
        "#;
        let asked = parse(text).unwrap();
        let [first, second] = &on_cpus(&asked, 4).settings[..] else {
            panic!("it has two settings")
        };
        assert_eq!((&*first.title, first.x), ("50,000 requests/s", Some(50_000.0)));
        assert_eq!(first.load.rate_per_s, Some(50_000.0));
        assert_eq!(first.workload.as_ref().unwrap().title, "at 50,000/s");
        let case = first.cases[0].load.as_ref().unwrap();
        assert_eq!((case.connections, case.rate_per_s), (1, Some(50_000.0)));
        assert_eq!(second, &asked.settings[1]);
    }
}
