//! Definitions that change: rules and settings by one operation, merged rule by rule, versioned; the policy of checksums; the dry run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "databases/other_rules.rs"]
mod other_rules;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use rejoin_document::{Checksum, DatabaseName, Granularity, Revision, Rule, RuleSet};
use rejoin_store::{
    Action, ChecksumPolicy, CommitError, Conditions, DatabaseChange, DatabaseDefinition, DatabaseSettings,
    MemoryEngine, Operation, Outcome, RuleEffect, Store, StoreOptions,
};

fn rules(of: &[(&str, Rule)]) -> RuleSet {
    RuleSet::new(of.iter().copied()).unwrap()
}

fn set(of: &[(&str, Rule)]) -> DatabaseChange {
    DatabaseChange {
        set_rules: rules(of),
        ..DatabaseChange::of(shop())
    }
}

fn remove(path: &str) -> DatabaseChange {
    DatabaseChange {
        remove_rules: vec![path.to_owned()],
        ..DatabaseChange::of(shop())
    }
}

fn try_update(store: &Store, change: DatabaseChange) -> Result<bool, CommitError> {
    match one(store, Operation::UpdateDatabase(change))? {
        Outcome::DatabaseUpdated { changed } => Ok(changed),
        other => panic!("not updated: {other:?}"),
    }
}

fn update_database(store: &Store, change: DatabaseChange) -> bool {
    try_update(store, change).unwrap()
}

fn version(store: &Store) -> Revision {
    store.visible().remove(0).version
}

fn rules_of(store: &Store) -> Vec<(String, Rule)> {
    let definition = store.definition(&shop()).unwrap();
    definition
        .rules
        .iter()
        .map(|(path, rule)| (path.to_owned(), rule))
        .collect()
}

/// Two nodes with a database without rules, that know each other and nobody else.
fn plain_pair() -> (Store, Store) {
    let [east, west] = ["east", "west"].map(|name| {
        let mut options = options(name);
        options.peers.retain(|peer| peer.as_str() != "south");
        open(&Arc::new(MemoryEngine::new()), options)
    });
    create_database(&east, "shop", &[]).unwrap();
    exchange(&[&east, &west]);
    (east, west)
}

#[test]
fn a_change_touches_what_it_names_and_its_version_is_known_everywhere() {
    let (east, west) = plain_pair();
    let first = version(&east);
    assert_eq!(version(&west), first);
    let change = DatabaseChange {
        checksums: Some(ChecksumPolicy::Required),
        keep_revisions: Some(7),
        keep_for_s: Some(60),
        ..set(&[("/stock", Rule::Counter), ("/a~1b", Rule::Set)])
    };
    assert!(update_database(&east, change.clone()));
    assert!(!update_database(&east, change), "it is so already");
    assert!(update_database(&east, remove("/a~1b")));
    assert!(!update_database(&east, remove("/a~1b")));
    assert_ne!(version(&east), first);
    let settings = DatabaseSettings {
        checksums: ChecksumPolicy::Required,
        keep_revisions: 7,
        keep_for_s: 60,
        ..DatabaseSettings::default()
    };
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!(rules_of(node), [("/stock".to_owned(), Rule::Counter)]);
        assert_eq!(node.definition(&shop()).unwrap().settings, settings);
        assert_eq!(version(node), version(&east));
    }
    let back = DatabaseChange {
        checksums: Some(ChecksumPolicy::Optional),
        keep_revisions: Some(0),
        ..DatabaseChange::of(shop())
    };
    assert!(update_database(&east, back));
    let settings = DatabaseSettings {
        keep_for_s: 60,
        ..DatabaseSettings::default()
    };
    assert_eq!(east.definition(&shop()).unwrap().settings, settings);
}

#[test]
fn definitions_and_their_versions_survive_a_restart() {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "shop", &[("/a", Rule::Max)]).unwrap();
    update_database(&east, set(&[("/b", Rule::Set)]));
    let before = (
        version(&east),
        rules_of(&east),
        east.visible()[0].version_missing_in.clone(),
    );
    drop(east);
    let east = open(&engine, options("east"));
    assert_eq!(
        (
            version(&east),
            rules_of(&east),
            east.visible()[0].version_missing_in.clone()
        ),
        before
    );
}

