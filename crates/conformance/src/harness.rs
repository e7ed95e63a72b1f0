//! Runs the cases that hold for a program, as the standard test harness runs tests.

use std::env;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread;

use libtest_mimic::{Arguments, Trial};

use crate::description::Description;
use crate::model::Model;
use crate::process::Process;
use crate::report;
use crate::suite::{Case, cases_for};

/// Stands in for all cases of a program that does not describe itself.
const DESCRIBES_ITSELF: &str = "every_model::description::the_server_describes_itself";

/// Runs the suite on the program of a package, with the arguments that this process was given.
#[must_use]
pub fn run(package: &str, exe: &str) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or_else(default_threads);
    let trials = match load(package, exe) {
        Ok((model, cases)) => {
            let model = Arc::new(model);
            let trial = |case: Case| {
                let model = Arc::clone(&model);
                Trial::test(case.name.clone(), move || Ok(run_case(&case, &model)?))
            };
            cases.into_iter().map(trial).collect()
        }
        Err(reason) => vec![Trial::test(DESCRIBES_ITSELF, || Err(reason.into()))],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// How many cases run at the same time without `--test-threads`: the number in the variable of the standard harness. Its
/// default is one for each CPU. Cases wait most of the time, so here it is four, up to a number that one machine can serve.
fn default_threads() -> Option<usize> {
    if let Ok(threads) = env::var("RUST_TEST_THREADS") {
        return threads.parse().ok();
    }
    let cpus = thread::available_parallelism().ok()?.get();
    Some((4 * cpus).min(cpus.max(32)))
}

/// The reports of the cases that fail, of those with this text in their names, each run on its own.
#[must_use]
pub fn failures(package: &str, exe: &str, filter: &str) -> Vec<String> {
    let (model, cases) = match load(package, exe) {
        Ok(loaded) => loaded,
        Err(reason) => return vec![format!("{DESCRIBES_ITSELF}: {reason}")],
    };
    let chosen = cases.iter().filter(|case| case.name.contains(filter));
    chosen
        .filter_map(|case| {
            let failed = run_case(case, &model).err()?;
            Some(format!("{}: {failed}", case.name))
        })
        .collect()
}

fn run_case(case: &Case, model: &Model) -> Result<(), String> {
    report::catch(&case.name, || (case.run)(model))
}

/// Asks the program for its description, and chooses the cases by it.
fn load(package: &str, exe: &str) -> Result<(Model, Vec<Case>), String> {
    let name = package
        .strip_prefix("server-")
        .ok_or_else(|| format!("the package {package} is no server: its name does not begin with server-"))?;
    let mut command = Command::new(exe);
    command.arg("--describe");
    let finished = report::catch("--describe", || Process::start(name, command).finish())?;
    if finished.code != Some(0) {
        let (code, stderr) = (finished.code, finished.stderr);
        return Err(format!("{exe} --describe exits with {code:?}: {stderr}"));
    }
    let description =
        Description::parse(&finished.stdout).map_err(|error| format!("{exe} --describe: {error}"))?;
    if description.name != name {
        let found = &description.name;
        return Err(format!(
            "{exe} --describe prints the name {found:?}; the package is {package}"
        ));
    }
    let model = Model {
        exe: exe.to_owned(),
        description,
    };
    let cases = cases_for(&model);
    Ok((model, cases))
}
