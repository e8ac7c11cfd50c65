//! The recorded answers of the executable definition. Its revision digests are stand-ins, so revisions that a commit or a merge makes are compared by
//! generation, all others exactly.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::vector_state::{dot, object, revision, state, value, vector};
use crate::fields::{Node, Segment};
use crate::{
    Base, CandidateKind, Document, Dot, FieldDocument, OnConflict, OpenConflict, Refused, Revision, Rule, RuleSet,
    Shown, Write,
};

const RECORDED: &str = include_str!("../../tests/data/merge_vectors.jsonl");
const RECORDED_MORE: &str = include_str!("../../tests/data/commit_vectors.jsonl");

#[test]
fn every_recorded_join_and_commit_is_reproduced() {
    assert_eq!(check(RECORDED), (200, 200));
}

#[test]
fn every_recorded_refusal_is_reproduced() {
    assert_eq!(check(RECORDED_MORE).0, 0);
}

/// Checks every line, and counts joins and commits.
fn check(lines: &str) -> (usize, usize) {
    let mut counts = (0, 0);
    for line in lines.lines() {
        let vector: Json = serde_json::from_str(line).expect("a line is JSON");
        let name = format!("{} {}", vector["kind"], vector["seed"]);
        let rules = rules(&vector["rules"]);
        if vector["kind"] == "join" {
            check_join(&vector, &rules, &name);
            counts.0 += 1;
        } else {
            check_commit(&vector, &rules, &name);
            counts.1 += 1;
        }
    }
    counts
}

fn rules(json: &Json) -> RuleSet {
    let rules = json.as_object().expect("rules are an object").iter();
    let rules = rules.map(|(path, rule)| {
        (
            path,
            rule.as_str().expect("a rule").parse::<Rule>().expect("a known rule"),
        )
    });
    RuleSet::new(rules).expect("valid rules")
}

fn check_join(vector: &Json, rules: &RuleSet, name: &str) {
    let (a, b) = (state(&vector["a"]), state(&vector["b"]));
    let joined = a.join(&b);
    assert_eq!(joined, state(&vector["joined"]), "{name}");
    check_view(&joined, &joined.shown(rules), &vector["view"], name);
}

fn check_view(document: &FieldDocument, shown: &Shown, view: &Json, name: &str) {
    assert_eq!(shown.deleted, view["deleted"].as_bool().unwrap_or_default(), "{name}");
    assert_eq!(*shown.body, object(&view["body"]), "{name}");
    if !view["rev"].is_null() {
        let expected = revision(&view["rev"]);
        let made = document.heads.values().all(|head| head.revision != expected);
        assert_eq!(shown.revision.generation, expected.generation, "{name}");
        assert!(made || shown.revision == expected, "{name}");
    }
    let expected = view["conflicts"].as_array().expect("conflicts");
    assert_eq!(shown.conflicts.len(), expected.len(), "{name}: {:?}", shown.conflicts);
    for (conflict, expected) in shown.conflicts.iter().zip(expected) {
        check_conflict(conflict, expected, name);
    }
}

fn check_conflict(conflict: &OpenConflict, expected: &Json, name: &str) {
    assert_eq!(conflict.path, expected["path"], "{name}");
    let chosen = conflict
        .shown
        .as_ref()
        .map_or(Json::Null, |shown| json_of(&shown.to_json()));
    assert_eq!(
        if expected["chosen"] == "edited" {
            json!("edited")
        } else {
            chosen
        },
        expected["chosen"],
        "{name}"
    );
    let candidates = expected["candidates"].as_array().expect("candidates");
    assert_eq!(conflict.candidates.len(), candidates.len(), "{name}");
    for (candidate, expected) in conflict.candidates.iter().zip(candidates) {
        assert_eq!(candidate.dot, dot(&expected["dot"]), "{name}");
        match &candidate.kind {
            CandidateKind::Value(shown) => assert_eq!(*shown, value(&expected["value"]), "{name}"),
            CandidateKind::Removed => assert_eq!(expected["removed"], true, "{name}"),
            CandidateKind::Deleted(deleted) => {
                assert_eq!(expected["deleted"], *deleted, "{name}");
                assert_eq!(candidate.revision, revision(&expected["rev"]), "{name}");
            }
        }
    }
}

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).expect("we print JSON")
}

