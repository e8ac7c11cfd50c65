//! A command that has ended.

use std::process::Output;

use serde_json::Value;

/// What a command printed and how it exited.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("the output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the errors are UTF-8"),
        }
    }
}

impl Finished {
    /// The one JSON value on standard output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        parse(&self.stdout)
    }

    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        assert_eq!(self.status, 0, "{self:?}");
        &self.stdout
    }

    /// The JSON on standard output of a command that the contract refuses: exit status 1.
    #[track_caller]
    pub(crate) fn refused(&self) -> Value {
        assert_eq!(self.status, 1, "{self:?}");
        parse(&self.stdout)
    }

    /// The JSON error of a command that must have failed with `status` and `reason`, and nothing on standard output.
    #[track_caller]
    pub(crate) fn error(&self, status: i32, reason: &str) -> Value {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{self:?}");
        let error = parse(&self.stderr);
        assert_eq!(error["error"], reason, "{self:?}");
        let message = error["message"].as_str().expect("every error has a message");
        assert!(!message.is_empty(), "{self:?}");
        error
    }
}

#[track_caller]
fn parse(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The names of an object's members in their order in the text.
pub(crate) fn member_names(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

/// The words of each line of a table, without its heading rule.
pub(crate) fn words(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| !line.contains('─') && !line.is_empty());
    lines.map(|line| line.split_whitespace().collect()).collect()
}
