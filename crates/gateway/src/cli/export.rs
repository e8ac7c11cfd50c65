//! `export`: a whole database as of one moment, as lines that `load` reads.

use std::io::{self, IsTerminal, Write as _};

use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rejoin_client::{CandidateKind, Export as Options, Exported, SupersededRevision};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{self, Raw};
use super::load::LINE_BYTES_MAX;
use super::reading::{self, ReadArguments};
use super::table::count;
use super::time;

/// What a revision of the history takes in a line beside its body, at most.
const REVISION_BYTES: usize = 512;

/// Prints all documents of a database as of one moment, one a line.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "the same lines; only errors differ.\n"
    "Each line is {\"id\", \"revision\", \"body\"}, in ascending order of the ids; `rejoin load` reads them. With"
    "--history also \"history\": [{\"revision\", \"deleted\", \"superseded\", \"body\"}], newest first, with"
    "\"set_aside\" and \"left_out\" as in `rejoin history --bodies --json` where something stood beside what was shown; a"
    "deleted document of which something is kept is {\"id\", \"revision\", \"deleted\": true, \"history\"}. A history"
    "longer than a line may be goes on in lines {\"id\", \"history\"} that follow. What is written meanwhile does not"
    "show. Open conflicts are not part of it: `rejoin conflicts` lists them. That a session has seen something newer, or"
    "that the node is catching up, is said on standard error."
))]
pub struct Export {
    /// The database
    database: String,
    /// With the superseded revisions that the node keeps
    #[arg(long)]
    history: bool,
    /// Only documents whose ids begin with this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// One line.
#[derive(Default, Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Revision>>,
}

#[derive(Serialize)]
struct Revision {
    revision: String,
    deleted: bool,
    superseded: String,
    body: Option<Raw>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<json::SetAside>,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u32,
}

impl Export {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let options = Options {
            history: self.history,
            prefix: self.prefix,
        };
        let mut documents = client.export(&self.database, &options).await?;
        let mut output = self.connection.output();
        let (progress, mut exported) = (progress(self.connection.json), 0_u64);
        while let Some(document) = documents.next().await? {
            exported += u64::from(!document.continues);
            for line in lines(&document, options.history) {
                output.json(&line)?;
            }
            progress.inc(1);
            if exported.is_multiple_of(100) {
                progress.set_message(count(exported));
            }
        }
        progress.finish_and_clear();
        output.finish()?;
        // The lines are documents and nothing else.
        for note in reading::notes(documents.state()) {
            // Nobody may be reading it.
            let _ = writeln!(io::stderr(), "{note}");
        }
        Ok(())
    }
}

fn progress(json: bool) -> ProgressBar {
    // Lines on the same terminal show the progress themselves.
    let target = if io::stderr().is_terminal() && !io::stdout().is_terminal() && !json {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{spinner} {msg} documents, {elapsed}");
    ProgressBar::with_draw_target(None, target).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The lines of one document: one, unless its history is too long for it.
fn lines(exported: &Exported, with_history: bool) -> Vec<Line<'_>> {
    let document = &exported.document;
    let (mut line, mut bytes) = (Line::of(&document.id), document.body.len() + REVISION_BYTES);
    if !exported.continues {
        line.revision = Some(document.revision.to_string());
        line.deleted = document.deleted;
        line.body = (!document.deleted).then(|| Raw::new(&document.body));
    }
    let (mut lines, mut history) = (Vec::new(), Vec::new());
    for old in &exported.history {
        let old_bytes = bytes_of(old);
        if bytes + old_bytes > LINE_BYTES_MAX - REVISION_BYTES {
            line.history = Some(std::mem::take(&mut history));
            lines.push(std::mem::replace(&mut line, Line::of(&document.id)));
            bytes = REVISION_BYTES;
        }
        bytes += old_bytes;
        history.push(Revision::of(old));
    }
    line.history = with_history.then_some(history);
    lines.push(line);
    lines
}

/// What a revision takes in a line, at most.
fn bytes_of(old: &SupersededRevision) -> usize {
    let candidates = old.set_aside.iter().flat_map(|conflict| {
        let values = conflict.candidates.iter().map(|candidate| match &candidate.kind {
            CandidateKind::Value(text) => text.len(),
            _ => 0,
        });
        values.map(|value| value + conflict.path.len() + REVISION_BYTES)
    });
    old.body.as_ref().map_or(0, Bytes::len) + REVISION_BYTES + candidates.sum::<usize>()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl<'a> Line<'a> {
    fn of(id: &'a str) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Revision {
    fn of(old: &SupersededRevision) -> Self {
        Self {
            revision: old.revision.to_string(),
            deleted: old.deleted,
            superseded: time::rfc3339(old.superseded),
            body: old.body.as_ref().map(Raw::new),
            set_aside: old.set_aside.iter().cloned().map(json::SetAside::new).collect(),
            left_out: old.set_aside_left_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rejoin_client::Document;
    use rejoin_document::Checksum;

    use super::*;

    fn exported(body: &'static str, revisions: usize, revision_bytes: usize) -> Exported {
        let superseded = |number: usize| SupersededRevision {
            revision: format!("{}-abc", number + 1).parse().unwrap(),
            deleted: false,
            datacenter: None,
            written: SystemTime::UNIX_EPOCH,
            superseded: SystemTime::UNIX_EPOCH,
            body: Some(format!("{{\"x\":\"{}\"}}", "x".repeat(revision_bytes)).into()),
            set_aside: Vec::new(),
            set_aside_left_out: 0,
        };
        Exported {
            document: Document {
                id: "a\"\n".to_owned(),
                revision: "9-abc".parse().unwrap(),
                deleted: false,
                checksum: Checksum(0),
                body: Bytes::from_static(body.as_bytes()),
                conflicts: Vec::new(),
                state: rejoin_client::ReadState::default(),
            },
            history: (0..revisions).rev().map(superseded).collect(),
            continues: false,
        }
    }

    #[test]
    fn a_line_keeps_the_text_of_the_body_and_a_history_comes_only_if_asked_for() {
        let exported = exported(r#"{"z":1.50,"a":1e2}"#, 1, 1);
        let text = |history| lines(&exported, history).iter().map(json::text).collect::<Vec<_>>();
        assert_eq!(
            text(false),
            [r#"{"id":"a\"\n","revision":"9-abc","body":{"z":1.50,"a":1e2}}"#]
        );
        let expected = concat!(
            r#"{"id":"a\"\n","revision":"9-abc","body":{"z":1.50,"a":1e2},"history":[{"revision":"1-abc","#,
            r#""deleted":false,"superseded":"1970-01-01T00:00:00Z","body":{"x":"x"}}]}"#
        );
        assert_eq!(text(true), [expected]);
    }

    #[test]
    fn no_line_of_a_long_history_is_longer_than_load_takes_and_none_of_it_is_left_out() {
        let exported = exported("{}", 20, 3 << 20);
        let lines = lines(&exported, true);
        let revisions = lines.iter().flat_map(|line| line.history.iter().flatten());
        assert_eq!(revisions.count(), 20);
        assert!(lines.len() > 5);
        assert!(lines.iter().all(|line| json::text(line).len() <= LINE_BYTES_MAX));
        assert!(lines[1].body.is_none() && lines[1].revision.is_none());
    }
}
