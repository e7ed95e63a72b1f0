//! Which crate may use which, and which module.

use std::sync::LazyLock;

use crate::modules::Modules;
use crate::workspace::{PACKAGES, Package, Target, none, own, servers, shown};

/// What a crate may be built with, of the project's own. A crate that is no server and is missing here has no rule yet.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("schema", &[]),
    ("serving", &["protocol", "schema"]),
    ("event-loop", &["protocol", "serving"]),
    ("loadgen", &["protocol", "schema"]),
    ("stats", &["schema"]),
    ("meter", &["schema"]),
    ("report", &["schema", "stats"]),
    ("trace", &["meter", "schema"]),
    ("host", &["loadgen", "meter", "schema", "trace"]),
    (
        "compare",
        &["host", "loadgen", "meter", "report", "schema", "stats", "trace"],
    ),
    ("completions", &[]),
    ("baseline", &["completions"]),
    ("conformance", &["test-support"]),
    ("test-support", &[]),
];
const A_SERVER_MAY_USE: &[&str] = &["completions", "event-loop", "protocol", "schema", "serving"];
/// Crates that only tests use.
const FOR_TESTS: [&str; 2] = ["conformance", "test-support"];

#[test]
fn dependencies_point_one_way() {
    for package in PACKAGES.values() {
        let allowed = match MAY_USE.iter().find(|(name, _)| *name == package.name) {
            Some((_, allowed)) => allowed,
            None if package.is_server() => A_SERVER_MAY_USE,
            None => panic!("{0}: list in MAY_USE what {0} may use", package.name),
        };
        for used in own(&package.uses) {
            assert!(allowed.contains(&used), "{} uses {used}", package.name);
        }
    }
}

#[test]
fn only_tests_use_the_crates_for_tests() {
    let is_for_tests = |name: &str| FOR_TESTS.contains(&name);
    for package in PACKAGES.values().filter(|package| !is_for_tests(&package.name)) {
        for used in own(&package.uses) {
            assert!(!is_for_tests(used), "{} is built with {used}", package.name);
        }
    }
}

/// Not even in its tests: a fault in the codec must not hide itself in the client that looks for it.
#[test]
fn the_suite_shares_no_code_with_the_servers() {
    let suite = &PACKAGES["conformance"];
    for used in own(&suite.uses).chain(own(&suite.tests_use)) {
        assert_eq!(used, "test-support", "what the suite uses");
    }
}

#[test]
fn every_server_runs_the_suite() {
    for package in servers() {
        let mut tests = package.targets_of("test");
        assert!(
            package.tests_use.contains("conformance") && tests.any(|target| target.name == "conformance"),
            "{} has no tests/conformance.rs, or does not depend on conformance",
            package.name
        );
    }
}

/// A module may use its children, and what is below them. It may not use what uses it.
#[test]
fn modules_have_no_cycles() {
    let mut found = Vec::new();
    for (target, modules) in &*MODULES {
        found.extend(
            modules
                .cycles()
                .into_iter()
                .map(|cycle| format!("{target} {cycle}")),
        );
    }
    none(&found, "move what two modules share into the lower one");
}

#[test]
fn no_module_uses_its_parent() {
    let mut found = Vec::new();
    for (target, modules) in &*MODULES {
        let circles = modules.children_that_use_their_parent();
        found.extend(circles.into_iter().map(|circle| format!("{target} {circle}")));
    }
    none(&found, "move what the child needs into a module of its own");
}

/// Prints which crate uses which and, for each module with children, which child uses which; the used ones come first.
#[test]
fn graph() {
    println!("crates:");
    let mut left: Vec<&Package> = PACKAGES.values().collect();
    while !left.is_empty() {
        let is_left = |name: &str| left.iter().any(|package| package.name == name);
        let ready = |package: &&Package| !own(&package.uses).any(is_left);
        let next = left.iter().position(ready).expect("cargo refuses cycles");
        let package = left.remove(next);
        let used: Vec<_> = own(&package.uses).collect();
        let arrow = if used.is_empty() { "" } else { " → " };
        println!("{}{arrow}{}", package.name, used.join(", "));
    }
    for (target, modules) in &*MODULES {
        let lines = modules.levels();
        if !lines.is_empty() {
            println!("\n{target}:\n{}", lines.join("\n"));
        }
    }
}

/// The modules of every library and program, with the path of its root.
static MODULES: LazyLock<Vec<(String, Modules)>> = LazyLock::new(|| {
    let products = PACKAGES.values().flat_map(Package::products);
    let read = |target: &Target| (shown(&target.root), Modules::read(&target.root));
    products.map(read).collect()
});