#[test]
fn a_change_for_another_version_is_refused_with_the_one_there_is() {
    let (east, _) = plain_pair();
    let first = version(&east);
    let guarded = |change| DatabaseChange {
        base_version: Some(first.clone()),
        ..change
    };
    assert!(update_database(&east, guarded(set(&[("/a", Rule::Max)]))));
    let error = try_update(&east, guarded(set(&[("/a", Rule::Min)]))).unwrap_err();
    let CommitError::VersionMismatch { version: now, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*now, version(&east));
    assert_eq!(rules_of(&east), [("/a".to_owned(), Rule::Max)]);
}

#[test]
fn a_wrong_change_says_why_and_changes_nothing() {
    let east = node("east");
    let before = east.root_digest();
    let of = |name: &str| DatabaseChange::of(DatabaseName::explicit(name).unwrap());
    for absent in ["absent", "shop@2"] {
        let error = try_update(&east, of(absent)).unwrap_err();
        assert!(matches!(error, CommitError::UnknownDatabase { .. }), "{error}");
    }
    let error = try_update(&east, DatabaseChange::of(DatabaseName::system())).unwrap_err();
    assert!(matches!(error, CommitError::ReservedDatabase { .. }), "{error}");
    assert_eq!(east.root_digest(), before);
    one(
        &east,
        Operation::CreateDatabase(definition("whole", Granularity::Document, &[])),
    )
    .unwrap();
    let change = DatabaseChange {
        set_rules: rules(&[("/stock", Rule::Counter)]),
        ..of("whole")
    };
    let error = try_update(&east, change).unwrap_err();
    assert!(matches!(error, CommitError::RulesOfWholeDocuments { .. }), "{error}");
    let error = one(
        &east,
        Operation::CreateDatabase(DatabaseDefinition {
            settings: DatabaseSettings {
                keep_revisions: 1,
                ..DatabaseSettings::default()
            },
            ..definition("whole", Granularity::Document, &[])
        }),
    );
    let error = error.unwrap_err();
    assert!(matches!(error, CommitError::DatabaseExists { .. }), "{error}");
    assert!(error.to_string().contains("rejoin database update"), "{error}");
}

#[test]
fn changes_made_apart_merge_rule_by_rule() {
    let (east, west) = plain_pair();
    update_database(&east, set(&[("/a", Rule::Max), ("/gone", Rule::Set)]));
    exchange(&[&east, &west]);
    update_database(&east, set(&[("/b", Rule::Min)]));
    update_database(&west, set(&[("/c", Rule::Set)]));
    update_database(&west, remove("/gone"));
    let keep = DatabaseChange {
        keep_revisions: Some(2),
        ..DatabaseChange::of(shop())
    };
    update_database(&east, keep);
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        let expected = [("/a", Rule::Max), ("/b", Rule::Min), ("/c", Rule::Set)];
        assert_eq!(rules_of(node), expected.map(|(path, rule)| (path.to_owned(), rule)));
        assert_eq!(node.definition(&shop()).unwrap().settings.keep_revisions, 2);
        assert_eq!(node.warnings().unwrap(), [] as [String; 0]);
    }
    assert_eq!(version(&east), version(&west));
}

#[test]
fn a_rule_on_which_the_datacenters_differ_is_the_newest_everywhere_until_somebody_settles_it() {
    let (east, west) = plain_pair();
    update_database(&east, set(&[("/a/b", Rule::Max)]));
    pass(1);
    update_database(&west, set(&[("/a/b", Rule::Min)]));
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!(rules_of(node), [("/a/b".to_owned(), Rule::Min)]);
        let warnings = node.warnings().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in ["\"max\" or \"min\"", "`rejoin database update shop --rule /a/b=RULE`"] {
            assert!(warnings[0].contains(part), "{part}: {warnings:?}");
        }
    }
    // Naming the rule that is in force anyway settles it.
    assert!(update_database(&east, set(&[("/a/b", Rule::Min)])));
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!(rules_of(node), [("/a/b".to_owned(), Rule::Min)]);
        assert_eq!(node.warnings().unwrap(), [] as [String; 0]);
    }
    assert!(!update_database(&east, set(&[("/a/b", Rule::Min)])));
}

