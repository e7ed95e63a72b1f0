//! Ports on which nothing answers.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A port that is bound, so that no other test gets it, and on which nothing listens.
pub(crate) fn dead_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there can be a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("the kernel has a port");
    let address = socket.local_addr().expect("it is bound").as_socket();
    let address = address.expect("it is bound to a port");
    (socket, address)
}

/// A port on which the kernel answers no SYN, because the backlog is full, and what keeps it full.
pub(crate) fn silent_port() -> ((Socket, Vec<TcpStream>), SocketAddr) {
    let (silent, address) = dead_port();
    silent.listen(0).expect("it can be listened at");
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        filling.push(stream);
    }
    ((silent, filling), address)
}
