//! `database create`, `list`, `update`, `preview` and `delete`.

use clap::{Args, Subcommand, ValueEnum};
use rejoin_client::Database;
use rejoin_document::{Granularity, Rule};
use serde::Serialize;

use super::connection::Connection;
use super::definition::{
    DatabaseJson, RuleArguments, SettingArguments, granularity_text, keep_text, parse_rule, quota_text, rule_set,
    rules_text,
};
use super::failure::Failure;
use super::help::json_help;
use super::output::Output;
use super::preview::Preview;
use super::table::{Table, count};

/// Commands on databases.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Create a database; it replicates with its rules
    Create(Create),
    /// List the databases
    List(ListDatabases),
    /// Change the rules and settings of a database; it replicates
    Update(Update),
    /// Show what other rules would do to the open conflicts, and change nothing
    Preview(Preview),
    /// Delete a database with every document that the node knows
    Delete(DeleteDatabase),
}

/// Creates a database; it replicates with its rules.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"name\", \"granularity\", \"rules\": {PATH: RULE}, \"checksums\", \"keep_revisions\", \"keep_for_s\","
    "\"documents_max\", \"bytes_max\", \"documents\", \"bytes\", \"version\","
    "\"survivors\", \"created\"}; created is false where it existed."
    "The same definition again succeeds, here or in another datacenter."
    "Rules: register (default), latest, max, min, counter, set."
))]
pub struct Create {
    /// The name: a letter, then `a-z 0-9 _ $ ( ) + / -`
    name: String,
    /// A merge rule for one path, e.g. /stock=counter; can be repeated
    #[arg(long = "rule", value_name = "PATH=RULE", value_parser = parse_rule)]
    rules: Vec<(String, Rule)>,
    /// What is merged: members of documents, or whole documents as in CouchDB
    #[arg(long, value_enum, default_value = "field")]
    granularity: GranularityArgument,
    #[command(flatten)]
    settings: SettingArguments,
    #[command(flatten)]
    connection: Connection,
}

/// Lists the databases with their rules and settings.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"databases\": [{\"name\", \"granularity\", \"rules\": {PATH: RULE}, \"checksums\", \"keep_revisions\", \"keep_for_s\","
    "\"documents_max\", \"bytes_max\", \"documents\", \"bytes\", \"version\", \"survivors\"}]}; survivors is true where the database was deleted and this is what is left of it."
))]
pub struct ListDatabases {
    #[command(flatten)]
    connection: Connection,
}

/// Changes the rules and settings of a database: what is named, and nothing else. It replicates; changes made in several
/// datacenters merge rule by rule, and naming a rule on which they differ settles it.
#[derive(Debug, Args)]
#[command(disable_version_flag = true, after_help = json_help!(
    "{\"name\", \"granularity\", \"rules\": {PATH: RULE}, \"checksums\", \"keep_revisions\", \"keep_for_s\","
    "\"documents_max\", \"bytes_max\", \"documents\", \"bytes\", \"version\","
    "\"survivors\", \"changed\"}; changed is false where it was so before."
))]
pub struct Update {
    /// The database
    name: String,
    #[command(flatten)]
    rules: RuleArguments,
    #[command(flatten)]
    settings: SettingArguments,
    /// The version that the change is meant for, as `database list` prints it; refused if it is another one now
    #[arg(id = "base-version", long = "version", value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Deletes a database with every document that the node knows. What others wrote without knowing of it survives, and
/// `status` says so. Creating it again makes a new, empty one.
#[derive(Debug, Args)]
#[command(after_help = json_help!("{\"name\", \"documents\"}: how many documents were in it."))]
pub struct DeleteDatabase {
    /// The database; NAME@1 for what survived of an earlier one of the name
    name: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GranularityArgument {
    /// Edits of different members of one document merge
    Field,
    /// Branches of whole documents, one shown, the others listed
    Document,
}

#[derive(Serialize)]
struct DeletedJson<'a> {
    name: &'a str,
    documents: u64,
}

impl DatabaseCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Create(command) => &command.connection,
            Self::List(command) => &command.connection,
            Self::Update(command) => &command.connection,
            Self::Preview(command) => &command.connection,
            Self::Delete(command) => &command.connection,
        }
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(command) => command.run().await,
            Self::Update(command) => command.run().await,
            Self::Preview(command) => command.run().await,
            Self::Delete(command) => command.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let rules = rule_set(self.rules)?;
        if matches!(self.granularity, GranularityArgument::Document) && !rules.is_empty() {
            let message = "--rule: rules merge the members of documents, and --granularity document keeps documents \
                           whole; leave the rules out, or create the database with --granularity field";
            return Err(Failure::Usage(message.to_owned()));
        }
        let mut wanted = Database::new(self.name, self.granularity.into(), rules);
        self.settings.set(&mut wanted);
        let (database, created) = client.create_database(&wanted).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DatabaseJson::new(&database).created(created))?;
        } else {
            let verb = if created { "created" } else { "existed already:" };
            output.line(format_args!(
                "{verb} {}{}",
                database.name,
                rules_text(&database.rules, " with ")
            ))?;
        }
        output.finish()
    }
}