#[test]
fn a_disagreement_over_a_setting_or_a_removed_rule_is_settled_by_naming_it() {
    let (east, west) = plain_pair();
    update_database(&east, set(&[("/a", Rule::Max)]));
    exchange(&[&east, &west]);
    let checksums = |policy| DatabaseChange {
        checksums: Some(policy),
        ..DatabaseChange::of(shop())
    };
    update_database(&east, checksums(ChecksumPolicy::Required));
    update_database(&east, remove("/a"));
    pass(1);
    update_database(&west, checksums(ChecksumPolicy::Ignored));
    update_database(&west, set(&[("/a", Rule::Min)]));
    exchange(&[&east, &west]);
    let warnings = east.warnings().unwrap();
    assert!(
        warnings.iter().any(|it| it.contains("--checksums POLICY`")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|it| it.contains("--remove-rule /a`")),
        "{warnings:?}"
    );
    assert!(update_database(&west, checksums(ChecksumPolicy::Required)));
    assert!(update_database(&west, remove("/a")));
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!(node.warnings().unwrap(), [] as [String; 0]);
        let definition = node.definition(&shop()).unwrap();
        assert_eq!(
            (definition.rules.iter().count(), definition.settings.checksums),
            (0, ChecksumPolicy::Required)
        );
    }
}

#[test]
fn status_names_the_datacenters_that_do_not_hold_a_version_yet_and_forgets_it_by_itself() {
    let (east, west) = plain_pair();
    assert_eq!(east.visible()[0].version_missing_in, []);
    update_database(&east, set(&[("/a", Rule::Max)]));
    let missing: Vec<String> = east.visible()[0]
        .version_missing_in
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, ["west"]);
    let warnings = east.warnings().unwrap();
    assert_eq!(
        warnings,
        ["the definition of the database shop has not reached west yet"]
    );
    sync(&east, &west);
    assert_eq!(
        west.visible()[0].version_missing_in,
        [],
        "who got it from east knows that east has it"
    );
    assert_eq!(east.visible()[0].version_missing_in.len(), 1);
    sync(&west, &east);
    assert_eq!(
        (
            east.visible()[0].version_missing_in.len(),
            east.warnings().unwrap().len()
        ),
        (0, 0)
    );
}

fn with_policy(policy: ChecksumPolicy) -> Store {
    let east = open(&Arc::new(MemoryEngine::new()), options("east"));
    let definition = DatabaseDefinition {
        settings: DatabaseSettings {
            checksums: policy,
            ..DatabaseSettings::default()
        },
        ..definition("shop", Granularity::Field, &[])
    };
    one(&east, Operation::CreateDatabase(definition)).unwrap();
    east
}

fn checked((action, conditions): Wish, checksum: Checksum) -> Wish {
    let conditions = Conditions {
        checksum: Some(checksum),
        ..conditions
    };
    (action, conditions)
}

fn patch(json: &str) -> Wish {
    let patch = rejoin_document::Patch::merge(json.as_bytes(), &rejoin_document::Limits::default()).unwrap();
    let action = Action::Patch {
        patch: Arc::new(patch),
        create: true,
    };
    (action, Conditions::default())
}

