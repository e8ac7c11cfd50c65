//! Puts the layers of the configuration on top of each other: defaults, file, environment, flags.

use std::fs;

use toml::Table;

use super::shape::Shape;
use super::{ConfigError, Environment, ServeArguments, Settings, unknown};

/// Settings from the file that the flags name, `environment` over it and the flags over both.
///
/// # Errors
///
/// The file cannot be read, or a layer holds something that is no setting; the error names the nearest that is.
pub fn load(arguments: &ServeArguments, environment: &Environment) -> Result<Settings, ConfigError> {
    let known = Shape::of::<Settings>();
    let mut table = match &arguments.config {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| ConfigError::ReadFile {
                path: path.clone(),
                source,
            })?;
            unknown::check_file(path, &text, &known)?;
            // By itself, so that an error names its line.
            let alone = toml::from_str::<Settings>(&text).and_then(|_| toml::from_str::<Table>(&text));
            alone.map_err(|error| unknown::in_file(path, &text, &error))?
        }
        None => Table::new(),
    };
    environment.apply(&mut table, &known)?;
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

fn apply_arguments(settings: &mut Settings, arguments: &ServeArguments) {
    if let Some(datacenter) = &arguments.datacenter {
        settings.node.datacenter.clone_from(datacenter);
    }
    if let Some(data) = &arguments.data {
        settings.node.data.clone_from(data);
    }
    if let Some(backups) = &arguments.backups {
        settings.backup.directory.clone_from(backups);
    }
    if let Some(address) = arguments.grpc {
        settings.grpc.address = address;
    }
    if !arguments.http.is_empty() {
        settings.http.addresses.clone_from(&arguments.http);
    }
    if !arguments.metrics.is_empty() {
        settings.metrics.addresses.clone_from(&arguments.metrics);
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
    if let Some(users) = &arguments.users {
        settings.access.users.clone_from(users);
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

    fn none() -> Environment {
        Environment::default()
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
        let variables = [
            ("REJOIN_NODE_DATACENTER", "environment"),
            ("REJOIN_LINKS_HEARTBEAT_MS", "2"),
            ("REJOIN_COMMIT_ALIVE_EVERY_MS", "250"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = load(&arguments, &variables.into_iter().collect()).unwrap();
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
        let settings = load(&arguments, &none()).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(print(&settings).unwrap().as_bytes()).unwrap();
        let again = ServeArguments {
            config: Some(file.path().to_owned()),
            ..ServeArguments::default()
        };
        assert_eq!(load(&again, &none()).unwrap(), settings);
    }

    #[test]
    fn an_error_of_the_file_is_one_line_that_names_the_file_and_the_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "[links]\nwindow_bytes = 7\nheartbeat_ms = \"soon\"").unwrap();
        let arguments = ServeArguments {
            config: Some(file.path().to_owned()),
            ..ServeArguments::default()
        };
        let message = load(&arguments, &none()).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("{}, line 3: ", file.path().display())),
            "{message}"
        );
        assert!(message.contains("soon") && message.lines().count() == 1, "{message}");
        writeln!(file, "heartbeet_ms = 1").unwrap();
        let message = load(&arguments, &none()).unwrap_err().to_string();
        assert!(
            message.contains("links.heartbeet_ms") && message.contains("links.heartbeat_ms"),
            "{message}"
        );
    }

    #[test]
    fn an_error_of_the_environment_names_the_setting() {
        let variables = [("REJOIN_LINKS_HEARTBEAT_MS".to_owned(), "soon".to_owned())];
        let error = load(&ServeArguments::default(), &variables.into_iter().collect()).unwrap_err();
        let message = format!("{:#}", anyhow::Error::from(error));
        assert!(
            message.contains("soon") && message.contains("heartbeat_ms"),
            "{message}"
        );
    }

    #[test]
    fn a_peer_without_an_address_is_refused_with_an_example() {
        let error = "dc-west".parse::<super::super::PeerArgument>().unwrap_err();
        assert!(error.to_string().contains("NAME=URL"));
    }
}
