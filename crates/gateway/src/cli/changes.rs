//! `changes`: what happened, oldest first.

use std::time::Duration;

use clap::Args;
use rejoin_api::Reason;
use rejoin_client::{CallError, Change, ChangeStream, Client, ReadState, Watch, WatchEvent, WatchFrom, WatchToken};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::json::{Raw, State};
use super::output::Output;
use super::reading::{self, ReadArguments};
use super::table::printable;

/// Between the loss of a node and the next try.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Prints the newest change of each document, oldest first.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "one object per line: {\"sequence\", \"id\", \"revision\", \"deleted\", \"conflicts\", \"token\"}; conflicts is the"
    "number of open ones. With --bodies also \"body\", null of a deleted document. With --from-now the first line is"
    "{\"token\"}.\n"
    "A token goes on where it was printed, at this node or at one of another datacenter, and does not expire. At"
    "another node some changes may come again; none is left out. The last line's token covers all that was there; one"
    "from the middle of a first pass covers nothing at another node: then a line {\"token\", \"from_start\": true} comes first,"
    "and everything again. Without --json the last line has the token."
))]
pub struct Changes {
    /// The database
    database: String,
    /// Only changes after the one that was printed with this token
    #[arg(long, value_name = "TOKEN", conflicts_with = "from_now")]
    since: Option<WatchToken>,
    /// Only what changes from now on
    #[arg(long)]
    from_now: bool,
    /// Go on with the changes to come, until interrupted
    #[arg(long)]
    follow: bool,
    /// Only documents whose ids begin with this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only this document; may be repeated up to 1000 times
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Print the documents' bodies, too
    #[arg(long)]
    bodies: bool,
    #[command(flatten)]
    reading: ReadArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    sequence: u64,
    id: &'a str,
    revision: String,
    deleted: bool,
    conflicts: u32,
    token: String,
    /// `Some(None)` prints null.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Option<Raw>>,
    #[serde(flatten)]
    state: State,
}

#[derive(Serialize)]
struct TokenJson {
    token: String,
    /// Printed when true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_start: bool,
    #[serde(flatten)]
    state: State,
}

impl Changes {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.reading.apply(&self.connection.client()?);
        let mut changes = client.watch(&self.database, &self.watch()).await?;
        let mut output = self.connection.output();
        let printed = if self.follow && !self.connection.json {
            // Whoever interrupts it is told where to go on.
            tokio::select! {
                printed = self.print_on(&client, &mut changes, &mut output) => printed,
                interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::from),
            }
        } else {
            self.print_on(&client, &mut changes, &mut output).await
        };
        if let (false, Some(token)) = (self.connection.json, changes.token()) {
            output.line(format_args!(
                "to go on: rejoin changes {} --since {token}",
                self.database
            ))?;
            reading::print(&mut output, changes.state())?;
        }
        output.finish()?;
        printed
    }

    fn watch(&self) -> Watch {
        let from = match &self.since {
            Some(token) => WatchFrom::After(token.clone()),
            None if self.from_now => WatchFrom::Now,
            None => WatchFrom::Start,
        };
        Watch {
            from,
            follow: self.follow,
            prefix: self.prefix.clone(),
            ids: self.ids.clone(),
            bodies: self.bodies,
            heartbeat: None,
        }
    }

    /// Prints to the end. Where it follows and its node goes, it goes on at whichever node can be reached.
    async fn print_on(&self, client: &Client, changes: &mut ChangeStream, output: &mut Output) -> Result<(), Failure> {
        let mut place_is_due = self.from_now && self.connection.json;
        loop {
            let printed = self.print(changes, output, place_is_due).await;
            place_is_due = false;
            let place = changes.token().cloned().filter(|_| self.follow);
            let (Err(Failure::Call(error)), Some(token)) = (&printed, place) else {
                return printed;
            };
            let is_gone =
                matches!(error, CallError::Unreachable { .. }) || error.reason() == Some(Reason::ShuttingDown);
            if !is_gone {
                return printed;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            let watch = Watch {
                from: WatchFrom::After(token),
                ..self.watch()
            };
            match client.watch(&self.database, &watch).await {
                Ok(again) => *changes = again,
                Err(_) => return printed,
            }
        }
    }

    async fn print(
        &self,
        changes: &mut ChangeStream,
        output: &mut Output,
        mut place_is_due: bool,
    ) -> Result<(), Failure> {
        let mut start_is_due = true;
        while let Some(event) = changes.next_event().await? {
            let begins_anew = changes.is_from_start() && std::mem::take(&mut start_is_due);
            if begins_anew && !self.connection.json {
                output.line(
                    "note: this node cannot tell what that token covers; everything comes again, from the first change",
                )?;
            }
            match event {
                WatchEvent::Change(change) => self.print_change(&change, changes.state(), output)?,
                WatchEvent::Heartbeat(token) if place_is_due || begins_anew && self.connection.json => {
                    output.json(&TokenJson {
                        token: token.to_string(),
                        from_start: begins_anew,
                        state: State::new(changes.state().clone()),
                    })?;
                }
                WatchEvent::Heartbeat(_) => continue,
            }
            place_is_due = false;
            if self.follow {
                output.flush()?;
            }
        }
        Ok(())
    }

    fn print_change(&self, change: &Change, state: &ReadState, output: &mut Output) -> Result<(), Failure> {
        if self.connection.json {
            return output.json(&ChangeJson::new(change, state, self.bodies));
        }
        output.line(text(change))?;
        match &change.body {
            Some(body) => output.line(String::from_utf8_lossy(body)),
            None => Ok(()),
        }
    }
}

/// One line, in columns as long as the numbers and revisions are of usual length.
fn text(change: &Change) -> String {
    let state = match (change.deleted, change.conflicts) {
        (true, _) => "  deleted".to_owned(),
        (false, 0) => String::new(),
        (false, 1) => "  1 conflict".to_owned(),
        (false, conflicts) => format!("  {conflicts} conflicts"),
    };
    format!(
        "{:>8}  {:<34}  {}{state}",
        change.sequence.0,
        change.revision.to_string(),
        printable(&change.id)
    )
}

impl<'a> ChangeJson<'a> {
    fn new(change: &'a Change, state: &ReadState, bodies: bool) -> Self {
        Self {
            sequence: change.sequence.0,
            id: &change.id,
            revision: change.revision.to_string(),
            deleted: change.deleted,
            conflicts: change.conflicts,
            token: change.token.to_string(),
            body: bodies.then(|| change.body.as_ref().map(Raw::new)),
            state: State::new(state.clone()),
        }
    }
}
