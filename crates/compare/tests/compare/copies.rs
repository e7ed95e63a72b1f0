//! Copies of one real run, changed by hand, and compared with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{change_records, event_loop, made, only_run, run, smoke, text, two_models, undisturbed};

/// A run of two models with six trials of each in one setting, made once for all tests.
pub(crate) fn measured() -> &'static Path {
    static MEASURED: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = MEASURED.get_or_init(|| {
        let out = tempfile::tempdir().expect("a folder can be made");
        let mut run = smoke("request-cost", &two_models(), out.path());
        made(run.args(["--trials", "6"]));
        let folder = only_run(out.path());
        undisturbed(&folder);
        // On a busy machine requests may be lost, and then nothing else is compared.
        change_records(&folder.join("records.jsonl"), |record| {
            let load = record["measured"]["load"]
                .as_object_mut()
                .expect("it was measured");
            let requests = &mut load["requests"];
            let planned = requests["planned"].clone();
            for (key, count) in requests.as_object_mut().expect("they are counted by name") {
                *count = match key.as_str() {
                    "planned" | "sent" | "ok" => planned.clone(),
                    _ => json!(0),
                };
            }
            load["stopped_answering"] = json!(false);
            load["never_served_timeouts"] = json!(0);
        });
        (out, folder)
    });
    folder
}

/// A copy of that run.
pub(crate) struct Copy(pub(crate) tempfile::TempDir);

impl Copy {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["records.jsonl", "environment.json"] {
            fs::copy(measured().join(name), folder.path().join(name)).expect("a run has its files");
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn change_environment(&self, change: impl FnOnce(&mut Value)) {
        let path = self.path("environment.json");
        let text = fs::read_to_string(&path).expect("the environment can be read");
        let mut environment = serde_json::from_str(&text).expect("the environment is JSON");
        change(&mut environment);
        fs::write(path, environment.to_string()).expect("the environment can be written");
    }

    /// Changes the records of one of its two models as they are stored.
    pub(crate) fn change_one(&self, change: impl Fn(&mut Value)) {
        change_records(&self.path("records.jsonl"), |record| {
            if record["model"] == event_loop() {
                change(record);
            }
        });
    }

    /// Compared with the unchanged run.
    pub(crate) fn check(&self, more: &[&str]) -> Output {
        compared(self.0.path(), measured(), more)
    }
}

pub(crate) fn compared(judged: &Path, baseline: &Path, more: &[&str]) -> Output {
    let [judged, baseline] = [judged, baseline].map(|path| path.to_str().expect("the path is plain"));
    run(&[&["check", judged, "--baseline", baseline], more].concat())
}

/// The output of a check that found something worse.
#[track_caller]
pub(crate) fn worse(done: &Output) -> String {
    let printed = text(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{printed}{}", text(&done.stderr));
    printed
}

/// The message of a command that was refused.
#[track_caller]
pub(crate) fn refused(done: &Output) -> String {
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{}{message}", text(&done.stdout));
    message
}
