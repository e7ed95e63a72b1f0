//! Making the ring, for which memory may be short for a moment.

use std::time::{Duration, Instant};
use std::{io, thread};

use completions::{Ring, Settings};
use rustix::io::Errno;
use serving::{Error, Result, Stop};

const ADVICE: &str = "allow io_uring (Linux 6.1 or later, kernel.io_uring_disabled=0, a seccomp profile with it), or \
                      choose another model";
const MEMORY_ADVICE: &str = "free memory, raise the limit of locked memory (ulimit -l), or wait until other io_uring \
                             processes have ended";

/// Operations that can be queued, and completions that can be stored. Where memory is short, a ring with fewer costs more
/// system calls.
const SIZES: [(u32, u32); 3] = [(1024, 4096), (512, 2048), (512, 1024)];
/// The kernel frees the rings of processes that have ended in the background.
const WAIT_MOST: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the ring. None if the process is asked to stop before there is memory for it.
pub(crate) fn ring(stop: Stop) -> Result<Option<Ring>> {
    retry(Ring::new, || stop.requested()).map_err(|source| Error::Unavailable {
        what: "io_uring",
        advice: if is_memory_short(&source) {
            MEMORY_ADVICE
        } else {
            ADVICE
        },
        source,
    })
}

fn retry<R>(
    build: impl Fn(&Settings) -> io::Result<R>,
    should_stop: impl Fn() -> bool,
) -> io::Result<Option<R>> {
    let until = Instant::now() + WAIT_MOST;
    for (submissions, completions) in SIZES.into_iter().cycle() {
        let result = build(&Settings {
            submissions,
            completions,
            ..Settings::default()
        });
        match result {
            Err(error) if is_memory_short(&error) => {
                if should_stop() {
                    return Ok(None);
                }
                if Instant::now() >= until {
                    return Err(error);
                }
                if (submissions, completions) == SIZES[SIZES.len() - 1] {
                    thread::sleep(PAUSE);
                }
            }
            result => return result.map(Some),
        }
    }
    unreachable!("the sizes are tried again and again")
}

fn is_memory_short(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOMEM.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn no_memory<R>() -> io::Result<R> {
        Err(Errno::NOMEM.into())
    }

    #[test]
    fn a_smaller_ring_is_made_where_memory_is_short() {
        let build = |settings: &Settings| {
            let bytes = settings.submissions * 64 + settings.completions * 16;
            if bytes > 60 * 1024 { no_memory() } else { Ok(bytes) }
        };
        assert_eq!(retry(build, || false).unwrap(), Some(512 * 64 + 1024 * 16));
    }

    #[test]
    fn memory_that_is_short_for_a_moment_is_waited_for() {
        let tries = Cell::new(0);
        let build = |_: &Settings| {
            tries.set(tries.get() + 1);
            if tries.get() < 10 { no_memory() } else { Ok(()) }
        };
        assert_eq!(retry(build, || false).unwrap(), Some(()));
    }

    #[test]
    fn a_request_to_stop_ends_the_wait_for_memory() {
        let asked = Cell::new(false);
        let build = |_: &Settings| {
            asked.set(true);
            no_memory::<()>()
        };
        assert_eq!(retry(build, || asked.get()).unwrap(), None);
    }

    #[test]
    fn another_refusal_is_final() {
        let tries = Cell::new(0);
        let build = |_: &Settings| {
            tries.set(tries.get() + 1);
            Err::<(), _>(Errno::PERM.into())
        };
        assert_eq!(
            retry(build, || false).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(tries.get(), 1);
    }
}
