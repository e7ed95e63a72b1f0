//! The keeper from the side of `compare`: a child process at the other end of a socket.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::connection::Connection;
use super::message::{Event, Order};
use crate::leftovers::{self, MARK};
use meter::Cgroup;
use meter::Maker;
use schema::cpus::CpuSet;

/// How long the keeper may take for its own work.
pub(crate) const KEEPER_WITHIN: Duration = Duration::from_secs(20);

/// The process between this one and the server.
#[derive(Debug)]
pub(crate) struct Keeper {
    child: Child,
    /// None once it is closed, which ends the keeper.
    connection: Option<Connection>,
}

impl Keeper {
    /// Starts a keeper. It waits for the order to start the server.
    pub(crate) fn start(
        cpus: &CpuSet,
        cgroup: Option<&Cgroup>,
        output: Option<&Path>,
        folder: Option<&Path>,
        command: impl Iterator<Item = OsString>,
    ) -> io::Result<Self> {
        let (own, others) = UnixStream::pair()?;
        // This path works even if the program's file was replaced or removed.
        let mut keeper = Command::new("/proc/self/exe");
        keeper.arg0("compare").args(["keep", "--cpus", &cpus.to_string()]);
        if let Some(cgroup) = cgroup {
            keeper.arg("--cgroup").arg(cgroup.path());
        }
        if let Some(output) = output {
            keeper.arg("--output").arg(std::path::absolute(output)?);
        }
        if let Some(folder) = folder {
            keeper.current_dir(folder);
        }
        // In a process group of its own: a signal to this process's group must not end the keeper.
        let child = keeper
            .arg("--")
            .args(command)
            .env(MARK, Maker::this().to_string())
            .stdin(OwnedFd::from(others))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        // That closes this process's copy of the other end.
        drop(keeper);
        let mut keeper = Self {
            child,
            connection: Some(Connection::new(own)),
        };
        let connection = keeper.connection.as_mut().expect("it was made here");
        match connection.receive(KEEPER_WITHIN)? {
            Some(Event::Awake) => Ok(keeper),
            _ => Err(io::Error::other("it sent no message")),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub(crate) fn connection(&mut self) -> Result<&mut Connection, String> {
        self.connection
            .as_mut()
            .ok_or_else(|| "its keeper is gone".to_owned())
    }

    /// Starts the server, and returns the number of its first process.
    pub(crate) fn start_server(&mut self) -> Result<Pid, String> {
        let connection = self.connection()?;
        connection.send(&Order::Start).map_err(|error| lost(&error))?;
        match connection.receive(KEEPER_WITHIN).map_err(|error| lost(&error))? {
            Some(Event::Started { pid }) => Ok(Pid::from_raw(pid)),
            Some(Event::Failed { reason }) => Err(reason),
            _ => Err("its keeper did not start it".to_owned()),
        }
    }
}

impl Drop for Keeper {
    /// Closes the connection, so that the keeper ends everything. If the keeper can't, this process does.
    fn drop(&mut self) {
        drop(self.connection.take());
        let until = Instant::now() + KEEPER_WITHIN;
        let ended = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.success(),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_micros(500)),
                _ => break false,
            }
        };
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
            leftovers::end_processes(|maker| maker == Maker::this());
        }
    }
}

/// The reason to give if the connection to a keeper fails.
pub(crate) fn lost(error: &io::Error) -> String {
    format!("its keeper is gone: {error}")
}
