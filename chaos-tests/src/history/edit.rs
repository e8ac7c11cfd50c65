//! What one write changed, path by path, and how it follows from what was read and what was sent.
//!
//! Paths are JSON pointers. An edit carries the values that its author had read at its path, the shown one first, so that "overwritten by a
//! write that had seen it" can be told from the log alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Json, Rules};
use crate::view::pointer::below;
use crate::view::{Body, View};
use rejoin_document::Rule;

/// One change of one path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// The path got this value.
    Assign {
        /// JSON pointer.
        path: String,
        /// What its author had read there, the shown value first.
        read: Vec<Json>,
        /// The value.
        value: Json,
    },
    /// The member was removed.
    Remove {
        /// JSON pointer.
        path: String,
        /// What its author had read there, the shown value first.
        read: Vec<Json>,
    },
    /// Something else stands above or below the path now.
    Replace {
        /// JSON pointer.
        path: String,
        /// What its author had read there, the shown value first.
        read: Vec<Json>,
    },
    /// An element was added to a set.
    Add {
        /// JSON pointer.
        path: String,
        /// The element.
        element: Json,
    },
    /// An element was taken from a set.
    Discard {
        /// JSON pointer.
        path: String,
        /// The element.
        element: Json,
    },
    /// A counter came into being.
    Start {
        /// JSON pointer.
        path: String,
        /// Where it starts.
        value: i128,
    },
    /// A counter that showed `read` was changed by `by`.
    Increment {
        /// JSON pointer.
        path: String,
        /// What its author had read; absent: nothing, he sent the difference alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read: Option<i128>,
        /// The difference.
        by: i128,
    },
    /// A counter that showed `read` went with its member or its document.
    Stop {
        /// JSON pointer.
        path: String,
        /// What its author had read.
        read: i128,
    },
}

impl Edit {
    /// The path.
    pub fn path(&self) -> &str {
        match self {
            Self::Assign { path, .. }
            | Self::Remove { path, .. }
            | Self::Replace { path, .. }
            | Self::Add { path, .. }
            | Self::Discard { path, .. }
            | Self::Start { path, .. }
            | Self::Increment { path, .. }
            | Self::Stop { path, .. } => path,
        }
    }

    /// Whether this takes the place of `value` at `path`, which its author had read: there, or as a part of what holds it.
    pub fn displaces(&self, path: &str, value: &Json) -> bool {
        match below(self.path(), path) {
            None => false,
            Some("") => self.read().contains(value),
            Some(rest) => self.read().iter().any(|read| read.at(rest).as_ref() == Some(value)),
        }
    }

    /// The values that the author had read at the path; empty for sets and counters, and where nothing stood.
    pub fn read(&self) -> &[Json] {
        match self {
            Self::Assign { read, .. } | Self::Remove { read, .. } | Self::Replace { read, .. } => read,
            _ => &[],
        }
    }
}

/// What a write of `after` (`None`: a delete) changes of `before`, in ascending order of the paths.
pub fn edits(before: Option<&View>, after: Option<&Body>, rules: &Rules) -> Vec<Edit> {
    let old = before.map(|view| leaves(&view.body, rules)).unwrap_or_default();
    let new = after.map(|body| leaves(body, rules)).unwrap_or_default();
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for path in paths {
        let seen = || before.map(|view| view.values_at(path)).unwrap_or_default();
        match (old.get(path), new.get(path)) {
            (was, Some(Leaf::Set(elements))) => set_edits(path, was, elements, &mut found),
            (Some(Leaf::Set(elements)), None) => {
                found.extend(elements.iter().map(|element| Edit::Discard {
                    path: path.clone(),
                    element: element.clone(),
                }));
            }
            (Some(Leaf::Counter(was)), Some(Leaf::Counter(is))) if was == is => {}
            (Some(Leaf::Counter(was)), Some(Leaf::Counter(is))) => {
                found.push(Edit::Increment {
                    path: path.clone(),
                    read: Some(*was),
                    by: is - was,
                });
            }
            (_, Some(Leaf::Counter(is))) => found.push(Edit::Start {
                path: path.clone(),
                value: *is,
            }),
            (Some(Leaf::Counter(was)), None) => found.push(Edit::Stop {
                path: path.clone(),
                read: *was,
            }),
            (Some(Leaf::Value(was)), Some(Leaf::Value(is))) if was == is => {}
            (_, Some(Leaf::Value(is))) => found.push(Edit::Assign {
                path: path.clone(),
                read: seen(),
                value: is.clone(),
            }),
            (Some(Leaf::Value(_)), None) if stands_beside(path, &new) => found.push(Edit::Replace {
                path: path.clone(),
                read: seen(),
            }),
            (Some(Leaf::Value(_)), None) => found.push(Edit::Remove {
                path: path.clone(),
                read: seen(),
            }),
            (None, None) => {}
        }
    }
    if let Some(view) = before {
        found.extend(displaced(view, after, &found));
    }
    found
}

