//! However a stream of bytes is cut, and whose memory a session works in, the replies are the same.

use proptest::prelude::*;
use protocol::buffer::ReadBuffer;
use protocol::frame::{self, Head, PREFIX_BYTES};
use protocol::{FrameLimit, Reply, Request, SessionOptions, SharedBuffers, Writes};

use crate::harness::{Buffers, Player, play, replies, requests};

/// Any JSON value, as text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON has no NaN", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        any::<String>().prop_map(|text| json_string(&text)),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|items| {
                let items: Vec<_> = items
                    .iter()
                    .map(|(key, value)| format!("{}:{value}", json_string(key)))
                    .collect();
                format!("{{{}}}", items.join(","))
            }),
        ]
    })
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string is a JSON value")
}

fn buffers() -> impl Strategy<Value = Buffers> {
    prop_oneof![Just(Buffers::Own), Just(Buffers::Lent)]
}

/// The params of a `work`, and the length of the string in its reply; none where they are out of range.
fn work() -> impl Strategy<Value = (String, Option<usize>)> {
    fn key<T: ToString + std::fmt::Debug>(
        name: &'static str,
        value: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Option<String>> {
        prop::option::of(value.prop_map(move |value| format!("\"{name}\": {}", value.to_string())))
    }
    let keys = (
        key("cpu_us", 0..10_100_000_u64),
        key("wait_ms", 0..61_000_u64),
        key("block", any::<bool>()),
        prop::option::of(0..3000_usize),
    );
    keys.prop_map(|(cpu, wait, block, reply)| {
        let within = |key: &Option<String>, most: u64| {
            let number = key.as_ref().and_then(|key| key.rsplit(' ').next());
            number.is_none_or(|number| number.parse::<u64>().expect("it is a number") <= most)
        };
        let is_good = within(&cpu, 10_000_000) && within(&wait, 60_000);
        let reply_key = reply.map(|bytes| format!("\"reply_bytes\": {bytes}"));
        let keys: Vec<_> = [reply_key, wait, block, cpu].into_iter().flatten().collect();
        let params = format!("{{{}}}", keys.join(", "));
        (params, is_good.then_some(reply.unwrap_or(0)))
    })
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_frames(
        lengths in prop::collection::vec(0..6000_usize, 1..20),
        first: u8,
        pieces in prop::collection::vec(1..9000_usize, 1..20),
    ) {
        let mut bytes = (first..=u8::MAX).cycle();
        let bodies: Vec<Vec<u8>> = lengths.iter().map(|&length| bytes.by_ref().take(length).collect()).collect();
        let mut stream = Vec::new();
        for body in &bodies {
            frame::append(&mut stream, |out| out.extend_from_slice(body));
        }
        let (mut left, mut buffer, mut got) = (&stream[..], ReadBuffer::default(), Vec::new());
        for piece in pieces.iter().cycle() {
            while let Head::Whole(body) = frame::head(buffer.bytes(), FrameLimit::default()) {
                let used = PREFIX_BYTES + body.len();
                got.push(body.to_vec());
                buffer.consume(used);
            }
            if left.is_empty() {
                break;
            }
            let room = buffer.room(PREFIX_BYTES + 6000);
            let now = room.len().min(left.len()).min(*piece);
            room[..now].copy_from_slice(&left[..now]);
            buffer.filled(now);
            left = &left[now..];
        }
        prop_assert!(buffer.bytes().is_empty());
        prop_assert_eq!(got, bodies);
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same_replies(
        params in prop::collection::vec(json(), 1..20),
        pieces in prop::collection::vec(1..200_usize, 1..20),
        two_writes: bool,
        buffers in buffers(),
    ) {
        let messages: Vec<_> = params.iter().map(|params| ("ping", params.as_str())).collect();
        let writes = if two_writes { Writes::PrefixThenBody } else { Writes::Whole };
        let options = SessionOptions { writes, ..SessionOptions::default() };
        let got = replies(&play(options, &requests(&messages), &pieces, buffers));
        let expected: Vec<_> = params.into_iter().map(|params| ("pong".to_owned(), params)).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn any_work_among_pings_is_answered_in_its_place(
        works in prop::collection::vec((work(), any::<bool>()), 1..20),
        pieces in prop::collection::vec(1..200_usize, 1..20),
        buffers in buffers(),
    ) {
        let (mut messages, mut expected) = (Vec::new(), Vec::new());
        for (number, ((params, reply), has_ping_behind)) in works.iter().enumerate() {
            messages.push(("work", params.clone()));
            expected.push((reply.map_or("error", |_| "worked").to_owned(), *reply));
            if *has_ping_behind {
                messages.push(("ping", number.to_string()));
                expected.push(("pong".to_owned(), None));
            }
        }
        let messages: Vec<_> = messages.iter().map(|(operation, params)| (*operation, params.as_str())).collect();
        let got = replies(&play(SessionOptions::default(), &requests(&messages), &pieces, buffers));
        prop_assert_eq!(got.len(), expected.len());
        for ((kind, result), (expected_kind, bytes)) in got.into_iter().zip(expected) {
            prop_assert_eq!(&kind, &expected_kind);
            if let Some(bytes) = bytes {
                prop_assert_eq!(result, json_string(&"x".repeat(bytes)));
            }
        }
    }

    #[test]
    fn a_message_is_decoded_as_it_was_encoded(operation: String, params in json(), kind in "[a-z_]{1,12}") {
        let mut bytes = requests(&[(&operation, &params)]);
        let Head::Whole(body) = frame::head(&bytes, FrameLimit::default()) else { panic!("not a whole frame") };
        let request = Request::parse(body).unwrap();
        prop_assert_eq!(&*request.operation, &*operation);
        prop_assert_eq!(request.params.get(), &*params);

        bytes.clear();
        Reply::append(&mut bytes, &kind, |out| out.extend_from_slice(params.as_bytes()));
        prop_assert_eq!(replies(&bytes), vec![(kind, params)]);
    }

    #[test]
    fn arbitrary_bytes_are_answered_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        pieces in prop::collection::vec(1..64_usize, 1..8),
        buffers in buffers(),
    ) {
        let limit = FrameLimit::new(FrameLimit::LEAST_BYTES).unwrap();
        let options = SessionOptions { limit, writes: Writes::Whole };
        let whole = play(options, &bytes, &[usize::MAX], Buffers::Own);
        prop_assert_eq!(replies(&play(options, &bytes, &pieces, buffers)), replies(&whole));
    }

    #[test]
    fn a_frame_of_arbitrary_bytes_is_always_answered(bodies in prop::collection::vec(any::<Vec<u8>>(), 1..8)) {
        let mut bytes = Vec::new();
        for body in &bodies {
            frame::append(&mut bytes, |out| out.extend_from_slice(body));
        }
        prop_assert_eq!(replies(&play(SessionOptions::default(), &bytes, &[7], Buffers::Lent)).len(), bodies.len());
    }

    #[test]
    fn sessions_that_share_buffers_mix_nothing(
        lengths in [prop::collection::vec(0..9000_usize, 1..20), prop::collection::vec(0..9000_usize, 1..20)],
        pieces in [prop::collection::vec(1..20_000_usize, 1..8), prop::collection::vec(1..20_000_usize, 1..8)],
        turns in prop::collection::vec(1..20_usize, 1..8),
    ) {
        // Each stream consists of a letter of its own.
        let streams = [("a", &lengths[0]), ("b", &lengths[1])].map(|(letter, lengths)| {
            let params: Vec<_> = lengths.iter().map(|&length| json_string(&letter.repeat(length))).collect();
            let messages: Vec<_> = params.iter().map(|params| ("ping", params.as_str())).collect();
            requests(&messages)
        });
        let mut players = [0, 1].map(|i| Player::new(SessionOptions::default(), &streams[i], &pieces[i]));
        let (mut shared, mut turns) = (SharedBuffers::default(), turns.iter().cycle());
        let mut goes_on = [true; 2];
        while goes_on.contains(&true) {
            for (player, goes_on) in players.iter_mut().zip(&mut goes_on) {
                for _ in 0..*turns.next().expect("the sizes go round") {
                    *goes_on = *goes_on && player.step_in(&mut shared);
                }
            }
        }
        for ((player, stream), pieces) in players.into_iter().zip(&streams).zip(&pieces) {
            let alone = play(SessionOptions::default(), stream, pieces, Buffers::Own);
            prop_assert_eq!(player.into_output(), alone);
        }
    }
}
