//! The servers in `examples/contenders` behave as their entries in `contenders.toml` describe.

use std::fs;
use std::io::Read;

use serde_json::{Value, json};

use crate::contender::{folder, for_each_contender, frame, ping, pong, receive, send};
use crate::program::loadgen_with;

#[test]
fn every_contender_answers_what_its_entry_lists() {
    for_each_contender(|contender, running| {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(12_345_678_901_234_567_890_u64),
            json!(1e-7),
            json!(""),
            json!("\"\\/\u{0}é漢🦀"),
            json!([]),
            json!([1, [2, [3]]]),
            json!({}),
            json!({"a": {"in": "ping", "params": null}}),
            json!("x".repeat(100_000)),
        ];
        let mut stream = running.connect();
        for value in &values {
            send(&mut stream, &[&ping(value)]);
            assert_eq!(receive(&mut stream), pong(value), "{}", contender.name);
        }
        let all: Vec<u8> = values.iter().flat_map(ping).collect();
        send(&mut stream, &[&all]);
        for value in &values {
            assert_eq!(receive(&mut stream), pong(value), "{}: pipelined", contender.name);
        }
        drop(stream);

        let address = running.address.to_string();
        for operation in &contender.operations {
            let (params, expected) = match operation.as_str() {
                "ping" => ("20", "pong 20\n"),
                "pi" => ("100", "pi_r 3.1384395139385455\n"),
                "spin" => ("20", "spun 20\n"),
                "sleep" => ("20", "slept 20\n"),
                "block" => ("20", "blocked 20\n"),
                "blob" => ("5", "blob \"xxxxx\"\n"),
                "work" => (
                    r#"{"cpu_us": 9, "wait_ms": 1, "block": true, "reply_bytes": 5}"#,
                    "worked \"xxxxx\"\n",
                ),
                other => panic!("{}: what does {other} answer?", contender.name),
            };
            let left = loadgen_with(&[
                "call",
                "--connect",
                &address,
                "--op",
                operation,
                "--params",
                params,
            ]);
            assert_eq!(
                (&*left.stdout, left.code),
                (expected, Some(0)),
                "{}: {}",
                contender.name,
                left.stderr
            );
        }
        let left = loadgen_with(&["call", "--connect", &address, "--op", "nonsense"]);
        assert!(
            left.code == Some(1) && left.stdout.contains("unknown_operation"),
            "{}: {}{}",
            contender.name,
            left.stdout,
            left.stderr
        );
    });
}

#[test]
fn every_contender_takes_split_frames_and_survives_resets() {
    for_each_contender(|contender, running| {
        let value = json!("in pieces");
        let whole = ping(&value);
        for cut in [1, 3, 4, 5, whole.len() - 1] {
            let mut stream = running.connect();
            send(&mut stream, &[&whole[..cut], &whole[cut..]]);
            assert_eq!(
                receive(&mut stream),
                pong(&value),
                "{}: cut at {cut}",
                contender.name
            );
        }
        // A whole frame and the beginning of the next one.
        let mut stream = running.connect();
        let two = whole.repeat(2);
        send(&mut stream, &[&two[..whole.len() + 2], &two[whole.len() + 2..]]);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
        // Some serve one connection at a time.
        drop(stream);

        send(&mut running.connect(), &[&whole[..9]]);
        let mut stream = running.connect();
        send(&mut stream, &[&frame(b"nonsense")]);
        assert_eq!(
            receive(&mut stream)["result"]["code"],
            "bad_request",
            "{}",
            contender.name
        );
        send(&mut stream, &[&whole]);
        assert_eq!(receive(&mut stream), pong(&value), "{}", contender.name);
    });
}

/// The load generator has no advice on a run against them.
#[test]
fn every_contender_can_be_loaded() {
    for_each_contender(|contender, running| {
        let address = running.address.to_string();
        let left = loadgen_with(&[
            "run",
            "--connect",
            &address,
            "--connections",
            "1",
            "--pipeline",
            "3",
            "--warmup",
            "0",
            "--duration",
            "300ms",
            "--timeout",
            "60s",
        ]);
        assert_eq!(
            left.code,
            Some(0),
            "{}: {}{}",
            contender.name,
            left.stdout,
            left.stderr
        );
    });
}

