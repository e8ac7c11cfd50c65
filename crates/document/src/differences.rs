//! Where two bodies differ, member by member.

use crate::fields::push_segment;
use crate::{Object, Value};

/// One path in which two bodies differ. A value is `None` where nothing stands at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathDifference {
    /// JSON pointer (RFC 6901); `""` is the whole body, where one side has none.
    pub path: String,
    /// What stands there on the one side.
    pub from: Option<Value>,
    /// What stands there on the other.
    pub to: Option<Value>,
}

/// The members that differ, in ascending order of their paths; objects on both sides are entered, arrays are one value. `None` is a document that
/// is absent or deleted.
pub fn differences(from: Option<&Object>, to: Option<&Object>) -> Vec<PathDifference> {
    let mut paths = Vec::new();
    match (from, to) {
        (Some(from), Some(to)) => differing(from, to, &mut String::new(), &mut paths),
        (None, None) => {}
        _ => paths.push(String::new()),
    }
    paths.sort();
    let difference = |path: String| PathDifference {
        from: value_at(from, &path),
        to: value_at(to, &path),
        path,
    };
    paths.into_iter().map(difference).collect()
}

/// Paths of members that differ; objects on both sides are entered.
pub(crate) fn differing(from: &Object, to: &Object, pointer: &mut String, paths: &mut Vec<String>) {
    let added = to.iter().filter(|(name, _)| from.get(name).is_none());
    for (name, _) in from.iter().chain(added) {
        let length = pointer.len();
        push_segment(pointer, name);
        match (from.get(name), to.get(name)) {
            (Some(Value::Object(from)), Some(Value::Object(to))) => differing(from, to, pointer, paths),
            (from, to) if from != to => paths.push(pointer.clone()),
            _ => {}
        }
        pointer.truncate(length);
    }
}

/// What stands at a JSON pointer of a body; the body itself at `""`. `None` is a document that is absent or deleted.
pub fn value_at(body: Option<&Object>, path: &str) -> Option<Value> {
    match path {
        "" => body.map(|body| Value::Object(body.clone())),
        pointer => body?.pointer(pointer).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Limits, parse_body};

    fn body(text: &str) -> Object {
        parse_body(text.as_bytes(), &Limits::default()).expect("a body")
    }

    fn told(from: Option<&str>, to: Option<&str>) -> Vec<(String, Option<String>, Option<String>)> {
        let (from, to) = (from.map(body), to.map(body));
        let text = |value: Option<Value>| value.map(|value| value.to_json());
        differences(from.as_ref(), to.as_ref())
            .into_iter()
            .map(|difference| (difference.path, text(difference.from), text(difference.to)))
            .collect()
    }

    fn line(path: &str, from: Option<&str>, to: Option<&str>) -> (String, Option<String>, Option<String>) {
        (path.to_owned(), from.map(str::to_owned), to.map(str::to_owned))
    }

    #[test]
    fn members_that_differ_are_told_by_path_and_objects_on_both_sides_are_entered() {
        assert_eq!(
            told(
                Some(r#"{"z":1,"a":{"x":1,"y":[1]},"o":{"q":1},"same":{"b":1,"a":2}}"#),
                Some(r#"{"a":{"x":1.0,"y":[1,2]},"o":3,"n/m":null,"same":{"a":2,"b":1}}"#),
            ),
            [
                line("/a/x", Some("1"), Some("1.0")),
                line("/a/y", Some("[1]"), Some("[1,2]")),
                line("/n~1m", None, Some("null")),
                line("/o", Some(r#"{"q":1}"#), Some("3")),
                line("/z", Some("1"), None),
            ]
        );
    }

    #[test]
    fn a_deleted_document_differs_as_a_whole() {
        assert_eq!(told(None, Some("{}")), [line("", None, Some("{}"))]);
        assert_eq!(told(Some(r#"{"a":1}"#), None), [line("", Some(r#"{"a":1}"#), None)]);
        assert_eq!(told(None, None), []);
    }

    proptest! {
        #[test]
        fn what_differs_one_way_differs_the_other_way(a in "[a-c]{0,3}", b in "[a-c]{0,3}") {
            let of = |names: &str| {
                let members: Vec<String> = names.chars().enumerate().map(|(place, name)| format!(r#""{name}":{place}"#)).collect();
                body(&format!("{{{}}}", members.join(",")))
            };
            let (a, b) = (of(&a), of(&b));
            let back: Vec<_> = differences(Some(&b), Some(&a))
                .into_iter()
                .map(|found| PathDifference { path: found.path, from: found.to, to: found.from })
                .collect();
            prop_assert_eq!(differences(Some(&a), Some(&b)), back);
            prop_assert_eq!(differences(Some(&a), Some(&b)).is_empty(), a == b);
        }
    }
}
