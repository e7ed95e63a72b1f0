//! The module graph of a crate, read from its sources: which module uses which, and where that goes round in a circle.
//!
//! A module is a node. A path in its code (`use`, types, expressions, macros) is an edge to the module that defines what
//! the path names; re-exports are followed. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

use crate::reader::{Reader, attributes, defined_name, is_for_tests};
use crate::workspace;

/// The modules below one `lib.rs` or `main.rs`, by path: `crate`, `crate::a`, `crate::a::b`.
pub(crate) struct Modules(BTreeMap<String, Module>);

struct Module {
    file: PathBuf,
    code: Reader,
}

/// One use of a module by another, with a place where it can be seen.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    place: String,
}

impl Modules {
    /// Reads the crate whose root file this is.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.read_file("crate", root, root.parent().expect("a file is in a folder"));
        modules
    }

    fn read_file(&mut self, path: &str, file: &Path, folder: &Path) {
        let text = workspace::read(file);
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(path, file, folder, &syntax.items);
    }

    fn read_items(&mut self, path: &str, file: &Path, folder: &Path, items: &[syn::Item]) {
        let mut reader = Reader::default();
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            if let Some(name) = defined_name(item) {
                reader.items.insert(name);
            }
            let syn::Item::Mod(module) = item else {
                reader.visit_item(item);
                continue;
            };
            let name = module.ident.to_string();
            let (child, below) = (format!("{path}::{name}"), folder.join(&name));
            if let Some((_, items)) = &module.content {
                self.read_items(&child, file, &below, items);
            } else {
                let flat = folder.join(format!("{name}.rs"));
                let file = if flat.exists() { flat } else { below.join("mod.rs") };
                self.read_file(&child, &file, &below);
            }
        }
        let module = Module {
            file: file.to_owned(),
            code: reader,
        };
        self.0.insert(path.to_owned(), module);
    }

    /// Every use of a module by another one, once for each pair.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let mut edges = BTreeMap::new();
        for (from, module) in &self.0 {
            for reference in &module.code.references {
                let Some(to) = self.resolve(from, &reference.path, 0) else {
                    continue;
                };
                if to != *from {
                    let place = format!("{}:{}", workspace::shown(&module.file), reference.line);
                    edges.entry((from.clone(), to)).or_insert(place);
                }
            }
        }
        let edge = |((from, to), place)| Edge { from, to, place };
        edges.into_iter().map(edge).collect()
    }

    /// The module that defines what a path names as seen from a module; none for what comes from elsewhere.
    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        // Two modules may import everything from each other.
        if depth > 16 {
            return None;
        }
        let (mut here, mut rest) = (from.to_owned(), path);
        while let Some((name, behind)) = rest.split_first() {
            match name.as_str() {
                "crate" => "crate".clone_into(&mut here),
                "self" => {}
                "super" => here.truncate(here.rfind("::")?),
                _ => break,
            }
            rest = behind;
        }
        let begins_here = rest.len() == path.len();
        // A lone name is never a module that counts: a local variable may have the same name.
        let is_lone = begins_here && rest.len() == 1;
        while let Some((name, behind)) = rest.split_first() {
            let child = format!("{here}::{name}");
            if self.0.contains_key(&child) && !is_lone {
                (here, rest) = (child, behind);
                continue;
            }
            let module = &self.0[&here].code;
            if module.items.contains(name) {
                return Some(here);
            }
            if let Some(import) = module.imports.get(name) {
                let whole = [import, behind].concat();
                // `use a;` where `a` is a crate stands for itself.
                return (whole != path || here != from)
                    .then(|| self.resolve(&here, &whole, depth + 1))
                    .flatten();
            }
            let through_glob = module.globs.iter().find_map(|glob| {
                let target = self.resolve(&here, glob, depth + 1)?;
                if target == here {
                    return None;
                }
                let whole = [&["self".to_owned()][..], rest].concat();
                self.offers(&target, name)
                    .then(|| self.resolve(&target, &whole, depth + 1))?
            });
            let is_elsewhere = begins_here && rest.len() == path.len();
            return through_glob.or_else(|| (!is_elsewhere).then_some(here));
        }
        Some(here)
    }

    fn offers(&self, module: &str, name: &str) -> bool {
        let offered = &self.0[module].code;
        offered.items.contains(name)
            || offered.imports.contains_key(name)
            || self.0.contains_key(&format!("{module}::{name}"))
    }

    /// Every circle between siblings, each with all that is below it, and between a module and one of its children.
    pub(crate) fn cycles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut found = Vec::new();
        for parent in self.0.keys() {
            let between = edges_between_children(parent, &edges);
            for circle in circles(&between) {
                let mut lines = vec![format!(
                    "{parent}: {}",
                    circle.iter().cloned().collect::<Vec<_>>().join(", ")
                )];
                let inside = between
                    .iter()
                    .filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
                let line = |((from, to), edge): (&(String, String), &Edge)| {
                    format!(
                        "    {from} → {to}: {} ({} uses {})",
                        edge.place, edge.from, edge.to
                    )
                };
                lines.extend(inside.map(line));
                found.push(lines.join("\n"));
            }
        }
        found
    }

    /// Children that use items of the module above them, which uses them.
    pub(crate) fn children_that_use_their_parent(&self) -> Vec<String> {
        let edges = self.edges();
        let up = edges.iter().filter(|edge| is_below(&edge.from, &edge.to));
        let circle = |up: &Edge| {
            let child = first_below(&up.to, &up.from)?;
            let down = edges
                .iter()
                .find(|down| down.from == up.to && first_below(&up.to, &down.to).as_ref() == Some(&child))?;
            Some(format!(
                "{} uses {} ({}), which uses {} ({})",
                up.from, up.to, up.place, down.to, down.place
            ))
        };
        up.filter_map(circle).collect()
    }

    /// For each module with children, which of them uses which, in an order in which each comes before those that use it.
    pub(crate) fn levels(&self) -> Vec<String> {
        let edges = self.edges();
        let mut lines = Vec::new();
        for parent in self.0.keys() {
            let between = edges_between_children(parent, &edges);
            let mut left: BTreeSet<String> = self.children(parent).collect();
            while !left.is_empty() {
                let used_by = |child: &String| -> Vec<&str> {
                    let ends = between.keys().filter(|(from, _)| from == child);
                    ends.map(|(_, to)| to.as_str()).collect()
                };
                let ready = |child: &&String| !used_by(child).iter().any(|used| left.contains(*used));
                let next = left
                    .iter()
                    .find(ready)
                    .or(left.first())
                    .expect("some are left")
                    .clone();
                let used = used_by(&next);
                let arrow = if used.is_empty() { "" } else { " → " };
                lines.push(format!("{parent}::{next}{arrow}{}", used.join(", ")));
                left.remove(&next);
            }
        }
        lines
    }

    fn children(&self, parent: &str) -> impl Iterator<Item = String> {
        self.0.keys().filter_map(move |module| {
            let (above, name) = module.rsplit_once("::")?;
            (above == parent).then(|| name.to_owned())
        })
    }
}

