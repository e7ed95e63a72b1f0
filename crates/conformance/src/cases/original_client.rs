//! The client of the original tutorial, which expects a whole reply from one `recv`.

use std::process::{Command, Stdio};

use crate::client::{Reply, request};
use crate::model::Model;
use crate::process::Process;

/// Its script, in Python 3.
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/client.py");

pub(crate) fn the_original_client_is_served(model: &Model) {
    serves_the_client(model, &[]);
}

pub(crate) fn the_original_client_is_served_with_two_writes(model: &Model) {
    serves_the_client(model, &["--two-writes"]);
}

#[track_caller]
fn serves_the_client(model: &Model, flags: &[&str]) {
    let python = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !python.is_ok_and(|status| status.success()) {
        test_support::skip("python3 is not installed");
        return;
    }
    let server = model.start(flags);
    let (host, port) = (
        server.address().ip().to_string(),
        server.address().port().to_string(),
    );
    let mut command = Command::new("python3");
    command.args([CLIENT, &host, &port, "0"]);
    let finished = Process::start("client.py", command).finish();
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let expected: Vec<_> = (0..10).map(|number| format!("pong ireader {number}")).collect();
    assert_eq!(finished.stdout.lines().collect::<Vec<_>>(), expected);
    server.expect_service();
}

/// The same exchange without Python: two writes for a request, one `recv` for the prefix and one for the body.
pub(crate) fn one_read_per_prefix_and_body_gets_whole_replies(model: &Model) {
    for flags in [&[] as &[&str], &["--two-writes"]] {
        let server = model.start(flags);
        let mut client = server.connect();
        for number in 0..10 {
            let params = format!(r#""ireader {number}""#);
            let whole = request("ping", &params);
            client.send(&whole[..4]);
            client.send(&whole[4..]);
            let prefix = client.try_receive_once(4).expect("a prefix comes");
            let prefix: [u8; 4] = prefix.try_into().expect("the whole prefix comes at once");
            let length = u32::from_le_bytes(prefix) as usize;
            let body = client.try_receive_once(length).expect("a body comes");
            assert_eq!(body.len(), length, "the whole body comes at once");
            Reply::parse(&body).is("pong", &params);
        }
    }
}