#[test]
fn where_checksums_are_required_what_exists_is_not_replaced_without_one() {
    let east = with_policy(ChecksumPolicy::Required);
    put(&east, "made-by-update", update(r#"{"n":1}"#));
    put(&east, "made-by-patch", patch(r#"{"n":1}"#));
    let mut checksum = put(&east, "a", create(r#"{"n":1}"#)).checksum;
    for wish in [update(r#"{"n":2}"#), patch(r#"{"n":2}"#), delete()] {
        let error = try_put(&east, "a", wish).unwrap_err();
        assert!(
            matches!(&error, CommitError::ChecksumRequired { id } if id.as_str() == "a"),
            "{error}"
        );
        assert!(error.to_string().contains("send its checksum"), "{error}");
    }
    assert_eq!(shown(&east, "a").unwrap(), r#"{"n":1}"#);
    for wish in [update(r#"{"n":2}"#), patch(r#"{"n":3}"#)] {
        let error = try_put(&east, "a", checked(wish.clone(), Checksum(checksum.0 ^ 1))).unwrap_err();
        assert!(matches!(error, CommitError::ChecksumMismatch { .. }), "{error}");
        checksum = put(&east, "a", checked(wish, checksum)).checksum;
    }
    let swap = Action::Swap {
        expected: body(r#"{"n":3}"#),
        body: body(r#"{"n":4}"#),
    };
    put(&east, "a", (swap, Conditions::default()));
    let delete_if = Action::DeleteIf {
        expected: body(r#"{"n":4}"#),
    };
    put(&east, "a", (delete_if, Conditions::default()));
    put(&east, "a", update(r#"{"again":1}"#));
    let error = try_put(&east, "absent", delete()).unwrap_err();
    assert!(
        matches!(error, CommitError::DocumentNotFound { .. }),
        "nothing is there to be replaced: {error}"
    );
}

#[test]
fn where_checksums_are_ignored_a_wrong_one_does_no_harm_and_where_they_are_optional_it_does() {
    let ignored = with_policy(ChecksumPolicy::Ignored);
    put(&ignored, "a", create(r#"{"n":1}"#));
    put(&ignored, "a", checked(update(r#"{"n":2}"#), Checksum(1)));
    assert_eq!(shown(&ignored, "a").unwrap(), r#"{"n":2}"#);
    let optional = with_policy(ChecksumPolicy::Optional);
    put(&optional, "a", create(r#"{"n":1}"#));
    put(&optional, "a", update(r#"{"n":2}"#));
    assert!(try_put(&optional, "a", checked(update(r#"{"n":3}"#), Checksum(1))).is_err());
    let change = DatabaseChange {
        checksums: Some(ChecksumPolicy::Required),
        ..DatabaseChange::of(shop())
    };
    update_database(&optional, change);
    assert!(
        try_put(&optional, "a", update(r#"{"n":3}"#)).is_err(),
        "the new policy holds at once"
    );
}

#[test]
fn rules_beyond_what_a_definition_holds_are_refused_and_nothing_is_written() {
    let store = node("east");
    let paths: Vec<String> = (0..50_001).map(|n| format!("/m{n}")).collect();
    let rules: Vec<_> = paths.iter().map(|path| (path.as_str(), Rule::Counter)).collect();
    let digest = store.root_digest();
    let refused = create_database(&store, "large", &rules).unwrap_err();
    assert!(matches!(refused, CommitError::DefinitionTooLarge { .. }), "{refused:?}");
    let change = DatabaseChange {
        set_rules: RuleSet::new(rules).unwrap(),
        ..DatabaseChange::of(shop())
    };
    let refused = one(&store, Operation::UpdateDatabase(change)).unwrap_err();
    assert!(matches!(refused, CommitError::DefinitionTooLarge { .. }), "{refused:?}");
    assert_eq!(store.root_digest(), digest);
    assert!(
        store
            .status()
            .iter()
            .all(|database| database.name.to_string() != "large")
    );
}

#[test]
fn a_change_that_is_refused_settles_nothing_either() {
    let bounded = |name| StoreOptions {
        document_bytes_max: 5_000,
        ..options(name)
    };
    let east = open(&Arc::new(MemoryEngine::new()), bounded("east"));
    let west = open(&Arc::new(MemoryEngine::new()), bounded("west"));
    create_database(&east, "shop", &[]).unwrap();
    exchange(&[&east, &west]);
    update_database(&east, set(&[("/stock", Rule::Counter)]));
    update_database(&west, set(&[("/stock", Rule::Max)]));
    exchange(&[&east, &west]);
    let paths: Vec<String> = (0..500).map(|n| format!("/m{n}")).collect();
    let many = paths.iter().map(|path| (path.as_str(), Rule::Counter));
    let digest = west.root_digest();
    let before = (version(&west), rules_of(&west));
    let refused = try_update(&west, set(&many.chain([("/stock", Rule::Min)]).collect::<Vec<_>>())).unwrap_err();
    assert!(matches!(refused, CommitError::DocumentTooLarge { .. }), "{refused:?}");
    assert_eq!(
        (west.root_digest(), (version(&west), rules_of(&west))),
        (digest, before)
    );
    assert!(update_database(&west, set(&[("/stock", Rule::Min)])));
    assert_eq!(rules_of(&west), [("/stock".to_owned(), Rule::Min)]);
}
