//! Handlers that run on other threads than the event loop: what they delay, and what waits for a thread.

use nix::sys::signal::Signal;

use crate::cases::load::stays_within_bounds;
use crate::client::{Client, request};
use crate::model::{Model, WORKERS};
use crate::process_limit::process_limit;
use crate::server::Server;
use crate::wait::{eventually, let_packets_arrive};

/// Longer than any timeout of a case, so that what waits for its end fails.
const BLOCK: [&str; 2] = ["block", "60000"];

pub(crate) fn busy_handlers_delay_no_ping_and_no_sleep(model: &Model) {
    for busy in [request(BLOCK[0], BLOCK[1]), request("spin", "10000000")] {
        let server = model.start(&[]);
        let mut other = server.connect_served();
        let busy: Vec<_> = (0..WORKERS).map(|_| server.connect_with(&busy)).collect();
        let_packets_arrive();
        other.expect_pong();
        other.call("sleep", "5").is("slept", "5");
        server.expect_service();
        assert!(!busy.iter().any(Client::has_data), "the handlers are still busy");
    }
}

/// More than any default of a queue has room for, so that jobs wait elsewhere too.
pub(crate) fn blocks_beyond_any_queue_delay_no_ping(model: &Model) {
    let server = model.start(&[]);
    let mut other = server.connect_served();
    let block = request(BLOCK[0], BLOCK[1]);
    let blocked: Vec<_> = (0..300).map(|_| server.connect_with(&block)).collect();
    let_packets_arrive();
    for _ in 0..20 {
        other.expect_pong();
        other.call("sleep", "1").is("slept", "1");
    }
    server.expect_service();
    assert!(!blocked.iter().any(Client::has_data), "the blocks go on");
}

/// Requests behind a job wait for it, and so does what follows on the same connection, whether or not the job has a thread.
pub(crate) fn requests_behind_a_queued_job_keep_their_order(model: &Model) {
    let server = model.start_one_loop(&[]);
    let mut first = server.connect_with(request("block", "300"));
    let mut stream = request("block", "20");
    stream.extend(request("ping", "1"));
    stream.extend(request("spin", "100"));
    stream.extend(request("ping", "2"));
    stream.extend(request("sleep", "10"));
    stream.extend(request("pi", "0"));
    stream.extend(request("ping", "3"));
    let mut queued = server.connect_with(stream);
    server.expect_service();
    queued.receive().is("blocked", "20");
    queued.receive().is("pong", "1");
    queued.receive().is("spun", "100");
    queued.receive().is("pong", "2");
    queued.receive().is("slept", "10");
    queued.receive().is("pi_r", "2.8284271247461903");
    queued.receive().is("pong", "3");
    first.receive().is("blocked", "300");
}

/// More than a server may keep: it has to leave them in the socket, where they slow the peer down.
pub(crate) fn thousands_of_requested_jobs_use_bounded_memory(model: &Model) {
    const JOBS: usize = 1_000_000;
    let server = model.start(&[]);
    let greedy = server.connect();
    let jobs = request(BLOCK[0], BLOCK[1]).repeat(JOBS);
    stays_within_bounds(&server, &greedy, [request("ping", "1"), jobs].concat());
    server.expect_service();
}

/// Where all threads are busy and their queue is full, a job waits with its connection, which is not read meanwhile.
pub(crate) fn a_job_without_a_place_stops_reading(model: &Model) {
    /// More than there are threads and places in the queue, in any server.
    const BUSY: usize = 600;
    let server = model.start(&[]);
    let block = request(BLOCK[0], BLOCK[1]);
    let blocked: Vec<_> = (0..BUSY).map(|_| server.connect_with(&block)).collect();
    server.wait_until_idle(|| {});
    let greedy = server.connect();
    let flood = request("ping", "1").repeat(1_000_000);
    stays_within_bounds(&server, &greedy, [request("ping", "1"), block, flood].concat());
    assert!(!blocked.iter().any(Client::has_data), "the blocks go on");
    server.expect_service();
}

pub(crate) fn a_reset_while_a_job_runs_or_waits_releases_the_connection(model: &Model) {
    let server = model.start(&[]);
    server.connect().call("block", "1").is("blocked", "1");
    server.wait_until_idle(|| {});
    let before = server.tree().descriptors();
    let peers: Vec<_> = (0..20)
        .map(|_| server.connect_with(request("block", "500")))
        .collect();
    let_packets_arrive();
    peers.into_iter().for_each(Client::reset);
    eventually("the server has released what the peers held", || {
        server.tree().descriptors() == before
    });
    server.connect().call("block", "1").is("blocked", "1");
    server.expect_service();
}

