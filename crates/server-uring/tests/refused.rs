//! Where io_uring is refused, the server reports that and exits before it announces anything.

use std::process::{Command, Output};

/// Refuses `io_uring_setup` by a seccomp filter, with an error number, and runs a program.
const SANDBOX: &str = r#"
import ctypes, os, struct, sys
SETUP, ALLOW, ERRNO = 425, 0x7fff0000, 0x00050000 | int(sys.argv[1])
def step(code, k, jump_true=0, jump_false=0):
    return struct.pack("HBBI", code, jump_true, jump_false, k)
steps = step(0x20, 0) + step(0x15, SETUP, 0, 1) + step(0x06, ERRNO) + step(0x06, ALLOW)
filter = ctypes.create_string_buffer(steps)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
program = Program(4, ctypes.addressof(filter))
prctl = ctypes.CDLL(None, use_errno=True).prctl
if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
"#;
const EPERM: &str = "1";
const ENOMEM: &str = "12";
const ENOSYS: &str = "38";

fn run_in_sandbox(errno: &str, flags: &[&str]) -> Option<Output> {
    if Command::new("python3").arg("--version").output().is_err() {
        test_support::skip("python3 is not installed");
        return None;
    }
    let server = env!("CARGO_BIN_EXE_server-uring");
    let mut command = Command::new("python3");
    command.args(["-c", SANDBOX, errno, server]).args(flags);
    Some(command.output().expect("python3 can be started"))
}

#[test]
fn a_refused_io_uring_is_reported_in_one_line() {
    for (errno, reason, advice) in [
        (EPERM, "Operation not permitted", "kernel.io_uring_disabled"),
        (ENOSYS, "Function not implemented", "kernel.io_uring_disabled"),
        (ENOMEM, "Cannot allocate memory", "ulimit -l"),
    ] {
        let Some(output) = run_in_sandbox(errno, &["--listen", "127.0.0.1:0"]) else {
            return;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty(), "it announced itself");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in ["can't use io_uring", reason, advice] {
            assert!(stderr.contains(part), "{stderr} lacks {part}");
        }
    }
}

#[test]
fn a_refused_io_uring_can_still_be_described() {
    let Some(output) = run_in_sandbox(EPERM, &["--describe"]) else {
        return;
    };
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"schema\""));
}
