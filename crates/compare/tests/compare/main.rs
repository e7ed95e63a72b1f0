//! The program as its users run it.

mod check;
mod endings;
mod into;
mod run;
mod support;
mod usage;
