//! Where a contender's program is.

use std::path::PathBuf;

use schema::contender::Contender;

/// A contender's program: the one in its folder if there is one, else whatever the system finds by that name.
#[must_use]
pub fn program(contender: &Contender) -> PathBuf {
    let name = &contender.command[0];
    let here = contender.folder.join(name);
    if here.is_file() { here } else { PathBuf::from(name) }
}
