//! The list of client commands and how one is run.

use clap::Subcommand;

use super::backup::BackupCommand;
use super::batch::Batch;
use super::cas::Cas;
use super::changes::Changes;
use super::compact::Compact;
use super::conflicts::Conflicts;
use super::connection::Connection;
use super::database::DatabaseCommand;
use super::datacenter::DatacenterCommand;
use super::diff::Diff;
use super::digest::Digest;
use super::exit::ExitStatus;
use super::export::Export;
use super::failure::Failure;
use super::get::Get;
use super::get_many::GetMany;
use super::heals::Heals;
use super::history::History;
use super::link::LinkCommand;
use super::list::List;
use super::load::Load;
use super::patch::{EditDocument, Patch};
use super::quarantine::Quarantine;
use super::resolve::Resolve;
use super::restore::Restore;
use super::status::Status;
use super::verify::Verify;
use super::write::{Delete, Put, Update};

/// What a client can ask of a node.
///
/// Exit status: 0 done; 1 refused (conflict, not found, …); 2 usage; 3 the node cannot be reached or did not answer.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Create, list, change and delete databases
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Store a document that must not exist yet
    Put(Put),
    /// Print a document and its open conflicts
    Get(Get),
    /// Print several documents as of one moment
    GetMany(GetMany),
    /// Replace the whole body of a document
    Update(Update),
    /// Change a part of a document by a merge patch or a JSON patch
    Patch(Patch),
    /// Add to numbers and sets of a document without reading it
    #[command(name = "edit")]
    Edit(EditDocument),
    /// Replace the body of a document if it is the expected one
    Cas(Cas),
    /// Do several writes, all or none
    Batch(Batch),
    /// Delete a document
    Delete(Delete),
    /// List the revisions of a document that are kept, newest first
    History(History),
    /// Compare two revisions of a document
    Diff(Diff),
    /// Bring back an old revision, or one value of it
    Restore(Restore),
    /// List the documents of a database
    List(List),
    /// Print the newest change of each document, oldest first
    Changes(Changes),
    /// Print all documents as of one moment, as NDJSON
    Export(Export),
    /// Store the documents of an NDJSON file
    Load(Load),
    /// List open conflicts with all their candidates
    Conflicts(Conflicts),
    /// Settle open conflicts
    Resolve(Resolve),
    /// Cut or restore the links with another datacenter
    #[command(subcommand)]
    Link(LinkCommand),
    /// List datacenters, take one in, or retire one for good
    #[command(subcommand)]
    Datacenter(DatacenterCommand),
    /// Show the node, its links and its databases
    Status(Status),
    /// List what each reconnect with another datacenter did, newest first
    Heals(Heals),
    /// Compare this node with its peers now, and mend what differs
    Verify(Verify),
    /// List what came from peers and could not be applied here, or try it again
    Quarantine(Quarantine),
    /// Drop what need not be kept, and give back its room on disk
    Compact(Compact),
    /// Make and list backups of a node, and make a data directory of one
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Print the root digest in hex: equal on equal nodes
    Digest(Digest),
}

/// Runs a command to its end and says how it went. Prints the error, if there was one.
pub async fn run(command: ClientCommand) -> ExitStatus {
    let json = command.json();
    match in_session(command).await {
        Ok(()) => ExitStatus::Success,
        Err(failure) => {
            failure.print(json);
            failure.exit_status()
        }
    }
}

/// Runs a command in its session. What the session has seen is kept before anything of its failure is said.
async fn in_session(command: ClientCommand) -> Result<(), Failure> {
    let session = command.connection().begin()?;
    let result = dispatch(command).await.map_err(|failure| session.named_in(failure));
    let kept = session.end();
    result.and(kept)
}

async fn dispatch(command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::Database(command) => command.run().await,
        ClientCommand::Put(command) => command.run().await,
        ClientCommand::Get(command) => command.run().await,
        ClientCommand::GetMany(command) => command.run().await,
        ClientCommand::Update(command) => command.run().await,
        ClientCommand::Patch(command) => command.run().await,
        ClientCommand::Edit(command) => command.run().await,
        ClientCommand::Cas(command) => command.run().await,
        ClientCommand::Batch(command) => command.run().await,
        ClientCommand::Delete(command) => command.run().await,
        ClientCommand::History(command) => command.run().await,
        ClientCommand::Diff(command) => command.run().await,
        ClientCommand::Restore(command) => command.run().await,
        ClientCommand::List(command) => command.run().await,
        ClientCommand::Changes(command) => command.run().await,
        ClientCommand::Export(command) => command.run().await,
        ClientCommand::Load(command) => command.run().await,
        ClientCommand::Conflicts(command) => command.run().await,
        ClientCommand::Resolve(command) => command.run().await,
        ClientCommand::Link(command) => command.run().await,
        ClientCommand::Datacenter(command) => command.run().await,
        ClientCommand::Status(command) => command.run().await,
        ClientCommand::Heals(command) => command.run().await,
        ClientCommand::Verify(command) => command.run().await,
        ClientCommand::Quarantine(command) => command.run().await,
        ClientCommand::Compact(command) => command.run().await,
        ClientCommand::Backup(command) => command.run().await,
        ClientCommand::Digest(command) => command.run().await,
    }
}

impl ClientCommand {
    /// Whether errors are for programs too.
    fn json(&self) -> bool {
        match self {
            Self::Backup(command) => command.json(),
            other => other.connection().json,
        }
    }

    fn connection(&self) -> &Connection {
        match self {
            Self::Database(command) => command.connection(),
            Self::Put(command) => &command.connection,
            Self::Get(command) => &command.connection,
            Self::GetMany(command) => &command.connection,
            Self::Update(command) => &command.connection,
            Self::Patch(command) => &command.connection,
            Self::Edit(command) => &command.connection,
            Self::Cas(command) => &command.connection,
            Self::Batch(command) => &command.connection,
            Self::Delete(command) => &command.connection,
            Self::History(command) => &command.connection,
            Self::Diff(command) => &command.connection,
            Self::Restore(command) => &command.connection,
            Self::List(command) => &command.connection,
            Self::Changes(command) => &command.connection,
            Self::Export(command) => &command.connection,
            Self::Load(command) => &command.connection,
            Self::Conflicts(command) => &command.connection,
            Self::Resolve(command) => &command.connection,
            Self::Link(command) => command.connection(),
            Self::Datacenter(command) => command.connection(),
            Self::Status(command) => &command.connection,
            Self::Heals(command) => &command.connection,
            Self::Verify(command) => &command.connection,
            Self::Quarantine(command) => &command.connection,
            Self::Compact(command) => &command.connection,
            Self::Backup(command) => command.connection(),
            Self::Digest(command) => &command.connection,
        }
    }
}
