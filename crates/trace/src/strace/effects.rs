//! What a system call did, by its arguments and its result.

use std::collections::{HashMap, HashSet};

use super::line::{self, What};
use crate::event::Kind;

/// The longest name of a thread, in bytes.
const NAME_MOST_BYTES: usize = 15;

/// A call that ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done<'a> {
    pub(super) call: &'a str,
    pub(super) arguments: &'a str,
    pub(super) result: &'a str,
}

/// The connections by the numbers of their sockets, which all processes that share a socket have in common. The ports are
/// those of the other side.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sockets {
    ports: HashMap<u64, u16>,
    /// Those that were accepted, and whose port is unknown.
    unknown: HashSet<u64>,
}

impl Sockets {
    /// Learns from a call that accepted a connection, or that returned the address of a socket's other side.
    pub(super) fn learn(&mut self, done: Done<'_>) {
        let socket = match done.call {
            "accept" | "accept4" => first_socket(done.result),
            "getpeername" => first_socket(done.arguments),
            _ => None,
        };
        let Some(socket) = socket else { return };
        if let Some(port) = port(done.arguments) {
            self.add(socket, port);
        } else if !done.arguments.contains("AF_UNIX") && !self.ports.contains_key(&socket) {
            self.unknown.insert(socket);
        }
    }

    /// Adds a connection that was found in the kernel's table.
    pub(super) fn add(&mut self, socket: u64, port: u16) {
        self.unknown.remove(&socket);
        self.ports.insert(socket, port);
    }
}

/// What a call did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Something that is an event.
    Event(Kind),
    /// It received or sent data on an accepted connection whose other side is unknown.
    OnUnknownSocket,
}

/// The effect of a call of a process, if it had one.
pub(super) fn effect(done: Done<'_>, process: i32, sockets: &Sockets) -> Option<Effect> {
    let value = value(done.result)?;
    match done.call {
        "read" | "readv" | "recv" | "recvfrom" | "recvmsg" | "recvmmsg" if value > 0 => {
            let is_peek = done.arguments.contains("MSG_PEEK");
            let effect = on_socket(done, sockets, |port| Kind::Received { port });
            effect.filter(|_| !is_peek)
        }
        "write" | "writev" | "send" | "sendto" | "sendmsg" | "sendmmsg" | "sendfile" if value > 0 => {
            on_socket(done, sockets, |port| Kind::Sent { port })
        }
        "clone" | "clone3" | "fork" | "vfork" if value > 0 => {
            let thread = i32::try_from(value).ok()?;
            let process = if done.arguments.contains("CLONE_THREAD") {
                process
            } else {
                thread
            };
            Some(Effect::Event(Kind::Started { process, thread }))
        }
        "execve" | "execveat" if value == 0 => {
            let path = first_string(done.arguments)?;
            let program = path.rsplit(|&byte| byte == b'/').next()?;
            Some(Effect::Event(Kind::Named(name(program))))
        }
        "prctl" if value == 0 && done.arguments.starts_with("PR_SET_NAME,") => {
            Some(Effect::Event(Kind::Named(name(&first_string(done.arguments)?))))
        }
        _ => None,
    }
}

/// The socket that a call accepted and whose other side it did not ask for, if this line is about one.
pub(super) fn accepted_unknown(line: &str) -> Option<u64> {
    if !line.contains("accept") || port(line).is_some() {
        return None;
    }
    match line::parse(line)?.what {
        What::Whole { call, end, .. } if call.starts_with("accept") => first_socket(end.result),
        // No other call returns a socket, but for that which makes one.
        What::Resumed { end, .. } => first_socket(end.result),
        _ => None,
    }
}

fn on_socket(done: Done<'_>, sockets: &Sockets, kind: impl Fn(u16) -> Kind) -> Option<Effect> {
    let socket = first_socket(done.arguments)?;
    match sockets.ports.get(&socket) {
        Some(&port) => Some(Effect::Event(kind(port))),
        // Any other socket is between threads or processes.
        None => sockets
            .unknown
            .contains(&socket)
            .then_some(Effect::OnUnknownSocket),
    }
}

