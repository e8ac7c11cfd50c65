//! `conflicts`: what a merge could not decide.

use std::mem;

use bytes::Bytes;
use clap::Args;
use rejoin_client::{Candidate, CandidateKind, Conflict, ConflictFilter, ConflictedDocument, DocumentConflicts};
use rejoin_document::{Limits, parse_body};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{self, Raw};
use super::output::Output;
use super::pages::Pages;
use super::reading::{self, ReadArguments};
use super::table::{Table, count, path};
use super::time;

/// Lists open conflicts with all their candidates.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"documents\": [{\"id\", \"revision\", \"conflicts\": [{\"path\", \"shown\", \"candidates\": [{\"value\" or"
    "\"removed\" or \"deleted\", \"datacenter\", \"time\", \"revision\"}]}]}]}; shown is null where nothing is shown."
    "With an id one such document, with \"body\" and \"base\": {\"revision\", \"body\"}, the last revision that all sides had"
    "read, or null; its candidates have \"dot\" too, which `rejoin resolve --candidate` takes."
))]
pub struct Conflicts {
    /// The database
    database: String,
    /// Only this document
    id: Option<String>,
    /// Only documents whose ids begin with this
    #[arg(long, conflicts_with = "id")]
    prefix: Option<String>,
    /// Only conflicts at this path (a JSON pointer) or below
    #[arg(long, conflicts_with = "id")]
    path: Option<String>,
    /// Only conflicts in which this datacenter has a candidate
    #[arg(long, conflicts_with = "id")]
    datacenter: Option<String>,
    /// Only conflicts with a candidate written then or later: RFC 3339, e.g. 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "id", value_parser = time::parse_unix_ms)]
    since: Option<i64>,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct DocumentJson<C> {
    id: String,
    revision: String,
    conflicts: Vec<ConflictJson<C>>,
}

#[derive(Serialize)]
struct ConflictJson<C> {
    path: String,
    shown: Option<Raw>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shown_left_out: bool,
    candidates: Vec<C>,
}

impl Conflicts {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let mut output = self.connection.output();
        if let Some(id) = &self.id {
            let found = client.document_conflicts(&self.database, id).await?;
            return self.print_one(output, found);
        }
        let filter = ConflictFilter {
            id_prefix: self.prefix.clone().unwrap_or_default(),
            path: self.path.clone(),
            datacenter: self.datacenter.clone(),
            since_unix_ms: self.since.unwrap_or_default(),
        };
        let mut pages = Pages::new(usize::MAX, async |size, after| {
            client.conflicts(&self.database, &filter, size, after).await
        });
        if self.connection.json {
            let item = |document| DocumentJson::new(document, json::candidates);
            pages.print_json(&mut output, "documents", item).await?;
            return output.finish();
        }
        let mut documents = 0;
        let mut whole = false;
        while let Some(found) = pages.next().await? {
            documents += found.len() as u64;
            whole |= found.iter().flat_map(|document| &document.conflicts).any(is_whole);
            if !found.is_empty() {
                output.line(table(&found))?;
            }
        }
        // An ordinary write over a whole document takes the place of what is shown only.
        let until = if whole {
            "`rejoin resolve` settles them"
        } else {
            "another value is written there"
        };
        match documents {
            0 => output.line("no open conflicts")?,
            1 => output.line(format_args!(
                "\n1 document in conflict; * is what it shows, until {until}"
            ))?,
            _ => output.line(format_args!(
                "\n{} documents in conflict; * is what they show, until {until}",
                count(documents)
            ))?,
        }
        reading::print(&mut output, pages.state())?;
        output.finish()
    }
}

/// One document with what its branches have in common.
#[derive(Serialize)]
struct OneJson {
    #[serde(flatten)]
    document: DocumentJson<json::NamedCandidate>,
    body: Raw,
    base: Option<BaseJson>,
    #[serde(flatten)]
    state: json::State,
}

#[derive(Serialize)]
struct BaseJson {
    revision: String,
    body: Raw,
}

impl Conflicts {
    fn print_one(&self, mut output: Output, found: ConflictedDocument) -> Result<(), Failure> {
        let base = found.base.map(|(revision, body)| (revision.to_string(), body));
        if self.connection.json {
            output.json(&OneJson {
                document: DocumentJson::new(found.conflicts, json::named_candidates),
                body: Raw::new(&found.body),
                base: base.map(|(revision, body)| BaseJson {
                    revision,
                    body: Raw::new(&body),
                }),
                state: json::State::new(found.state),
            })?;
            return output.finish();
        }
        if found.conflicts.conflicts.is_empty() {
            output.line("no open conflicts")?;
            reading::print(&mut output, &found.state)?;
            return output.finish();
        }
        output.line(table(&[found.conflicts]))?;
        if let Some((revision, body)) = base {
            output.line(format_args!(
                "\nall sides had read {revision}:\n{}",
                String::from_utf8_lossy(&body)
            ))?;
        }
        output.line("\n`rejoin resolve` settles a path")?;
        reading::print(&mut output, &found.state)?;
        output.finish()
    }
}

fn is_whole((conflict, _): &(Conflict, Option<Bytes>)) -> bool {
    conflict.path.is_empty()
}

fn table(documents: &[DocumentConflicts]) -> Table {
    let mut table = Table::new(["document", "path", "candidate", "datacenter", "time (UTC)", "shown"]).whole([4, 5]);
    for document in documents {
        let mut id = document.id.as_str();
        for (conflict, shown) in &document.conflicts {
            let mut path = path(&conflict.path);
            for candidate in &conflict.candidates {
                let mark = if is_shown(&candidate.kind, shown.as_ref()) && !conflict.shown_left_out {
                    "*"
                } else {
                    ""
                };
                table.row([
                    id.to_owned(),
                    mem::take(&mut path),
                    candidate_text(&candidate.kind),
                    datacenter_text(candidate),
                    time::human(time::of_dot(candidate.dot.time)),
                    mark.to_owned(),
                ]);
                // Said once, as the path is; the rows below belong to it.
                id = "";
            }
        }
    }
    table
}

