//! Jobs that hold a thread while they last, and their outcomes.
//!
//! A session hands a job out and takes its outcome back. In between the job belongs to the server, which may run it where
//! it likes: on the thread of the connection, or on one of a pool.

use std::time::Duration;

use crate::message::Reply;
use crate::work::Work;

/// A job that holds the thread that runs it. It borrows nothing, so any thread may run it.
#[derive(Debug, PartialEq, Eq)]
pub struct Job(Kind);

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Pi { terms: u64 },
    Spin { us: u64 },
    Block { ms: u64 },
    Work(Work),
}

/// What a job resulted in. It goes back to its session with [`Session::done`](crate::Session::done).
#[derive(Debug)]
pub struct Outcome {
    pub(crate) reply: LateReply,
    /// The reply is due after a wait of this length, which holds no thread.
    pub(crate) sleep_ms: Option<u64>,
}

/// The reply to a request that took time.
#[derive(Debug)]
pub(crate) enum LateReply {
    Pi(f64),
    Spun { us: u64 },
    Slept { ms: u64 },
    Blocked { ms: u64 },
    Worked { bytes: u64 },
}

/// How the thread that runs a job passes time. This crate reads no clock, so the server brings one.
pub trait Clock {
    /// Keeps the CPU busy for this long.
    fn spin(&self, duration: Duration);

    /// Blocks the thread for this long, as a handler does that calls something slow.
    fn block(&self, duration: Duration);
}

impl Job {
    pub(crate) fn pi(terms: u64) -> Self {
        Self(Kind::Pi { terms })
    }

    pub(crate) fn spin(us: u64) -> Self {
        Self(Kind::Spin { us })
    }

    pub(crate) fn block(ms: u64) -> Self {
        Self(Kind::Block { ms })
    }

    /// The part of a work that holds its thread. The rest comes with the outcome.
    pub(crate) fn work(work: Work) -> Self {
        Self(Kind::Work(work))
    }

    /// Runs the job to its end on this thread.
    #[must_use]
    pub fn run(self, clock: &impl Clock) -> Outcome {
        let spin = |us| clock.spin(Duration::from_micros(us));
        let block = |ms| clock.block(Duration::from_millis(ms));
        Outcome::at_once(match self.0 {
            Kind::Pi { terms } => LateReply::Pi(pi(terms)),
            Kind::Spin { us } => {
                spin(us);
                LateReply::Spun { us }
            }
            Kind::Block { ms } => {
                block(ms);
                LateReply::Blocked { ms }
            }
            Kind::Work(work) => {
                spin(work.cpu_us);
                if work.block_ms > 0 {
                    block(work.block_ms);
                }
                return Outcome::rest_of(work);
            }
        })
    }
}

impl Outcome {
    fn at_once(reply: LateReply) -> Self {
        Self {
            reply,
            sleep_ms: None,
        }
    }

    pub(crate) fn sleep(ms: u64) -> Self {
        Self {
            reply: LateReply::Slept { ms },
            sleep_ms: Some(ms),
        }
    }

    /// What is left of a work behind the part that holds a thread.
    pub(crate) fn rest_of(work: Work) -> Self {
        Self {
            reply: LateReply::Worked {
                bytes: work.reply_bytes,
            },
            sleep_ms: (work.sleep_ms > 0).then_some(work.sleep_ms),
        }
    }
}

impl LateReply {
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Pi(sum) => Reply::append(out, "pi_r", |out| append_json(out, sum)),
            Self::Spun { us } => Reply::append(out, "spun", |out| append_json(out, us)),
            Self::Slept { ms } => Reply::append(out, "slept", |out| append_json(out, ms)),
            Self::Blocked { ms } => Reply::append(out, "blocked", |out| append_json(out, ms)),
            Self::Worked { bytes } => append_text(out, "worked", *bytes),
        }
    }
}

/// Appends a reply whose result is a string of so many characters.
pub(crate) fn append_text(out: &mut Vec<u8>, kind: &str, bytes: u64) {
    Reply::append(out, kind, |out| {
        out.push(b'"');
        out.resize(out.len() + bytes as usize, b'x');
        out.push(b'"');
    });
}

fn append_json(out: &mut Vec<u8>, number: &impl serde::Serialize) {
    serde_json::to_writer(out, number).expect("writing a number to memory can't fail");
}

/// sqrt(8 · Σ 1/(2i+1)² for i from 0 to `terms`), summed in that order as the original does, so that the last digit
/// agrees. It tends to π, since the sum of the reciprocal odd squares is π²/8.
#[must_use]
pub fn pi(terms: u64) -> f64 {
    let sum: f64 = (0..=terms)
        .map(|i| 1.0 / (2 * i + 1) as f64)
        .map(|odd| odd * odd)
        .sum();
    (8.0 * sum).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PI_MOST_TERMS;

    #[test]
    #[allow(clippy::float_cmp)]
    fn pi_agrees_with_the_original_to_the_last_digit() {
        assert_eq!(pi(0), 2.828_427_124_746_190_3);
        assert_eq!(pi(100), 3.138_439_513_938_545_5);
        assert!((pi(PI_MOST_TERMS) - std::f64::consts::PI).abs() < 1e-7);
    }

    #[test]
    fn a_job_and_its_outcome_can_go_to_another_thread() {
        fn is_sendable<T: Send + 'static>() {}
        is_sendable::<Job>();
        is_sendable::<Outcome>();
    }
}
