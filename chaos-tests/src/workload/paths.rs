//! Which paths a workload writes, and in which way: each as its rule wants it, and some that have no rule.
//!
//! The order of what can be drawn is a part of what a seed means: what is drawn for the default rules must stay as it is.

use rejoin_document::Rule;

use crate::history::Rules;

/// Paths without a rule that hold a text, unless a rule is about them.
const TEXTS: [&str; 4] = ["/name", "/contact/mail", "/contact/phone", "/note"];

/// Those of them that are removed now and then.
const REMOVED: [&str; 2] = ["/note", "/contact/phone"];

/// A path and one below it: a text stands at one or the other.
const SHAPES: [&str; 2] = ["/shape", "/shape/of"];

/// One way to change a body, on one of these paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A text of its own.
    Text(Vec<String>),
    /// The member goes.
    Remove(Vec<String>),
    /// A set gets an element.
    Add(String),
    /// A set loses an element.
    Discard(String),
    /// A number is changed by a little, up or down.
    Count(String),
    /// A number grows.
    Raise(String),
    /// A number shrinks.
    Lower(String),
}

/// What the rules of a workload come to.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// What holds a text from the creation of a document on.
    pub texts: Vec<String>,
    /// The counters.
    pub counters: Vec<String>,
    /// The sets.
    pub sets: Vec<String>,
    /// Ways to change a body. One that stands here twice is drawn twice as often.
    pub ways: Vec<Way>,
}

impl Paths {
    /// The paths of these rules, and some that have none.
    pub(super) fn of(rules: &Rules) -> Self {
        let of = |rule| -> Vec<String> { rules.paths(rule).map(str::to_owned).collect() };
        let free = |paths: &[&str]| -> Vec<String> {
            let is_free = |path: &&&str| rules.iter().all(|(ruled, _)| !overlap(ruled, path));
            paths.iter().filter(is_free).map(|path| (*path).to_owned()).collect()
        };
        let (registers, counters, sets) = (of(Rule::Register), of(Rule::Counter), of(Rule::Set));
        let mut texts = free(&TEXTS);
        texts.extend(registers.iter().cloned());
        let mut removed = free(&REMOVED);
        removed.extend(registers.iter().cloned());
        let shapes = free(&SHAPES);
        let mut ways = Vec::new();
        if !texts.is_empty() {
            ways.extend(vec![Way::Text(texts.clone()); 5]);
        }
        if !removed.is_empty() {
            ways.push(Way::Remove(removed));
        }
        for set in &sets {
            ways.extend([Way::Add(set.clone()), Way::Add(set.clone()), Way::Discard(set.clone())]);
        }
        for counter in &counters {
            ways.extend([Way::Count(counter.clone()), Way::Count(counter.clone())]);
        }
        ways.extend(of(Rule::Latest).into_iter().map(|path| Way::Text(vec![path])));
        ways.extend(of(Rule::Max).into_iter().map(Way::Raise));
        ways.extend(of(Rule::Min).into_iter().map(Way::Lower));
        if shapes.len() == SHAPES.len() {
            ways.push(Way::Text(shapes));
        }
        Self {
            texts,
            counters,
            sets,
            ways,
        }
    }
}

/// Whether two JSON pointers are equal, or one lies in the other.
pub fn overlap(one: &str, other: &str) -> bool {
    let lies_in = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    lies_in(one, other) || lies_in(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_written_in_its_own_way() {
        let paths = Paths::of(&Rules::new([
            ("/c", Rule::Counter),
            ("/s", Rule::Set),
            ("/l", Rule::Latest),
            ("/a", Rule::Max),
            ("/i", Rule::Min),
            ("/r", Rule::Register),
        ]));
        let has = |way: Way| assert!(paths.ways.contains(&way), "{way:?}");
        has(Way::Count("/c".to_owned()));
        has(Way::Add("/s".to_owned()));
        has(Way::Discard("/s".to_owned()));
        has(Way::Text(vec!["/l".to_owned()]));
        has(Way::Raise("/a".to_owned()));
        has(Way::Lower("/i".to_owned()));
        assert_eq!(paths.texts, ["/name", "/contact/mail", "/contact/phone", "/note", "/r"]);
        has(Way::Remove(
            ["/note", "/contact/phone", "/r"].map(str::to_owned).to_vec(),
        ));
    }

    #[test]
    fn what_a_rule_is_about_is_written_in_no_other_way() {
        let paths = Paths::of(&Rules::new([
            ("/contact", Rule::Latest),
            ("/note", Rule::Max),
            ("/shape/of", Rule::Counter),
        ]));
        assert_eq!(paths.texts, ["/name"]);
        let texts: Vec<&String> = paths
            .ways
            .iter()
            .filter_map(|way| if let Way::Text(paths) = way { Some(paths) } else { None })
            .flatten()
            .collect();
        assert!(
            texts.iter().all(|path| ["/name", "/contact"].contains(&path.as_str())),
            "{texts:?}"
        );
        assert!(!paths.ways.iter().any(|way| matches!(way, Way::Remove(_))));
    }

    #[test]
    fn a_path_overlaps_with_what_lies_in_it_and_not_with_what_begins_alike() {
        assert!(overlap("/a", "/a") && overlap("/a", "/a/b") && overlap("/a/b", "/a"));
        assert!(!overlap("/a", "/ab") && !overlap("/a/b", "/a/c"));
    }
}
