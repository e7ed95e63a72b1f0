//! What each operation sends, and what it accepts as a reply.

use serde_json::Value;

use super::*;

fn operation(name: &str, params: Params) -> Result<Operation, WorkError> {
    Operation::new(name, params, 1)
}

fn reply(kind: &str, result: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Reply::append(&mut out, kind, |out| out.extend_from_slice(result.as_bytes()));
    out.split_off(PREFIX_BYTES)
}

#[test]
fn a_unique_ping_accepts_its_own_number_and_no_other() {
    let mut work = operation("ping", Params::Unique).unwrap();
    let mut request = Vec::new();
    work.append_request(42, &mut request);
    assert!(request.ends_with(br#"{"in":"ping","params":"ireader 000000000042"}"#));
    assert_eq!(
        work.judge(42, &reply("pong", "\"ireader 000000000042\"")),
        Verdict::Good
    );
    assert!(matches!(
        work.judge(43, &reply("pong", "\"ireader 000000000042\"")),
        Verdict::Wrong(_)
    ));
    assert!(matches!(work.judge(42, b"{}"), Verdict::Wrong(_)));
}

#[test]
fn a_reply_may_say_the_same_in_other_words() {
    let mut work = operation("ping", Params::Json(" [1e-7, \"é\"] ".to_owned())).unwrap();
    let other_words = "{ \"result\" : [1e-07,\"\\u00e9\"], \"out\" : \"pong\" }";
    assert_eq!(work.judge(0, other_words.as_bytes()), Verdict::Good);
    let mut blob = operation("blob", Params::Json("3".to_owned())).unwrap();
    assert_eq!(blob.judge(0, &reply("blob", "\"abc\"")), Verdict::Good);
    assert!(matches!(
        blob.judge(0, &reply("blob", "\"ab\"")),
        Verdict::Wrong(_)
    ));
    let mut work = operation("work", Params::Json("{\"reply_bytes\": 3}".to_owned())).unwrap();
    assert_eq!(work.judge(0, &reply("worked", "\"abc\"")), Verdict::Good);
    for (kind, result) in [
        ("worked", "\"ab\""),
        ("worked", "\"\u{e9}a\""),
        ("blob", "\"abc\""),
    ] {
        assert!(
            matches!(work.judge(0, &reply(kind, result)), Verdict::Wrong(_)),
            "{kind} {result}"
        );
    }
}

#[test]
fn a_ping_has_to_return_every_digit() {
    let number = |digits: &str| Params::Json(digits.to_owned());
    let mut work = operation("ping", number("12345678901234567890123")).unwrap();
    let near = reply("pong", "12345678901234567890124");
    assert!(matches!(work.judge(0, &near), Verdict::Wrong(_)));
    // A server that parses numbers may write them differently.
    let mut work = operation("ping", number("1e2")).unwrap();
    assert_eq!(work.judge(0, &reply("pong", "100.0")), Verdict::Good);
}

#[test]
fn every_operation_knows_its_reply() {
    for (name, params, kind, result) in [
        ("pi", "100", "pi_r", "3.1384395139385455"),
        ("spin", "7", "spun", "7"),
        ("sleep", "7", "slept", "7"),
        ("block", "7", "blocked", "7"),
        ("blob", "2", "blob", "\"xx\""),
        ("work", "{}", "worked", "\"\""),
        ("work", r#"{"cpu_us": 9, "reply_bytes": 2}"#, "worked", "\"xx\""),
    ] {
        let mut work = operation(name, Params::Json(params.to_owned())).unwrap();
        assert_eq!(work.judge(0, &reply(kind, result)), Verdict::Good);
        let error = work.judge(0, &reply("error", "{\"code\":\"bad_params\"}"));
        assert_eq!(error, Verdict::Error("{\"code\":\"bad_params\"}".to_owned()));
    }
}

#[test]
fn a_payload_has_its_length() {
    for bytes in [0, 1, STAMP_DIGITS, 1000] {
        let mut work = operation("ping", Params::Payload(bytes)).unwrap();
        let mut request = Vec::new();
        work.append_request(123_456, &mut request);
        let body: Value = serde_json::from_slice(&request[PREFIX_BYTES..]).unwrap();
        assert_eq!(body["params"].as_str().unwrap().len(), bytes);
        assert_eq!(
            work.judge(123_456, &reply("pong", &body["params"].to_string())),
            Verdict::Good
        );
    }
}

#[test]
fn work_that_the_service_refuses_is_refused_here() {
    let error = |name: &str, params| operation(name, params).unwrap_err().to_string();
    assert!(error("pong", Params::Unique).contains("\"pong\""));
    assert!(error("ping", Params::Json("text".to_owned())).contains("quotes"));
    assert!(error("sleep", Params::Json("60001".to_owned())).contains("60000"));
    assert!(error("sleep", Params::Payload(3)).contains("payload"));
    let work = |params: &str| error("work", Params::Json(params.to_owned()));
    assert!(work("{\"wait_ms\": 60001}").contains("from 0 to 60000 as wait_ms, not 60001"));
    assert!(work("{\"cpu\": 1}").contains("unknown field `cpu`"));
    assert!(work("7").contains("takes an object"));
}

#[test]
fn a_random_time_is_requested_and_expected() {
    let times = Distribution::Exponential { mean: 100.0 };
    let mut spin = operation("spin", Params::Times(times)).unwrap();
    let mut asked = std::collections::BTreeSet::new();
    for number in 0..1000 {
        let mut request = Vec::new();
        spin.append_request(number, &mut request);
        let request = Request::parse(&request[PREFIX_BYTES..]).unwrap();
        asked.insert(request.params.get().to_owned());
        assert_eq!(
            spin.judge(number, &reply("spun", request.params.get())),
            Verdict::Good
        );
        let other = format!("{}0", request.params.get());
        assert!(request.params.get() == "0" || spin.judge(number, &reply("spun", &other)) != Verdict::Good);
    }
    assert!(asked.len() > 100, "{}", asked.len());
    assert_eq!(spin.fixed_params(), None);
    let error = operation("pi", Params::Times(times)).unwrap_err().to_string();
    assert!(error.contains("spin, sleep and block"), "{error}");
}