/// A job that nobody waits for must not hold a thread for a minute.
pub(crate) fn a_queued_job_whose_peer_has_reset_holds_up_no_other(model: &Model) {
    let mut done = None;
    eventually("the peers reset while their jobs are queued", || {
        let server = model.start_one_loop(&[]);
        let running = server.connect_with(request("block", "3000"));
        let_packets_arrive();
        let peers: Vec<_> = (0..5)
            .map(|_| server.connect_with(request(BLOCK[0], BLOCK[1])))
            .collect();
        let_packets_arrive();
        peers.into_iter().for_each(Client::reset);
        let_packets_arrive();
        let in_time = !running.has_data();
        done = in_time.then_some((server, running));
        in_time
    });
    let (server, mut running) = done.expect("an attempt was in time");
    let mut next = server.connect_with(request("block", "10"));
    running.receive().is("blocked", "3000");
    next.receive().is("blocked", "10");
}

/// Whoever connects, asks for a job and resets again and again, while all threads are busy, leaves nothing behind.
pub(crate) fn jobs_of_reset_peers_use_bounded_memory(model: &Model) {
    const PEERS: usize = 20_000;
    const MOST_BYTES: u64 = 1 << 20;
    let server = model.start(&[]);
    let job = [request("ping", "1"), request(BLOCK[0], BLOCK[1])].concat();
    // The reply to the ping shows that the job was taken from its request.
    let submit = || {
        let mut client = server.connect_with(&job);
        client.receive().is("pong", "1");
        client
    };
    let blocked: Vec<_> = (0..600).map(|_| submit()).collect();
    let reset = |peers| {
        (0..peers).for_each(|_| submit().reset());
        server.expect_service();
        server.wait_until_idle(|| {});
        server.tree().anonymous_bytes()
    };
    let before_bytes = reset(2_000);
    let after_bytes = reset(PEERS);
    assert!(
        after_bytes < before_bytes + MOST_BYTES,
        "{before_bytes} bytes of memory, and {after_bytes} after {PEERS} peers"
    );
    assert!(!blocked.iter().any(Client::has_data), "the blocks go on");
}

/// Jobs wait for the threads that there are.
pub(crate) fn jobs_run_when_no_further_thread_can_be_started(model: &Model) {
    let Some(limit) = process_limit(model, 50) else {
        return;
    };
    let server = limit.start(model, &[]);
    server.expect_service();
    limit.lower(&server, 1);
    for _ in 0..3 {
        let mut clients: Vec<_> = (0..WORKERS * 3)
            .map(|_| server.connect_with([request("block", "20"), request("pi", "0")].concat()))
            .collect();
        for client in &mut clients {
            client.receive().is("blocked", "20");
            client.receive().is("pi_r", "2.8284271247461903");
        }
    }
    assert_eq!(server.printed_on_stderr(), "");
    server.expect_service();
}

/// A connection that asks for many jobs in one write gets one turn for each that others get.
pub(crate) fn jobs_of_many_connections_take_turns(model: &Model) {
    const JOBS: usize = 400;
    let server = model.start_one_loop(&[]);
    let mut greedy = server.connect_with(request("block", "20").repeat(JOBS));
    let mut other = server.connect_served();
    for _ in 0..10 {
        other.call("block", "20").is("blocked", "20");
    }
    let mut replies = 0;
    while greedy.has_data() {
        greedy.receive().is("blocked", "20");
        replies += 1;
    }
    assert!(
        replies < JOBS / 2,
        "{replies} of {JOBS} jobs of one connection ran while another had ten"
    );
}

pub(crate) fn queued_jobs_are_answered_before_exit(model: &Model) {
    let mut server = model.start_one_loop(&["--drain-timeout", "60s"]);
    let mut clients: Vec<_> = (0..5)
        .map(|number: u32| {
            server.connect_with([request("block", "150"), request("ping", &number.to_string())].concat())
        })
        .collect();
    server.signal(Signal::SIGTERM);
    for (number, client) in clients.iter_mut().enumerate() {
        client.receive().is("blocked", "150");
        client.receive().is("pong", &number.to_string());
        client.expect_end();
    }
    assert_eq!(server.finish().code, Some(0));
}

/// The jobs of a rolling restart: in progress, queued, and behind those on the same connection.
pub(crate) fn a_rolling_restart_loses_no_job(model: &Model) {
    let server = model.start(&[]);
    let threads = threads_when_idle(&server);
    let mut clients: Vec<_> = (0..WORKERS * 3)
        .map(|_| server.connect_with([request("block", "200"), request("spin", "100")].concat()))
        .collect();
    for _ in 0..3 {
        server.signal(Signal::SIGHUP);
        let_packets_arrive();
    }
    for client in &mut clients {
        client.receive().is("blocked", "200");
        client.receive().is("spun", "100");
    }
    drop(clients);
    server.expect_service();
    eventually("the threads that were replaced have ended", || {
        server.tree().threads() <= threads
    });
    server.connect().call("block", "1").is("blocked", "1");
}

fn threads_when_idle(server: &Server) -> i64 {
    server.connect().call("block", "1").is("blocked", "1");
    server.wait_until_idle(|| {});
    server.tree().threads()
}
