//! The command: sends what the reader gives, reports what the node answers.

use std::fs::File;
use std::io::{self, Read};

use clap::Args;
use rejoin_client::{CallError, LoadOutcomes, LoadSendError, LoadSender};
use tokio::sync::mpsc;

use super::super::connection::Connection;
use super::super::failure::Failure;
use super::super::help::json_help;
use super::entry::{BadLine, Entry};
use super::reader::{self, Batch};
use super::report::Report;

/// Stores the documents of an NDJSON file.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"loaded\", \"refused\", \"unknown\", \"seconds\", \"per_second\"}, and per refused line {\"line\", \"id\","
    "\"error\", \"message\"} on standard error.\n"
    "Each line is an object with _id and the members of the body. A document that exists is overwritten. A bad"
    "line is reported with its number and does not stop the rest; the exit status is 1 then. Loading the same file"
    "again is safe."
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
        client.conflicts(&self.database, 1, None).await?;

        let report = Report::start(self.connection.json, bytes);
        let (sender, mut outcomes) = client.load(&self.database);
        let (read, answered) = tokio::join!(
            send(reader::start(input), sender, &report),
            receive(&mut outcomes, &report)
        );
        let summary = report.finish(match answered {
            Err(CallError::Unreachable { .. }) => 0,
            _ => outcomes.unanswered().len() as u64,
        });
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&summary)?;
        } else {
            output.line(summary.text())?;
        }
        output.finish()?;

        answered?;
        read.map_err(Failure::Local)?;
        if summary.any_refused() {
            Err(Failure::LinesRefused)
        } else {
            Ok(())
        }
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

/// Sends until the input or the load ends. Dropping the sender tells the node that this was all.
async fn send(mut batches: mpsc::Receiver<Batch>, sender: LoadSender, report: &Report) -> io::Result<()> {
    while let Some(batch) = batches.recv().await {
        for parsed in batch.lines {
            match parsed.entry {
                Ok(Entry { id, body }) => match sender.send(parsed.line, id, body).await {
                    Ok(()) => {}
                    Err(LoadSendError::TooLarge { .. }) => {
                        let bad = BadLine::too_large();
                        report.refused(parsed.line, None, bad.reason.as_str(), &bad.message);
                    }
                    // The receiving half knows why.
                    Err(LoadSendError::Closed) => return Ok(()),
                },
                Err(bad) => report.refused(parsed.line, None, bad.reason.as_str(), &bad.message),
            }
        }
        report.sent(batch.bytes);
        if let Some(error) = batch.error {
            return Err(error);
        }
    }
    Ok(())
}

async fn receive(outcomes: &mut LoadOutcomes, report: &Report) -> Result<(), CallError> {
    while let Some(outcome) = outcomes.next().await? {
        match outcome.result {
            Ok(_) => report.loaded(),
            Err(error) => report.refused(outcome.tag, Some(&outcome.id), &error.reason, &error.message),
        }
    }
    Ok(())
}
