//! Why a command did not succeed: what it prints on standard error and its exit status.

use std::io::{self, Write};

use bytes::Bytes;
use rejoin_client::{CallError, ConflictReport, Refusal};
use rejoin_store::BackupRestoreError;
use serde::Serialize;

use super::exit::ExitStatus;
use super::json;
use super::reading::STALE;
use super::table::{Table, path};

/// Why a command ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call did not succeed.
    Call(CallError),
    /// The arguments make no sense; nothing was sent.
    Usage(String),
    /// An input or output of this program failed.
    Local(io::Error),
    /// A backup is not put back.
    Backup(Box<BackupRestoreError>),
    /// Whoever read our output has seen enough.
    OutputClosed,
    /// A compare-and-swap met something else, which was printed.
    Unmatched,
    /// This node differs from a peer, or one was not compared with; which was printed.
    NotEqual,
    /// Some lines of a load, or documents of a resolution of all, were refused, each of which was reported.
    LinesRefused,
    /// A load broke off while lines of it were not answered.
    LinesUnknown(CallError),
    /// A load was stopped by a signal before the end of its input.
    Stopped {
        /// Lines that were sent and not answered.
        unknown: u64,
    },
}

/// An error for programs.
#[derive(Serialize)]
struct Report<'a> {
    error: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a std::collections::BTreeMap<String, String>>,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Local(error),
        }
    }
}

impl Failure {
    pub(super) fn exit_status(&self) -> ExitStatus {
        match self {
            // A node that is going away has not judged the request.
            Self::Call(CallError::Refused(refusal)) if refusal.reason == "SHUTTING_DOWN" => ExitStatus::Unreachable,
            Self::Call(CallError::Refused(_) | CallError::TooLarge(_)) => ExitStatus::Refused,
            Self::Call(
                CallError::Unreachable { .. }
                | CallError::Untrusted { .. }
                | CallError::Unknown { .. }
                | CallError::Protocol { .. },
            ) => ExitStatus::Unreachable,
            Self::Usage(_) => ExitStatus::Usage,
            Self::LinesUnknown(_) => ExitStatus::Unreachable,
            Self::Stopped { unknown } if *unknown > 0 => ExitStatus::Unreachable,
            Self::Local(_)
            | Self::Backup(_)
            | Self::LinesRefused
            | Self::Unmatched
            | Self::NotEqual
            | Self::Stopped { .. } => ExitStatus::Refused,
            Self::OutputClosed => ExitStatus::Success,
        }
    }

    /// Says on standard error what went wrong; for programs, the report of a conflict on standard output. Nobody may be listening; that is not
    /// another error.
    pub(super) fn print(&self, json: bool) {
        if let Some(report) = self.report().filter(|_| json) {
            let _ = writeln!(io::stdout(), "{report}");
        }
        let text = match self {
            Self::OutputClosed | Self::LinesRefused | Self::Unmatched | Self::NotEqual => return,
            failure if json => failure.as_json(),
            failure => failure.as_text(),
        };
        let _ = writeln!(io::stderr(), "{text}");
    }

    fn as_json(&self) -> String {
        let refusal = self.refusal();
        let report = Report {
            error: self.reason(),
            message: self.message(),
            metadata: refusal
                .map(|refusal| &refusal.metadata)
                .filter(|metadata| !metadata.is_empty()),
        };
        json::text(&report)
    }

    /// The report of a conflict, for programs.
    fn report(&self) -> Option<String> {
        let refusal = self.refusal()?;
        let report = refusal.conflict.as_ref()?;
        Some(json::text(&json::ConflictReport::new(&refusal.message, report)))
    }

