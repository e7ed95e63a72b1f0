//! The program as its users run it.

mod endings;
mod run;
mod support;
mod usage;
