//! The program that runs the simulation with rules of a user: what it prints, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use rejoin_chaos::history::Rules;
use rejoin_chaos::report::{Tried, try_rules};
use rejoin_chaos::simulation::{Seeds, stages};
use rejoin_document::Rule;

fn run(rules: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    std::fs::write(&file, rules).unwrap();
    Command::new(env!("CARGO_BIN_EXE_rejoin-chaos"))
        .args(arguments)
        .arg(&file)
        .output()
        .unwrap()
}

#[test]
fn a_rules_file_is_tried_and_reported_path_by_path() {
    let rules = "[rules]\n\"/stock\" = \"counter\"\n\"/seen\" = \"latest\"\n\"/tags\" = \"set\"\n\"/high\" = \"max\"\n";
    let output = run(rules, &["--seeds", "2", "--first-seed", "1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("/stock (counter): ") && text.contains("/seen (latest): "),
        "{text}"
    );
    assert!(text.contains("none is missing from the sum of any copy"), "{text}");
    assert!(
        text.trim_end().ends_with(" acknowledged writes, 0 unaccounted"),
        "{text}"
    );
}

#[test]
fn rejoin_chaos_hands_over_with_all_arguments_and_the_exit_status() {
    // Both programs lie beside each other, as `make build` leaves them.
    let rejoin = std::path::Path::new(env!("CARGO_BIN_EXE_rejoin-chaos")).with_file_name("rejoin");
    let run = |arguments: &[&str]| Command::new(&rejoin).arg("chaos").args(arguments).output().unwrap();
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("Usage: rejoin chaos [OPTIONS] RULES_FILE")
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    std::fs::write(&file, "[rules]\n\"/title\" = \"register\"\n\"/contact\" = \"latest\"\n").unwrap();
    let tried = run(&["--seeds", "1", file.to_str().unwrap()]);
    assert_eq!(tried.status.code(), Some(0));
    let text = String::from_utf8(tried.stdout).unwrap();
    assert!(
        text.contains("/title (register): ") && text.contains("0 unaccounted"),
        "{text}"
    );
    assert_eq!(run(&["--seeds", "0", file.to_str().unwrap()]).status.code(), Some(2));
    let alone = directory.path().join("rejoin");
    std::fs::copy(&rejoin, &alone).unwrap();
    let missing = Command::new(&alone).args(["chaos", "--help"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let text = String::from_utf8(missing.stderr).unwrap();
    assert!(
        text.contains("rejoin-chaos cannot be started") && text.contains("make build"),
        "{text}"
    );
}

#[test]
fn wrong_use_ends_with_2_and_says_what_to_do() {
    let output = run("[rules]\n\"/stock\" = \"countr\"\n", &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("line 2: rule `countr` is unknown: use register"),
        "{text}"
    );
    assert_eq!(
        run("[rules]\n\"/a\" = \"max\"\n", &["--seeds", "0"]).status.code(),
        Some(2)
    );
    assert_eq!(
        run("[rules]\n\"/a\" = \"max\"\n", &["--sedes", "2"]).status.code(),
        Some(2)
    );
}

/// The stage of the core with a bug in it.
#[cfg(debug_assertions)]
mod broken {
    use rejoin_chaos::plan::{Plan, Scale};
    use rejoin_chaos::simulation::{Ran, Stage};
    use rejoin_document::planted::{Bug, plant};

    pub(super) struct LastWriterWins<'a>(pub(super) &'a dyn Stage);

    impl Stage for LastWriterWins<'_> {
        fn name(&self) -> &'static str {
            self.0.name()
        }

        fn scale(&self) -> Scale {
            self.0.scale()
        }

        fn reductions_max(&self) -> usize {
            4
        }

        fn run(&self, plan: &Plan) -> Ran {
            let _planted = plant(Bug::LastWriterWins);
            self.0.run(plan)
        }
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_broken_promise_is_told_with_its_seed_and_how_to_run_it_again() {
    let rules = Rules::new([("/stock", Rule::Counter)]);
    let directory = tempfile::tempdir().unwrap();
    let [(core, _), _] = stages();
    let seeds = Seeds { first: 1, count: 1 };
    let tried: Tried = try_rules(&broken::LastWriterWins(core), &rules, seeds, directory.path());
    let text = tried.to_string();
    assert!(!tried.is_kept(), "{text}");
    assert!(
        text.contains("every acknowledged write is visible, overwritten"),
        "{text}"
    );
    assert!(
        text.contains("run it again: rejoin chaos RULES_FILE --seeds 1 --first-seed 1"),
        "{text}"
    );
    assert!(text.contains("its history: "), "{text}");
}
