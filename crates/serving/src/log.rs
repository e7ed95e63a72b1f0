//! What a server prints. It never waits for whoever reads it.
//!
//! A line on stderr that would block is dropped and counted. The next line that gets through reports how many were
//! dropped. Making stderr itself non-blocking is no solution: that flag belongs to the open file description, which the
//! server shares with the shell and with every program that writes there.
//!
//! | stderr | how it is written |
//! |---|---|
//! | a pipe or a terminal | through a description of the server's own, which does not block |
//! | a socket | `MSG_DONTWAIT` |
//! | a file or a device | as it is: a write waits for no reader |

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::dup2_stderr;

/// How long the ready line may wait for room on stdout, in milliseconds. Whoever started the server waits for that line,
/// so that it is not dropped at once. The server does not wait longer, because it has to serve.
const READY_WAIT_MS: u16 = 1_000;

/// How stderr is written.
#[derive(Debug, Clone, Copy)]
enum Stderr {
    /// By write(2), which does not block.
    Unblocked,
    /// By send(2).
    Socket,
    /// By write(2) once poll(2) finds room. Somebody else may take the room first, so this is the last resort.
    Polled,
}

static STDERR: OnceLock<Stderr> = OnceLock::new();

/// Lines that this process has dropped and not yet reported.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Prepares stderr. Processes that are forked from now on inherit what is done here.
pub(crate) fn prepare() {
    STDERR.get_or_init(|| own_description().unwrap_or(Stderr::Polled));
}

fn own_description() -> io::Result<Stderr> {
    let stderr = io::stderr();
    let kind = SFlag::from_bits_truncate(fstat(&stderr)?.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFSOCK {
        return Ok(Stderr::Socket);
    }
    if kind == SFlag::S_IFIFO || stderr.is_terminal() {
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let own = OpenOptions::new()
            .write(true)
            .custom_flags(flags.bits())
            .open("/proc/self/fd/2")?;
        // In the place of the other one, so that it takes no further descriptor.
        dup2_stderr(own)?;
    }
    Ok(Stderr::Unblocked)
}

/// Prints a message on a line of stderr, behind the program's name.
pub(crate) fn message(what: impl Display) {
    line(format_args!("{}: {what}", program()));
}

/// Prints a line on stderr in one write, so that lines of several processes don't mix.
pub(crate) fn line(what: impl Display) {
    let dropped = DROPPED.swap(0, Ordering::Relaxed);
    let text = if dropped == 0 {
        format!("{what}\n")
    } else {
        format!("{}\n{what}\n", dropped_lines(dropped))
    };
    if !write(text.as_bytes()) {
        DROPPED.fetch_add(dropped + 1, Ordering::Relaxed);
    }
}

/// Leaves it to the parent to report the lines that it has dropped. Call it in a child after a fork.
pub(crate) fn start_anew() {
    DROPPED.store(0, Ordering::Relaxed);
}

/// Reports lines that were dropped and not reported, as the process ends.
pub(crate) fn finish() {
    let dropped = DROPPED.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        // If it is not read now either, nobody will know.
        write(format!("{}\n", dropped_lines(dropped)).as_bytes());
    }
}

/// The name this server was started by.
fn program() -> String {
    std::env::args_os()
        .next()
        .as_deref()
        .and_then(|path| Path::new(path).file_name()?.to_str().map(str::to_owned))
        .unwrap_or_else(|| "server".to_owned())
}

fn dropped_lines(count: u64) -> String {
    format!("{}: log lines dropped because stderr blocked: {count}", program())
}

/// Writes to stderr what it takes without blocking, and returns whether that was all.
fn write(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let stderr = io::stderr();
        let written = match STDERR.get() {
            Some(Stderr::Unblocked) => stderr.lock().write(bytes),
            Some(Stderr::Socket) => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                send(stderr.as_raw_fd(), bytes, flags).map_err(io::Error::from)
            }
            // A pipe takes this much at once, or nothing of it (pipe(7), PIPE_BUF).
            Some(Stderr::Polled) | None if has_room(&stderr, PollTimeout::ZERO) => {
                stderr.lock().write(&bytes[..bytes.len().min(4_096)])
            }
            Some(Stderr::Polled) | None => return false,
        };
        match written {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

/// Prints a line on stdout that somebody waits for. If nobody reads stdout, it is dropped after a short wait.
pub(crate) fn print_ready(line: &str) {
    let stdout = io::stdout();
    if !has_room(&stdout, PollTimeout::from(READY_WAIT_MS)) {
        message(format_args!(
            "nobody reads stdout, so the line {line:?} is not printed there"
        ));
        return;
    }
    // Nobody may be reading, and the server serves all the same.
    let _ = writeln!(stdout.lock(), "{line}").and_then(|()| stdout.lock().flush());
}

fn has_room(stream: &impl AsFd, timeout: PollTimeout) -> bool {
    let mut descriptors = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    poll(&mut descriptors, timeout).is_ok_and(|ready| ready > 0)
}
