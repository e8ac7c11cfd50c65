//! Definitions of databases as arguments, as JSON and as text.

use std::collections::BTreeMap;

use clap::Args;
use rejoin_client::{ChecksumPolicy, Database, DatabaseChange};
use rejoin_document::{Granularity, Rule, RuleSet};
use serde::Serialize;

use super::duration;
use super::failure::Failure;
use super::table::count;

/// A change of merge rules, as arguments.
#[derive(Debug, Args)]
pub(super) struct RuleArguments {
    /// A merge rule for one path, e.g. /stock=counter; can be repeated
    #[arg(long = "rule", value_name = "PATH=RULE", value_parser = parse_rule)]
    rules: Vec<(String, Rule)>,
    /// A path that shall have no rule any more; can be repeated
    #[arg(long = "remove-rule", value_name = "PATH")]
    removed: Vec<String>,
}

/// Settings beside the rules, as arguments.
#[derive(Debug, Args)]
pub(super) struct SettingArguments {
    /// Whether updates, patches and deletes name the checksum of what they replace: ignored, optional or required
    #[arg(long, value_name = "POLICY")]
    checksums: Option<ChecksumPolicy>,
    /// Superseded revisions that are kept of each document; 0: as many as --keep-for allows
    #[arg(long, value_name = "N")]
    keep_revisions: Option<u32>,
    /// How long superseded revisions are kept, e.g. 12h or 14d; 0: as the node's configuration says
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_seconds)]
    keep_for: Option<u64>,
    /// Documents that writes here may bring the database to; 0: no bound
    #[arg(long, value_name = "N")]
    documents_max: Option<u64>,
    /// Bytes of stored documents that writes here may bring the database to; 0: no bound
    #[arg(long, value_name = "BYTES")]
    bytes_max: Option<u64>,
}

/// A definition as `--json` prints it.
#[derive(Serialize)]
pub(super) struct DatabaseJson<'a> {
    name: &'a str,
    granularity: &'static str,
    rules: BTreeMap<String, String>,
    checksums: &'static str,
    keep_revisions: u32,
    keep_for_s: u64,
    documents_max: u64,
    bytes_max: u64,
    documents: u64,
    bytes: u64,
    version: &'a str,
    survivors: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
}

impl RuleArguments {
    /// What is asked for.
    ///
    /// # Errors
    /// `Usage` where it makes no sense, or for nothing at all.
    pub(super) fn into_change(self) -> Result<DatabaseChange, Failure> {
        let set_rules = rule_set(self.rules)?;
        if let Some(path) = self
            .removed
            .iter()
            .find(|path| RuleSet::new([(path, Rule::Register)]).is_err())
        {
            let message = format!("--remove-rule: `{path}` is not a JSON pointer to a member: write it like `/stock`");
            return Err(Failure::Usage(message));
        }
        let both = set_rules
            .iter()
            .find(|(path, _)| self.removed.iter().any(|removed| removed == path));
        if let Some((path, _)) = both {
            let message =
                format!("{path} cannot be given a rule and lose it at once; leave --rule or --remove-rule out");
            return Err(Failure::Usage(message));
        }
        Ok(DatabaseChange {
            set_rules,
            remove_rules: self.removed,
            ..DatabaseChange::default()
        })
    }
}

impl SettingArguments {
    /// The settings of a new database.
    pub(super) fn set(&self, database: &mut Database) {
        database.checksums = self.checksums.unwrap_or_default();
        database.keep_revisions = self.keep_revisions.unwrap_or_default();
        database.keep_for_s = self.keep_for.unwrap_or_default();
        database.documents_max = self.documents_max.unwrap_or_default();
        database.bytes_max = self.bytes_max.unwrap_or_default();
    }

    /// The settings that change.
    pub(super) fn change(&self, change: &mut DatabaseChange) {
        change.checksums = self.checksums;
        change.keep_revisions = self.keep_revisions;
        change.keep_for_s = self.keep_for;
        change.documents_max = self.documents_max;
        change.bytes_max = self.bytes_max;
    }
}

/// The rules that arguments give.
///
/// # Errors
/// `Usage` where they make no sense.
pub(super) fn rule_set(rules: Vec<(String, Rule)>) -> Result<RuleSet, Failure> {
    RuleSet::new(rules).map_err(|error| Failure::Usage(format!("--rule: {error}")))
}

/// `PATH=RULE`, split at the last `=`: a path may hold others.
pub(super) fn parse_rule(text: &str) -> Result<(String, Rule), String> {
    let (path, rule) = text
        .rsplit_once('=')
        .ok_or("give it as PATH=RULE, e.g. /stock=counter")?;
    let rule = rule
        .parse()
        .map_err(|_| format!("{rule:?} is not a rule; the rules are register, latest, max, min, counter and set"))?;
    Ok((path.to_owned(), rule))
}

/// The rules for people, after `before` if there are any.
pub(super) fn rules_text(rules: &RuleSet, before: &str) -> String {
    let rules: Vec<String> = rules.iter().map(|(path, rule)| format!("{path}={rule}")).collect();
    if rules.is_empty() {
        String::new()
    } else {
        format!("{before}{}", rules.join(" "))
    }
}

/// How long superseded revisions are kept, for people; empty where the node's configuration says it.
pub(super) fn keep_text(database: &Database) -> String {
    let revisions = (database.keep_revisions > 0).then(|| format!("{} revisions", database.keep_revisions));
    let time = (database.keep_for_s > 0).then(|| duration::text(database.keep_for_s));
    let kept: Vec<String> = [revisions, time].into_iter().flatten().collect();
    kept.join(", ")
}

/// How much of its quotas a database has used, for people; `None` where it has none.
pub(super) fn quota_text(database: &Database) -> Option<String> {
    let of = |used, most, what| (most > 0).then(|| format!("{} of {} {what}", count(used), count(most)));
    let documents = of(database.documents, database.documents_max, "documents");
    let bytes = of(database.bytes, database.bytes_max, "bytes");
    let used: Vec<String> = [documents, bytes].into_iter().flatten().collect();
    (!used.is_empty()).then(|| format!("{}: {} used", database.name, used.join(" and ")))
}

pub(super) fn granularity_text(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Field => "field",
        Granularity::Document => "document",
    }
}

impl<'a> DatabaseJson<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        let rules = database.rules.iter();
        Self {
            name: &database.name,
            granularity: granularity_text(database.granularity),
            rules: rules.map(|(path, rule)| (path.to_string(), rule.to_string())).collect(),
            checksums: database.checksums.as_str(),
            keep_revisions: database.keep_revisions,
            keep_for_s: database.keep_for_s,
            documents_max: database.documents_max,
            bytes_max: database.bytes_max,
            documents: database.documents,
            bytes: database.bytes,
            version: &database.version,
            survivors: database.survivors,
            created: None,
            changed: None,
        }
    }

    /// Says whether it is new.
    pub(super) fn created(mut self, created: bool) -> Self {
        self.created = Some(created);
        self
    }

    /// Says whether it is another one than before.
    pub(super) fn changed(mut self, changed: bool) -> Self {
        self.changed = Some(changed);
        self
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
