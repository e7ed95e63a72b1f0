//! The program as its users run it.

mod check;
mod contenders;
mod endings;
mod faults;
mod into;
mod kept;
mod lacking;
mod resume;
mod run;
mod script;
mod support;
mod usage;
