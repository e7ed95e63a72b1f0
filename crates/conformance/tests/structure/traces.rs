//! The traces of the models, `results/trace`: a picture and a file in Chrome's trace event format each.

use std::collections::BTreeSet;

use test_support::chrome_trace;

use crate::workspace::{files_below, none, read, root, servers, shown};

const ADVICE: &str = "run `compare trace` for all models again";

#[test]
fn committed_traces_agree_with_physics_and_with_the_format() {
    let mut found = Vec::new();
    for file in files("json") {
        let path = root().join(format!("results/trace/{file}.json"));
        match chrome_trace::check(&read(&path)) {
            Err(faults) => found.extend(faults.iter().map(|fault| format!("{}: {fault}", shown(&path)))),
            Ok(facts) if facts.model != file => {
                found.push(format!("{} is a trace of {}", shown(&path), facts.model));
            }
            Ok(_) => {}
        }
    }
    none(&found, ADVICE);
}

#[test]
fn every_trace_has_its_picture_and_every_model_a_trace() {
    let [traces, pictures] = ["json", "svg"].map(files);
    if traces.is_empty() && pictures.is_empty() {
        println!("results/trace has no trace yet");
        return;
    }
    let models = servers().map(|package| package.name.trim_start_matches("server-").to_owned());
    let models: BTreeSet<_> = models.collect();
    let missing = |names: &BTreeSet<String>, others: &BTreeSet<String>, extension: &str| {
        let left = others.difference(names);
        left.map(|name| format!("results/trace/{name}.{extension} is missing"))
            .collect::<Vec<_>>()
    };
    let expected = traces.union(&pictures).cloned().chain(models).collect();
    let found = [
        missing(&traces, &expected, "json"),
        missing(&pictures, &expected, "svg"),
    ];
    none(&found.concat(), ADVICE);
}

/// The names of the files with this extension, without it.
fn files(extension: &str) -> BTreeSet<String> {
    let folder = root().join("results/trace");
    if !folder.exists() {
        return BTreeSet::new();
    }
    let files = files_below(&folder, &[extension]).into_iter();
    files
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect()
}
