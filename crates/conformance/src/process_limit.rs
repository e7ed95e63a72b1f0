//! A server that can have few processes and threads.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use test_support::skip;

use crate::model::Model;
use crate::process::Finished;
use crate::server::Server;

/// A limit on the number of processes and threads.
pub(crate) struct ProcessLimit {
    launcher: Vec<String>,
    /// A copy of the program that every user may run, where its own folder is closed to others.
    copy: Option<(TempDir, Model)>,
}

/// Such a limit; `None` after the case was skipped, because this machine can't set one.
///
/// The limit does not apply to root. For anyone else, it counts all that the user runs. So this needs root, to become a
/// user who runs nothing else.
pub(crate) fn process_limit(model: &Model, processes: u32) -> Option<ProcessLimit> {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let number = USERS.fetch_add(1, Ordering::Relaxed);
    let user = 1_000_000_000 + std::process::id() * 16 + number % 16;
    let launcher: Vec<String> = vec![
        "prlimit".to_owned(),
        format!("--nproc={processes}:{processes}"),
        "setpriv".to_owned(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".to_owned(),
    ];
    let can_run = |exe: &str| {
        let mut command = Command::new(&launcher[0]);
        let output = command.args(&launcher[1..]).args([exe, "--help"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let copy = if can_run(&model.exe) {
        None
    } else {
        copy_for_every_user(model).ok()
    };
    let exe = copy.as_ref().map_or(&model.exe, |(_, copy)| &copy.exe);
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root || !can_run(exe) {
        skip("it needs root, prlimit and setpriv, and a temporary folder for programs of every user");
        return None;
    }
    Some(ProcessLimit { launcher, copy })
}

fn copy_for_every_user(model: &Model) -> io::Result<(TempDir, Model)> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let exe = folder.path().join(model.name());
    fs::copy(&model.exe, &exe)?;
    let copy = Model {
        exe: exe.display().to_string(),
        description: model.description.clone(),
    };
    Ok((folder, copy))
}

impl ProcessLimit {
    #[track_caller]
    pub(crate) fn start(&self, model: &Model, flags: &[&str]) -> Server {
        self.program(model).start_by(&self.launcher(), flags)
    }

    /// Runs a server that must exit and never be ready.
    #[track_caller]
    pub(crate) fn run(&self, model: &Model) -> Finished {
        self.program(model)
            .start_unready(&self.launcher(), &[])
            .finish_unready()
    }

    /// Lowers the limit of a server that runs to this. What there is stays. It needs no right but that of the user.
    #[track_caller]
    pub(crate) fn lower(&self, server: &Server, processes: u32) {
        let pid = format!("--pid={}", server.pid());
        let limit = format!("--nproc={processes}:{processes}");
        let as_user = &self.launcher[2..];
        let status = Command::new(&as_user[0])
            .args(&as_user[1..])
            .args(["prlimit", &pid, &limit])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the limit is lowered"
        );
    }

    fn program<'a>(&'a self, model: &'a Model) -> &'a Model {
        self.copy.as_ref().map_or(model, |(_, copy)| copy)
    }

    fn launcher(&self) -> Vec<&str> {
        self.launcher.iter().map(String::as_str).collect()
    }
}
