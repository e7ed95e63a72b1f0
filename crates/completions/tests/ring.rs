//! What a ring does on a kernel that allows it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use completions::Receive::{Multishot, Once};
use completions::{Completion, Outcome, Ring, Settings, Target};

fn ring(settings: Settings) -> Option<Ring> {
    match Ring::new(&settings) {
        Ok(ring) => Some(ring),
        Err(error) => {
            test_support::skip(format_args!("io_uring is refused: {error}"));
            None
        }
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let peer = TcpStream::connect(address).expect("it listens");
    (listener.accept().expect("one waits").0, peer)
}

fn target(socket: &TcpStream) -> Target {
    Target::Descriptor(socket.as_raw_fd())
}

fn next(ring: &mut Ring) -> Completion {
    loop {
        if let Some(completion) = ring.next_completion() {
            return completion;
        }
        ring.submit_and_wait(None).expect("the ring can wait");
    }
}

#[test]
fn a_dropped_buffer_is_received_into_again() {
    let Some(mut ring) = ring(Settings {
        buffers: 1,
        ..Settings::default()
    }) else {
        return;
    };
    let (socket, mut peer) = pair();
    for round in 0..3_u8 {
        peer.write_all(&[round]).unwrap();
        ring.receive(target(&socket), Once, 7);
        match next(&mut ring).outcome {
            Ok(Outcome::Received(received)) => assert_eq!(received.bytes(), [round]),
            outcome => panic!("{outcome:?}"),
        }
    }
}

#[test]
fn the_end_of_what_can_be_received_uses_no_buffer() {
    let Some(mut ring) = ring(Settings {
        buffers: 1,
        ..Settings::default()
    }) else {
        return;
    };
    for how in [Once, Multishot, Once] {
        let (socket, peer) = pair();
        drop(peer);
        ring.receive(target(&socket), how, 7);
        let outcome = next(&mut ring).outcome;
        assert!(matches!(outcome, Ok(Outcome::Done(0))), "{outcome:?}");
    }
}

#[test]
fn more_operations_than_the_queue_holds_are_done() {
    let Some(mut ring) = ring(Settings {
        submissions: 4,
        completions: 8,
        ..Settings::default()
    }) else {
        return;
    };
    let (socket, mut peer) = pair();
    for byte in 0..100 {
        ring.send(target(&socket), vec![byte], 0, u64::from(byte));
    }
    assert!(ring.next_completion().is_none(), "nothing is done before a wait");
    ring.submit_and_wait(None).unwrap();
    let mut done = Vec::new();
    while let Some(completion) = ring.next_completion() {
        assert!(matches!(completion.outcome, Ok(Outcome::Done(1))));
        done.push(completion.token);
    }
    assert_eq!(done, (0..100).collect::<Vec<_>>(), "one wait fetched all of them");
    let mut bytes = [0; 100];
    peer.read_exact(&mut bytes).unwrap();
    assert!(bytes.into_iter().eq(0..100));
}

#[test]
fn a_wait_does_not_block_while_completions_are_left() {
    let Some(mut ring) = ring(Settings::default()) else {
        return;
    };
    let (socket, mut peer) = pair();
    peer.write_all(b"x").unwrap();
    ring.receive(target(&socket), Once, 7);
    assert!(!ring.has_completion(7));
    ring.submit().unwrap();
    assert!(ring.has_completion(7) && !ring.has_completion(8));
    ring.submit_and_wait(None).unwrap();
    assert!(ring.next_completion().is_some());
}

/// The number of a place must not be taken for a descriptor, which would close a stranger's.
#[test]
fn one_accept_gets_a_place_where_a_ring_has_places() {
    let Some(mut ring) = ring(Settings {
        direct: 4,
        ..Settings::default()
    }) else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    ring.accept(listener.as_fd(), false, 7);
    let Ok(Outcome::AcceptedDirect(place)) = next(&mut ring).outcome else {
        panic!("it was not accepted into a place");
    };
    ring.send(Target::Direct(place), b"hello".to_vec(), 0, 8);
    assert!(matches!(next(&mut ring).outcome, Ok(Outcome::Done(5))));
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
}

/// With these bits a completion would be taken for that of a send or an accept.
#[test]
fn a_token_of_more_than_62_bits_is_refused() {
    let Some(_) = ring(Settings::default()) else {
        return;
    };
    let calls: [fn(&mut Ring, &TcpStream, u64); 8] = [
        |ring, socket, token| ring.accept(socket.as_fd(), true, token),
        |ring, socket, token| ring.receive(target(socket), Once, token),
        |ring, socket, token| ring.send(target(socket), vec![0], 0, token),
        |ring, socket, token| ring.send_static(target(socket), b"x", token),
        |ring, socket, token| ring.send_static_zero_copy(target(socket), b"x", token),
        |ring, socket, token| ring.poll(socket.as_fd(), rustix::event::PollFlags::IN, false, token),
        |ring, _, token| ring.cancel(token),
        |ring, _, token| ring.cancel_accept(token),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        for token in [1 << 62, 1 << 63, u64::MAX] {
            let refused = std::thread::spawn(move || {
                let mut ring = Ring::new(&Settings::default()).unwrap();
                call(&mut ring, &pair().0, token);
            });
            assert!(refused.join().is_err(), "call {index} takes the token {token:#x}");
        }
    }
}
