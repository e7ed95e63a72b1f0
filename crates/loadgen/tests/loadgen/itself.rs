//! A port on which nothing listens, and which the kernel gives to the client that connects to it.

use std::process::Command;

/// The only port of the machine.
const PORT: u16 = 40_000;

/// Runs the program in a network namespace with a single port to connect from; none if there can be no namespace.
fn alone_with_one_port(arguments: &str) -> Option<std::process::Output> {
    let prepare = format!(
        "ip link set lo up && echo '{PORT} {PORT}' > /proc/sys/net/ipv4/ip_local_port_range && echo ready >&2"
    );
    let script = format!("{prepare} && exec {} {arguments}", env!("CARGO_BIN_EXE_loadgen"));
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", &script])
        .output();
    let output = output.ok().filter(|output| output.stderr.starts_with(b"ready\n"));
    if output.is_none() {
        test_support::skip("this machine gives no network namespace, or lacks unshare or ip");
    }
    output
}

#[test]
fn a_connection_to_itself_counts_as_refused() {
    for (command, address) in [("run", "127.0.0.1"), ("call", "127.0.0.1"), ("call", "[::1]")] {
        let Some(output) = alone_with_one_port(&format!("{command} --connect {address}:{PORT}")) else {
            return;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("Connection refused"), "{stderr}");
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
