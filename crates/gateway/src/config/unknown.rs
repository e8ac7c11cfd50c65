//! Settings that are none: where they stand, and the setting that is nearest to each.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::shape::Shape;

/// Refuses `text` if it is no TOML, or names something that is no setting; the error names the file, the line, and the nearest setting.
///
/// # Errors
///
/// [`ConfigError::File`] or [`ConfigError::UnknownSetting`].
pub(super) fn check_file(path: &Path, text: &str, known: &Shape) -> Result<(), ConfigError> {
    let table = DeTable::parse(text).map_err(|error| in_file(path, text, &error))?;
    let mut unknown = Vec::new();
    collect(table.get_ref(), known, "", &mut unknown);
    // The table is sorted by name; people read from the top.
    match unknown.into_iter().min_by_key(|(at, _)| *at) {
        Some((at, setting)) => Err(ConfigError::UnknownSetting {
            path: path.to_owned(),
            line: line(text, at),
            nearest: nearest(&setting, &known.paths()),
            setting,
        }),
        None => Ok(()),
    }
}

/// An error of reading a file as TOML or as settings, in one line.
pub(super) fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::File {
        path: path.to_owned(),
        line: line(text, error.span().map_or(0, |span| span.start)),
        problem: error.message().to_owned(),
    }
}

/// The one of `known` that `name` most likely means: the same name elsewhere, else the one with the fewest changed letters. Empty if there is none.
pub(super) fn nearest(name: &str, known: &[String]) -> String {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |path: &String| {
        let elsewhere = strsim::osa_distance(&last(name), &last(path)) + 1;
        let whole = strsim::osa_distance(name, path);
        (whole.min(elsewhere), whole)
    };
    known
        .iter()
        .min_by_key(|path| distance(path))
        .cloned()
        .unwrap_or_default()
}

/// Puts every setting of `table` that is none, and where its name begins, into `unknown`.
fn collect(table: &DeTable<'_>, known: &Shape, above: &str, unknown: &mut Vec<(usize, String)>) {
    let Shape::Table(fields) = known else { return };
    for (key, value) in table {
        let path = if above.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{above}.{}", key.get_ref())
        };
        match fields.get(key.get_ref().as_ref()) {
            Some(shape) => collect_value(value, shape, &path, unknown),
            None => unknown.push((key.span().start, path)),
        }
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, known: &Shape, path: &str, unknown: &mut Vec<(usize, String)>) {
    match (value.get_ref(), known) {
        (DeValue::Table(table), _) => collect(table, known, path, unknown),
        (DeValue::Array(values), Shape::List(element)) => {
            for value in values.iter() {
                collect_value(value, element, path, unknown);
            }
        }
        // A value of another kind than the setting has is an error of its type.
        _ => {}
    }
}

/// The line, from 1, of the byte `at`.
fn line(text: &str, at: usize) -> usize {
    let before = text.bytes().take(at);
    before.filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn refused(text: &str) -> String {
        let error = check_file(Path::new("node.toml"), text, &Shape::of::<Settings>()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_line_and_the_nearest_one() {
        for (text, line, setting, nearest) in [
            (
                "[links]\nheartbeet_ms = 1",
                2,
                "links.heartbeet_ms",
                "links.heartbeat_ms",
            ),
            ("\n[link]\nheartbeat_ms = 1", 2, "link", "links"),
            ("datacenter = \"dc-east\"", 1, "datacenter", "node.datacenter"),
            ("[node]\ndepth_max = 3", 2, "node.depth_max", "limits.depth_max"),
            (
                "[[links.peers]]\ndatacenter = \"b\"\nadress = \"http://b:1\"",
                3,
                "links.peers.adress",
                "links.peers.address",
            ),
            ("[storage]\nzzz = 1\n[links]\nyyy = 1", 2, "storage.zzz", ""),
        ] {
            let message = refused(text);
            assert!(
                message.contains(&format!("node.toml, line {line}: {setting} is")),
                "{message}"
            );
            assert!(message.contains(&format!("is {nearest}")), "{message}");
        }
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        let message = refused("[links]\nheartbeat_ms = ");
        assert!(message.starts_with("node.toml, line 2: "), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }

    #[test]
    fn known_settings_pass() {
        let text = "[node]\ndatacenter = \"a\"\n[links]\npeers = [{ datacenter = \"b\", address = \"http://b:1\" }]";
        assert!(check_file(Path::new("node.toml"), text, &Shape::of::<Settings>()).is_ok());
    }
}
