//! `database preview`: what other rules would do.

use bytes::Bytes;
use clap::Args;
use rejoin_client::RuleEffect;
use serde::Serialize;

use super::connection::Connection;
use super::definition::RuleArguments;
use super::failure::Failure;
use super::help::json_help;
use super::json::Raw;
use super::pages::Pages;
use super::table::{Table, count};

/// Shows what other rules would do to the documents that hold more than one candidate somewhere. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"effects\": [{\"id\", \"path\", \"shown\", \"would_show\", \"open\", \"would_be_open\"}]}; shown and would_show are null"
    "where nothing is shown; open says whether the path is an open conflict."
))]
pub struct Preview {
    /// The database
    name: String,
    #[command(flatten)]
    rules: RuleArguments,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct EffectJson {
    id: String,
    path: String,
    shown: Option<Raw>,
    would_show: Option<Raw>,
    open: bool,
    would_be_open: bool,
}

impl Preview {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let change = self.rules.into_change()?;
        let mut output = self.connection.output();
        let mut pages = Pages::new(usize::MAX, async |size, after| {
            client.preview_rules(&self.name, &change, size, after).await
        });
        if self.connection.json {
            pages.print_json(&mut output, "effects", EffectJson::new).await?;
            return output.finish();
        }
        let mut effects = 0;
        while let Some(found) = pages.next().await? {
            effects += found.len() as u64;
            if !found.is_empty() {
                output.line(table(&found))?;
            }
        }
        match effects {
            0 => output.line("nothing would change")?,
            1 => output.line("\n1 path would change; nothing was changed")?,
            _ => output.line(format_args!(
                "\n{} paths would change; nothing was changed",
                count(effects)
            ))?,
        }
        output.finish()
    }
}

fn table(effects: &[RuleEffect]) -> Table {
    let mut table = Table::new(["document", "path", "shows", "would show", "conflict"]).whole([4]);
    for effect in effects {
        table.row([
            effect.id.clone(),
            effect.path.clone(),
            text(effect.shown.as_ref()),
            text(effect.would_show.as_ref()),
            conflict(effect.open, effect.would_be_open).to_owned(),
        ]);
    }
    table
}

fn text(value: Option<&Bytes>) -> String {
    value.map_or_else(
        || "(nothing)".to_owned(),
        |json| String::from_utf8_lossy(json).into_owned(),
    )
}

fn conflict(open: bool, would_be_open: bool) -> &'static str {
    match (open, would_be_open) {
        (false, false) => "none",
        (false, true) => "opens",
        (true, false) => "settled",
        (true, true) => "stays",
    }
}

impl EffectJson {
    fn new(effect: RuleEffect) -> Self {
        Self {
            id: effect.id,
            path: effect.path,
            shown: effect.shown.as_ref().map(Raw::new),
            would_show: effect.would_show.as_ref().map(Raw::new),
            open: effect.open,
            would_be_open: effect.would_be_open,
        }
    }
}
