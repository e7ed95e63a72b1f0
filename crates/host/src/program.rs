//! Where a contender's program is.

use std::env;
use std::path::PathBuf;

use schema::contender::Contender;

/// A contender's program: the one in its folder if there is one, else whatever the system finds by that name.
#[must_use]
pub fn program(contender: &Contender) -> PathBuf {
    program_named(contender, &contender.program())
}

/// The program of this name, as a contender's commands find it.
#[must_use]
pub fn program_named(contender: &Contender, name: &str) -> PathBuf {
    let here = contender.folder.join(name);
    if here.is_file() { here } else { PathBuf::from(name) }
}

/// Whether the program of this name, in a command of the contender, is installed: in the contender's folder, or where the
/// system looks for programs.
#[must_use]
pub fn is_installed(contender: &Contender, name: &str) -> bool {
    let program = program_named(contender, name);
    if program.components().count() > 1 {
        return program.is_file();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(&program).is_file())
}
