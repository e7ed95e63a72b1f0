//! The programs of the workspace are there for every test.

use std::process::Command;

#[test]
fn the_programs_are_built_and_can_be_started() {
    for program in ["compare", "loadgen"] {
        let help = Command::new(test_support::programs().join(program))
            .arg("--help")
            .output()
            .expect("the program was built");
        assert!(help.status.success(), "{program}");
    }
}
