//! Contenders that take no part in single experiments.

use crate::contender::{Contender, LeftOutOf};
use schema::experiment::{Excluded, Experiment};

/// The contenders that take no part in an experiment, or in some of its settings, for a reason that their file can change:
/// nobody knows whether they have what it needs, or they do not answer it. Built-in models describe all of that.
pub(super) fn left_out_of(experiments: &[Experiment], contenders: &[Contender]) -> Vec<LeftOutOf> {
    let mut found: Vec<LeftOutOf> = Vec::new();
    for contender in contenders.iter().filter(|contender| !contender.built_in) {
        for experiment in experiments {
            for (place, reason) in places(experiment, contender) {
                let same = found
                    .iter_mut()
                    .find(|other| other.name == contender.name && other.reason == reason);
                match same {
                    Some(other) => other.experiments.push(place),
                    None => found.push(LeftOutOf {
                        name: contender.name.clone(),
                        experiments: vec![place],
                        reason,
                    }),
                }
            }
        }
    }
    found
}

/// The experiment, or else its settings, that a contender takes no part in, and why.
fn places(experiment: &Experiment, contender: &Contender) -> Vec<(String, String)> {
    let reasons: Vec<_> = experiment
        .settings
        .iter()
        .filter_map(|setting| match setting.excludes(contender)? {
            Excluded::NotNamed | Excluded::Lacks(_) => None,
            reason => Some((setting, reason.to_string())),
        })
        .collect();
    match reasons.first() {
        Some((_, first))
            if reasons.len() == experiment.settings.len()
                && reasons.iter().all(|(_, reason)| reason == first) =>
        {
            vec![(experiment.key.clone(), first.clone())]
        }
        _ => {
            let settings = reasons.into_iter();
            let place = |key: &str| format!("{}/{key}", experiment.key);
            settings
                .map(|(setting, reason)| (place(&setting.key), reason))
                .collect()
        }
    }
}

/// It in a line.
pub(super) fn line(out: &LeftOutOf) -> String {
    format!(
        "{} is left out of {}: {}",
        out.name,
        out.experiments.join(", "),
        out.reason
    )
}

#[cfg(test)]
mod tests {
    use schema::capability::Capabilities;

    use super::*;
    use crate::contender::samples;
    use crate::experiment;

    fn experiment(key: &str, before: &str, settings: &str) -> Experiment {
        let text = format!(
            "key = {key:?}\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"p99_us\"\n{before}\n{settings}"
        );
        experiment::parse(&text).unwrap()
    }

    #[test]
    fn contenders_of_unknown_capabilities_are_reported() {
        let mut hers = samples::contenders().remove(3);
        hers.name = "hers".to_owned();
        hers.built_in = false;
        let setting = "[[setting]]\nkey = \"a\"\ntitle = \"a\"";
        let needing = ["one", "two"].map(|key| experiment(key, "needs = \"isolated-crash\"", setting));
        assert!(left_out_of(&needing, &[hers.clone()]).is_empty());
        hers.capabilities = Capabilities::default();
        let out = left_out_of(&needing, &[hers]);
        let lines: Vec<_> = out.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "hers is left out of one, two: whether it has isolated-crash is unknown; give crash_loses in the contenders file"
            ]
        );
    }

    #[test]
    fn a_setting_that_a_contender_can_not_answer_is_reported() {
        let mut hers = samples::contenders().remove(0);
        hers.operations = vec!["ping".to_owned()];
        let settings = "[[setting]]\nkey = \"a\"\ntitle = \"a\"\n[[setting]]\nkey = \"b\"\ntitle = \"b\"\n\
                        load = { op = \"sleep\", params = 1 }";
        let mixed = [experiment("mixed", "", settings)];
        assert!(
            left_out_of(&mixed, &[hers.clone()]).is_empty(),
            "models describe themselves"
        );
        hers.built_in = false;
        let out = left_out_of(&mixed, &[hers]);
        assert_eq!(out[0].experiments, ["mixed/b"]);
        assert_eq!(out[0].reason, "it does not answer sleep");
    }
}
