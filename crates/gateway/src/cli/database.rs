//! `database create` and `database list`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use rejoin_client::Database;
use rejoin_document::{Granularity, Rule, RuleSet};
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;
use super::table::Table;

/// Commands on databases.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Create a database; it replicates with its rules
    Create(Create),
    /// List the databases
    List(ListDatabases),
}

/// Creates a database; it replicates with its rules.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"name\", \"granularity\", \"rules\": {PATH: RULE}, \"created\"}; created is false where it existed.\n"
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
    connection: Connection,
}

/// Lists the databases with their rules.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"databases\": [{\"name\", \"granularity\", \"rules\": {PATH: RULE}}]}."
))]
pub struct ListDatabases {
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
struct DatabaseJson<'a> {
    name: &'a str,
    granularity: &'static str,
    rules: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
}

impl DatabaseCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Create(command) => &command.connection,
            Self::List(command) => &command.connection,
        }
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(command) => command.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let rules = RuleSet::new(self.rules).map_err(|error| Failure::Usage(format!("--rule: {error}")))?;
        if matches!(self.granularity, GranularityArgument::Document) && !rules.is_empty() {
            let message = "--rule: rules merge the members of documents, and --granularity document keeps documents \
                           whole; leave the rules out, or create the database with --granularity field";
            return Err(Failure::Usage(message.to_owned()));
        }
        let wanted = Database {
            name: self.name,
            granularity: self.granularity.into(),
            rules,
        };
        let (database, created) = client.create_database(&wanted).await?;
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DatabaseJson {
                created: Some(created),
                ..DatabaseJson::new(&database)
            })?;
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
        }
        output.finish()
    }
}

fn table(databases: &[Database]) -> Table {
    let mut table = Table::new(["name", "granularity", "rules"]);
    for database in databases {
        table.row([
            database.name.clone(),
            granularity_text(database.granularity).to_owned(),
            rules_text(&database.rules, ""),
        ]);
    }
    table
}

/// `PATH=RULE`, split at the last `=`: a path may hold others.
fn parse_rule(text: &str) -> Result<(String, Rule), String> {
    let (path, rule) = text
        .rsplit_once('=')
        .ok_or("give it as PATH=RULE, e.g. /stock=counter")?;
    let rule = rule
        .parse()
        .map_err(|_| format!("{rule:?} is not a rule; the rules are register, latest, max, min, counter and set"))?;
    Ok((path.to_owned(), rule))
}

fn rules_text(rules: &RuleSet, before: &str) -> String {
    let rules: Vec<String> = rules.iter().map(|(path, rule)| format!("{path}={rule}")).collect();
    if rules.is_empty() {
        String::new()
    } else {
        format!("{before}{}", rules.join(" "))
    }
}

fn granularity_text(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Field => "field",
        Granularity::Document => "document",
    }
}

impl From<GranularityArgument> for Granularity {
    fn from(argument: GranularityArgument) -> Self {
        match argument {
            GranularityArgument::Field => Self::Field,
            GranularityArgument::Document => Self::Document,
        }
    }
}

impl<'a> DatabaseJson<'a> {
    fn new(database: &'a Database) -> Self {
        let rules = database.rules.iter();
        Self {
            name: &database.name,
            granularity: granularity_text(database.granularity),
            rules: rules.map(|(path, rule)| (path.to_string(), rule.to_string())).collect(),
            created: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_split_at_the_last_equals_sign() {
        assert_eq!(parse_rule("/stock=counter"), Ok(("/stock".to_owned(), Rule::Counter)));
        assert_eq!(parse_rule("/a=b=set"), Ok(("/a=b".to_owned(), Rule::Set)));
        assert!(parse_rule("/stock").unwrap_err().contains("PATH=RULE"));
        assert!(parse_rule("/stock=count").unwrap_err().contains("counter"));
    }
}