    fn as_text(&self) -> String {
        let mut message = format!("error: {}", self.message());
        if self
            .refusal()
            .is_some_and(|refusal| refusal.metadata.contains_key("stale"))
        {
            message = format!("{message}\n\n{STALE}");
        }
        match self.refusal().and_then(|refusal| refusal.conflict.as_ref()) {
            Some(report) if !report.conflicts.is_empty() => {
                format!("{message}\n\n{}\n\n{}", conflict_table(report), advice(report))
            }
            _ => message,
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Call(error) | Self::LinesUnknown(error) => error.refusal(),
            _ => None,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Call(error) | Self::LinesUnknown(error) => call_reason(error),
            Self::Usage(_) => "USAGE",
            Self::Local(_) | Self::OutputClosed => "IO",
            Self::Backup(_) => "BACKUP_UNUSABLE",
            Self::Unmatched => "UNMATCHED",
            Self::NotEqual => "NOT_EQUAL",
            Self::LinesRefused => "LINES_REFUSED",
            Self::Stopped { .. } => "STOPPED",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Call(error) | Self::LinesUnknown(error) => error.to_string(),
            Self::Usage(message) => message.clone(),
            Self::Local(error) => error.to_string(),
            Self::Backup(error) => with_sources(error.as_ref()),
            Self::OutputClosed => "the output was closed".to_owned(),
            Self::Unmatched => "the document is not as expected".to_owned(),
            Self::NotEqual => "not all peers are equal to this node".to_owned(),
            Self::LinesRefused => "some lines were refused".to_owned(),
            Self::Stopped { .. } => {
                "the load was stopped before the end of its input; load it again, which is safe".to_owned()
            }
        }
    }
}

/// An error with those below it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn call_reason(error: &CallError) -> &str {
    match error {
        CallError::Refused(refusal) => &refusal.reason,
        CallError::TooLarge(_) => "MESSAGE_TOO_LARGE",
        CallError::Unreachable { .. } => "UNREACHABLE",
        CallError::Untrusted { .. } => "UNTRUSTED",
        CallError::Unknown { .. } => "OUTCOME_UNKNOWN",
        CallError::Protocol { .. } => "PROTOCOL",
    }
}

/// The report of a refused write for people.
fn conflict_table(report: &ConflictReport) -> String {
    let mut table = Table::new(["path", "base", "ours", "yours"]);
    for conflict in &report.conflicts {
        table.row([
            path(&conflict.path),
            value(conflict.base_value.as_ref()),
            value(conflict.our_value.as_ref()),
            value(conflict.your_value.as_ref()),
        ]);
    }
    table.to_string()
}

fn advice(report: &ConflictReport) -> String {
    if report.ours.is_none() {
        return "base: what you had read; ours: the document was deleted meanwhile.\nleave it deleted, or write it anew without --rev"
            .to_owned();
    }
    format!(
        "base: what you had read; ours: what is stored now.\nread the document again, decide, and write with --rev {}",
        report.revision
    )
}

fn value(text: Option<&Bytes>) -> String {
    text.map_or_else(
        || "(absent)".to_owned(),
        |text| String::from_utf8_lossy(text).into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use rejoin_client::PathConflict;

    use super::*;

    fn conflict() -> Failure {
        let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let report = ConflictReport {
            conflicts: vec![PathConflict {
                path: "/city".to_owned(),
                base_value: text("\"Oslo\""),
                our_value: None,
                your_value: text("1.50"),
            }],
            yours: text("{\"city\":1.50}"),
            ours: text("{}"),
            base: None,
            revision: "2-de0ea16f8621cbac506d23a0fbbde08a".parse().unwrap(),
        };
        Failure::Call(CallError::Refused(Box::new(Refusal {
            reason: "CONFLICT".to_owned(),
            message: "somebody else changed the same path".to_owned(),
            metadata: std::collections::BTreeMap::new(),
            conflict: Some(report),
        })))
    }

    #[test]
    fn a_conflict_is_printed_as_a_table_with_what_to_do_next() {
        let text = conflict().as_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error: somebody else changed the same path");
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>(),
            ["path", "base", "ours", "yours"]
        );
        assert_eq!(
            lines[4].split_whitespace().collect::<Vec<_>>(),
            ["/city", "\"Oslo\"", "(absent)", "1.50"]
        );
        assert!(text.ends_with("--rev 2-de0ea16f8621cbac506d23a0fbbde08a"), "{text}");
        assert_eq!(conflict().exit_status(), ExitStatus::Refused);
    }

    #[test]
    fn a_conflict_for_programs_keeps_the_text_of_numbers() {
        let expected = concat!(
            r#"{"message":"somebody else changed the same path","conflicts":"#,
            r#"[{"key":"/city","base_value":"Oslo","your_value":1.50}],"yours":{"city":1.50},"ours":{},"base":null,"#,
            r#""revision":"2-de0ea16f8621cbac506d23a0fbbde08a"}"#,
        );
        assert_eq!(conflict().report().as_deref(), Some(expected));
        assert_eq!(
            conflict().as_json(),
            r#"{"error":"CONFLICT","message":"somebody else changed the same path"}"#
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit_status(), ExitStatus::Success);
    }
}
