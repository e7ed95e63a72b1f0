//! Experiments: those that this program contains ([`shipped`]), and those of a user. Each is a TOML file.
//!
//! `docs/EXPERIMENTS.md` lists the keys of such a file.

mod checks;
mod error;
mod file;
mod on_cpus;
pub(crate) mod shipped;

use std::path::Path;

pub(crate) use file::parse;
pub(crate) use on_cpus::on_cpus;
pub(crate) use schema::experiment::{Experiment, Setting};

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
                "no experiment has that name; use one of {}, or a .toml file",
                keys.join(", ")
            )
        })
}
