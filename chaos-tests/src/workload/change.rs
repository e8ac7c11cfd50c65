//! What an update changes of the body that its client had read.

use serde::{Deserialize, Serialize};

use crate::history::Json;
use crate::view::{Body, pointer};

/// One change of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The path gets a text.
    Set {
        /// JSON pointer.
        path: String,
        /// A text that no other write carries.
        text: String,
    },
    /// The member goes.
    Remove {
        /// JSON pointer.
        path: String,
    },
    /// The set gets an element.
    Add {
        /// JSON pointer.
        path: String,
        /// A text that no other write carries.
        element: String,
    },
    /// The set loses an element.
    Discard {
        /// JSON pointer.
        path: String,
        /// Which, counted round.
        index: u32,
    },
    /// The number changes by so much; one that is not there counts from 0.
    Increase {
        /// JSON pointer.
        path: String,
        /// The difference.
        by: i64,
    },
}

impl Change {
    /// The path.
    pub fn path(&self) -> &str {
        match self {
            Self::Set { path, .. }
            | Self::Remove { path }
            | Self::Add { path, .. }
            | Self::Discard { path, .. }
            | Self::Increase { path, .. } => path,
        }
    }

    /// Changes a body.
    ///
    /// # Errors
    /// The path is empty.
    pub fn apply(&self, body: &mut Body) -> anyhow::Result<()> {
        match self {
            Self::Set { path, text } => body.set(path, &Json::string(text)),
            Self::Remove { path } => {
                body.remove(path);
                Ok(())
            }
            Self::Add { path, element } => {
                let mut elements = body.elements(path).unwrap_or_default();
                elements.push(Json::string(element));
                body.set(path, &Json::array(&elements))
            }
            Self::Discard { path, index } => {
                let mut elements = body.elements(path).unwrap_or_default();
                if elements.is_empty() {
                    return Ok(());
                }
                elements.remove(*index as usize % elements.len());
                body.set(path, &Json::array(&elements))
            }
            Self::Increase { path, by } => {
                let number = body.get(path).and_then(|value| value.as_integer()).unwrap_or(0);
                body.set(path, &Json::integer(number + i128::from(*by)))
            }
        }
    }
}

/// The body that comes of changes to what was read; `None`: there was nothing.
///
/// # Errors
/// A path is empty.
pub fn changed(before: Option<&Body>, changes: &[Change]) -> anyhow::Result<Body> {
    let mut body = before.map_or_else(|| Body::parse(b"{}"), |body| Ok(body.clone()))?;
    for change in changes {
        change.apply(&mut body)?;
    }
    Ok(body)
}

/// The merge patch (RFC 7396) that makes `after` of `before`, as far as the changes go; arrays and numbers are replaced.
///
/// # Errors
/// A path is empty.
pub fn merge_patch(after: &Body, changes: &[Change]) -> anyhow::Result<Body> {
    let mut patch = Body::parse(b"{}")?;
    for change in changes {
        // What another change has put above says all that there is to say.
        let nearest = nearest_standing(after, change.path());
        match after.get(&nearest) {
            Some(value) => patch.set(&nearest, &value)?,
            None => patch.set(&nearest, &Json::null())?,
        }
    }
    Ok(patch)
}

/// The path itself, or the first part of it at which no object stands.
fn nearest_standing(body: &Body, path: &str) -> String {
    let mut at = String::new();
    for segment in pointer::segments(path) {
        at = pointer::child(&at, &segment);
        if !body.is_object(&at) {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &Body) -> String {
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    }

    fn some() -> Vec<Change> {
        let path = |path: &str| path.to_owned();
        vec![
            Change::Set {
                path: path("/contact/mail"),
                text: "m".to_owned(),
            },
            Change::Remove { path: path("/note") },
            Change::Add {
                path: path("/tags"),
                element: "t".to_owned(),
            },
            Change::Discard {
                path: path("/tags"),
                index: 3,
            },
            Change::Increase {
                path: path("/stock"),
                by: -2,
            },
        ]
    }

    #[test]
    fn changes_are_made_one_after_another() {
        let before = Body::parse(br#"{"note":1,"tags":["a","b"],"stock":5}"#).unwrap();
        let after = changed(Some(&before), &some()).unwrap();
        assert_eq!(text(&after), r#"{"tags":["b","t"],"stock":3,"contact":{"mail":"m"}}"#);
        assert_eq!(
            text(&changed(None, &some()).unwrap()),
            r#"{"contact":{"mail":"m"},"tags":[],"stock":-2}"#
        );
    }

    #[test]
    fn a_merge_patch_says_what_changed_and_nothing_else() {
        let before = Body::parse(br#"{"note":1,"tags":["a","b"],"stock":5,"other":{"x":1}}"#).unwrap();
        let after = changed(Some(&before), &some()).unwrap();
        let patch = merge_patch(&after, &some()).unwrap();
        assert_eq!(
            text(&patch),
            r#"{"contact":{"mail":"m"},"note":null,"tags":["b","t"],"stock":3}"#
        );
    }

    #[test]
    fn a_merge_patch_of_what_changes_its_kind_names_what_stands_there() {
        let changes = [
            Change::Set {
                path: "/shape/of".to_owned(),
                text: "a".to_owned(),
            },
            Change::Set {
                path: "/shape".to_owned(),
                text: "b".to_owned(),
            },
        ];
        let after = changed(None, &changes).unwrap();
        assert_eq!(text(&merge_patch(&after, &changes).unwrap()), r#"{"shape":"b"}"#);
    }
}