/// The socket of a descriptor at the beginning: `7<socket:[81]>`.
fn first_socket(text: &str) -> Option<u64> {
    let rest = text.trim_start_matches(|byte: char| byte.is_ascii_digit());
    let (number, _) = rest.strip_prefix("<socket:[")?.split_once("]>")?;
    number.parse().ok()
}

/// The port in an address: `sin_port=htons(45146)`.
fn port(arguments: &str) -> Option<u16> {
    let (_, rest) = arguments.split_once("_port=htons(")?;
    rest.split_once(')')?.0.parse().ok()
}

/// The number at the beginning of a result.
fn value(result: &str) -> Option<i64> {
    let end = result
        .bytes()
        .enumerate()
        .position(|(at, byte)| !(byte.is_ascii_digit() || at == 0 && byte == b'-'));
    result[..end.unwrap_or(result.len())].parse().ok()
}

/// The first string among the arguments, as C writes it.
fn first_string(arguments: &str) -> Option<Vec<u8>> {
    let (_, text) = arguments.split_once('"')?;
    let mut bytes = text.bytes().peekable();
    let mut string = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return Some(string),
            b'\\' => match bytes.next()? {
                b'n' => string.push(b'\n'),
                b't' => string.push(b'\t'),
                b'r' => string.push(b'\r'),
                b'v' => string.push(0x0b),
                b'f' => string.push(0x0c),
                digit @ b'0'..=b'7' => {
                    let mut number = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else {
                            break;
                        };
                        number = number * 8 + u32::from(digit - b'0');
                    }
                    string.push((number & 0xff) as u8);
                }
                other => string.push(other),
            },
            byte => string.push(byte),
        }
    }
}

fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    let end = end.unwrap_or(bytes.len()).min(NAME_MOST_BYTES);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROCESS: i32 = 7;

    fn done<'a>(call: &'a str, arguments: &'a str, result: &'a str) -> Done<'a> {
        Done {
            call,
            arguments,
            result,
        }
    }

    fn effect_of(call: &str, arguments: &str, result: &str) -> Option<Effect> {
        let mut sockets = Sockets::default();
        sockets.add(81, 45_146);
        sockets.learn(done("accept", "3<socket:[5]>, NULL, NULL", "6<socket:[82]>"));
        effect(done(call, arguments, result), PROCESS, &sockets)
    }

    #[test]
    fn accepted_sockets_have_the_port_of_their_client() {
        let four = "3<socket:[5]>, {sa_family=AF_INET, sin_port=htons(45146), sin_addr=inet_addr(\"127.0.0.1\")}, \
                    [128 => 16], SOCK_CLOEXEC";
        let six = "3<socket:[5]>, {sa_family=AF_INET6, sin6_port=htons(81), sin6_flowinfo=htonl(0)}, [28], 0";
        let mut sockets = Sockets::default();
        sockets.learn(done("accept4", four, "4<socket:[81]>"));
        sockets.learn(done("accept", six, "5<socket:[82]>"));
        sockets.learn(done("accept", "3<socket:[5]>, NULL, NULL", "6<socket:[83]>"));
        sockets.learn(done(
            "accept",
            four,
            "-1 EAGAIN (Resource temporarily unavailable)",
        ));
        sockets.learn(done(
            "getpeername",
            "6<socket:[84]>, {sa_family=AF_INET, sin_port=htons(9)}, [16]",
            "0",
        ));
        sockets.learn(done(
            "accept",
            "5<socket:[6]>, {sa_family=AF_UNIX}, [2]",
            "7<socket:[85]>",
        ));
        assert_eq!(sockets.ports, HashMap::from([(81, 45_146), (82, 81), (84, 9)]));
        assert_eq!(sockets.unknown, HashSet::from([83]));
        // The kernel's table has it.
        sockets.add(83, 10);
        assert_eq!((sockets.ports[&83], sockets.unknown.len()), (10, 0));
    }

    #[test]
    fn sockets_that_were_accepted_without_an_address_are_found() {
        for (text, socket) in [
            (
                "accept4(3<socket:[5]>, NULL, NULL, SOCK_CLOEXEC) = 9<socket:[83]> <0.000000001>",
                Some(83),
            ),
            (
                "<... accept4 resumed>NULL, NULL, 0) = 9<socket:[83]> <0.000000001>",
                Some(83),
            ),
            (
                "<... accept resumed>{sin_port=htons(9)}, [16]) = 9<socket:[83]> <0.000000001>",
                None,
            ),
            (
                "accept4(3<socket:[5]>, NULL, NULL, 0) = -1 EAGAIN (…) <0.000000001>",
                None,
            ),
            ("accept4(3<socket:[5]>,  <unfinished ...>", None),
            ("dup(3<socket:[5]>) = 9<socket:[5]> <0.000000001>", None),
        ] {
            assert_eq!(
                accepted_unknown(&format!("7 1.000000001 {text}")),
                socket,
                "{text}"
            );
        }
    }

    #[test]
    fn data_is_received_and_sent_on_connections_only() {
        let received = Some(Effect::Event(Kind::Received { port: 45_146 }));
        let sent = Some(Effect::Event(Kind::Sent { port: 45_146 }));
        for call in ["read", "recvfrom", "recvmsg", "readv"] {
            assert_eq!(
                effect_of(call, "4<socket:[81]>, \"\", 9", "3"),
                received,
                "{call}"
            );
            assert_eq!(effect_of(call, "4<socket:[81]>, \"\", 9", "0"), None, "{call}");
            assert_eq!(effect_of(call, "4<pipe:[81]>, \"\", 9", "3"), None, "{call}");
        }
        for call in ["write", "sendto", "sendmsg", "writev", "sendfile"] {
            assert_eq!(effect_of(call, "4<socket:[81]>, \"\", 9", "3"), sent, "{call}");
            assert_eq!(effect_of(call, "4<socket:[81]>", "-1 EAGAIN (…)"), None, "{call}");
        }
        assert_eq!(
            effect_of("recvfrom", "4<socket:[81]>, \"\", 9, MSG_PEEK", "3"),
            None
        );
        assert_eq!(effect_of("read", "4<socket:[99]>, \"\", 9", "3"), None);
        assert_eq!(
            effect_of("read", "4<socket:[82]>, \"\", 9", "3"),
            Some(Effect::OnUnknownSocket)
        );
    }

    #[test]
    fn threads_and_processes_are_started() {
        let thread = Some(Effect::Event(Kind::Started {
            process: PROCESS,
            thread: 26_140,
        }));
        let process = Some(Effect::Event(Kind::Started {
            process: 26_140,
            thread: 26_140,
        }));
        let flags = "{flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS} => {parent_tid=[26140]}, 88";
        assert_eq!(effect_of("clone3", flags, "26140"), thread);
        let flags = "child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7fc593aaaa10";
        assert_eq!(effect_of("clone", flags, "26140"), process);
        assert_eq!(effect_of("vfork", "", "26140"), process);
        assert_eq!(effect_of("fork", "", "-1 EAGAIN (…)"), None);
    }

    #[test]
    fn names_are_those_of_the_kernel() {
        let named = |name: &str| Some(Effect::Event(Kind::Named(name.to_owned())));
        assert_eq!(
            effect_of("prctl", "PR_SET_NAME, \"worker-1\"", "0"),
            named("worker-1")
        );
        assert_eq!(
            effect_of("prctl", "PR_SET_NAME, \"a \\\"b\\\" \\303\\244 and more\"", "0"),
            named("a \"b\" ä and mo")
        );
        assert_eq!(effect_of("prctl", "PR_SET_PDEATHSIG, SIGKILL", "0"), None);
        assert_eq!(
            effect_of(
                "execve",
                "\"/usr/bin/a-program-with-a-long-name\", [\"a\"], 0x1",
                "0"
            ),
            named("a-program-with-")
        );
        assert_eq!(
            effect_of("execve", "\"/bin/none\", [], 0x1", "-1 ENOENT (…)"),
            None
        );
    }

    proptest! {
        #[test]
        fn no_arguments_cause_a_panic(
            call in "read|accept4|clone|execve|prctl|getpeername",
            arguments in "(PR_SET_NAME, )?[0-9]{0,3}(<socket:\\[[0-9]{0,30}\\]>)?\\PC*",
            result in "(-?[0-9]{0,30})\\PC*",
        ) {
            let done = done(&call, &arguments, &result);
            Sockets::default().learn(done);
            let _ = effect(done, PROCESS, &Sockets::default());
        }
    }
}
