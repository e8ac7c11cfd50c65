//! What other rules do to what is stored: the dry run, and values across a cut.

use super::*;

/// Every effect, page by page.
fn preview(store: &Store, rules: &RuleSet, limit: usize) -> Vec<RuleEffect> {
    let (mut effects, mut after) = (Vec::new(), None);
    loop {
        let page = store.preview(&shop(), rules, after.as_ref(), limit).unwrap();
        effects.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return effects,
        }
    }
}

/// Documents that both sides created and edited apart.
fn divided() -> (Store, Store) {
    let (east, west) = plain_pair();
    for (id, n) in [("a", 5), ("b", 1), ("c", 2)] {
        put(&east, id, create(&format!(r#"{{"n":{n},"name":"x"}}"#)));
    }
    put(&west, "a", create(r#"{"n":3,"name":"y"}"#));
    put(&west, "b", create(r#"{"n":3,"name":"x"}"#));
    exchange(&[&east, &west]);
    (east, west)
}

#[test]
fn a_dry_run_says_what_would_be_shown_and_what_would_be_open_and_changes_nothing() {
    let (east, west) = divided();
    let before = east.root_digest();
    let effects = preview(&east, &rules(&[("/n", Rule::Max)]), 1);
    let told: Vec<_> = effects
        .iter()
        .map(|effect| {
            let value = |value: &Option<rejoin_document::Value>| value.as_ref().map(|value| value.to_json());
            (
                effect.id.as_str(),
                effect.path.as_str(),
                value(&effect.shown).unwrap(),
                value(&effect.would_show).unwrap(),
                (effect.open, effect.would_be_open),
            )
        })
        .collect();
    let three = || "3".to_owned();
    assert_eq!(
        told,
        [
            ("a", "/n", three(), "5".to_owned(), (true, false)),
            ("b", "/n", three(), three(), (true, false))
        ],
        "the names stay as they are"
    );
    assert_eq!((east.root_digest(), rules_of(&east).len()), (before, 0));
    assert_eq!(preview(&east, &RuleSet::none(), 9), []);
    update_database(&east, set(&[("/n", Rule::Max)]));
    exchange(&[&east, &west]);
    assert_eq!(shown(&west, "a").unwrap(), shown(&east, "a").unwrap());
    let back = preview(&west, &RuleSet::none(), 9);
    assert_eq!(back.len(), 2);
    assert!(back.iter().all(|effect| !effect.open && effect.would_be_open));
    let error = east.preview(&shop_of(2), &RuleSet::none(), None, 1).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// What a dry run foretells is what is shown once the rules are changed.
    #[test]
    fn a_dry_run_foretells_what_the_change_does(values in prop::collection::vec((0u32..4, 0u32..4), 1..6), rule in 0usize..4) {
        let rule = [Rule::Latest, Rule::Max, Rule::Min, Rule::Register][rule];
        let (east, west) = plain_pair();
        for (number, (ours, theirs)) in values.iter().enumerate() {
            put(&east, &number.to_string(), create(&format!(r#"{{"n":{ours}}}"#)));
            put(&west, &number.to_string(), create(&format!(r#"{{"n":{theirs}}}"#)));
        }
        exchange(&[&east, &west]);
        let see = |number: usize| {
            let shown = east.get(&shop(), &id(&number.to_string())).unwrap().unwrap().shown;
            (shown.body.pointer("/n").cloned(), !shown.conflicts.is_empty())
        };
        let before: Vec<_> = (0..values.len()).map(see).collect();
        let effects = preview(&east, &rules(&[("/n", rule)]), 2);
        update_database(&east, set(&[("/n", rule)]));
        for (number, before) in before.into_iter().enumerate() {
            let effect = effects.iter().find(|effect| effect.id.as_str() == number.to_string());
            let foretold = effect.map_or(before.clone(), |effect| {
                assert_eq!((effect.shown.clone(), effect.open), before);
                (effect.would_show.clone(), effect.would_be_open)
            });
            prop_assert_eq!(foretold, see(number));
        }
    }
}

/// Both sides hold documents from before the rule; one changes it while they are apart, and both write on.
fn across_a_cut(before: &[(&str, Rule)], change: DatabaseChange, start: &str, ours: &str, theirs: &str) -> [String; 2] {
    let (east, west) = plain_pair();
    if !before.is_empty() {
        update_database(&east, set(before));
    }
    put(&east, "a", create(start));
    exchange(&[&east, &west]);
    update_database(&east, change);
    put(&east, "a", update(ours));
    put(&west, "a", update(theirs));
    exchange(&[&east, &west]);
    assert_eq!(east.root_digest(), west.root_digest());
    while east.has_pending_work() || west.has_pending_work() {
        east.commit(Vec::new());
        west.commit(Vec::new());
    }
    let shows = [&east, &west].map(|node| {
        verify(node, &shop());
        format!("{:?}", node.get(&shop(), &id("a")).unwrap().unwrap().shown)
    });
    assert_eq!(shows[0], shows[1]);
    [shown(&east, "a").unwrap(), shows[0].clone()]
}

#[test]
fn a_register_that_becomes_a_counter_loses_no_value_across_a_cut() {
    let counter = set(&[("/n", Rule::Counter)]);
    let [_, shown] = across_a_cut(&[], counter.clone(), r#"{"n":10}"#, r#"{"n":13}"#, r#"{"n":20}"#);
    assert!(shown.contains("20") && shown.contains("13"), "both are there: {shown}");
    let [body, _] = across_a_cut(
        &[],
        counter,
        r#"{"n":10,"x":1}"#,
        r#"{"n":13,"x":1}"#,
        r#"{"n":10,"x":2}"#,
    );
    assert_eq!(body, r#"{"n":13,"x":2}"#);
}

#[test]
fn a_register_that_becomes_a_set_loses_no_value_across_a_cut() {
    let becomes = set(&[("/t", Rule::Set)]);
    let [_, shown] = across_a_cut(
        &[],
        becomes,
        r#"{"t":["a"]}"#,
        r#"{"t":["a","e"]}"#,
        r#"{"t":["a","w"]}"#,
    );
    for element in ["\"a\"", "\"e\"", "\"w\""] {
        assert!(shown.contains(element), "{element}: {shown}");
    }
}

#[test]
fn a_counter_that_becomes_a_register_loses_no_value_across_a_cut() {
    let before = [("/n", Rule::Counter)];
    let [_, shown] = across_a_cut(&before, remove("/n"), r#"{"n":10}"#, r#"{"n":13}"#, r#"{"n":12}"#);
    // East overwrote what was counted so far; what west added stands beside that.
    assert!(
        shown.contains("Value(Number(13))") && shown.contains("Value(Number(2))"),
        "{shown}"
    );
    let [body, _] = across_a_cut(
        &before,
        remove("/n"),
        r#"{"n":10,"x":1}"#,
        r#"{"n":10,"x":2}"#,
        r#"{"n":12,"x":1}"#,
    );
    assert_eq!(body, r#"{"n":12,"x":2}"#);
}

#[test]
fn a_register_that_becomes_a_maximum_shows_the_greatest_across_a_cut() {
    let [body, _] = across_a_cut(
        &[],
        set(&[("/n", Rule::Max)]),
        r#"{"n":10}"#,
        r#"{"n":30}"#,
        r#"{"n":20}"#,
    );
    assert_eq!(body, r#"{"n":30}"#);
}

/// What east and west show after each wrote one of `theirs` apart, east under the new rule and west, later, without knowing of it; and after east then
/// wrote `next` on what it is shown.
fn gone_on_with(rule: Rule, before: &str, theirs: [&str; 2], next: &str) -> rejoin_document::Shown {
    let (east, west) = plain_pair();
    put(&east, "a", create(before));
    exchange(&[&east, &west]);
    update_database(&east, set(&[("/v", rule)]));
    put(&east, "a", update(theirs[0]));
    pass(1);
    put(&west, "a", update(theirs[1]));
    exchange(&[&east, &west]);
    assert_eq!(shown(&east, "a").unwrap(), theirs[1], "the newest is shown");
    pass(1);
    put(&east, "a", update(next));
    exchange(&[&east, &west]);
    assert_eq!(east.root_digest(), west.root_digest());
    let found = west.get(&shop(), &id("a")).unwrap().unwrap();
    found.shown
}

#[test]
fn who_counts_on_from_a_number_that_competes_with_a_count_is_shown_what_he_wrote() {
    let shown = gone_on_with(
        Rule::Counter,
        r#"{"v":5}"#,
        [r#"{"v":7}"#, r#"{"v":100}"#],
        r#"{"v":101}"#,
    );
    assert_eq!(shown.body.to_json(), r#"{"v":101}"#);
    assert_eq!(shown.conflicts, [], "who had read the count has decided");
}

#[test]
fn who_extends_an_array_that_competes_with_a_set_is_shown_what_he_wrote() {
    let shown = gone_on_with(
        Rule::Set,
        r#"{"v":["a"]}"#,
        [r#"{"v":["a","b"]}"#, r#"{"v":["a","c"]}"#],
        r#"{"v":["a","c","d"]}"#,
    );
    assert_eq!(shown.body.to_json(), r#"{"v":["a","c","d"]}"#);
    assert_eq!(shown.conflicts, []);
}