/// What a request is answered with: `out` and `result`, or `error` and the code.
const ANSWERS: [(&str, &str, &str); 43] = [
    (r#"{"in":"ping","params":{"in":"pi"}}"#, "pong", r#"{"in":"pi"}"#),
    (r#" { "x" : 1 , "params" : [ ] , "in" : "ping" } "#, "pong", "[]"),
    (
        r#"{"\u0069n":"\u0070ing","params":"}]\\\""}"#,
        "pong",
        r#""}]\\\"""#,
    ),
    (r#"{"in":"pi","params":0}"#, "pi_r", "2.8284271247461903"),
    (r#"{"in":"pi","params":100}"#, "pi_r", "3.1384395139385455"),
    (r#"{"in":"pi","params":10000001}"#, "error", "bad_params"),
    (r#"{"in":"spin","params":50}"#, "spun", "50"),
    (r#"{"in":"spin","params":10000001}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":1}"#, "slept", "1"),
    (r#"{"in":"sleep","params":60001}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":"10"}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":-1}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":1.5}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":1e1}"#, "error", "bad_params"),
    (r#"{"in":"sleep","params":null}"#, "error", "bad_params"),
    (r#"{"in":"block","params":1}"#, "blocked", "1"),
    (r#"{"in":"block","params":[1]}"#, "error", "bad_params"),
    (r#"{"in":"blob","params":0}"#, "blob", r#""""#),
    (r#"{"in":"blob","params":1048513}"#, "error", "bad_params"),
    (r#"{"in":"work","params":{}}"#, "worked", r#""""#),
    (
        r#"{"in":"work","params":{"wait_ms":1,"block":false,"cpu_us":9}}"#,
        "worked",
        r#""""#,
    ),
    (
        r#"{"in":"work","params":{"cpu_us":10000001}}"#,
        "error",
        "bad_params",
    ),
    (
        r#"{"in":"work","params":{"wait_ms":60001}}"#,
        "error",
        "bad_params",
    ),
    (
        r#"{"in":"work","params":{"reply_bytes":1048513}}"#,
        "error",
        "bad_params",
    ),
    (r#"{"in":"work","params":{"block":1}}"#, "error", "bad_params"),
    (r#"{"in":"work","params":{"cpu":1}}"#, "error", "bad_params"),
    (r#"{"in":"work","params":50}"#, "error", "bad_params"),
    (r#"{"in":"Ping","params":1}"#, "error", "unknown_operation"),
    (r#"{"in":"\u0170ing","params":1}"#, "error", "unknown_operation"),
    (r#"{"in":"ping\u0000","params":1}"#, "error", "unknown_operation"),
    (r#"{"in":"","params":1}"#, "error", "unknown_operation"),
    (r#"{"in":"a \"b\" é\n","params":1}"#, "error", "unknown_operation"),
    (r"", "error", "bad_request"),
    (r"nonsense", "error", "bad_request"),
    (r#"["ping",1]"#, "error", "bad_request"),
    (r#"{"in":"ping"}"#, "error", "bad_request"),
    (r#"{"params":1}"#, "error", "bad_request"),
    (r#"{"in":7,"params":1}"#, "error", "bad_request"),
    (r#"{"in":"ping","params":1}}"#, "error", "bad_request"),
    (r#"{"in":"ping","params":01}"#, "error", "bad_request"),
    (r#"{"in":"ping","params":NaN}"#, "error", "bad_request"),
    (r#"{"in":"ping","params":1,}"#, "error", "bad_request"),
    (r#"{"in":"ping","params":"\q"}"#, "error", "bad_request"),
];

#[test]
fn contenders_in_other_languages_speak_the_whole_wire() {
    for_each_contender(|contender, running| {
        if contender.operations.len() < 7 {
            return;
        }
        let name = &contender.name;
        let mut stream = running.connect();
        for (body, out, expected) in ANSWERS {
            send(&mut stream, &[&frame(body.as_bytes())]);
            let reply = receive(&mut stream);
            assert_eq!(reply["out"], out, "{name}: {body}: {reply}");
            if out == "error" {
                assert_eq!(reply["result"]["code"], expected, "{name}: {body}: {reply}");
                assert!(reply["result"]["message"].is_string(), "{name}: {body}: {reply}");
            } else {
                let expected: Value = serde_json::from_str(expected).unwrap();
                assert_eq!(reply["result"], expected, "{name}: {body}");
            }
        }
        send(&mut stream, &[&frame(b"{\"in\":\"ping\",\"params\":\"\xff\"}")]);
        assert_eq!(
            receive(&mut stream)["result"]["code"],
            "bad_request",
            "{name}: no UTF-8"
        );
        for (op, params) in [("blob", "1048512"), ("work", r#"{"reply_bytes":1048512}"#)] {
            send(
                &mut stream,
                &[&frame(
                    format!("{{\"in\":\"{op}\",\"params\":{params}}}").as_bytes(),
                )],
            );
            let reply = receive(&mut stream);
            let text = reply["result"].as_str().unwrap();
            assert!(text.len() == 1_048_512 && text.is_ascii(), "{name}: {op}");
        }

        // A slow request, a fast one, an error, and a length that is too large.
        let bodies = [
            r#"{"in":"sleep","params":30}"#,
            r#"{"in":"ping","params":2}"#,
            r#"{"in":"sum","params":3}"#,
        ];
        let mut all = bodies.map(|body| frame(body.as_bytes())).concat();
        all.extend(((1_u32 << 20) + 1).to_le_bytes());
        send(&mut stream, &[&all]);
        assert_eq!(
            receive(&mut stream),
            json!({"out": "slept", "result": 30}),
            "{name}"
        );
        assert_eq!(receive(&mut stream), pong(&json!(2)), "{name}");
        let unknown = receive(&mut stream);
        assert!(
            unknown["result"]["message"].as_str().unwrap().contains("sum"),
            "{name}: {unknown}"
        );
        assert_eq!(
            receive(&mut stream)["result"]["code"],
            "frame_too_large",
            "{name}"
        );
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{name} closes the connection");
    });
}

#[test]
fn each_source_has_under_100_lines() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let ends = path.extension().and_then(|end| end.to_str());
        if ends.is_some_and(|end| !["md", "toml"].contains(&end)) {
            let text = fs::read_to_string(&path).unwrap();
            let count = text.lines().count();
            assert!(count < 100, "{}: {count} lines", path.display());
        }
    }
}
