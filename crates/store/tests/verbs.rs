//! The verbs of concurrency control: each decides on the document as it is in the moment of the write.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{Checksum, Edit, Granularity, Limits, Patch, PatchError, Refused, RequestName, Revision};
use rejoin_store::{Action, CommitError, Conditions, MemoryEngine, OnStale, Operation, Outcome, Store, Version};

fn swap(expected: &str, new: &str) -> Wish {
    let (expected, body) = (body(expected), body(new));
    (Action::Swap { expected, body }, Conditions::default())
}

fn delete_if(expected: &str) -> Wish {
    let expected = body(expected);
    (Action::DeleteIf { expected }, Conditions::default())
}

fn patch(patch: Patch) -> Wish {
    let patch = Arc::new(patch);
    (Action::Patch { patch, create: false }, Conditions::default())
}

fn merge(text: &str) -> Patch {
    Patch::merge(text.as_bytes(), &Limits::default()).unwrap()
}

fn unmatched(store: &Store, document: &str, wish: Wish) -> Version {
    match one(store, write(document, wish)).unwrap() {
        Outcome::Unmatched(version) => version,
        other => panic!("it matched: {other:?}"),
    }
}

fn checksum_of(store: &Store, document: &str) -> Checksum {
    store.get(&shop(), &id(document)).unwrap().unwrap().shown.checksum()
}

