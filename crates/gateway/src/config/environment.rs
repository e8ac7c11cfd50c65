//! Settings from the environment: `REJOIN_<SECTION>_<NAME>`, e.g. `REJOIN_LINKS_HEARTBEAT_MS=200`. Lists are written as in TOML. `RUST_LOG` is what
//! `REJOIN_LOG_FILTER` is, and gives way to it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::ConfigError;
use super::shape::Shape;
use super::unknown::nearest;

const PREFIX: &str = "REJOIN_";

/// Variables with the prefix that the commands of clients read.
const OF_CLIENTS: [&str; 10] = [
    "REJOIN_ADDRESS",
    "REJOIN_AUTHORITY",
    "REJOIN_CERTIFICATE",
    "REJOIN_KEY",
    "REJOIN_PASSWORD",
    "REJOIN_PASSWORD_FILE",
    "REJOIN_TOKEN",
    "REJOIN_TOKEN_FILE",
    "REJOIN_USER",
    "REJOIN_USERS",
];

/// Letters of ten that may differ in a variable that means a setting, although it names no section.
const ALIKE: usize = 3;

/// The variables of a process that concern a node.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Those of this process. What is no text in a value is replaced.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        variables
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect()
    }

    /// Puts the settings of the variables over those of `table`. What does not parse stays text: the error of its type then names the setting.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownVariable`]: a variable means a setting that there is not.
    pub(super) fn apply(&self, table: &mut Table, known: &Shape) -> Result<(), ConfigError> {
        let settings = by_variable(known);
        let mistaken = self
            .variables
            .iter()
            .find(|(name, value)| is_mistaken(name, value, &settings));
        if let Some((name, _)) = mistaken {
            let names: Vec<String> = settings.into_keys().collect();
            return Err(ConfigError::UnknownVariable {
                variable: name.clone(),
                nearest: nearest(name, &names),
            });
        }
        // A variable without text is one that is not set, as everywhere in `tracing`.
        if let Some(filter) = self.variables.get("RUST_LOG").filter(|filter| !filter.is_empty()) {
            insert(table, "log", "filter", Value::String(filter.clone()));
        }
        for (variable, (section, name, shape)) in &settings {
            let Some(text) = self.variables.get(variable) else {
                continue;
            };
            let value = match shape {
                Shape::Text => Value::String(text.clone()),
                _ => text.parse::<Value>().unwrap_or_else(|_| Value::String(text.clone())),
            };
            insert(table, section, name, value);
        }
        Ok(())
    }

    /// Variables with the prefix that are neither settings nor known to belong to something else: they were left alone.
    pub fn left_alone(&self) -> Vec<&str> {
        let known = Shape::of::<super::Settings>();
        let settings = by_variable(&known);
        let others = self
            .variables
            .iter()
            .filter(|(name, value)| is_other(name, value, &settings));
        others.map(|(name, _)| name.as_str()).collect()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }
}

type ByVariable<'a> = BTreeMap<String, (&'static str, &'static str, &'a Shape)>;

/// The section, the name and the shape of the setting of each variable.
fn by_variable(known: &Shape) -> ByVariable<'_> {
    let mut settings = ByVariable::new();
    let Shape::Table(sections) = known else { return settings };
    for (section, shape) in sections {
        let Shape::Table(names) = shape else { continue };
        for (name, shape) in names {
            let variable = format!("{PREFIX}{section}_{name}").to_uppercase();
            settings.insert(variable, (section, name, shape));
        }
    }
    settings
}

fn insert(table: &mut Table, section: &str, name: &str, value: Value) {
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(name.to_owned(), value);
    }
}

/// Whether a variable has the prefix, and is neither a setting nor known to belong to something else.
fn is_other(name: &str, value: &str, settings: &ByVariable<'_>) -> bool {
    let known = settings.contains_key(name) || OF_CLIENTS.contains(&name) || is_of_kubernetes(name, value);
    name.starts_with(PREFIX) && !known
}

