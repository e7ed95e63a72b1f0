//! What is measured.

/// One row of the table: the same load on a server of each kind.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) epoll: Program,
    pub(crate) uring: Program,
    pub(crate) load: Load,
}

/// A server.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) flags: &'static [&'static str],
}

/// How a server is loaded: a closed loop of pings.
pub(crate) enum Load {
    /// By the least client, with one request in flight on each of so many connections.
    Least { connections: &'static str },
    /// By the load generator, with these flags.
    Loadgen { flags: &'static [&'static str] },
}

const EPOLL: Program = program("baseline-server", &[]);
const URING: Program = program("baseline-uring", &[]);
const EPOLL_MODEL: Program = program("server-async", &["--listen", "127.0.0.1:0"]);
const URING_MODEL: Program = program("server-uring", &["--listen", "127.0.0.1:0"]);
const PLAIN: Load = Load::Least { connections: "64" };

pub(crate) const SETTINGS: &[Setting] = &[
    least("64 connections", PLAIN),
    least("1 connection", Load::Least { connections: "1" }),
    least("1,000 connections", Load::Least { connections: "1000" }),
    least("10,000 connections", Load::Least { connections: "10000" }),
    least(
        "64 connections, pipeline of 4",
        pipeline(&["--connections", "64", "--pipeline", "4"]),
    ),
    least(
        "64 connections, pipeline of 16",
        pipeline(&["--connections", "64", "--pipeline", "16"]),
    ),
    least(
        "64 connections, pipeline of 64",
        pipeline(&["--connections", "64", "--pipeline", "64"]),
    ),
    least(
        "1 connection, pipeline of 64",
        pipeline(&["--connections", "1", "--pipeline", "64"]),
    ),
    least("a connection per request, 64 at a time", SHORT),
    sized(
        "reply of 64 B",
        &["--reply-bytes", "64"],
        &["--reply-bytes", "64"],
    ),
    sized(
        "reply of 4 KiB",
        &["--reply-bytes", "4096"],
        &["--reply-bytes", "4096"],
    ),
    sized(
        "reply of 64 KiB",
        &["--reply-bytes", "65536"],
        &["--reply-bytes", "65536"],
    ),
    sized(
        "reply of 64 KiB, sent without a copy",
        &["--reply-bytes", "65536"],
        &["--reply-bytes", "65536", "--zero-copy"],
    ),
    variant("task work interrupts (no setup flag)", &["--interrupting"]),
    variant("task work at any call (COOP_TASKRUN)", &["--cooperative"]),
    variant(
        "kernel thread submits (SQPOLL), its CPU time included",
        &["--kernel-thread"],
    ),
    variant("one receive per request, no multishot", &["--receive-once"]),
    variant(
        "sockets in the table of the ring (direct descriptors)",
        &["--direct"],
    ),
    variant(
        "each send submitted by a call of its own",
        &["--submit-every", "1"],
    ),
    variant("4 sends submitted at once", &["--submit-every", "4"]),
    variant("16 sends submitted at once", &["--submit-every", "16"]),
    models("models, 64 connections", PLAIN),
    models("models, 1,000 connections", Load::Least { connections: "1000" }),
    models("models, 10,000 connections", Load::Least { connections: "10000" }),
    models(
        "models, 64 connections, pipeline of 16",
        pipeline(&["--connections", "64", "--pipeline", "16"]),
    ),
    models("models, a connection per request, 64 at a time", SHORT),
    models(
        "models, reply of 64 KiB",
        Load::Loadgen {
            flags: &["--connections", "64", "--op", "blob", "--params", "65536"],
        },
    ),
    Setting {
        name: "io_uring: the least server (left) and the model, 64 connections",
        epoll: URING,
        uring: URING_MODEL,
        load: PLAIN,
    },
    Setting {
        name: "io_uring: the least server (left) and the model, 1,000 connections",
        epoll: URING,
        uring: URING_MODEL,
        load: Load::Least { connections: "1000" },
    },
];

const SHORT: Load = Load::Loadgen {
    flags: &["--connections", "64", "--requests-per-connection", "1"],
};

const fn program(name: &'static str, flags: &'static [&'static str]) -> Program {
    Program { name, flags }
}

const fn pipeline(flags: &'static [&'static str]) -> Load {
    Load::Loadgen { flags }
}

const fn least(name: &'static str, load: Load) -> Setting {
    Setting {
        name,
        epoll: EPOLL,
        uring: URING,
        load,
    }
}

const fn models(name: &'static str, load: Load) -> Setting {
    Setting {
        name,
        epoll: EPOLL_MODEL,
        uring: URING_MODEL,
        load,
    }
}

const fn sized(
    name: &'static str,
    epoll: &'static [&'static str],
    uring: &'static [&'static str],
) -> Setting {
    Setting {
        name,
        epoll: program("baseline-server", epoll),
        uring: program("baseline-uring", uring),
        load: PLAIN,
    }
}

const fn variant(name: &'static str, flags: &'static [&'static str]) -> Setting {
    Setting {
        name,
        epoll: EPOLL,
        uring: program("baseline-uring", flags),
        load: PLAIN,
    }
}
