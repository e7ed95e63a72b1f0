use std::io::Write;
use std::net::TcpListener;

use completions::{Outcome, Settings};

use super::*;

const BUFFERS: u16 = 4;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

/// Waits once, and passes on what the kernel has received.
fn wait(stream: &mut Stream) {
    let shared = Rc::clone(&stream.shared);
    shared.borrow_mut().ring.submit_and_wait(None).unwrap();
    loop {
        let completion = shared.borrow_mut().ring.next_completion();
        let Some(completion) = completion else { break };
        match completion.outcome {
            Ok(Outcome::Received(received)) => {
                stream.notice_received(received, completion.more);
            }
            Ok(_) => {
                stream.notice_closed(completion.more);
            }
            Err(error) => {
                stream.notice_not_received(&error, completion.more);
            }
        }
    }
}

#[test]
fn a_connection_that_ends_leaves_no_buffer_in_use() {
    let settings = Settings {
        buffers: BUFFERS,
        ..Settings::default()
    };
    let Ok(ring) = Ring::new(&settings) else {
        test_support::skip("io_uring is refused");
        return;
    };
    let shared = Shared::new(ring);
    for key in 0..=usize::from(BUFFERS) {
        let (socket, mut peer) = pair();
        let mut stream = Stream::new(socket.into(), key, Rc::clone(&shared));
        peer.write_all(b"too late").unwrap();
        // These bytes are received before the cancel, and nobody reads them.
        shared.borrow_mut().ring.submit().unwrap();
        stream.abandon();
        while !stream.is_at_rest() {
            wait(&mut stream);
        }
        assert_eq!(stream.unread(), 0, "connection {key} keeps a buffer");
        stream.close();
    }
    let (socket, mut peer) = pair();
    let mut stream = Stream::new(socket.into(), 0, shared);
    peer.write_all(b"ping").unwrap();
    wait(&mut stream);
    assert_eq!(stream.unread(), 4, "there is no buffer left to receive into");
}
