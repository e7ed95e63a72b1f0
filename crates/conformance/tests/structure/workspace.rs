//! The crates of the workspace, as cargo reports them, and their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// A crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// What the crate itself is built with.
    pub(crate) uses: BTreeSet<String>,
    /// What only its tests and benches are built with.
    pub(crate) tests_use: BTreeSet<String>,
    /// For a model: the package whose page is shown beside its own, by `package.metadata.model.differs-from`.
    pub(crate) differs_from: Option<String>,
    /// What the difference of the two pages shows, by `package.metadata.model.lesson`.
    pub(crate) lesson: Option<String>,
    targets: Vec<Target>,
}

/// A library, program, test or bench.
pub(crate) struct Target {
    pub(crate) name: String,
    kind: String,
    pub(crate) root: PathBuf,
}

/// All crates, by name.
pub(crate) static PACKAGES: LazyLock<BTreeMap<String, Package>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    items(&metadata["packages"])
        .map(Package::from_metadata)
        .map(|package| (package.name.clone(), package))
        .collect()
});

impl Package {
    fn from_metadata(metadata: &Value) -> Self {
        let uses = |in_tests: bool| {
            items(&metadata["dependencies"])
                .filter(|dependency| (dependency["kind"] == "dev") == in_tests)
                .map(|dependency| text(&dependency["name"]))
                .collect()
        };
        let target = |target: &Value| Target {
            name: text(&target["name"]),
            kind: text(&target["kind"][0]),
            root: text(&target["src_path"]).into(),
        };
        let of_model = |key: &str| metadata["metadata"]["model"][key].as_str().map(str::to_owned);
        let manifest = PathBuf::from(text(&metadata["manifest_path"]));
        Self {
            name: text(&metadata["name"]),
            folder: manifest.parent().expect("a manifest is in a folder").to_owned(),
            uses: uses(false),
            tests_use: uses(true),
            differs_from: of_model("differs-from"),
            lesson: of_model("lesson"),
            targets: items(&metadata["targets"]).map(target).collect(),
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        self.name.starts_with("server-")
    }

    pub(crate) fn targets_of(&self, kind: &str) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.kind == kind)
    }

    /// Libraries and programs.
    pub(crate) fn products(&self) -> impl Iterator<Item = &Target> {
        self.targets_of("lib").chain(self.targets_of("bin"))
    }
}

pub(crate) fn servers() -> impl Iterator<Item = &'static Package> {
    PACKAGES.values().filter(|package| package.is_server())
}

/// Those of the names that are crates of the workspace, in order.
pub(crate) fn own(names: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    names
        .iter()
        .map(String::as_str)
        .filter(|name| PACKAGES.contains_key(*name))
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/conformance is two levels below it")
}

/// A path as people write it: from the workspace's folder.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// All files below a folder with one of these extensions, in order.
pub(crate) fn files_below(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            if !path.ends_with("target") {
                files.extend(files_below(&path, extensions));
            }
        } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// All Rust sources of the workspace, those of tests included.
pub(crate) fn rust_files() -> Vec<PathBuf> {
    let mut files = files_below(&root().join("crates"), &["rs"]);
    files.extend(files_below(&root().join("fuzz"), &["rs"]));
    files
}

/// All lines of code in a folder and those below it, each with its place.
pub(crate) fn code_below(folder: &Path) -> Vec<(String, String)> {
    let lines_of = |path: PathBuf| {
        let lines: Vec<_> = read(&path)
            .lines()
            .enumerate()
            .map(|(index, line)| (format!("{}:{}", shown(&path), index + 1), code_in(line)))
            .collect();
        lines
    };
    files_below(folder, &["rs"])
        .into_iter()
        .flat_map(lines_of)
        .collect()
}

/// A line without its comment, and without what stands between quotes.
pub(crate) fn code_in(line: &str) -> String {
    let unquoted: String = line.split('"').step_by(2).collect();
    unquoted.split("//").next().unwrap_or_default().to_owned()
}

pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with all that was found.
#[track_caller]
pub(crate) fn none(found: &[String], advice: &str) {
    assert!(
        found.is_empty(),
        "{} found; {advice}:\n{}",
        found.len(),
        found.join("\n")
    );
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
