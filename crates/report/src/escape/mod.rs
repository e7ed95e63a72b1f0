//! Escaping of texts from outside, for each place where they go: names and texts in files, commands, what servers print.

pub(crate) mod csv;
pub mod markdown;
pub(crate) mod markup;
