//! `backup create`, `backup list` and `backup restore`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use rejoin_client::Backup;
use rejoin_store::restore_backup;
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::{Table, count};
use super::time;

/// Commands on backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Make a backup on the node's machine, while it serves
    Create(CreateBackup),
    /// List the backups of a node, also those that cannot be restored
    List(ListBackups),
    /// Make a data directory of a backup, on this machine, for a node that does not run
    Restore(RestoreBackup),
}

/// Makes a backup on the node's machine, below the directory that its configuration names (`--backups`).
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"name\", \"path\", \"datacenter\", \"begun\", \"bytes\", \"problem\","
    "\"databases\": [{\"name\", \"documents\"}]}; problem is null.\n"
    "What was acknowledged before is in it, and it is one state. Reads and writes go on."
))]
pub struct CreateBackup {
    /// What to call it; by the time if left out, as 20260131T120000Z
    name: Option<String>,
    /// How long to wait for it; it goes on to its end all the same
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
    #[command(flatten)]
    connection: Connection,
}

/// Lists the backups of a node, in the order of their names.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"backups\": [{\"name\", \"path\", \"datacenter\", \"begun\", \"bytes\", \"problem\","
    "\"databases\": [{\"name\", \"documents\"}]}]}; problem says why it cannot be restored, and is"
    "null if it can; begun is null if it cannot."
))]
pub struct ListBackups {
    #[command(flatten)]
    connection: Connection,
}

/// Makes a data directory of a backup. No node is asked: it works on the files of this machine.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"backup\", \"data\", \"datacenter\", \"begun\", \"bytes\"}.\n"
    "The node that is started on it takes a new replica id, serves at once, and gets the writes that it lost"
    "back from its peers. The backup stays as it is, and can be restored again."
))]
pub struct RestoreBackup {
    /// The directory of the backup
    backup: PathBuf,
    /// The data directory: empty, or not there yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Refuse a backup that is not of this datacenter
    #[arg(long, value_name = "NAME")]
    datacenter: Option<String>,
    /// Print JSON for programs, errors too (on standard error)
    #[arg(long)]
    json: bool,
    /// There is no node to ask.
    #[arg(skip)]
    connection: Connection,
}

#[derive(Serialize)]
struct BackupJson {
    name: String,
    path: String,
    datacenter: String,
    begun: Option<String>,
    bytes: u64,
    problem: Option<String>,
    databases: Vec<DatabaseJson>,
}

#[derive(Serialize)]
struct DatabaseJson {
    name: String,
    documents: u64,
}

#[derive(Serialize)]
struct BackupsJson {
    backups: Vec<BackupJson>,
}

#[derive(Serialize)]
struct RestoredJson {
    backup: String,
    data: String,
    datacenter: String,
    begun: String,
    bytes: u64,
}

impl BackupCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Create(command) => &command.connection,
            Self::List(command) => &command.connection,
            Self::Restore(command) => &command.connection,
        }
    }

    /// Whether errors are for programs too.
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Restore(command) => command.json,
            Self::Create(_) | Self::List(_) => self.connection().json,
        }
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(command) => command.run().await,
            Self::Restore(command) => command.run(),
        }
    }
}

impl CreateBackup {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let wait = Duration::from_secs(self.wait);
        let backup = client.create_backup(self.name.as_deref(), wait).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&BackupJson::new(backup))?;
        } else {
            output.line(format_args!(
                "made {} with {} bytes at {}; restore it with: rejoin backup restore {} --data DIR",
                backup.name,
                count(backup.bytes),
                backup.path,
                backup.path
            ))?;
        }
        output.finish()
    }
}

impl ListBackups {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let backups = client.backups().await?;
        let mut output = self.connection.output();
        if self.connection.json {
            let backups = backups.into_iter().map(BackupJson::new).collect();
            output.json(&BackupsJson { backups })?;
            return output.finish();
        }
        if backups.is_empty() {
            output.line("no backups; make one with: rejoin backup create")?;
            return output.finish();
        }
        output.line(table(&backups))?;
        for backup in &backups {
            if let Some(problem) = &backup.problem {
                output.line(format_args!("\n{}: {problem}", backup.name))?;
            }
        }
        output.finish()
    }
}

fn table(backups: &[Backup]) -> Table {
    let headings = ["backup", "begun (UTC)", "of", "documents", "bytes", "can be restored"];
    let mut table = Table::new(headings).numbers([3, 4]).whole([1, 5]);
    for backup in backups {
        let unless = |text: String| if backup.problem.is_none() { text } else { "-".to_owned() };
        let documents: u64 = backup.databases.iter().map(|(_, documents)| documents).sum();
        table.row([
            backup.name.clone(),
            unless(time::human(backup.begun)),
            unless(backup.datacenter.clone()),
            unless(count(documents)),
            unless(count(backup.bytes)),
            if backup.problem.is_none() { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

impl RestoreBackup {
    fn run(self) -> Result<(), Failure> {
        let restored = restore_backup(&self.backup, &self.data, self.datacenter.as_deref());
        let restored = restored.map_err(|error| Failure::Backup(Box::new(error)))?;
        let begun = time::of_unix_ms(restored.begun_unix_ms);
        let mut output = self.connection.output();
        if self.json {
            output.json(&RestoredJson {
                backup: self.backup.to_string_lossy().into_owned(),
                data: self.data.to_string_lossy().into_owned(),
                begun: time::rfc3339(begun),
                bytes: restored.bytes(),
                datacenter: restored.datacenter,
            })?;
        } else {
            output.line(format_args!(
                "restored {} as of {} into {}; start the node on it with --datacenter {}: it takes a new replica id, and gets \
                 what it lost back from its peers",
                self.backup.display(),
                time::human(begun),
                self.data.display(),
                restored.datacenter
            ))?;
        }
        output.finish()
    }
}

impl BackupJson {
    fn new(backup: Backup) -> Self {
        let databases = backup.databases.into_iter();
        Self {
            name: backup.name,
            path: backup.path,
            datacenter: backup.datacenter,
            begun: backup.problem.is_none().then(|| time::rfc3339(backup.begun)),
            bytes: backup.bytes,
            problem: backup.problem,
            databases: databases
                .map(|(name, documents)| DatabaseJson { name, documents })
                .collect(),
        }
    }
}
