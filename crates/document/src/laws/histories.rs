//! Random histories: replicas that write, some of it on what they had read earlier, and join each other's states.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{Base, Document, Dot, FieldDocument, HlcTime, Object, OnConflict, ReplicaId, Rule, RuleSet, Value, Write};

/// One change of a body.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Takes a member out.
    Remove(usize),
    /// Puts one of a few values at `a` or `b`.
    Put(usize, usize),
    /// Puts one of a few values at a member of `o`.
    Inside(usize, usize),
    /// Counts `o/n` up.
    CountInside(i64),
    /// Takes a member of `o` out.
    RemoveInside(usize),
    /// Replaces `o` by a number.
    Flatten(i64),
    /// Drops tags by a mask and adds one.
    Tags(u8, usize),
    /// Replaces the list.
    List(Vec<i64>),
    /// Counts one of the numbers up.
    Count(usize, i64),
}

/// One step of a history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A write; `back` counts how many states back its base is, and no edits delete.
    Write {
        replica: usize,
        back: usize,
        edits: Option<Vec<Edit>>,
        keep: bool,
    },
    /// One replica receives another's state.
    Join { replica: usize, other: usize },
}

/// An acknowledged write.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) dot: Dot,
    pub(super) base: Base,
    pub(super) body: Option<Arc<Object>>,
}

/// What a history led to.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) states: Vec<Document>,
    pub(super) log: Vec<Logged>,
    /// Every state on the way.
    pub(super) seen: Vec<Document>,
}

const MEMBERS: [&str; 9] = ["a", "b", "o", "tags", "stock", "high", "low", "seen", "list"];
const NUMBERS: [&str; 4] = ["stock", "high", "low", "seen"];
const INNER: [&str; 3] = ["x", "y", "z"];
const VALUES: [&str; 9] = [
    "1",
    "2",
    "3",
    "\"x\"",
    "null",
    "{\"n\":1}",
    "{}",
    "{\"p\":{\"q\":2}}",
    "[{\"b\":1,\"a\":2}]",
];
const TAGS: [&str; 5] = ["p", "q", "r", "s", "t"];

/// The rules of the histories: one path of every kind.
pub(super) fn rules() -> RuleSet {
    let rules = [
        ("/tags", Rule::Set),
        ("/stock", Rule::Counter),
        ("/o/n", Rule::Counter),
        ("/high", Rule::Max),
        ("/low", Rule::Min),
        ("/seen", Rule::Latest),
    ];
    RuleSet::new(rules).expect("valid rules")
}

pub(super) fn id(replica: usize) -> ReplicaId {
    ReplicaId([0, 0, 0, 0, 0, 0, 0, replica as u8 + 1])
}

/// Histories of two to five replicas.
pub(super) fn histories() -> impl Strategy<Value = Run> {
    (2usize..=5).prop_flat_map(|replicas| {
        proptest::collection::vec(step(replicas), 4..28).prop_map(move |steps| run(replicas, &steps))
    })
}

fn step(replicas: usize) -> impl Strategy<Value = Step> {
    let edits = prop_oneof![
        1 => Just(None),
        8 => proptest::collection::vec(edit(), 1..4).prop_map(Some),
    ];
    let back = prop_oneof![2 => Just(0usize), 1 => 1usize..5];
    let write = (0..replicas, back, edits, prop::bool::weighted(0.7));
    let write = write.prop_map(|(replica, back, edits, keep)| Step::Write {
        replica,
        back,
        edits,
        keep,
    });
    let join = (0..replicas, 0..replicas).prop_map(|(replica, other)| Step::Join { replica, other });
    prop_oneof![3 => write, 2 => join]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (0..MEMBERS.len()).prop_map(Edit::Remove),
        4 => (0..2usize, 0..VALUES.len()).prop_map(|(member, value)| Edit::Put(member, value)),
        4 => (0..INNER.len(), 0..VALUES.len()).prop_map(|(member, value)| Edit::Inside(member, value)),
        2 => (1i64..4).prop_map(Edit::CountInside),
        2 => (0..INNER.len()).prop_map(Edit::RemoveInside),
        1 => (0i64..5).prop_map(Edit::Flatten),
        3 => (any::<u8>(), 0..TAGS.len()).prop_map(|(mask, tag)| Edit::Tags(mask, tag)),
        1 => proptest::collection::vec(0i64..3, 0..3).prop_map(Edit::List),
        4 => (0..NUMBERS.len(), 1i64..5).prop_map(|(member, by)| Edit::Count(member, by)),
    ]
}

