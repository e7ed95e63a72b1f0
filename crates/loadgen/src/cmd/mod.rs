//! One file per subcommand, and what they share.

pub(crate) mod calibrate;
pub(crate) mod call;
mod fail_if;
mod format;
mod live;
mod output;
mod placement;
pub(crate) mod run;
pub(crate) mod selftest;
mod signals;
mod stages;
pub(crate) mod streams;
mod text;
pub(crate) mod usage;
mod values;