fn check_commit(vector: &Json, rules: &RuleSet, name: &str) {
    let (head, base) = (
        state(&vector["head"]),
        Document::Fields(state(&vector["base"])).base(rules),
    );
    let keep = vector["keep"].as_bool().expect("a flag");
    let write = Write {
        dot: dot(&vector["dot"]),
        base: &base,
        body: (!vector["body"].is_null()).then(|| Arc::new(object(&vector["body"]))),
        on_conflict: if keep { OnConflict::KeepAll } else { OnConflict::Refuse },
        request: None,
        everywhere: None,
        tombstone: None,
    };
    // Stricter than the recorded model: it let a write on a revision from before a listed delete settle that delete unread.
    let unread_delete = head
        .heads
        .iter()
        .any(|(dot, head)| head.deleted && !base.context.covers(dot));
    if unread_delete && base.body.is_some() && write.body.is_some() {
        let refused = head.commit(&write, rules).expect_err("the delete is settled unread");
        assert!(matches!(refused, Refused::Conflict(_)), "{name}: {refused:?}");
        return;
    }
    match (head.commit(&write, rules), vector.get("refused")) {
        (Ok(committed), None) => {
            let Document::Fields(result) = committed.document else {
                panic!("{name}: the granularity changed")
            };
            assert_eq!(committed.shown, Shown { ..result.shown(rules) }, "{name}");
            let mut expected = state(&vector["result"]);
            // Stricter than the recorded model: where the write puts a value in the place of a container, it gave the write's dot to something unread in
            // that as well, so that one dot had two values there.
            part_doubles(&mut expected.fields, &head.fields, write.dot);
            check_result(result, expected, name);
        }
        (Err(Refused::Conflict(report)), Some(paths)) => {
            let paths: Vec<_> = paths
                .as_array()
                .expect("paths")
                .iter()
                .map(|path| path.as_str().expect("a path"))
                .collect();
            assert_eq!(
                report
                    .conflicts
                    .iter()
                    .map(|conflict| &*conflict.path)
                    .collect::<Vec<_>>(),
                paths,
                "{name}"
            );
            check_values(&report, &base, &write, name);
        }
        (result, refused) => panic!("{name}: {result:?} instead of {refused:?}"),
    }
}

/// Gives what stands below a value of the write back the dots that it had before.
fn part_doubles(node: &mut Node, before: &Node, dot: Dot) {
    let puts = node.siblings.get(dot).is_some_and(|leaf| leaf.marks().is_none());
    for (segment, child) in &mut node.children {
        let Some(before) = before.children.get(segment) else {
            continue;
        };
        if puts && child.any(&|other, _| other == dot) {
            *child = before.clone();
        } else {
            part_doubles(child, before, dot);
        }
    }
}

fn check_values(report: &crate::ConflictReport, base: &Base, write: &Write<'_>, name: &str) {
    assert_eq!((&report.base, &report.yours), (&base.body, &write.body), "{name}");
    for conflict in report.conflicts.iter().filter(|conflict| !conflict.path.is_empty()) {
        let at =
            |body: &Option<Arc<crate::Object>>| body.as_ref().and_then(|body| body.pointer(&conflict.path).cloned());
        assert_eq!(conflict.our_value, at(&report.ours), "{name}");
        assert_eq!(conflict.your_value, at(&report.yours), "{name}");
        assert_eq!(conflict.base_value, at(&report.base), "{name}");
    }
}

/// Compares the states after giving the new revision of the vector its stand-in name.
fn check_result(mut result: FieldDocument, expected: FieldDocument, name: &str) {
    assert_eq!(result.heads.len(), 1, "{name}: a commit leaves one head");
    let (dot, _) = result.heads.newest().expect("it has one");
    let made = result.heads.values_mut().next().expect("it has one");
    let recorded = expected.heads.get(dot).expect("the write is the head");
    assert_eq!(
        (made.revision.generation, made.deleted, &made.past),
        (recorded.revision.generation, recorded.deleted, &recorded.past),
        "{name}"
    );
    let old = std::mem::replace(&mut made.revision, recorded.revision.clone());
    made.ancestry = recorded.ancestry.clone();
    made.body = Arc::clone(&recorded.body);
    // The definition of the merge tells nothing of what clients of another protocol are told.
    made.closed = Arc::clone(&recorded.closed);
    rename(&mut result.fields, &old, &recorded.revision);
    assert_eq!(result, expected, "{name}");
}

fn rename(node: &mut Node, old: &Revision, new: &Revision) {
    if let Some(entry) = node.children.remove(&Segment::Creation(old.clone())) {
        node.children.insert(Segment::Creation(new.clone()), entry);
    }
    node.children.values_mut().for_each(|child| rename(child, old, new));
}

#[test]
fn a_vector_reads_as_it_was_recorded() {
    let json = json!({"context": {"A": 2}, "heads": [], "fields": []});
    assert_eq!(state(&json).context, vector(&json!({"A": 2})));
}