/// Runs the steps. A write that is refused is not acknowledged.
pub(super) fn run(replicas: usize, steps: &[Step]) -> Run {
    let rules = rules();
    let empty = Document::Fields(FieldDocument::empty());
    let mut run = Run {
        states: vec![empty; replicas],
        log: Vec::new(),
        seen: Vec::new(),
    };
    let mut past: Vec<Vec<Document>> = vec![Vec::new(); replicas];
    for (time, step) in steps.iter().enumerate() {
        let replica = match step {
            Step::Join { replica, other } => {
                run.states[*replica] = run.states[*replica].join(&run.states[*other]).expect("one granularity");
                *replica
            }
            Step::Write {
                replica,
                back,
                edits,
                keep,
            } => {
                let known = &past[*replica];
                let base = known
                    .len()
                    .checked_sub(1 + back)
                    .map_or(&run.states[*replica], |place| &known[place]);
                let base = base.base(&rules);
                let before = base.body.clone().unwrap_or_default();
                let body = edits
                    .as_ref()
                    .map(|edits| Arc::new(edits.iter().fold((*before).clone(), edited)));
                let dot = Dot::new(HlcTime(1_000 + time as u64), id(*replica));
                let on_conflict = if *keep { OnConflict::Keep } else { OnConflict::Refuse };
                let write = Write {
                    dot,
                    base: &base,
                    body: body.clone(),
                    on_conflict,
                    request: None,
                    everywhere: None,
                    tombstone: None,
                };
                let Ok(committed) = run.states[*replica].commit(&write, &rules) else {
                    continue;
                };
                assert_eq!(committed.shown, committed.document.shown(&rules));
                run.states[*replica] = committed.document;
                run.log.push(Logged { dot, base, body });
                *replica
            }
        };
        past[replica].push(run.states[replica].clone());
        run.seen.push(run.states[replica].clone());
    }
    run
}

fn edited(body: Object, edit: &Edit) -> Object {
    let inner = || body.get("o").and_then(Value::as_object).cloned().unwrap_or_default();
    let value = |index: &usize| super::vector_state::value(&serde_json::from_str(VALUES[*index]).expect("JSON"));
    match edit {
        Edit::Remove(member) => without(&body, MEMBERS[*member]),
        Edit::Put(member, index) => with(&body, MEMBERS[*member], value(index)),
        Edit::Inside(member, index) => with(&body, "o", with(&inner(), INNER[*member], value(index)).into()),
        Edit::CountInside(by) => with(&body, "o", counted(&inner(), "n", *by).into()),
        Edit::RemoveInside(member) => with(&body, "o", without(&inner(), INNER[*member]).into()),
        Edit::Flatten(number) => with(&body, "o", Value::from(*number)),
        Edit::Tags(mask, tag) => with(&body, "tags", tags(&body, *mask, TAGS[*tag])),
        Edit::List(items) => with(
            &body,
            "list",
            Value::Array(items.iter().map(|item| Value::from(*item)).collect()),
        ),
        Edit::Count(member, by) => counted(&body, NUMBERS[*member], *by),
    }
}

fn with(object: &Object, name: &str, value: Value) -> Object {
    let mut object = object.clone();
    object.insert(name, value);
    object
}

fn without(object: &Object, name: &str) -> Object {
    let rest = object.iter().filter(|(other, _)| &***other != name);
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn counted(object: &Object, name: &str, by: i64) -> Object {
    let before = object
        .get(name)
        .and_then(Value::as_number)
        .and_then(|number| number.as_i64_integer());
    with(object, name, Value::from(before.unwrap_or_default() + by))
}

fn tags(body: &Object, mask: u8, added: &str) -> Value {
    let before = if let Some(Value::Array(items)) = body.get("tags") {
        items.clone()
    } else {
        Vec::new()
    };
    let kept = before
        .into_iter()
        .enumerate()
        .filter(|(index, tag)| mask >> (index % 8) & 3 != 0 && *tag != Value::from(added));
    Value::Array(kept.map(|(_, tag)| tag).chain([Value::from(added)]).collect())
}
