//! The command: sends what the reader gives, reports what the node answers, and accounts for every line of the input
//! however the load ends.

use std::fs::File;
use std::io::{self, Read};

use clap::Args;
use rejoin_client::{CallError, ConflictFilter, LoadOutcomes};
use tokio_util::sync::CancellationToken;

use super::super::connection::Connection;
use super::super::failure::Failure;
use super::super::help::json_help;
use super::reader;
use super::report::{Report, Summary};
use super::sending::{Rest, send};
use super::stop::{STOP_WITHIN, on_signal};

/// Stores the documents of an NDJSON file.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"loaded\", \"refused\", \"unknown\", \"unsent\", \"input_ended\", \"seconds\", \"per_second\"}, and per"
    "refused line {\"line\", \"id\", \"error\", \"message\"} on standard error. unknown lines were sent and not"
    "answered; unsent lines were not sent; input_ended is false where the input goes on after them.\n"
    "Each line is an object with _id and the members of the body, or a line that `rejoin export` printed (those of"
    "deleted documents and of histories are passed over). A document that exists is overwritten. A bad"
    "line is reported with its number and does not stop the rest; the exit status is 1 then. After SIGINT or"
    "SIGTERM no more is sent, and answers are waited for a few seconds. The exit status is 3 if any line is"
    "unknown. Loading the same file again is safe."
))]
pub struct Load {
    /// The database
    database: String,
    /// The file; `-` reads standard input
    file: String,
    #[command(flatten)]
    pub(in crate::cli) connection: Connection,
}

impl Load {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let (input, bytes) =
            open(&self.file).map_err(|error| Failure::Usage(format!("cannot read {}: {error}", self.file)))?;
        // A load answers for each document. Whether there is a node and a database is asked once, before all of them.
        client
            .conflicts(&self.database, &ConflictFilter::default(), 1, None)
            .await?;

        let stop = on_signal()?;
        let report = Report::start(self.connection.json, bytes);
        let (sender, mut outcomes) = client.load(&self.database);
        let (rest, answered) = tokio::join!(
            send(reader::start(input), sender, &report, &stop),
            receive(&mut outcomes, &report, &stop)
        );
        let unanswered = outcomes.unanswered().len() as u64;
        let (unknown, unsent) = match answered {
            // No connection was made: what was handed over has not left this machine.
            Err(CallError::Unreachable { .. } | CallError::Untrusted { .. }) => (0, rest.lines + unanswered),
            _ => (unanswered, rest.lines),
        };
        let summary = report.finish(unknown, unsent, rest.input_ended);
        let printed = self.print(&summary);
        // How the load went matters more than whether somebody reads about it.
        verdict(&summary, answered, rest, &stop)?;
        printed
    }

    fn print(&self, summary: &Summary) -> Result<(), Failure> {
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(summary)?;
        } else {
            output.line(summary.text())?;
        }
        output.finish()
    }
}

/// How the load went as a whole, the gravest first.
fn verdict(
    summary: &Summary,
    answered: Result<(), CallError>,
    rest: Rest,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    match answered {
        Err(error) if summary.unknown > 0 => return Err(Failure::LinesUnknown(error)),
        Err(error) => return Err(Failure::Call(error)),
        Ok(()) => {}
    }
    if stop.is_cancelled() && !summary.is_complete() {
        return Err(Failure::Stopped {
            unknown: summary.unknown,
        });
    }
    match rest.error {
        Some(error) => Err(Failure::Local(error)),
        None if summary.refused > 0 => Err(Failure::LinesRefused),
        None => Ok(()),
    }
}

/// The input and its size, if it has one.
fn open(file: &str) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if file == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let input = File::open(file)?;
    let metadata = input.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(input), bytes))
}

/// Receives until everything is answered, the load breaks, or the answers stay away too long after a stop.
async fn receive(outcomes: &mut LoadOutcomes, report: &Report, stop: &CancellationToken) -> Result<(), CallError> {
    let all = async {
        while let Some(outcome) = outcomes.next().await? {
            match outcome.result {
                Ok(_) => report.loaded(),
                Err(error) => report.refused(outcome.tag, Some(&outcome.id), &error.reason, &error.message),
            }
        }
        Ok(())
    };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        biased;
        answered = all => answered,
        () = overdue => Ok(()),
    }
}