/// What the resolution of the conflict at `path` changes: `value` stands there from then on (`None`: nothing does), and all that competed had been read.
///
/// At path "" the document stays as it is shown, or goes: then the write is a delete.
///
/// # Errors
/// The value cannot stand in a document.
pub fn resolution(before: &View, path: &str, value: Option<&Json>, rules: &Rules) -> anyhow::Result<Vec<Edit>> {
    if path.is_empty() {
        let after = value.is_some().then_some(&before.body);
        return Ok(edits(Some(before), after, rules));
    }
    let mut after = before.body.clone();
    match value {
        Some(value) => after.set(path, value)?,
        None => after.remove(path),
    }
    let mut found = edits(Some(before), Some(&after), rules);
    if found.iter().all(|edit| edit.path() != path) {
        let (path, read) = (path.to_owned(), before.values_at(path));
        found.push(match value.cloned() {
            Some(_) if after.is_object(&path) => Edit::Replace { path, read },
            Some(value) => Edit::Assign { path, read, value },
            None => Edit::Remove { path, read },
        });
    }
    // What competed further down is settled with what holds it.
    let inside = before.conflicts.iter().map(|conflict| &conflict.path);
    for inside in inside.filter(|inside| is_above(path, inside)) {
        if found.iter().all(|edit| edit.path() != inside) {
            let (path, read) = (inside.clone(), before.values_at(inside));
            found.push(match after.get(inside) {
                Some(_) if after.is_object(inside) => Edit::Replace { path, read },
                Some(value) => Edit::Assign { path, read, value },
                None => Edit::Remove { path, read },
            });
        }
    }
    Ok(found)
}

/// Conflicts above the leaves: what competed there is gone with the container that was shown, or with the document.
fn displaced(view: &View, after: Option<&Body>, found: &[Edit]) -> Vec<Edit> {
    let gone = |path: &str| match after {
        None => true,
        Some(body) => view.body.is_object(path) && !body.is_object(path),
    };
    let paths = view.conflicts.iter().map(|conflict| &conflict.path);
    let paths = paths.filter(|path| !path.is_empty() && gone(path) && found.iter().all(|edit| edit.path() != **path));
    paths
        .map(|path| Edit::Replace {
            path: path.clone(),
            read: view.values_at(path),
        })
        .collect()
}

/// What stands at a leaf, as the rule of its path takes it.
#[derive(Clone, Debug, PartialEq)]
enum Leaf {
    Value(Json),
    Set(BTreeSet<Json>),
    Counter(i128),
}

fn leaves(body: &Body, rules: &Rules) -> BTreeMap<String, Leaf> {
    let leaf = |path: &str, value: Json| match (rules.rule_of(path), value.as_integer()) {
        (Rule::Counter, Some(number)) => Leaf::Counter(number),
        _ => Leaf::Value(value),
    };
    let mut found: BTreeMap<String, Leaf> = body
        .leaves()
        .into_iter()
        .map(|(path, value)| (path.clone(), leaf(&path, value)))
        .collect();
    for path in rules.paths(Rule::Set) {
        if let Some(elements) = body.elements(path) {
            found.insert(path.to_owned(), Leaf::Set(elements.into_iter().collect()));
        }
    }
    found
}

