//! Single cases that people ask about, each a promise of its own.

use std::sync::Arc;

use super::histories::{id, rules};
use crate::{
    Base, CandidateKind, Document, Dot, Granularity, HlcTime, Limits, Loss, Object, OnConflict, Refused, Shown, Value,
    Write, parse_body,
};

fn body(text: &str) -> Object {
    parse_body(text.as_bytes(), &Limits::default()).expect("a valid body")
}

struct Edit<'a> {
    on: &'a Document,
    base: Base,
    time: u64,
    replica: usize,
    on_conflict: OnConflict,
}

fn on(document: &Document, time: u64, replica: usize) -> Edit<'_> {
    Edit {
        on: document,
        base: document.base(&rules()),
        time,
        replica,
        on_conflict: OnConflict::Refuse,
    }
}

impl Edit<'_> {
    fn reading(self, read: &Document) -> Self {
        Self {
            base: read.base(&rules()),
            ..self
        }
    }

    fn keeping(self) -> Self {
        Self {
            on_conflict: OnConflict::Keep,
            ..self
        }
    }

    fn try_put(self, text: Option<&str>) -> Result<Document, Refused> {
        let dot = Dot::new(HlcTime(self.time), id(self.replica));
        let body = text.map(|text| Arc::new(body(text)));
        let write = Write {
            dot,
            base: &self.base,
            body,
            on_conflict: self.on_conflict,
            request: None,
            everywhere: None,
            tombstone: None,
        };
        self.on.commit(&write, &rules()).map(|committed| committed.document)
    }

    fn put(self, text: &str) -> Document {
        self.try_put(Some(text)).expect("no conflict")
    }

    fn delete(self) -> Document {
        self.try_put(None).expect("no conflict")
    }
}

fn empty() -> Document {
    Document::empty(Granularity::Field)
}

fn merged(a: &Document, b: &Document) -> Shown {
    a.join(b).expect("one granularity").shown(&rules())
}

fn paths(shown: &Shown) -> Vec<&str> {
    shown.conflicts.iter().map(|conflict| &*conflict.path).collect()
}

