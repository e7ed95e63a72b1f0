//! Pages refer to files, tests and crates that exist.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::workspace::{files_below, none, read, root, rust_files, shown};

#[test]
fn links_and_paths_in_pages_exist() {
    let link = Regex::new(r"\]\(([^)#\s]+)(#[^)]*)?\)").expect("a regex");
    let path =
        Regex::new(r"`([a-z-]+/(?:src|tests|benches|experiments)/[A-Za-z0-9_/.-]*)`").expect("a regex");
    let mut found = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = page.parent().expect("a page is in a folder");
        let targets = link.captures_iter(&text).map(|target| target[1].to_owned());
        let broken = targets.filter(|target| !target.contains("://") && !folder.join(target).exists());
        found.extend(broken.map(|target| format!("{}: link to {target}", shown(&page))));
        let named = path.captures_iter(&text).map(|path| path[1].to_owned());
        let missing = named.filter(|path| !root().join("crates").join(path).exists());
        found.extend(missing.map(|path| format!("{}: crates/{path}", shown(&page))));
    }
    none(&found, "mend the page");
}

#[test]
fn tests_that_the_architecture_names_exist() {
    let name = Regex::new("`([a-z0-9]+(?:_[a-z0-9]+){3,})`").expect("a regex");
    let code: String = rust_files().iter().map(|file| read(file)).collect();
    let text = read(&root().join("docs/ARCHITECTURE.md"));
    let names: BTreeSet<_> = name.captures_iter(&text).map(|name| name[1].to_owned()).collect();
    let is_missing = |name: &String| !code.contains(&format!("fn {name}("));
    let found: Vec<_> = names.into_iter().filter(is_missing).collect();
    none(&found, "mend docs/ARCHITECTURE.md");
}

#[test]
fn every_external_crate_has_its_reason() {
    let manifest: toml::Table = read(&root().join("Cargo.toml"))
        .parse()
        .expect("a manifest is TOML");
    let dependencies = manifest["workspace"]["dependencies"].as_table().expect("a table");
    let is_external = |(_, value): &(&String, &toml::Value)| value.get("path").is_none();
    let external: BTreeSet<_> = dependencies
        .iter()
        .filter(is_external)
        .map(|(name, _)| name.clone())
        .collect();
    let page = read(&root().join("docs/internals/dependencies.md"));
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let explained: BTreeSet<_> = cells
        .flat_map(|cell| {
            cell.split(',')
                .map(|name| name.trim().trim_matches('`').to_owned())
        })
        .collect();
    assert_eq!(
        explained, external,
        "docs/internals/dependencies.md and Cargo.toml"
    );
}

fn pages() -> Vec<std::path::PathBuf> {
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page));
    let below = ["docs", "examples"].map(|folder| files_below(&root().join(folder), &["md"]));
    let exists = |page: &std::path::PathBuf| Path::exists(page);
    top.into_iter()
        .filter(exists)
        .chain(below.into_iter().flatten())
        .collect()
}