/// Which children of a module use which, each with all that is below it.
fn edges_between_children(parent: &str, edges: &[Edge]) -> BTreeMap<(String, String), Edge> {
    let mut between = BTreeMap::new();
    for edge in edges {
        let ends = (first_below(parent, &edge.from), first_below(parent, &edge.to));
        if let (Some(from), Some(to)) = ends
            && from != to
        {
            between.entry((from, to)).or_insert_with(|| edge.clone());
        }
    }
    between
}

/// The child of `parent` that `module` is, or is below.
fn first_below(parent: &str, module: &str) -> Option<String> {
    let rest = module.strip_prefix(parent)?.strip_prefix("::")?;
    rest.split("::").next().map(str::to_owned)
}

fn is_below(module: &str, above: &str) -> bool {
    first_below(above, module).is_some()
}

/// Sets of nodes that reach each other.
fn circles<Label>(edges: &BTreeMap<(String, String), Label>) -> Vec<BTreeSet<String>> {
    let reach = |start: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(node) = next.pop() {
            for (_, to) in edges.keys().filter(|(from, _)| from == node) {
                if reached.insert(to.clone()) {
                    next.push(to);
                }
            }
        }
        reached
    };
    let nodes: BTreeSet<_> = edges.keys().map(|(from, _)| from).collect();
    let reached: BTreeMap<_, _> = nodes.iter().map(|node| (*node, reach(node))).collect();
    let mut found = BTreeSet::new();
    for (node, beyond) in &reached {
        if beyond.contains(*node) {
            let back = |other: &&String| reached.get(other).is_some_and(|beyond| beyond.contains(*node));
            found.insert(beyond.iter().filter(back).cloned().collect());
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_with(files: &[(&str, &str)]) -> Modules {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file can be written");
        }
        Modules::read(&folder.path().join("lib.rs"))
    }

    #[test]
    fn a_cycle_is_found_through_a_reexport_and_a_macro() {
        let modules = crate_with(&[
            ("lib.rs", "mod a; mod b; mod c; pub use c::C;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::C);"),
            ("c.rs", "pub struct C; fn f() { println!(\"{}\", crate::a::A); }"),
        ]);
        let cycles = modules.cycles();
        assert_eq!(cycles.len(), 1, "{cycles:?}");
        assert!(cycles[0].starts_with("crate: a, b, c\n"), "{}", cycles[0]);
    }

    #[test]
    fn uses_in_tests_and_of_a_shared_module_are_fine() {
        let modules = crate_with(&[
            ("lib.rs", "mod a; mod b; mod common; pub use common::Common;"),
            (
                "a.rs",
                "use crate::Common; use crate::b; fn f(_: Common) { b::g() }",
            ),
            (
                "b.rs",
                "use crate::common::*; pub fn g() -> Common { todo!() } #[cfg(test)] mod tests { use crate::a::f; }",
            ),
            ("common.rs", "pub struct Common;"),
        ]);
        assert_eq!(modules.cycles(), Vec::<String>::new());
        assert_eq!(
            modules.levels(),
            ["crate::common", "crate::b → common", "crate::a → b, common"]
        );
    }

    #[test]
    fn a_child_that_uses_its_parent_is_found() {
        let modules = crate_with(&[
            ("lib.rs", "mod a; pub struct Root(a::A);"),
            ("a.rs", "pub struct A(Option<Box<super::Root>>);"),
        ]);
        assert_eq!(modules.children_that_use_their_parent().len(), 1);
    }
}
