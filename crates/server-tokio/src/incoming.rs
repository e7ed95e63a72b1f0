//! Connections as they are accepted, within the limits of the server and of the machine.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::TcpStream as StdStream;
use std::sync::Arc;

use serving::limits::{
    RETRY_PAUSE, full_was_reported, is_closed, is_exhaustion, is_interruption, is_peers_fault,
    report_exhaustion_once, report_full_once,
};
use serving::listener::has_waiting;
use serving::{Error, Result, Service, Stop};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::sleep;

use crate::connection::Connection;

/// The connections of one runtime, until it drains.
#[derive(Debug)]
pub(crate) struct Incoming {
    listener: TcpListener,
    /// Connections that waited in the backlog as it was closed. This channel closes when the runtime drains.
    waiting: mpsc::UnboundedReceiver<StdStream>,
    /// A place for each connection that `--max-connections` allows, those of older runtimes included.
    places: Option<Arc<Semaphore>>,
    /// For the tasks. None of them has seen it change.
    draining: watch::Receiver<()>,
    service: Service,
    stop: Stop,
}

impl Incoming {
    /// Accepts from this listener within a runtime, which is entered.
    pub(crate) fn new(
        listener: std::net::TcpListener,
        waiting: mpsc::UnboundedReceiver<StdStream>,
        places: Option<Arc<Semaphore>>,
        draining: watch::Receiver<()>,
        service: Service,
        stop: Stop,
    ) -> io::Result<Self> {
        // The flag belongs to the socket, not to the descriptor, so it holds for all runtimes.
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            waiting,
            places,
            draining,
            service,
            stop,
        })
    }

    /// Waits for the next connection and accepts it. When the runtime should drain, it returns the connections that waited
    /// in the backlog, one per call, then none.
    pub(crate) async fn next(&mut self) -> Result<Option<Connection>> {
        loop {
            let (stream, place) = select! {
                biased;
                waiting = self.waiting.recv() => match waiting.map(adopt) {
                    Some(Ok(stream)) => (stream, None),
                    // Without memory to watch it, it can't be served.
                    Some(Err(_)) => continue,
                    None => return Ok(None),
                },
                accepted = accept(&self.listener, self.places.as_ref()) => accepted?,
            };
            let connection = Connection::new(stream, &self.service, self.stop, self.draining.clone(), place);
            return Ok(Some(connection));
        }
    }
}

fn adopt(stream: StdStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

/// Accepts a connection once there is a place for it. At the limit of descriptors it waits until it can accept again.
async fn accept(
    listener: &TcpListener,
    places: Option<&Arc<Semaphore>>,
) -> Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    let place = match places {
        Some(places) => Some(place(listener, places).await),
        None => None,
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, place)),
            Err(error) if is_interruption(&error) || is_peers_fault(&error) => {}
            // The server drains, and closes `waiting` next.
            Err(error) if is_closed(&error) => pending().await,
            // The second is a full table of epoll (fs.epoll.max_user_watches).
            Err(error) if is_exhaustion(&error) || error.kind() == ErrorKind::StorageFull => {
                report_exhaustion_once("accept", &error);
                sleep(RETRY_PAUSE).await;
            }
            Err(error) => return Err(Error::system("accept")(error)),
        }
    }
}

/// Waits for a place. The first time that a connection waits for one it reports so.
async fn place(listener: &TcpListener, places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    loop {
        select! {
            biased;
            place = Arc::clone(places).acquire_owned() => return place.expect("nobody closes the semaphore"),
            () = sleep(RETRY_PAUSE), if !full_was_reported() => {
                if has_waiting(listener) {
                    report_full_once();
                }
            }
        }
    }
}
