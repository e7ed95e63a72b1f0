//! The program as its users run it.

mod check;
mod comparing;
mod contenders;
mod copies;
mod discovery;
mod endings;
mod faults;
mod hostile;
mod in_time;
mod inherited;
mod into;
mod kept;
mod labels;
mod lacking;
mod locked;
mod lossy;
mod pages;
mod printed;
mod resume;
mod run;
mod script;
mod streams;
mod support;
mod survivors;
mod unavailable;
mod usage;