/// Whether a variable was meant as a setting: it names a section, or is hardly different from one that is a setting. Others with the prefix may
/// belong to somebody else.
fn is_mistaken(name: &str, value: &str, settings: &ByVariable<'_>) -> bool {
    let own = name.strip_prefix(PREFIX).unwrap_or_default();
    let names_section = |section: &str| own.starts_with(&format!("{section}_").to_uppercase());
    let alike = |variable: &String| strsim::osa_distance(name, variable) * 10 <= own.len() * ALIKE;
    is_other(name, value, settings)
        && (settings.values().any(|(section, ..)| names_section(section)) || settings.keys().any(alike))
}

/// Kubernetes tells each container of the services around it. Where one is called `rejoin` or `rejoin-grpc`, that looks like settings.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let port = name.split_once("_PORT_").map(|(_, port)| port);
    let of_port = port.is_some_and(|port| port.starts_with(|first: char| first.is_ascii_digit()));
    let of_service = name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT");
    of_port || of_service || (name.ends_with("_PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn applied(variables: &[(&str, &str)]) -> Result<Table, ConfigError> {
        let mut table = Table::new();
        environment(variables).apply(&mut table, &Shape::of::<Settings>())?;
        Ok(table)
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_variable_that_means_a_setting_which_there_is_not_is_refused_with_the_nearest() {
        for (variable, nearest) in [
            ("REJOIN_LINKS_HEARTBEET_MS", "REJOIN_LINKS_HEARTBEAT_MS"),
            ("REJOIN_LINK_HEARTBEAT_MS", "REJOIN_LINKS_HEARTBEAT_MS"),
            ("REJOIN_NODE_NAME", "REJOIN_NODE_DATA"),
        ] {
            let message = applied(&[(variable, "1")]).unwrap_err().to_string();
            assert!(message.contains(variable) && message.contains(nearest), "{message}");
        }
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let others = [
            ("REJOIN_ADDRESS", "http://127.0.0.1:1"),
            ("REJOIN_AUTHORITY", "authority.pem"),
            ("REJOIN_CERTIFICATE", "me.pem"),
            ("REJOIN_KEY", "me.key"),
            ("REJOIN_PASSWORD", "secret"),
            ("REJOIN_TOKEN", "secret"),
            ("REJOIN_USER", "ada"),
            ("REJOIN_PORT", "tcp://10.0.0.1:7601"),
            ("REJOIN_SERVICE_HOST", "10.0.0.1"),
            ("REJOIN_GRPC_SERVICE_HOST", "10.0.0.1"),
            ("REJOIN_GRPC_SERVICE_PORT_GRPC", "7601"),
            ("REJOIN_GRPC_PORT_7601_TCP_ADDR", "10.0.0.1"),
            ("REJOIN_IMAGE", "rejoin:local"),
            ("PATH", "/bin"),
        ];
        assert_eq!(applied(&others).unwrap(), Table::new());
        assert_eq!(environment(&others).left_alone(), ["REJOIN_IMAGE"]);
    }

    #[test]
    fn the_filter_of_logs_comes_from_either_variable_and_from_our_own_first() {
        let filter = |variables: &[(&str, &str)]| applied(variables).unwrap().get("log").cloned();
        let of = |text: &str| Some(Value::Table(Table::from_iter([("filter".to_owned(), text.into())])));
        assert_eq!(filter(&[("RUST_LOG", "debug")]), of("debug"));
        assert_eq!(
            filter(&[("RUST_LOG", "debug"), ("REJOIN_LOG_FILTER", "warn")]),
            of("warn")
        );
        assert_eq!(filter(&[("RUST_LOG", "")]), None);
    }

    #[test]
    fn a_text_needs_no_quotes_and_a_list_is_one_of_toml() {
        let table = applied(&[
            ("REJOIN_NODE_DATACENTER", "dc-east"),
            ("REJOIN_HTTP_ADDRESSES", "[\"127.0.0.1:1\"]"),
            ("REJOIN_LINKS_WINDOW_BYTES", "7"),
        ]);
        let settings: Settings = table.unwrap().try_into().unwrap();
        assert_eq!(settings.node.datacenter, "dc-east");
        assert_eq!(settings.http.addresses.len(), 1);
        assert_eq!(settings.links.window_bytes, 7);
    }
}
