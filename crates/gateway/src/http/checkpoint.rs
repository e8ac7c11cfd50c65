//! Where a replication goes on the next time: a `_local` document at both sides, as CouchDB's replicators keep it.
//!
//! Only what both sides remember of one session counts: a side whose disk was put back, or whose database is a new one, has another past.

use rejoin_document::{Object, Value};

use super::answer::quoted;
use super::end::End;
use super::error::HttpError;
use crate::node::NodeContext;

/// Sessions that are remembered.
const SESSIONS_MAX: usize = 50;

/// Where nothing was read yet.
const START: &str = "0";

/// What two databases remember of replications from one to the other.
pub(super) struct Checkpoint {
    id: String,
    /// The revisions of the two documents.
    source: Option<String>,
    target: Option<String>,
    /// Former sessions as JSON, the newest first.
    history: Vec<String>,
    /// As JSON: the log is read up to it.
    since: String,
    /// What is kept of the last session that moved it, if both sides have that.
    members: Option<String>,
}

impl Checkpoint {
    /// Reads it at both sides.
    ///
    /// # Errors
    /// One of them does not answer.
    pub(super) async fn of(context: &NodeContext, source: &End, target: &End) -> Result<Self, HttpError> {
        let names = format!("{}\n{}", source.name(context), target.name(context));
        let id = blake3::hash(names.as_bytes()).to_hex()[..32].to_owned();
        let (mut here, mut there) = (source.local(context, &id).await?, target.local(context, &id).await?);
        let mut checkpoint = Self {
            id,
            source: here.as_mut().map(|(revision, _)| std::mem::take(revision)),
            target: there.as_mut().map(|(revision, _)| std::mem::take(revision)),
            history: Vec::new(),
            since: START.to_owned(),
            members: None,
        };
        let (Some((_, here)), Some((_, there))) = (here, there) else {
            return Ok(checkpoint);
        };
        let (ours, theirs) = (sessions(&here), sessions(&there));
        if let Some(place) = common(&ours, &theirs) {
            checkpoint.history = ours[place..].iter().map(|session| session.to_json()).collect();
            checkpoint.since = ours[place]
                .get("recorded_seq")
                .map_or_else(|| START.to_owned(), Value::to_json);
            checkpoint.members = Some(checkpoint.with(&[]));
        }
        Ok(checkpoint)
    }

    /// As JSON: where the source is to be read on.
    pub(super) fn since(&self) -> &str {
        &self.since
    }

    /// What both sides remember, as the members of a JSON object; none if that is nothing.
    pub(super) fn remembered(&self) -> Option<&str> {
        self.members.as_deref()
    }

    /// Has a session remembered at both sides; `told` is what it did so far, as members of a JSON object. A side that keeps no such documents makes the
    /// next replication read more than it must, and nothing worse.
    pub(super) async fn record(&mut self, context: &NodeContext, ends: (&End, &End), session: &Session, told: &str) {
        let entry = format!(
            "{{\"session_id\":{},\"start_time\":{},\"end_time\":{},\"start_last_seq\":{},\"end_last_seq\":{},\"recorded_seq\":{},{told}}}",
            quoted(&session.id),
            quoted(&session.started),
            quoted(&now()),
            session.from,
            session.reached,
            session.reached
        );
        let members = self.with(&[entry]);
        let kept = async {
            let (source, target) = ends;
            self.target = Some(
                target
                    .put_local(context, &self.id, self.target.as_deref(), &members)
                    .await?,
            );
            self.source = Some(
                source
                    .put_local(context, &self.id, self.source.as_deref(), &members)
                    .await?,
            );
            Ok::<_, HttpError>(())
        };
        if let Err(error) = kept.await {
            tracing::warn!(reason = error.reason, "a replication cannot keep how far it came");
        }
        self.members = Some(members);
    }

    /// The document with these sessions before the former ones.
    fn with(&self, newest: &[String]) -> String {
        let sessions = newest.iter().chain(&self.history).take(SESSIONS_MAX);
        let sessions: Vec<_> = sessions.map(String::as_str).collect();
        let newest = sessions
            .first()
            .and_then(|session| rejoin_document::parse_stored_value(session.as_bytes()).ok());
        let newest = newest.as_ref().and_then(Value::as_object);
        let member = |name: &str| {
            newest
                .and_then(|newest| newest.get(name))
                .map_or_else(|| "null".to_owned(), Value::to_json)
        };
        format!(
            "\"session_id\":{},\"source_last_seq\":{},\"replication_id_version\":4,\"history\":[{}]",
            member("session_id"),
            member("recorded_seq"),
            sessions.join(",")
        )
    }
}

/// One replication, while it runs.
pub(super) struct Session {
    id: String,
    started: String,
    /// As JSON: where it began to read the source.
    from: String,
    /// As JSON: all before it was brought.
    pub reached: String,
}

impl Session {
    /// One that begins at a sequence.
    pub(super) fn from(since: &str) -> Self {
        Self {
            id: format!("{:032x}", rand::random::<u128>()),
            started: now(),
            from: since.to_owned(),
            reached: since.to_owned(),
        }
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn sessions(document: &Object) -> Vec<&Object> {
    let Some(Value::Array(sessions)) = document.get("history") else {
        return Vec::new();
    };
    sessions.iter().filter_map(Value::as_object).collect()
}

/// The place of the newest of our sessions that the other side remembers as having come equally far.
fn common(ours: &[&Object], theirs: &[&Object]) -> Option<usize> {
    let known: Vec<_> = theirs.iter().filter_map(|session| named(session)).collect();
    ours.iter()
        .position(|session| named(session).is_some_and(|name| known.contains(&name)))
}

/// What two sides have in common of a session: a side that was put back may know it from before it came so far.
fn named(session: &Object) -> Option<(&str, String)> {
    match (session.get("session_id"), session.get("recorded_seq")) {
        (Some(Value::String(id)), Some(recorded)) => Some((id, recorded.to_json())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::parse_stored_value;

    use super::*;

    fn document(history: &[(&str, &str)]) -> Object {
        let sessions = history.iter().map(|(id, recorded)| {
            format!(
                "{{\"session_id\":{},\"recorded_seq\":{}}}",
                quoted(id),
                quoted(recorded)
            )
        });
        let text = format!("{{\"history\":[{}]}}", sessions.collect::<Vec<_>>().join(","));
        match parse_stored_value(text.as_bytes()) {
            Ok(Value::Object(document)) => document,
            other => panic!("no object: {other:?}"),
        }
    }

    #[test]
    fn a_side_that_was_put_back_goes_on_where_both_had_come() {
        let source = document(&[("b", "1000-x"), ("a", "50-x")]);
        let found = |target: &[(&str, &str)]| common(&sessions(&source), &sessions(&document(target)));
        assert_eq!(found(&[("b", "1000-x"), ("a", "50-x")]), Some(0));
        // It was put back to a copy from the middle of the last session: what came after that is to be brought again.
        assert_eq!(found(&[("b", "100-x"), ("a", "50-x")]), Some(1));
        assert_eq!(found(&[("b", "100-x")]), None);
        assert_eq!(found(&[]), None);
    }
}
