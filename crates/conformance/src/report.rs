//! What a case prints when it fails: its panic, and the output of the server. It is kept per case and printed with the
//! case's name, because cases run at the same time.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fmt::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    /// The report of the case that runs on this thread.
    static REPORT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Adds to the report of the current case; prints to stderr where there is none.
pub(crate) fn add(text: &str) {
    let added = REPORT.with_borrow_mut(|report| {
        let report = report.as_mut()?;
        report.push_str(text);
        Some(())
    });
    if added.is_none() {
        eprint!("{text}");
    }
}

/// Runs something on a thread of this name, by which a case that skips reports itself. A panic becomes an error with
/// the report.
pub(crate) fn catch<T: Send>(name: &str, run: impl FnOnce() -> T + Send) -> Result<T, String> {
    keep_panics();
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned());
        let run = || {
            REPORT.set(Some(String::new()));
            let result = panic::catch_unwind(AssertUnwindSafe(run));
            result.map_err(|payload| REPORT.take().unwrap_or_else(|| message(&*payload).to_owned()))
        };
        let thread = thread.spawn_scoped(scope, run);
        let joined = thread.expect("a thread can be started").join();
        joined.unwrap_or_else(|payload| Err(message(&*payload).to_owned()))
    })
}

/// From now on a panic on a case's thread goes to its report, and every other to stderr as before.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if REPORT.with_borrow(Option::is_none) {
                return default(info);
            }
            let mut text = String::from("panicked");
            if let Some(location) = info.location() {
                let _ = write!(text, " at {location}");
            }
            let _ = writeln!(text, ":\n{}", message(info.payload()));
            text.push_str(&frames_of_cases(&Backtrace::capture().to_string()));
            add(&text);
        }));
    });
}

/// The functions of this crate's cases in a backtrace, each with its place. The rest is the same for every case.
fn frames_of_cases(backtrace: &str) -> String {
    let lines: Vec<_> = backtrace.lines().collect();
    let mut text = String::new();
    for frame in lines.windows(2) {
        if frame[0].contains("conformance::cases::") {
            let _ = writeln!(text, "{}\n{}", frame[0], frame[1]);
        }
    }
    text
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_report_with_what_was_added() {
        let report = catch("a case", || {
            add("before\n");
            panic!("the {} failed", "case");
        });
        let report: Result<(), _> = report;
        let report = report.expect_err("it panicked");
        assert!(report.starts_with("before\npanicked at "), "{report}");
        assert!(
            report.contains("report.rs") && report.contains("the case failed"),
            "{report}"
        );
    }

    #[test]
    fn the_thread_has_the_name_of_the_case() {
        let name = catch("a case", || thread::current().name().map(str::to_owned));
        assert_eq!(name, Ok(Some("a case".to_owned())));
    }
}
