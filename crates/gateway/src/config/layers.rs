//! Puts the layers of the configuration on top of each other: defaults, file, environment, flags.
//!
//! Every setting has one environment variable: `REJOIN_<SECTION>_<NAME>`, e.g. `REJOIN_LINKS_HEARTBEAT_MS=200`. Lists
//! are written as in TOML.

use std::fs;

use toml::{Table, Value};

use super::{ConfigError, ServeArguments, Settings};

/// Settings from the file that the flags name, `environment` over it and the flags over both.
///
/// # Errors
///
/// The file cannot be read, or a layer holds something that is no setting.
pub fn load(arguments: &ServeArguments, environment: impl Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
    let mut table = match &arguments.config {
        Some(path) => fs::read_to_string(path)
            .map_err(|source| ConfigError::ReadFile {
                path: path.clone(),
                source,
            })?
            .parse::<Table>()
            .map_err(|error| ConfigError::Parse(Box::new(error)))?,
        None => Table::new(),
    };
    apply_environment(&mut table, &environment)?;
    let mut settings: Settings = table.try_into().map_err(|error| ConfigError::Parse(Box::new(error)))?;
    apply_arguments(&mut settings, arguments);
    Ok(settings)
}

/// The settings as a TOML file that [`load`] reads back.
///
/// # Errors
///
/// A setting holds a number that TOML has no place for.
pub fn print(settings: &Settings) -> Result<String, ConfigError> {
    toml::to_string(settings).map_err(|error| ConfigError::Print(Box::new(error)))
}

fn apply_environment(table: &mut Table, environment: &impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    let known = Table::try_from(Settings::default()).map_err(|error| ConfigError::Print(Box::new(error)))?;
    for (section, defaults) in &known {
        let Value::Table(defaults) = defaults else { continue };
        for (name, default) in defaults {
            let variable = format!("REJOIN_{section}_{name}").to_uppercase();
            let Some(text) = environment(&variable) else { continue };
            let value = match default {
                Value::String(_) => Value::String(text),
                // What does not parse stays text: the error of the type then names the setting.
                _ => text.parse::<Value>().unwrap_or(Value::String(text)),
            };
            let section = table
                .entry(section.as_str())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(name.clone(), value);
            }
        }
    }
    Ok(())
}

fn apply_arguments(settings: &mut Settings, arguments: &ServeArguments) {
    if let Some(datacenter) = &arguments.datacenter {
        settings.node.datacenter.clone_from(datacenter);
    }
    if let Some(data) = &arguments.data {
        settings.node.data.clone_from(data);
    }
    if let Some(address) = arguments.grpc {
        settings.grpc.address = address;
    }
    if !arguments.http.is_empty() {
        settings.http.addresses.clone_from(&arguments.http);
    }
    if !arguments.peer.is_empty() {
        settings.links.peers = arguments.peer.iter().map(|peer| peer.0.clone()).collect();
    }
    let tls = &mut settings.tls;
    let files = [
        (&arguments.certificate, &mut tls.certificate),
        (&arguments.key, &mut tls.key),
        (&arguments.authority, &mut tls.authority),
    ];
    for (argument, setting) in files {
        if let Some(path) = argument {
            setting.clone_from(path);
        }
    }
    settings.grpc.insecure |= arguments.insecure;
    settings.node.restored |= arguments.restored;
    if let Some(format) = arguments.log_format {
        settings.log.format = format;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn flags_override_the_environment_which_overrides_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "[node]\ndatacenter = \"file\"\n[links]\nheartbeat_ms = 1\nwindow_bytes = 7"
        )
        .unwrap();
        let arguments = ServeArguments {
            config: Some(file.path().to_owned()),
            datacenter: Some("flag".into()),
            ..ServeArguments::default()
        };
        let environment = |name: &str| match name {
            "REJOIN_NODE_DATACENTER" => Some("environment".to_owned()),
            "REJOIN_LINKS_HEARTBEAT_MS" => Some("2".to_owned()),
            "REJOIN_COMMIT_ALIVE_EVERY_MS" => Some("250".to_owned()),
            _ => None,
        };
        let settings = load(&arguments, environment).unwrap();
        assert_eq!(settings.node.datacenter, "flag");
        assert_eq!(settings.links.heartbeat_ms, 2);
        assert_eq!(settings.commit.alive_every_ms, 250);
        assert_eq!(settings.commit.group_max, 1024);
        assert_eq!(settings.links.window_bytes, 7);
        assert_eq!(settings.links.backoff_max_ms, 5_000);
    }

    #[test]
    fn what_is_printed_reads_back() {
        let arguments = ServeArguments {
            peer: vec!["dc-west=http://127.0.0.1:7602".parse().unwrap()],
            ..ServeArguments::default()
        };
        let settings = load(&arguments, none).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(print(&settings).unwrap().as_bytes()).unwrap();
        let again = ServeArguments {
            config: Some(file.path().to_owned()),
            ..ServeArguments::default()
        };
        assert_eq!(load(&again, none).unwrap(), settings);
    }

    #[test]
    fn an_unknown_setting_is_refused_and_named() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "[links]\nheartbeet_ms = 1").unwrap();
        let arguments = ServeArguments {
            config: Some(file.path().to_owned()),
            ..ServeArguments::default()
        };
        let ConfigError::Parse(error) = load(&arguments, none).unwrap_err() else {
            panic!("another error")
        };
        assert!(error.to_string().contains("heartbeet_ms"));
    }

    #[test]
    fn a_peer_without_an_address_is_refused_with_an_example() {
        let error = "dc-west".parse::<super::super::PeerArgument>().unwrap_err();
        assert!(error.to_string().contains("NAME=URL"));
    }
}
