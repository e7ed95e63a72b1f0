//! Who takes part: the built-in models, found as programs that describe themselves, and whatever else speaks the wire.

pub(crate) mod build;
pub(crate) mod discover;
pub(crate) mod file;

use std::path::{Path, PathBuf};

use schema::contender::ready_within_ms;
use schema::model::Description;

pub(crate) use schema::contender::{ADDRESS, BUILT, Contender, LeftOut, LeftOutOf, Ready};

/// What begins the name of a built-in model's program.
pub(crate) const PROGRAM_PREFIX: &str = "server-";

/// What means all models in a list of models. No contender may have that name.
pub(crate) const ALL: &str = "all";
/// What means those of the article. No contender may have that name.
pub(crate) const ARTICLE: &str = "article";
/// What means the other ones. No contender may have that name.
pub(crate) const FURTHER: &str = "further";

/// The operations that built-in models answer.
pub(crate) const OPERATIONS: [&str; 7] = ["ping", "pi", "spin", "sleep", "block", "blob", "work"];

/// The built-in model of this description, whose program lies in this folder.
pub(crate) fn built_in(description: Description, folder: &Path) -> Contender {
    Contender {
        name: description.name.clone(),
        build: None,
        command: vec![
            format!("{PROGRAM_PREFIX}{}", description.name),
            "--listen".to_owned(),
            ADDRESS.to_owned(),
        ],
        folder: folder.to_owned(),
        built: PathBuf::new(),
        ready: Ready::Line,
        ready_within_ms: ready_within_ms(),
        operations: OPERATIONS.map(str::to_owned).to_vec(),
        built_in: true,
        capabilities: description.into(),
    }
}

/// Descriptions for tests, under invented names.
#[cfg(test)]
pub(crate) mod samples;