/// What a candidate stands for, for people.
pub(super) fn candidate_text(kind: &CandidateKind) -> String {
    match kind {
        CandidateKind::Value(text) => String::from_utf8_lossy(text).into_owned(),
        CandidateKind::LeftOut => "(too large to show)".to_owned(),
        CandidateKind::Removed => "(removed)".to_owned(),
        CandidateKind::Deleted(true) => "(deleted)".to_owned(),
        CandidateKind::Deleted(false) => "(edited)".to_owned(),
    }
}

/// Where a candidate comes from, for people.
pub(super) fn datacenter_text(candidate: &Candidate) -> String {
    candidate.datacenter.clone().unwrap_or_else(|| "(unknown)".to_owned())
}

/// Whether the document shows this candidate. Members of an object may stand in another order there.
fn is_shown(kind: &CandidateKind, shown: Option<&Bytes>) -> bool {
    match (kind, shown) {
        (CandidateKind::Value(value), Some(shown)) => value == shown || same_value(value, shown),
        (CandidateKind::Deleted(deleted), shown) => *deleted == shown.is_none(),
        (CandidateKind::Removed, None) => true,
        (CandidateKind::Value(_), None) | (CandidateKind::Removed, Some(_)) | (CandidateKind::LeftOut, _) => false,
    }
}

fn same_value(one: &Bytes, other: &Bytes) -> bool {
    // The model reads whole bodies; a value becomes the only member of one.
    let parse = |text: &Bytes| parse_body(&[b"{\"value\":", &text[..], b"}"].concat(), &Limits::default()).ok();
    matches!((parse(one), parse(other)), (Some(one), Some(other)) if one == other)
}

impl<C> DocumentJson<C> {
    fn new(document: DocumentConflicts, candidates: impl Fn(Vec<Candidate>) -> Vec<C>) -> Self {
        let conflicts = document.conflicts.into_iter();
        Self {
            id: document.id,
            revision: document.revision.to_string(),
            conflicts: conflicts
                .map(|(conflict, shown)| ConflictJson {
                    path: conflict.path,
                    shown: shown.as_ref().map(Raw::new),
                    shown_left_out: conflict.shown_left_out,
                    candidates: candidates(conflict.candidates),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rejoin_client::Conflict;
    use rejoin_document::{Dot, HlcTime, ReplicaId};

    use super::*;

    fn candidate(kind: CandidateKind, datacenter: &str) -> Candidate {
        Candidate {
            kind,
            datacenter: Some(datacenter.to_owned()),
            dot: Dot {
                time: HlcTime(1_700_000_000 << 32),
                replica: ReplicaId([0; 8]),
            },
            revision: "1-23202479633c2b380f79507a776743d5".parse().unwrap(),
        }
    }

    #[test]
    fn a_table_says_who_wrote_what_and_marks_what_is_shown() {
        let text = |text: &'static str| CandidateKind::Value(Bytes::from_static(text.as_bytes()));
        let email = Conflict {
            path: "/email".to_owned(),
            candidates: vec![
                candidate(text("\"a@x\""), "dc-east"),
                candidate(text("\"b@x\""), "dc-west"),
            ],
            shown_left_out: false,
        };
        let city = Conflict {
            path: "/city".to_owned(),
            candidates: vec![
                candidate(CandidateKind::Removed, "dc-east"),
                candidate(text("\"Oslo\""), "dc-west"),
            ],
            shown_left_out: false,
        };
        let scan = Conflict {
            path: "/scan".to_owned(),
            candidates: vec![
                candidate(CandidateKind::Removed, "dc-east"),
                candidate(CandidateKind::LeftOut, "dc-west"),
            ],
            shown_left_out: true,
        };
        let documents = [DocumentConflicts {
            id: "baard".to_owned(),
            revision: "1-23202479633c2b380f79507a776743d5".parse().unwrap(),
            conflicts: vec![
                (city, Some(Bytes::from_static(b"\"Oslo\""))),
                (email, Some(Bytes::from_static(b"\"b@x\""))),
                (scan, None),
            ],
        }];
        let expected = [
            "document  path    candidate            datacenter  time (UTC)           shown",
            "baard     /city   (removed)            dc-east     2023-11-14 22:13:20",
            "                  \"Oslo\"               dc-west     2023-11-14 22:13:20  *",
            "          /email  \"a@x\"                dc-east     2023-11-14 22:13:20",
            "                  \"b@x\"                dc-west     2023-11-14 22:13:20  *",
            "          /scan   (removed)            dc-east     2023-11-14 22:13:20",
            "                  (too large to show)  dc-west     2023-11-14 22:13:20",
        ];
        let printed = table(&documents).to_string();
        let lines: Vec<&str> = printed.lines().filter(|line| !line.contains('─')).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_shown_is_found_whatever_the_member_order() {
        let value = CandidateKind::Value(Bytes::from_static(br#"{"a":1,"b":2}"#));
        assert!(is_shown(&value, Some(&Bytes::from_static(br#"{"b":2,"a":1}"#))));
        assert!(!is_shown(&value, Some(&Bytes::from_static(br#"{"b":2,"a":1.0}"#))));
        assert!(is_shown(
            &CandidateKind::Deleted(false),
            Some(&Bytes::from_static(b"{}"))
        ));
        assert!(!is_shown(
            &CandidateKind::Deleted(true),
            Some(&Bytes::from_static(b"{}"))
        ));
    }
}
