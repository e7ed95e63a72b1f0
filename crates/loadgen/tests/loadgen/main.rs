//! The load generator against servers that do as they are told, as a library and as the program that people run.

mod addresses;
mod call;
mod contenders;
mod endings;
mod fail_if;
mod fake;
mod files;
mod inherited;
mod itself;
mod live;
mod loads;
mod misbehaviour;
mod never_served;
mod output;
mod overload;
mod pauses;
mod program;
mod requests;
mod restarts;
mod selftest;
mod slowness;
mod stages;
mod usage;
mod well_behaved;