#[test]
fn every_write_answers_with_what_was_there_before() {
    let store = node("east");
    let first = put(&store, "stock3", update(r#"{"price":503.5}"#));
    assert_eq!(first.previous, None);
    let second = put(&store, "stock3", update(r#"{"price":504.5}"#));
    let before = second.previous.unwrap();
    assert_eq!(
        (before.revision, before.body.to_json()),
        (first.revision, r#"{"price":503.5}"#.to_owned())
    );
    let gone = put(&store, "stock3", delete());
    assert_eq!(gone.previous.unwrap().body.to_json(), r#"{"price":504.5}"#);
    assert_eq!(put(&store, "stock3", create("{}")).previous, None, "it was deleted");
    let Operation::Write(mut unasked) = write("stock3", update(r#"{"price":1}"#)) else {
        panic!("a write")
    };
    unasked.conditions.returns_previous = false;
    assert_eq!(
        written(one(&store, Operation::Write(unasked)).unwrap()).previous,
        None,
        "nobody asked"
    );
}

#[test]
fn a_repeated_request_answers_with_what_was_there_before_as_long_as_that_is_kept() {
    let store = node("east");
    let first = put(&store, "job", create(r#"{"state":"waiting"}"#));
    let take = || {
        let Operation::Write(mut request) = write("job", update(r#"{"state":"taken"}"#)) else {
            panic!("a write")
        };
        request.request = Some(RequestName::of("worker-1", 0));
        written(one(&store, Operation::Write(request)).unwrap())
    };
    let previous = take().previous.unwrap();
    assert_eq!(previous.revision, first.revision);
    put(&store, "job", update(r#"{"state":"done"}"#));
    let again = take();
    assert!(again.repeated);
    assert_eq!(again.previous, Some(previous));
    // Both in one group: what the first one superseded is not on the disk yet.
    let drop_it = || {
        let Operation::Write(mut request) = write("job", delete()) else {
            panic!("a write")
        };
        request.request = Some(RequestName::of("worker-2", 0));
        Operation::Write(request)
    };
    let both: Vec<_> = store
        .commit(vec![drop_it(), drop_it()])
        .into_iter()
        .map(|done| written(done.unwrap()))
        .collect();
    assert!(both[1].repeated);
    assert_eq!(both[0].previous, both[1].previous);
    assert_eq!(both[1].previous.as_ref().unwrap().body.to_json(), r#"{"state":"done"}"#);
}

#[test]
fn of_open_revisions_a_repeated_request_answers_with_what_was_shown_before_that_write() {
    let store = open(&Arc::new(MemoryEngine::new()), options("east"));
    one(
        &store,
        Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
    )
    .unwrap();
    let first = put(&store, "a", create(r#"{"n":1}"#)).revision;
    let shown_now = || {
        let found = store.get(&shop(), &id("a")).unwrap().unwrap().shown;
        (found.revision, found.body.to_json())
    };
    let named = |name: &str, (action, conditions): Wish| {
        let Operation::Write(mut request) = write("a", (action, conditions)) else {
            panic!("a write")
        };
        request.request = Some(RequestName::of(name, 0));
        written(one(&store, Operation::Write(request)).unwrap())
    };
    let on = |base: &Revision, (action, conditions): Wish| {
        let base = Some(base.clone());
        let conditions = Conditions {
            base,
            on_stale: OnStale::Keep,
            ..conditions
        };
        (action, conditions)
    };
    // A long branch that is shown, and a short one.
    let mut long = first.clone();
    for n in 2..5 {
        long = put(&store, "a", on(&long, update(&format!(r#"{{"n":{n}}}"#)))).revision;
    }
    let short = put(&store, "a", on(&first, update(r#"{"side":1}"#))).revision;
    let short = match short == long {
        true => {
            let heads = store
                .get(&shop(), &id("a"))
                .unwrap()
                .unwrap()
                .shown
                .conflicts
                .remove(0)
                .candidates;
            let other = heads.into_iter().find(|head| head.revision != long);
            other.unwrap().revision
        }
        false => short,
    };
    let steps: [(&str, Wish); 3] = [
        ("side", on(&short, update(r#"{"side":2}"#))),
        ("end", on(&long, delete())),
        ("again", update(r#"{"n":9}"#)),
    ];
    let mut answers = Vec::new();
    for (name, wish) in &steps {
        let before = shown_now();
        let done = named(name, wish.clone());
        let previous = done.previous.unwrap();
        assert_eq!((previous.revision.clone(), previous.body.to_json()), before);
        answers.push(previous);
    }
    for ((name, wish), previous) in steps.into_iter().zip(answers) {
        let again = named(name, wish);
        assert!(again.repeated);
        assert_eq!(again.previous, Some(previous), "{name}");
    }
}

#[test]
fn a_swap_replaces_what_is_expected_and_answers_with_anything_else() {
    let store = node("east");
    put(&store, "car", create(r#"{"kind":"roadster","doors":2}"#));
    put(
        &store,
        "car",
        swap(r#"{"doors":2,"kind":"roadster"}"#, r#"{"kind":"sedan"}"#),
    );
    let digest = store.root_digest();
    let version = unmatched(&store, "car", swap(r#"{"kind":"roadster"}"#, r#"{"kind":"truck"}"#));
    assert_eq!(version.body.to_json(), r#"{"kind":"sedan"}"#);
    assert_eq!(store.root_digest(), digest, "nothing was written");
    let version = unmatched(&store, "car", delete_if("{}"));
    assert_eq!(version.body.to_json(), r#"{"kind":"sedan"}"#);
    put(&store, "car", delete_if(r#"{"kind":"sedan"}"#));
    assert_eq!(shown(&store, "car"), None);
    for wish in [swap("{}", "{}"), delete_if("{}")] {
        let error = try_put(&store, "car", wish).unwrap_err();
        assert!(matches!(error, CommitError::DocumentNotFound { .. }), "{error:?}");
    }
    verify(&store, &shop());
}

#[test]
fn of_two_swaps_in_one_group_that_expect_the_same_one_is_done() {
    let store = node("east");
    put(&store, "car", create(r#"{"n":0}"#));
    let results = store.commit(vec![
        write("car", swap(r#"{"n":0}"#, r#"{"n":1}"#)),
        write("car", swap(r#"{"n":0}"#, r#"{"n":2}"#)),
    ]);
    assert!(matches!(results[0], Ok(Outcome::Written(_))), "{results:?}");
    assert!(matches!(results[1], Ok(Outcome::Unmatched(_))), "{results:?}");
    assert_eq!(shown(&store, "car").unwrap(), r#"{"n":1}"#);
}

#[test]
fn a_checksum_is_that_of_the_document_before_the_write() {
    let store = node("east");
    put(&store, "a", create(r#"{"salary":1}"#));
    let read = checksum_of(&store, "a");
    let with = |(action, conditions): Wish, checksum| {
        let checksum = Some(checksum);
        (action, Conditions { checksum, ..conditions })
    };
    let written = put(&store, "a", with(update(r#"{"salary":2}"#), read));
    assert_eq!(written.checksum, checksum_of(&store, "a"));
    let after = written.checksum;
    // Not even what the write would make of it counts.
    for wish in [
        update(r#"{"salary":2}"#),
        update(r#"{"salary":1}"#),
        patch(merge(r#"{"salary":3}"#)),
        delete(),
    ] {
        let error = try_put(&store, "a", with(wish, read)).unwrap_err();
        assert!(
            matches!(&error, CommitError::ChecksumMismatch { checksum, .. } if *checksum == after),
            "{error:?}"
        );
    }
    put(&store, "a", with(patch(merge(r#"{"salary":3}"#)), after));
    put(&store, "a", with(delete(), checksum_of(&store, "a")));
    let error = try_put(&store, "a", with(update("{}"), read)).unwrap_err();
    assert!(matches!(error, CommitError::DocumentNotFound { .. }), "{error:?}");
}

#[test]
fn a_stale_write_is_refused_whatever_was_changed_if_its_author_says_so() {
    let store = node("east");
    let base = put(&store, "a", create(r#"{"x":1,"deep":{"y":1,"z":1},"list":[1]}"#)).revision;
    let reject = |json: &str| (Action::Update { body: body(json) }, since(&base, OnStale::Reject));
    put(&store, "a", update(r#"{"x":1,"deep":{"y":2},"list":[1,2]}"#));
    let error = try_put(&store, "a", reject(r#"{"x":2,"deep":{"y":1,"z":1},"list":[1]}"#)).unwrap_err();
    let CommitError::Refused(Refused::Conflict(report)) = error else {
        panic!("{error:?}")
    };
    let paths: Vec<_> = report.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    assert_eq!(paths, ["/deep/y", "/deep/z", "/list"]);
    assert_eq!(report.conflicts[1].our_value, None);
    let current = store.get(&shop(), &id("a")).unwrap().unwrap().shown.revision;
    put(
        &store,
        "a",
        (Action::Update { body: body("{}") }, since(&current, OnStale::Reject)),
    );
}

#[test]
fn a_patch_of_an_old_revision_is_merged_with_what_came_after() {
    let store = node("east");
    let base = put(&store, "a", create(r#"{"x":1,"y":1}"#)).revision;
    put(&store, "a", update(r#"{"x":1,"y":2}"#));
    let on_base = |(action, _): Wish, text: &str| {
        let _ = text;
        (action, since(&base, OnStale::Merge))
    };
    let written = put(&store, "a", on_base(patch(merge(r#"{"x":5}"#)), "x"));
    assert_eq!(shown(&store, "a").unwrap(), r#"{"x":5,"y":2}"#);
    assert!(written.merged);
    let error = try_put(&store, "a", on_base(patch(merge(r#"{"y":5}"#)), "y")).unwrap_err();
    assert!(matches!(error, CommitError::Refused(Refused::Conflict(_))), "{error:?}");
}

#[test]
fn a_patch_that_does_not_fit_writes_nothing() {
    let store = node("east");
    put(&store, "a", create(r#"{"x":1}"#));
    let digest = store.root_digest();
    let test = Patch::operations(
        br#"[{"op":"replace","path":"/x","value":2},{"op":"test","path":"/x","value":1}]"#,
        &Limits::default(),
    );
    let error = try_put(&store, "a", patch(test.unwrap())).unwrap_err();
    assert!(matches!(error, CommitError::Patch(PatchError::Misfit(_))), "{error:?}");
    let error = try_put(&store, "absent", patch(merge(r#"{"x":1}"#))).unwrap_err();
    assert!(matches!(error, CommitError::DocumentNotFound { .. }), "{error:?}");
    assert_eq!(store.root_digest(), digest);
}

#[test]
fn increments_and_elements_need_no_read_and_add_up_across_datacenters() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"stock":5,"tags":["new"]}"#));
    sync(&east, &west);
    let edits = |by: i64, tag: &str| {
        let elements = vec![tag.into()];
        patch(
            Patch::edits(vec![
                Edit::Increment {
                    path: "/stock".into(),
                    by,
                },
                Edit::Add {
                    path: "/tags".into(),
                    elements,
                },
            ])
            .unwrap(),
        )
    };
    put(&east, "a", edits(2, "east"));
    put(&west, "a", edits(-4, "west"));
    put(&west, "a", edits(1, "west"));
    sync(&east, &west);
    sync(&west, &east);
    for store in [&east, &west] {
        assert_eq!(
            shown(store, "a").unwrap(),
            r#"{"stock":4,"tags":["new","east","west"]}"#
        );
        verify(store, &shop());
    }
    let begin = Action::Patch {
        patch: Arc::new(
            Patch::edits(vec![Edit::Increment {
                path: "/stock".into(),
                by: 3,
            }])
            .unwrap(),
        ),
        create: true,
    };
    put(&east, "fresh", (begin, Conditions::default()));
    assert_eq!(shown(&east, "fresh").unwrap(), r#"{"stock":3}"#);
}
