//! Who takes part: the models of this house, and whatever else speaks the wire.

pub(crate) mod file;
pub(crate) mod models;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

pub(crate) use schema::contender::{ADDRESS, Contender, LeftOut, Ready, ready_within_ms};

use models::Model;

/// A model of this house, whose program lies in this folder.
pub(crate) fn of_model(model: Model, folder: &Path) -> Contender {
    Contender {
        name: model.name.to_owned(),
        command: vec![
            format!("server-{}", model.name),
            "--listen".to_owned(),
            ADDRESS.to_owned(),
        ],
        folder: folder.to_owned(),
        ready: Ready::Line,
        ready_within_ms: ready_within_ms(),
        operations: models::OPERATIONS.map(str::to_owned).to_vec(),
        house: true,
    }
}

/// The program: that of its folder if it lies there, else what the system finds by its name.
pub(crate) fn program(contender: &Contender) -> PathBuf {
    let name = &contender.command[0];
    let here = contender.folder.join(name);
    if here.is_file() { here } else { PathBuf::from(name) }
}
