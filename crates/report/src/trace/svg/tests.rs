//! Whole pictures.

use super::render;
use crate::trace::{chrome, sample};

/// To look at them: `LOOK=folder cargo test -p report` writes the sample there, and a picture of each trace in its `trace/`.
#[test]
fn pictures_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(std::path::PathBuf::from) else {
        return;
    };
    std::fs::write(folder.join("trace-sample.svg"), render(&sample::trace())).unwrap();
    for file in std::fs::read_dir(folder.join("trace")).into_iter().flatten() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let trace = chrome::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
            std::fs::write(path.with_extension("svg"), render(&trace)).unwrap();
        }
    }
}
