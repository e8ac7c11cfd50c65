//! What a write changes at paths whose rule is changed while they are written.
//!
//! There an edit does more than under one rule for ever. The first count of a number takes its place, the first edit of an array makes a set of all of
//! it, and who decides about a conflict of a count and a plain value takes the place of both.

use super::{Edit, Json, Rules, edits, resolution};
use crate::view::{Body, View};
use rejoin_document::Rule;

/// As [`edits`], under the rules that the write's node knows, where those of some paths are changed: counts and edits of sets name what their author had
/// read there.
pub fn turned_edits(
    before: Option<&View>,
    after: Option<&Body>,
    rules: &Rules,
    is_turned: impl Fn(&str) -> bool,
) -> Vec<Edit> {
    let mut found = edits(before, after, rules);
    let Some(view) = before else { return found };
    let mut paths: Vec<String> = found
        .iter()
        .filter(|edit| {
            let counts = matches!(edit, Edit::Start { .. } | Edit::Increment { .. } | Edit::Stop { .. });
            counts || matches!(edit, Edit::Add { .. } | Edit::Discard { .. })
        })
        .map(|edit| edit.path().to_owned())
        .filter(|path| is_turned(path))
        .collect();
    paths.dedup();
    found.extend(paths.into_iter().map(|path| Edit::Replace {
        read: view.values_at(&path),
        path,
    }));
    found
}

/// As [`resolution`], where the rules of some paths are changed: what is chosen takes the place of all that was read, as the rule takes it.
///
/// # Errors
/// The value cannot stand in a document.
pub fn turned_resolution(
    before: &View,
    path: &str,
    value: Option<&Json>,
    (rules, is_turned): (&Rules, impl Fn(&str) -> bool),
) -> anyhow::Result<Vec<Edit>> {
    let mut found = resolution(before, path, value, rules)?;
    if !is_turned(path) {
        return Ok(found);
    }
    found.retain(|edit| edit.path() != path);
    let (read, path) = (before.values_at(path), path.to_owned());
    let replaced = Edit::Replace {
        path: path.clone(),
        read: read.clone(),
    };
    let rule = rules.rule_of(&path);
    match value {
        None => found.push(Edit::Remove { path, read }),
        Some(value) => match (rule, value.as_integer(), value.elements()) {
            (Rule::Counter, Some(value), _) => found.extend([Edit::Start { path, value }, replaced]),
            (Rule::Set, _, Some(elements)) => {
                let add = |element| Edit::Add {
                    path: path.clone(),
                    element,
                };
                found.extend(elements.into_iter().map(add));
                found.push(replaced);
            }
            _ => found.push(Edit::Assign {
                path,
                read,
                value: value.clone(),
            }),
        },
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::planted::{conflict, rules, view};

    #[test]
    fn a_count_says_what_its_author_had_read_where_the_rule_is_changed() {
        let mut before = view(r#"{"stock":7,"a":1}"#);
        before.conflicts.push(conflict("/stock", &["7", "100"]));
        let after = Body::parse(br#"{"stock":8,"a":2}"#).unwrap();
        let of = |turned: bool| turned_edits(Some(&before), Some(&after), &rules(), |_| turned);
        let read = vec![Json::integer(7), Json::integer(100)];
        let path = "/stock".to_owned();
        assert_eq!(of(true).last(), Some(&Edit::Replace { path, read }));
        assert_eq!(of(true).len(), of(false).len() + 1, "a plain value says it already");
    }

    #[test]
    fn a_resolution_chooses_as_the_rule_takes_it() {
        let mut before = view(r#"{"stock":7}"#);
        before.conflicts.push(conflict("/stock", &["7", "100"]));
        let found =
            turned_resolution(&before, "/stock", Some(&Json::integer(100)), (&rules(), |_: &str| true)).unwrap();
        let path = || "/stock".to_owned();
        let read = vec![Json::integer(7), Json::integer(100)];
        assert_eq!(
            found,
            [
                Edit::Start {
                    path: path(),
                    value: 100
                },
                Edit::Replace { path: path(), read }
            ]
        );
    }
}