#[test]
fn deleted_data_does_not_come_back_through_an_unrelated_creation_but_an_edit_outlives_the_delete() {
    let a = on(&empty(), 1, 0).put(r#"{"a":"secret"}"#);
    let b = on(&empty(), 2, 1).put(r#"{"b":2}"#);
    let c = on(&a, 3, 2).put(r#"{"a":"secret","c":1}"#);
    let gone = on(&a, 4, 0).delete();
    assert_eq!(*merged(&gone, &b).body, body(r#"{"b":2}"#));
    assert_eq!(*merged(&gone, &c).body, body(r#"{"a":"secret","c":1}"#));
    assert_eq!(paths(&merged(&gone, &c)), [""]);
}

#[test]
fn a_removal_or_a_delete_that_meets_an_edit_is_listed_and_so_are_two_values() {
    let base = on(&empty(), 1, 0).put(r#"{"f":1,"g":1,"o":{"x":1,"y":1}}"#);
    let east = |text: &str| on(&base, 2, 0).put(text);
    let west = |text: &str| on(&base, 3, 1).put(text);
    let removed = merged(
        &east(r#"{"g":1,"o":{"x":1,"y":1}}"#),
        &west(r#"{"f":2,"g":1,"o":{"x":1,"y":1}}"#),
    );
    assert_eq!(paths(&removed), ["/f"]);
    assert_eq!(removed.body.get("f"), Some(&Value::from(2)));
    assert_eq!(removed.conflicts[0].candidates[0].kind, CandidateKind::Removed);
    assert_eq!(
        paths(&merged(
            &east(r#"{"f":1,"g":1}"#),
            &west(r#"{"f":1,"g":1,"o":{"x":5,"y":1}}"#)
        )),
        ["/o/x"]
    );
    let deleted = merged(&on(&base, 2, 0).delete(), &west(r#"{"f":2,"g":1,"o":{"x":1,"y":1}}"#));
    assert_eq!(paths(&deleted), [""]);
    assert_eq!(deleted.conflicts[0].candidates[0].kind, CandidateKind::Deleted(true));
    let equal = merged(
        &east(r#"{"f":3,"g":1,"o":{"x":1,"y":1}}"#),
        &west(r#"{"f":3,"g":2,"o":{"x":1,"y":1}}"#),
    );
    assert_eq!(paths(&equal), Vec::<&str>::new());
    assert_eq!(
        paths(&merged(
            &east(r#"{"f":3,"g":1,"o":{"x":1,"y":1}}"#),
            &west(r#"{"f":4,"g":1,"o":7}"#)
        )),
        ["/f"]
    );
}

#[test]
fn equal_edits_on_both_sides_are_no_conflict_and_keep_their_revision() {
    let east = on(&empty(), 1, 0).put(r#"{"a":1,"stock":4}"#);
    let west = on(&empty(), 2, 1).put(r#"{"a":1,"stock":4}"#);
    let shown = merged(&east, &west);
    assert_eq!(shown.revision, east.shown(&rules()).revision);
    assert!(shown.conflicts.is_empty());
    assert_eq!(shown.body.get("stock"), Some(&Value::from(4)));
}

#[test]
fn members_come_in_the_order_of_the_highest_branch_and_then_bytewise() {
    let base = on(&empty(), 1, 0).put(r#"{"z":1,"m":{"y":1,"b":2},"a":1}"#);
    let east = on(&base, 2, 0).put(r#"{"z":1,"m":{"y":1,"b":2},"a":1,"c":1,"b":1}"#);
    let east = on(&east, 3, 0).put(r#"{"c":1,"m":{"y":1,"b":2},"z":1,"a":1,"b":1}"#);
    let west = on(&base, 4, 1).put(r#"{"z":1,"m":{"y":1,"b":2,"a":0},"a":1,"w":1,"d":1}"#);
    assert_eq!(
        merged(&east, &west).body.to_json(),
        r#"{"c":1,"m":{"y":1,"b":2,"a":0},"z":1,"a":1,"b":1,"d":1,"w":1}"#
    );
    assert_eq!(
        base.shown(&rules()).body.to_json(),
        r#"{"z":1,"m":{"y":1,"b":2},"a":1}"#
    );
}

#[test]
fn a_stale_write_merges_where_it_can_and_is_refused_with_all_values_where_it_cannot() {
    let old = on(&empty(), 1, 0).put(r#"{"a":1,"b":1}"#);
    let new = on(&old, 2, 0).put(r#"{"a":2,"b":1}"#);
    let rebased = on(&new, 3, 0).reading(&old).put(r#"{"a":1,"b":3}"#);
    assert_eq!(*rebased.shown(&rules()).body, body(r#"{"a":2,"b":3}"#));
    let refused = on(&new, 3, 0)
        .reading(&old)
        .try_put(Some(r#"{"a":5,"b":1}"#))
        .expect_err("both changed a");
    let Refused::Conflict(report) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(report.revision, new.shown(&rules()).revision);
    let [conflict] = &report.conflicts[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (
            &*conflict.path,
            &conflict.base_value,
            &conflict.our_value,
            &conflict.your_value
        ),
        (
            "/a",
            &Some(Value::from(1)),
            &Some(Value::from(2)),
            &Some(Value::from(5))
        )
    );
    let kept = on(&new, 3, 0)
        .reading(&old)
        .keeping()
        .put(r#"{"a":5,"b":1}"#)
        .shown(&rules());
    assert_eq!(paths(&kept), ["/a"]);
    assert_eq!(kept.conflicts[0].candidates.len(), 2);
}

#[test]
fn a_delete_of_what_the_client_has_not_read_is_always_refused() {
    let old = on(&empty(), 1, 0).put(r#"{"a":1}"#);
    let new = on(&old, 2, 0).put(r#"{"a":1,"tags":["x"],"stock":4}"#);
    let refused = on(&new, 3, 0)
        .reading(&old)
        .keeping()
        .try_put(None)
        .expect_err("tags and stock were not read");
    let Refused::Conflict(report) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        report
            .conflicts
            .iter()
            .map(|conflict| &*conflict.path)
            .collect::<Vec<_>>(),
        ["/stock", "/tags"]
    );
    assert_eq!(report.conflicts[0].our_value, Some(Value::from(4)));
}

#[test]
fn a_write_to_a_document_that_was_deleted_meanwhile_is_refused_whatever_it_asks_for() {
    let old = on(&empty(), 1, 0).put(r#"{"a":1,"b":1}"#);
    let gone = on(&old, 2, 0).delete();
    let stale = || on(&gone, 3, 0).reading(&old);
    for write in [stale(), stale().keeping()] {
        let refused = write.try_put(Some(r#"{"a":2,"b":1}"#)).expect_err("it is deleted");
        let Refused::Conflict(report) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((&*report.conflicts[0].path, &report.ours), ("", &None));
    }
    let revived = on(&gone, 3, 0).put(r#"{"a":2,"b":1}"#);
    assert_eq!(*revived.shown(&rules()).body, body(r#"{"a":2,"b":1}"#));
}

#[test]
fn a_delete_that_met_an_edit_is_settled_only_by_who_has_read_it() {
    let first = on(&empty(), 1, 0).put(r#"{"a":1,"b":1}"#);
    let (deleted, edited) = (on(&first, 2, 0).delete(), on(&first, 3, 1).put(r#"{"a":2,"b":1}"#));
    let both = deleted.join(&edited).expect("one granularity");
    let stale = on(&both, 4, 0).reading(&first).try_put(Some(r#"{"a":1,"b":2}"#));
    let Err(Refused::Conflict(report)) = stale else {
        panic!("the delete was settled unread")
    };
    assert_eq!(report.conflicts[0].path, "");
    let settled = on(&both, 5, 0).put(r#"{"a":2,"b":2}"#);
    assert!(settled.shown(&rules()).conflicts.is_empty());
}

#[test]
fn a_counter_takes_integers_only() {
    for bad in [
        r#"{"stock":1.5}"#,
        r#"{"stock":1e3}"#,
        r#"{"stock":9223372036854775808}"#,
    ] {
        let refused = on(&empty(), 1, 0).try_put(Some(bad)).expect_err(bad);
        assert_eq!(
            refused,
            Refused::CounterNotInteger {
                path: "/stock".to_owned()
            }
        );
    }
    let state = on(&empty(), 1, 0).put(r#"{"o":{"n":-9223372036854775808},"stock":"none"}"#);
    let refused = on(&state, 2, 0)
        .try_put(Some(r#"{"o":{"n":0.5},"stock":"none"}"#))
        .expect_err("a float");
    assert_eq!(
        refused,
        Refused::CounterNotInteger {
            path: "/o/n".to_owned()
        }
    );
}

#[test]
fn a_counter_beyond_64_bits_is_shown_exactly_and_may_stand_in_a_later_write() {
    let max = i64::MAX;
    let base = on(&empty(), 1, 0).put(r#"{"stock":0}"#);
    let (east, west) = (
        on(&base, 2, 0).put(&format!(r#"{{"stock":{max}}}"#)),
        on(&base, 3, 1).put(&format!(r#"{{"stock":{max}}}"#)),
    );
    let both = east.join(&west).expect("one granularity");
    assert_eq!(both.shown(&rules()).body.to_json(), r#"{"stock":18446744073709551614}"#);
    let edited = on(&both, 4, 0).put(r#"{"stock":18446744073709551614,"a":1}"#);
    assert_eq!(
        edited.shown(&rules()).body.to_json(),
        r#"{"stock":18446744073709551614,"a":1}"#
    );
    let less = on(&both, 4, 0).put(r#"{"stock":5}"#);
    assert_eq!(less.shown(&rules()).body.to_json(), r#"{"stock":5}"#);
}

#[test]
fn rules_decide_without_a_conflict() {
    let base = on(&empty(), 1, 0).put(r#"{"high":1,"low":9,"seen":1,"tags":["a","b"]}"#);
    let east = on(&base, 2, 0).put(r#"{"high":5.50,"low":4,"seen":2,"tags":["b","c"]}"#);
    let west = on(&base, 3, 1).put(r#"{"high":5.6,"low":3e0,"seen":3,"tags":["a","b","d"]}"#);
    let shown = merged(&east, &west);
    assert_eq!(
        shown.body.to_json(),
        r#"{"high":5.6,"low":3e0,"seen":3,"tags":["b","c","d"]}"#
    );
    assert!(shown.conflicts.is_empty());
}

#[test]
fn a_listed_conflict_does_not_expire_by_forgetting() {
    let base = on(&empty(), 1, 0).put(r#"{"o":5}"#);
    let (east, west) = (on(&base, 2, 0).put("{}"), on(&base, 3, 1).put(r#"{"o":{"x":1}}"#));
    let both = east.join(&west).expect("one granularity");
    assert_eq!(paths(&both.shown(&rules())), ["/o"]);
    let forgotten = both.forget(both.context()).unwrap_or(both);
    assert_eq!(paths(&forgotten.shown(&rules())), ["/o"]);
}

#[test]
fn a_stable_mark_and_the_fields_of_a_stable_deleted_document_are_forgotten() {
    let base = on(&empty(), 1, 0).put(r#"{"a":1,"b":1}"#);
    let removed = on(&base, 2, 0).put(r#"{"b":1}"#);
    let forgotten = removed.forget(removed.context()).expect("a mark to drop");
    assert!(forgotten.encode().len() < removed.encode().len());
    assert_eq!(removed.forget(base.context()), None);
    let gone = on(&removed, 3, 0).delete();
    let stub = gone.forget(gone.context()).expect("fields to drop");
    assert!(stub.is_deleted() && !stub.is_empty());
    assert_eq!(stub.shown(&rules()).revision, gone.shown(&rules()).revision);
    assert_eq!(stub.join(&base), Ok(stub.clone()));
}

#[test]
fn ancestry_names_every_earlier_revision() {
    let first = on(&empty(), 1, 0).put(r#"{"a":1}"#);
    let (east, west) = (
        on(&first, 2, 0).put(r#"{"a":2}"#),
        on(&first, 3, 1).put(r#"{"b":3,"a":1}"#),
    );
    let both = east.join(&west).expect("one granularity");
    let merge = both.shown(&rules()).revision;
    let after = on(&both, 4, 0).put(r#"{"a":9}"#);
    for known in [&first.shown(&rules()).revision, &merge, &after.shown(&rules()).revision] {
        assert!(after.knows_revision(known), "{known}");
    }
    assert_eq!(after.shown(&rules()).revision.generation, merge.generation + 1);
    assert!(!after.knows_revision(&on(&empty(), 1, 0).put("{}").shown(&rules()).revision));
}

#[test]
fn documents_of_different_granularity_do_not_join() {
    let tree = Document::empty(Granularity::Document);
    assert!(tree.join(&empty()).is_err() && empty().join(&tree).is_err());
}

#[test]
fn in_granularity_document_a_stale_revision_is_refused_and_branches_stay_open() {
    let first = on(&Document::empty(Granularity::Document), 1, 0).put(r#"{"n":1}"#);
    let (east, west) = (on(&first, 2, 0).put(r#"{"n":2}"#), on(&first, 3, 1).put(r#"{"n":3}"#));
    assert!(on(&east, 4, 0).reading(&first).try_put(Some(r#"{"n":4}"#)).is_err());
    let kept = on(&east, 4, 0).reading(&first).keeping().put(r#"{"n":4}"#);
    assert_eq!(
        kept.shown(&rules()).conflicts[0].candidates.len(),
        2,
        "whoever wants both to stay opens a branch"
    );
    assert!(on(&east, 4, 0).reading(&first).keeping().try_put(None).is_err());
    let both = east.join(&west).expect("one granularity");
    let shown = both.shown(&rules());
    assert_eq!(paths(&shown), [""]);
    assert_eq!(shown.conflicts[0].candidates.len(), 2);
    assert_eq!(
        shown.revision,
        both.heads()
            .iter()
            .map(|head| head.revision.clone())
            .max()
            .expect("two heads")
    );
    let gone = on(&both, 5, 0).delete().shown(&rules());
    assert!(!gone.deleted && gone.conflicts.is_empty());
}

#[test]
fn a_value_from_before_a_rule_is_what_a_counter_starts_with_once_on_all_sides() {
    let none = crate::RuleSet::none();
    let before = |text: &str| {
        let write = Write {
            dot: Dot::new(HlcTime(1), id(0)),
            base: &Base::default(),
            body: Some(Arc::new(body(text))),
            on_conflict: OnConflict::Refuse,
            request: None,
            everywhere: None,
            tombstone: None,
        };
        empty().commit(&write, &none).expect("no conflict").document
    };
    // `/stock` is a counter and `/tags` a set by the rules that hold from here on.
    let old = before(r#"{"stock":5,"tags":["a","b"]}"#);
    let east = on(&old, 2, 0).put(r#"{"stock":7,"tags":["a","b","c"]}"#);
    let west = on(&old, 3, 1).put(r#"{"stock":6,"tags":["a","d"]}"#);
    assert_eq!(*east.shown(&rules()).body, body(r#"{"stock":7,"tags":["a","b","c"]}"#));
    assert_eq!(*west.shown(&rules()).body, body(r#"{"stock":6,"tags":["a","d"]}"#));
    let both = merged(&east, &west);
    assert_eq!(both.body.get("stock"), Some(&Value::from(8)));
    let tags = both.body.get("tags").map(Value::canonical).unwrap_or_default();
    assert!(
        ["a", "b", "c", "d"]
            .iter()
            .all(|tag| tags.contains(&format!("\"{tag}\""))),
        "{tags}"
    );
    assert_eq!(paths(&both), Vec::<&str>::new());
    let on_from_there = on(&east.join(&west).expect("one granularity"), 4, 0).put(r#"{"stock":9,"tags":["a"]}"#);
    assert_eq!(*on_from_there.shown(&rules()).body, body(r#"{"stock":9,"tags":["a"]}"#));
}

#[test]
fn a_branch_is_not_kept_over_a_removal_that_its_author_has_not_read() {
    let base = on(&empty(), 1, 0).put(r#"{"a":{"n":1},"b":1}"#);
    for removed in [r#"{"a":{},"b":1}"#, r#"{"b":1}"#] {
        let now = on(&base, 2, 0).put(removed);
        for yours in [r#"{"a":{"n":2},"b":1}"#, r#"{"a":7,"b":1}"#] {
            let kept = on(&now, 3, 0).reading(&base).keeping().try_put(Some(yours));
            assert!(matches!(kept, Err(Refused::Conflict(_))), "{removed} {yours}");
        }
        let elsewhere = on(&now, 3, 0).reading(&base).keeping();
        assert!(elsewhere.try_put(Some(r#"{"a":{"n":1},"b":2}"#)).is_ok());
    }
}

#[test]
fn a_change_further_down_is_kept_beside_a_removal_of_another_member() {
    let base = on(&empty(), 1, 0).put(r#"{"a":{"x":1,"y":2}}"#);
    let now = on(&base, 2, 0).put(r#"{"a":{"x":1}}"#);
    let kept = on(&now, 3, 0).reading(&base).keeping();
    let kept = kept
        .try_put(Some(r#"{"a":{"x":7,"y":2}}"#))
        .expect("the removal was of another member");
    assert_eq!(kept.shown(&rules()).body.to_json(), r#"{"a":{"x":7}}"#);
}

#[test]
fn what_went_without_a_trace_is_told_and_what_left_one_is_not() {
    let first = on(&empty(), 1, 0).put(r#"{"a":1,"b":1,"o":{"x":1}}"#);
    let removed = on(&first, 2, 0).put(r#"{"a":1,"o":{"x":1}}"#);
    let forgotten = removed.forget(removed.context()).expect("a mark to forget");
    let since = |before: &Document, after: &Document| before.join(after).expect("one granularity").loss_since(before);
    assert_eq!(since(&first, &removed), None, "a mark says so");
    assert_eq!(since(&removed, &forgotten), Some(Loss::Marks));
    assert_eq!(since(&first, &forgotten), Some(Loss::Values));
    let again = on(&removed, 3, 0).put(r#"{"a":1,"b":2,"o":{"x":1}}"#);
    assert_eq!(since(&removed, &again), None, "another value stands there");
    let replaced = on(&first, 3, 0).put(r#"{"a":1,"b":1,"o":7}"#);
    assert_eq!(since(&first, &replaced), None, "another value stands above");
    let deleted = on(&first, 3, 0).delete();
    assert_eq!(since(&first, &deleted), None, "the branch says so");
}

#[test]
fn a_member_that_was_removed_stays_removed_when_the_object_that_it_left_empty_is_filled_again() {
    let first = on(&empty(), 1, 0).put(r#"{"contact":{"phone":"1"}}"#);
    let removed = on(&first, 2, 0).put(r#"{"contact":{}}"#);
    let filled = on(&removed, 3, 0).put(r#"{"contact":{"mail":"x"}}"#);
    let stale = Edit {
        base: first.base(&rules()),
        ..on(&filled, 4, 0)
    };
    let refused = stale
        .try_put(Some(r#"{"contact":{"phone":"2"}}"#))
        .expect_err("nobody told its author of the removal");
    let Refused::Conflict(report) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(report.conflicts[0].path, "/contact/phone");
    // Elsewhere the same edit is listed beside the removal.
    let edited = on(&first, 3, 1).put(r#"{"contact":{"phone":"2"}}"#);
    let met = filled.join(&edited).expect("one granularity").shown(&rules());
    assert_eq!(paths(&met), ["/contact/phone"]);
    // Who has seen all of it puts the member back.
    let back = on(&filled, 5, 0).put(r#"{"contact":{"mail":"x","phone":"3"}}"#);
    assert!(paths(&back.shown(&rules())).is_empty());
}

#[test]
fn a_value_in_the_place_of_a_container_takes_nothing_unread_in_it_under_its_own_write() {
    let read = on(&empty(), 1, 0).put(r#"{"s":{"of":1}}"#);
    let current = on(&read, 2, 1).put(r#"{"s":{"of":2}}"#);
    let both = on(&current, 3, 2).reading(&read).keeping().put(r#"{"s":"text"}"#);
    let shown = both.shown(&rules());
    let candidates = &shown.conflicts.first().expect("a conflict").candidates;
    let dots: Vec<u64> = candidates.iter().map(|candidate| candidate.dot.time.0).collect();
    assert_eq!(dots, [2, 3], "each side under its own write: {candidates:#?}");
}