fn set_edits(path: &str, was: Option<&Leaf>, is: &BTreeSet<Json>, found: &mut Vec<Edit>) {
    let none = BTreeSet::new();
    let was = if let Some(Leaf::Set(elements)) = was {
        elements
    } else {
        &none
    };
    found.extend(is.difference(was).map(|element| Edit::Add {
        path: path.to_owned(),
        element: element.clone(),
    }));
    found.extend(was.difference(is).map(|element| Edit::Discard {
        path: path.to_owned(),
        element: element.clone(),
    }));
}

/// Whether something stands above or below `path`.
fn stands_beside(path: &str, leaves: &BTreeMap<String, Leaf>) -> bool {
    leaves
        .keys()
        .any(|other| is_above(other, path) || is_above(path, other))
}

/// Whether `above` is a proper ancestor of `path`.
fn is_above(above: &str, path: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::planted::{conflict, rules, view};

    fn found(before: Option<&str>, after: Option<&str>) -> Vec<String> {
        let before = before.map(view);
        let after = after.map(|body| Body::parse(body.as_bytes()).unwrap());
        let edits = edits(before.as_ref(), after.as_ref(), &rules());
        edits.iter().map(|edit| serde_json::to_string(edit).unwrap()).collect()
    }

    #[test]
    fn a_creation_assigns_adds_and_starts() {
        let expected = [
            r#"{"assign":{"path":"/a/b","read":[],"value":1.50}}"#,
            r#"{"start":{"path":"/stock","value":7}}"#,
            r#"{"add":{"path":"/tags","element":"é"}}"#,
        ];
        assert_eq!(
            found(None, Some(r#"{"a":{"b":1.50},"stock":7,"tags":["é"],"empty":{}}"#)),
            expected
        );
    }

    #[test]
    fn only_what_changed_is_an_edit() {
        let before = r#"{"a":1,"b":2,"stock":7,"tags":["x","y"],"list":[1]}"#;
        assert_eq!(
            found(
                Some(before),
                Some(r#"{"list":[1],"tags":["y","x"],"stock":7,"b":2,"a":1}"#)
            ),
            [""; 0]
        );
        let expected = [
            r#"{"assign":{"path":"/a","read":[1],"value":1.0}}"#,
            r#"{"remove":{"path":"/b","read":[2]}}"#,
            r#"{"assign":{"path":"/list","read":[[1]],"value":[2]}}"#,
            r#"{"increment":{"path":"/stock","read":7,"by":-2}}"#,
            r#"{"add":{"path":"/tags","element":"z"}}"#,
            r#"{"discard":{"path":"/tags","element":"x"}}"#,
        ];
        assert_eq!(
            found(Some(before), Some(r#"{"a":1.0,"stock":5,"tags":["y","z"],"list":[2]}"#)),
            expected
        );
    }

    #[test]
    fn what_stands_above_or_below_replaces() {
        let down = [
            r#"{"replace":{"path":"/a","read":[1]}}"#,
            r#"{"assign":{"path":"/a/b","read":[],"value":2}}"#,
        ];
        assert_eq!(found(Some(r#"{"a":1}"#), Some(r#"{"a":{"b":2}}"#)), down);
        let up = [
            r#"{"assign":{"path":"/a","read":[{"b":2}],"value":1}}"#,
            r#"{"replace":{"path":"/a/b","read":[2]}}"#,
        ];
        assert_eq!(found(Some(r#"{"a":{"b":2}}"#), Some(r#"{"a":1}"#)), up);
    }

    #[test]
    fn what_competes_with_a_container_goes_with_it() {
        let mut before = view(r#"{"a":{"b":2},"c":1}"#);
        before.conflicts.push(conflict("/a", &["7", r#"{"b":2}"#]));
        let lost = Edit::Replace {
            path: "/a".to_owned(),
            read: vec![before.body.get("/a").unwrap(), Json::integer(7)],
        };
        assert_eq!(
            edits(Some(&before), None, &rules()).last(),
            Some(&lost),
            "with the document"
        );
        let removed = Body::parse(br#"{"c":1}"#).unwrap();
        assert_eq!(
            edits(Some(&before), Some(&removed), &rules()).last(),
            Some(&lost),
            "with its last member"
        );
        let inside = Body::parse(br#"{"a":{"b":3},"c":1}"#).unwrap();
        assert!(
            !edits(Some(&before), Some(&inside), &rules()).contains(&lost),
            "an edit inside settles nothing"
        );
    }

    #[test]
    fn a_delete_takes_everything_that_was_read() {
        let expected = [
            r#"{"remove":{"path":"/a","read":[1]}}"#,
            r#"{"stop":{"path":"/stock","read":7}}"#,
            r#"{"discard":{"path":"/tags","element":"x"}}"#,
        ];
        assert_eq!(found(Some(r#"{"a":1,"stock":7,"tags":["x"]}"#), None), expected);
    }

    #[test]
    fn a_resolution_takes_the_place_of_all_that_competed() {
        let mut before = view(r#"{"a":1,"b":2}"#);
        before.conflicts.push(conflict("/a", &["1", "3"]));
        let read = || vec![Json::integer(1), Json::integer(3)];
        let path = || "/a".to_owned();
        for value in [1, 3] {
            let value = Json::integer(value);
            let found = resolution(&before, "/a", Some(&value), &rules()).unwrap();
            let expected = Edit::Assign {
                path: path(),
                read: read(),
                value,
            };
            assert_eq!(found, [expected], "also what is shown already");
        }
        let found = resolution(&before, "/a", None, &rules()).unwrap();
        let expected = Edit::Remove {
            path: path(),
            read: read(),
        };
        assert_eq!(found, [expected]);
        assert_eq!(resolution(&before, "", Some(&Json::null()), &rules()).unwrap(), []);
        assert_eq!(resolution(&before, "", None, &rules()).unwrap().len(), 2);
    }

    #[test]
    fn a_resolution_for_a_container_takes_the_place_of_what_is_no_container() {
        let mut before = view(r#"{"a":1}"#);
        before.conflicts.push(conflict("/a", &["1", r#"{"b":2}"#]));
        let value = before.conflicts[0].candidates[1].kind.clone();
        let crate::view::Contender::Value(value) = value else {
            unreachable!()
        };
        let found = resolution(&before, "/a", Some(&Json::of(&value)), &rules()).unwrap();
        assert!(found.iter().any(|edit| edit.displaces("/a", &Json::integer(1))));
        assert!(found.contains(&Edit::Assign {
            path: "/a/b".to_owned(),
            read: vec![Json::integer(2)],
            value: Json::integer(2)
        }));
    }

    #[test]
    fn a_resolution_for_a_container_settles_what_competed_inside_of_it() {
        let mut before = view(r#"{"a":{"b":2}}"#);
        before.conflicts.push(conflict("/a", &["1", r#"{"b":2}"#]));
        before.conflicts.push(conflict("/a/b", &["2", "3"]));
        let value = before.body.get("/a").unwrap();
        let found = resolution(&before, "/a", Some(&value), &rules()).unwrap();
        assert!(
            found.iter().any(|edit| edit.displaces("/a/b", &Json::integer(3))),
            "{found:?}"
        );
    }

    #[test]
    fn values_of_the_conflict_list_were_read_too() {
        let mut before = view(r#"{"a":1}"#);
        before.conflicts.push(conflict("/a", &["2", "1"]));
        let after = Body::parse(br#"{"a":3}"#).unwrap();
        let expected = Edit::Assign {
            path: "/a".to_owned(),
            read: vec![Json::integer(1), Json::integer(2)],
            value: Json::integer(3),
        };
        assert_eq!(edits(Some(&before), Some(&after), &rules()), [expected]);
    }
}
