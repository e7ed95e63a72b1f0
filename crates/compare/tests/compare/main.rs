//! The program as its users run it.

mod endings;
mod golden;
mod run;
mod support;
mod usage;
