//! What a shell and `man` are given: made from the commands themselves, and complete.

use std::collections::BTreeSet;
use std::process::Command;

use super::finished::Finished;
use super::node::rejoin;

fn run(arguments: &[&str]) -> Finished {
    rejoin().args(arguments).output().expect("rejoin runs").into()
}

/// The commands that the help of `command` lists.
fn listed(command: &[&str]) -> Vec<String> {
    let help = run(&[command, &["--help"]].concat());
    let commands = help.text().lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_shell_gets_a_script_that_knows_all_commands() {
    let commands = listed(&[]);
    assert!(commands.len() > 25, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        for command in &commands {
            assert!(
                script.text().contains(command.as_str()),
                "{shell} knows nothing of {command}"
            );
        }
    }
    assert_eq!(run(&["completions", "cmd"]).status, 2);
}

#[test]
fn bash_completes_commands_and_flags() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("rejoin");
    std::fs::write(&script, run(&["completions", "bash"]).text()).unwrap();
    for (words, completed) in [
        ("rejoin dig", "digest"),
        ("rejoin database cre", "create"),
        ("rejoin serve --print", "--print-config"),
    ] {
        let (before, last) = words.rsplit_once(' ').unwrap();
        let previous = before.rsplit(' ').next().unwrap();
        let asked = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _rejoin rejoin {last} {previous}; \
             echo ${{COMPREPLY[@]}}",
            script.display()
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &asked])
            .output()
            .expect("bash runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            completed,
            "{words}: {output:?}"
        );
    }
}

#[test]
fn there_is_a_page_for_every_command_with_its_flags() {
    let directory = tempfile::tempdir().unwrap();
    let written = run(&["man", "--directory", directory.path().to_str().unwrap()]);
    assert_eq!(written.text(), "");
    let pages = std::fs::read_dir(directory.path()).unwrap();
    let pages: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected = BTreeSet::from(["rejoin.1".to_owned()]);
    for command in listed(&[]) {
        expected.insert(format!("rejoin-{command}.1"));
        // The other program has a help of its own.
        for below in (command != "chaos").then(|| listed(&[&command])).into_iter().flatten() {
            expected.insert(format!("rejoin-{command}-{below}.1"));
        }
    }
    assert_eq!(pages, expected);
    let page = std::fs::read_to_string(directory.path().join("rejoin-database-create.1")).unwrap();
    assert!(
        page.contains("granularity") && page.contains("REJOIN_ADDRESS"),
        "{page}"
    );
    assert_eq!(
        run(&["man", "database", "create"]).text(),
        page,
        "one page is printed as it is written"
    );
    assert!(run(&["man"]).text().contains(".TH rejoin 1"));
}

#[test]
fn a_page_of_no_command_is_refused_and_so_is_a_directory_that_is_not_there() {
    let absent = run(&["man", "database", "crate"]);
    assert_eq!(absent.status, 2);
    assert!(absent.stderr.contains("`database crate`"), "{absent:?}");
    let nowhere = run(&["man", "--directory", "/nonexistent/man1"]);
    assert_eq!(nowhere.status, 1);
    assert!(nowhere.stderr.contains("/nonexistent/man1"), "{nowhere:?}");
}
