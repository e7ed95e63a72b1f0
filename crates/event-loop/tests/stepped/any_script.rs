//! However bytes, windows, interruptions and timers come, the replies are the same.

use event_loop::Readiness;
use proptest::prelude::*;
use protocol::{SessionOptions, Writes};
use serving::Service;

use crate::harness::{PLAIN, Stepped, ms, pings, request};

/// One thing that happens to a connection.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// So many of the peer's bytes arrive, and an event reports them.
    Arrival(usize),
    /// The same, but the event has not been seen yet.
    UnseenArrival(usize),
    /// The peer reads so many bytes.
    Window(usize),
    /// An event that reports nothing new.
    Event,
    /// A timer ends with nothing due.
    Timer,
    /// Time passes.
    Time(u64),
    /// The next calls are interrupted by signals.
    Interrupts(usize),
    /// From now on a write takes at most so many bytes.
    ShortWrites(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let bytes = || prop_oneof![3 => 1..40_usize, 1 => 40..6000_usize, 1 => 60_000..200_000_usize];
    prop_oneof![
        4 => bytes().prop_map(Arrival),
        1 => bytes().prop_map(UnseenArrival),
        4 => bytes().prop_map(Window),
        1 => Just(Event),
        1 => Just(Timer),
        1 => (0..40_u64).prop_map(Time),
        1 => (1..4_usize).prop_map(Interrupts),
        1 => bytes().prop_map(ShortWrites),
    ]
}

fn message() -> impl Strategy<Value = (Vec<u8>, String)> {
    prop_oneof![
        6 => (0..1000_usize).prop_map(|n| (pings([n]), format!("pong {n}"))),
        1 => (0..70_000_usize).prop_map(|n| {
            let params = format!("\"{}\"", "y".repeat(n));
            (request("ping", &params), format!("pong {params}"))
        }),
        2 => (0..90_000_usize).prop_map(|n| (request("blob", &n.to_string()), format!("blob \"{}\"", "x".repeat(n)))),
        1 => (0..100_u64).prop_map(|n| (request("sleep", &n.to_string()), format!("slept {n}"))),
        1 => (0..100_u64).prop_map(|n| (request("spin", &n.to_string()), format!("spun {n}"))),
        1 => Just((request("block", "9"), "blocked 9".to_owned())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_script_gives_the_same_replies(
        messages in prop::collection::vec(message(), 1..40),
        script in prop::collection::vec(happening(), 0..200),
        two_writes: bool,
        has_timeouts: bool,
        peer_leaves: bool,
        drains: bool,
    ) {
        let writes = if two_writes { Writes::PrefixThenBody } else { Writes::Whole };
        // Longer than the whole script, so that they set timers and end nothing.
        let timeout = has_timeouts.then_some(ms(1_000_000));
        let service = Service {
            session: SessionOptions { writes, ..PLAIN.session },
            idle_timeout: timeout,
            frame_timeout: timeout,
            ..PLAIN
        };
        let mut stepped = Stepped::new(&service);
        stepped.limit_writes(usize::MAX, 0);
        let bytes: Vec<u8> = messages.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut left = &bytes[..];
        let mut take = |most: usize| {
            let (now, rest) = left.split_at(most.min(left.len()));
            left = rest;
            now
        };
        for happening in script {
            match happening {
                Happening::Arrival(bytes) => stepped.receives(take(bytes)),
                Happening::UnseenArrival(bytes) => stepped.arrives(take(bytes)),
                Happening::Window(bytes) => stepped.window_opens(bytes),
                Happening::Event => stepped.event(Readiness::default()),
                Happening::Timer => stepped.timer(),
                Happening::Time(time) => stepped.passes(ms(time)),
                Happening::Interrupts(calls) => stepped.interrupt(calls),
                Happening::ShortWrites(bytes) => stepped.limit_writes_to(bytes),
            }
            prop_assert!(!stepped.is_over());
        }
        // Whatever is left of the script's bytes comes now, and the peer reads all.
        stepped.window_opens(usize::MAX);
        stepped.receives(take(usize::MAX));
        if drains {
            stepped.drains();
        }
        if peer_leaves {
            stepped.receives_end();
        }
        for _ in 0..messages.len() {
            stepped.passes(ms(100));
        }
        let replies = stepped.replies();
        prop_assert_eq!(replies.len(), messages.len());
        for (reply, (_, expected)) in replies.iter().zip(&messages) {
            prop_assert_eq!(reply, expected);
        }
        prop_assert_eq!(stepped.is_over(), peer_leaves || drains);
        if !stepped.is_over() {
            prop_assert_eq!(stepped.owned_bytes(), 0);
        }
    }
}