impl ListDatabases {
    async fn run(self) -> Result<(), Failure> {
        let databases = self.connection.client()?.databases().await?;
        let mut output = self.connection.output();
        if self.connection.json {
            let mut list = output.json_list("databases")?;
            for database in &databases {
                list.item(&DatabaseJson::new(database))?;
            }
            list.end()?;
        } else if databases.is_empty() {
            output.line("no databases; create one with: rejoin database create NAME")?;
        } else {
            output.line(table(&databases))?;
            print_quotas(&mut output, &databases)?;
        }
        output.finish()
    }
}

impl Update {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut change = self.rules.into_change()?;
        self.settings.change(&mut change);
        change.base_version = self.version;
        let (database, changed) = client.update_database(&self.name, &change).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DatabaseJson::new(&database).changed(changed))?;
        } else {
            let verb = if changed { "updated" } else { "was so before:" };
            output.line(format_args!("{verb} {}", database.name))?;
            output.line(table(std::slice::from_ref(&database)))?;
            print_quotas(&mut output, std::slice::from_ref(&database))?;
        }
        output.finish()
    }
}

impl DeleteDatabase {
    async fn run(self) -> Result<(), Failure> {
        let documents = self.connection.client()?.delete_database(&self.name).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DeletedJson {
                name: &self.name,
                documents,
            })?;
        } else {
            let noun = if documents == 1 { "document" } else { "documents" };
            output.line(format_args!("deleted {} with {} {noun}", self.name, count(documents)))?;
        }
        output.finish()
    }
}

/// How much of its quotas each database has used that has any, below the table.
fn print_quotas(output: &mut Output, databases: &[Database]) -> Result<(), Failure> {
    let quotas: Vec<String> = databases.iter().filter_map(quota_text).collect();
    if quotas.is_empty() {
        return Ok(());
    }
    output.line(format_args!("\n{}", quotas.join("\n")))
}

fn table(databases: &[Database]) -> Table {
    let mut table =
        Table::new(["name", "granularity", "rules", "checksums", "keeps", "version"]).whole([0, 1, 2, 3, 4, 5]);
    for database in databases {
        let note = if database.survivors {
            " (deleted; survivors)"
        } else {
            ""
        };
        table.row([
            format!("{}{note}", database.name),
            granularity_text(database.granularity).to_owned(),
            rules_text(&database.rules, ""),
            database.checksums.to_string(),
            keep_text(database),
            database.version.clone(),
        ]);
    }
    table
}

impl From<GranularityArgument> for Granularity {
    fn from(argument: GranularityArgument) -> Self {
        match argument {
            GranularityArgument::Field => Self::Field,
            GranularityArgument::Document => Self::Document,
        }
    }
}
