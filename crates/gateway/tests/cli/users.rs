//! `rejoin user`: the file of users.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use super::finished::{Finished, words};
use super::node::rejoin;

fn user(file: &Path, arguments: &[&str], input: &str) -> Finished {
    use std::io::Write;
    let mut command = rejoin();
    command.arg("user").args(arguments).env("REJOIN_ACCESS_USERS", file);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("rejoin runs");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("rejoin ends").into()
}

#[test]
fn users_are_added_listed_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.toml");
    let added = user(
        &file,
        &[
            "add",
            "ada",
            "--role",
            "customers=writer",
            "--role",
            "*=reader",
            "--password-stdin",
        ],
        "correct horse\n",
    );
    assert!(
        added.text().starts_with("added ada with *=reader customers=writer; "),
        "{added:?}"
    );
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    user(&file, &["add", "app", "--no-password"], "").text();
    let token = user(&file, &["token", "app", "--label", "blue"], "");
    let token = token.text().trim();
    assert!(token.starts_with("rejoin_") && token.len() == 50, "{token}");
    let listed = user(&file, &["list"], "");
    let rows = words(listed.text());
    assert_eq!(
        rows[1..],
        [
            vec!["ada", "*=reader", "customers=writer", "yes"],
            vec!["app", "no", "role", "no", "blue"]
        ]
    );
    user(&file, &["roles", "app", "--role", "customers=admin"], "").text();
    let other = user(&file, &["token", "app", "--label", "green", "--json"], "");
    assert_ne!(other.json()["token"], token);
    user(&file, &["token", "app", "--label", "blue", "--remove"], "").text();
    user(&file, &["password", "app", "--password-stdin"], "another horse").text();
    user(&file, &["remove", "ada"], "").text();
    let listed = user(&file, &["list", "--json"], "");
    let expected = serde_json::json!({"users": [
        {"name": "app", "roles": {"customers": "admin"}, "password": true, "tokens": ["green"]}
    ]});
    assert_eq!(listed.json(), expected);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.toml");
    user(&file, &["add", "ada", "--password-stdin"], "correct horse").text();
    let before = std::fs::read(&file).unwrap();
    for (arguments, input, says) in [
        (vec!["add", "ada", "--no-password"], "", "there is a user ada already"),
        (vec!["add", "bob", "--password-stdin"], "short\n", "8 to 1024 bytes"),
        (vec!["add", "bob"], "", "--password-stdin"),
        (
            vec!["add", "bob", "--no-password", "--role", "x=owner"],
            "",
            "DATABASE=admin",
        ),
        (vec!["add", "a:b", "--no-password"], "", "a-z A-Z"),
        (vec!["remove", "eve"], "", "there is no user eve"),
        (vec!["token", "ada", "--label", "none", "--remove"], "", "no token none"),
    ] {
        let refused = user(&file, &arguments, input);
        assert_eq!(refused.status, 2, "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{arguments:?}: {refused:?}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let refused = user(&file, &["remove", "eve", "--json"], "");
    assert_eq!(refused.error(2, "USAGE")["error"], "USAGE");
}
