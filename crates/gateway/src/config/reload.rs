//! What becomes of settings that change while the node runs: those that are looked at whenever they are needed take effect at once, all others at the
//! next start.

use toml::{Table, Value};

use super::{ConfigError, Settings};

/// The settings that take effect at once. Whatever is not among them was given away at the start: sockets that are bound, queues and bounds that are
/// sized, peers that are dialled, a store that is open.
const AT_ONCE: [&str; 13] = [
    "backup.directory",
    "databases.clean_every_ms",
    "databases.keep_for_s",
    "databases.tombstone_retention_s",
    "grpc.export_stalled_after_ms",
    "grpc.load_window",
    "grpc.watch_window",
    "http.cors_origins",
    "http.granularity",
    "limits.depth_max",
    "limits.leaves_max",
    "log.filter",
    "node.shutdown_timeout_ms",
];

/// What settings that were read again mean for a running node.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    /// What is in force from now on.
    pub settings: Settings,
    /// The settings that take effect now, in order of their names.
    pub at_once: Vec<String>,
    /// The settings that differ from those in force and take effect at the next start, in order of their names.
    pub at_restart: Vec<String>,
}

impl Reload {
    /// Compares what is in force with what was asked for. `asked` was checked as a whole.
    ///
    /// # Errors
    ///
    /// Settings hold a number that TOML has no place for.
    pub fn new(in_force: &Settings, asked: &Settings) -> Result<Self, ConfigError> {
        let table = |settings| Table::try_from(settings).map_err(|error| ConfigError::Print(Box::new(error)));
        let (mut now, asked) = (table(in_force)?, table(asked)?);
        let (mut at_once, mut at_restart) = (Vec::new(), Vec::new());
        for setting in changed(&now, &asked) {
            if AT_ONCE.contains(&setting.as_str()) {
                put(&mut now, &asked, &setting);
                at_once.push(setting);
            } else {
                at_restart.push(setting);
            }
        }
        let settings = now.try_into().map_err(|error| ConfigError::Parse(Box::new(error)))?;
        Ok(Self {
            settings,
            at_once,
            at_restart,
        })
    }
}

/// The settings, with their sections, that two tables do not hold alike.
fn changed(one: &Table, other: &Table) -> Vec<String> {
    let names = |table: &Table| -> Vec<(String, String)> {
        let sections = table
            .iter()
            .filter_map(|(section, value)| Some((section, value.as_table()?)));
        let names = sections.flat_map(|(section, names)| names.keys().map(|name| (section.clone(), name.clone())));
        names.collect()
    };
    let mut all = [names(one), names(other)].concat();
    all.sort_unstable();
    all.dedup();
    let differs = |(section, name): &(String, String)| value(one, section, name) != value(other, section, name);
    let differing = all.into_iter().filter(differs);
    differing.map(|(section, name)| format!("{section}.{name}")).collect()
}

fn value<'a>(table: &'a Table, section: &str, name: &str) -> Option<&'a Value> {
    table.get(section)?.get(name)
}

/// Gives `setting` in `now` the value that it has in `asked`.
fn put(now: &mut Table, asked: &Table, setting: &str) {
    let Some((section, name)) = setting.split_once('.') else {
        return;
    };
    let Some(value) = value(asked, section, name) else {
        return;
    };
    if let Some(Value::Table(section)) = now.get_mut(section) {
        section.insert(name.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Shape;
    use super::*;

    #[test]
    fn every_setting_that_takes_effect_at_once_is_one() {
        let known = Shape::of::<Settings>().paths();
        for setting in AT_ONCE {
            assert!(known.iter().any(|path| path == setting), "{setting}");
        }
    }

    #[test]
    fn what_can_change_changes_and_the_rest_is_named() {
        let in_force = Settings::default();
        let mut asked = in_force.clone();
        asked.log.filter = "debug".into();
        asked.limits.depth_max = 3;
        asked.grpc.address = "127.0.0.1:1".parse().unwrap();
        asked.links.peers = vec![super::super::PeerSettings {
            datacenter: "dc-west".into(),
            address: "http://127.0.0.1:2".into(),
        }];
        let reload = Reload::new(&in_force, &asked).unwrap();
        assert_eq!(reload.at_once, ["limits.depth_max", "log.filter"]);
        assert_eq!(reload.at_restart, ["grpc.address", "links.peers"]);
        let mut expected = in_force.clone();
        expected.log.filter = "debug".into();
        expected.limits.depth_max = 3;
        assert_eq!(reload.settings, expected);
        // What is asked for and not in force stays named.
        let again = Reload::new(&reload.settings, &asked).unwrap();
        assert_eq!((again.at_once.len(), again.at_restart.len()), (0, 2));
    }
}
