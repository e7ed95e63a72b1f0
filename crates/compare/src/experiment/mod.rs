//! Experiments: those that this program has with it ([`shipped`]), and those of a user, each a TOML file.
//!
//! `docs/EXPERIMENTS.md` says what may stand in one.

mod checks;
mod file;
pub(crate) mod shipped;

use std::path::Path;

pub(crate) use file::parse;
pub(crate) use schema::experiment::{Experiment, Load, Method, Setting};

/// The experiment that was asked for on the command line: a shipped one by its name, or a TOML file.
pub(crate) fn asked(name: &str) -> Result<Experiment, String> {
    if Path::new(name).extension().is_some_and(|ending| ending == "toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("can't read it: {error}"))?;
        return parse(&text).map_err(|error| error.to_string());
    }
    let all = shipped::all();
    let keys: Vec<_> = all.iter().map(|experiment| experiment.key.clone()).collect();
    all.into_iter()
        .find(|experiment| experiment.key == name)
        .ok_or_else(|| {
            format!(
                "there is no such experiment; choose from {}, or give a file that ends in .toml",
                keys.join(", ")
            )
        })
}
