//! The pages of the models: `src/main.rs` of each server.

use crate::workspace::servers;

#[test]
fn a_server_has_one_directory_one_crate_and_one_program() {
    for package in servers() {
        assert!(
            package.folder.ends_with(&package.name),
            "{} is in {}",
            package.name,
            package.folder.display()
        );
        let programs: Vec<_> = package.targets_of("bin").map(|target| &target.name).collect();
        assert_eq!(programs, [&package.name]);
    }
}
