//! The values of `--accept` that experiments name. A misspelt one would start no server otherwise than without it.

use std::collections::BTreeSet;

use schema::capability::Capability;
use schema::experiment::{Experiment, Setting};

/// Why the experiments can't be measured, if one of them names a value that no server is known to take. `taken` are the values
/// of the servers found, and `shipped` the experiments of this program, which may name values of servers that are not there.
pub(super) fn unknown_value<'a>(
    experiments: &[Experiment],
    taken: impl Iterator<Item = &'a str>,
    shipped: &'a [Experiment],
) -> Option<String> {
    let in_shipped = shipped.iter().flat_map(values).map(|(_, value)| value);
    let known: BTreeSet<_> = taken.chain(in_shipped).collect();
    experiments.iter().find_map(|experiment| {
        let (setting, value) = values(experiment).find(|(_, value)| !known.contains(value))?;
        let known: Vec<_> = known.iter().copied().collect();
        Some(format!(
            "setting {:?} of {} has accept {value:?}, which no model and no contender takes; use one of {}",
            setting.key,
            experiment.key,
            known.join(", ")
        ))
    })
}

/// All values that an experiment names, each with its setting.
fn values(experiment: &Experiment) -> impl Iterator<Item = (&Setting, &str)> {
    experiment.settings.iter().flat_map(|setting| {
        let of_cases = setting.cases.iter().filter_map(|case| case.accept.as_ref());
        let flags = setting.accept.iter().chain(of_cases);
        let has = setting.cases.iter().flat_map(|case| &case.has);
        let needed = setting.needs.iter().chain(has);
        let needed = needed.filter_map(|capability| match capability {
            Capability::Accept(value) => Some(value),
            _ => None,
        });
        flags.chain(needed).map(move |value| (setting, &**value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{parse, shipped};

    /// What is wrong with an experiment with these lines in its setting, where servers take these values.
    fn refused(before: &str, within: &str, taken: &[&str]) -> Option<String> {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"mean_us\"\n{before}\n\
             [[setting]]\nkey = \"a\"\ntitle = \"a\"\n{within}"
        );
        unknown_value(&[parse(&text).unwrap()], taken.iter().copied(), &shipped::all())
    }

    #[test]
    fn a_value_that_nobody_takes_is_refused() {
        for (before, within) in [
            ("", "accept = \"reusport\""),
            ("accept = \"reusport\"", ""),
            ("", "needs = \"accept:reusport\""),
            ("[[where]]\nhas = \"accept:reusport\"\nworkers = 2", ""),
            ("[[where]]\nhas = \"workers\"\naccept = \"reusport\"", ""),
        ] {
            let message = refused(before, within, &["other"]).unwrap();
            for part in [
                "\"a\" of mine",
                "\"reusport\"",
                "use one of other, reuseport, shared",
            ] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
    }

    #[test]
    fn a_value_of_any_server_is_accepted() {
        assert_eq!(refused("", "accept = \"other\"", &["other"]), None);
        assert_eq!(refused("", "", &[]), None);
        // A server that takes it need not be there.
        assert_eq!(refused("", "accept = \"reuseport\"", &[]), None);
        assert_eq!(
            unknown_value(&shipped::all(), std::iter::empty(), &shipped::all()),
            None
        );
    }
}
