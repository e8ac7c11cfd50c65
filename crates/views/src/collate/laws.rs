//! The laws of the order, on random keys and on CouchDB's own list.

use std::cmp::Ordering;

use proptest::prelude::*;
use rejoin_document::{Object, Value, parse_stored_value};

use super::CollationKey;
use super::texts::compare as compare_texts;

fn value(json: &str) -> Value {
    parse_stored_value(json.as_bytes()).unwrap()
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// CouchDB's order, written as a comparison.
fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a.compare_numeric(b),
        (Value::String(a), Value::String(b)) => compare_texts(a, b),
        (Value::Array(a), Value::Array(b)) => {
            let first = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            first.unwrap_or(a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let pairs = a.iter().zip(b.iter());
            let mut orders = pairs.map(|(a, b)| compare_texts(a.0, b.0).then_with(|| compare(a.1, b.1)));
            orders.find(|order| order.is_ne()).unwrap_or(a.len().cmp(&b.len()))
        }
        _ => kind(one).cmp(&kind(other)),
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAbBäé_ -]{0,4}",
        "[\u{0}-\u{7f}]{0,4}",
        "\\PC{0,5}",
        "(e\u{301}|é|E|\u{fff0}|\u{ffff}|\u{0}){0,3}"
    ]
}

fn numbers() -> impl Strategy<Value = Value> {
    // Floats in their shortest text: another text of a float is another decimal number, but the same key.
    let floats = any::<f64>().prop_filter("JSON has no such number", |float| float.is_finite());
    prop_oneof![
        (-20i64..20).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[1-9][0-9]{15,40}",
        (-40i32..40).prop_map(|number| format!("{:?}", f64::from(number) / 4.0)),
        floats.prop_map(|float| format!("{float:e}")),
    ]
    .prop_map(|text| value(&text))
}

fn keys() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers(),
        texts().prop_map(|text| Value::from(text.as_str())),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((texts(), inner), 0..3).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.into(), value));
                Value::Object(members.collect::<Object>())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_order_of_keys_is_the_order_of_bytes(a in keys(), b in keys()) {
        let (one, other) = (CollationKey::of(&a), CollationKey::of(&b));
        prop_assert_eq!(one.cmp(&other), compare(&a, &b), "{} {}", a, b);
    }

    #[test]
    fn numbers_sort_by_value_and_texts_as_the_collation_says(a in numbers(), b in numbers(), c in texts(), d in texts()) {
        prop_assert_eq!(CollationKey::of(&a).cmp(&CollationKey::of(&b)), compare(&a, &b), "{} {}", a, b);
        let (one, other) = (Value::from(c.as_str()), Value::from(d.as_str()));
        prop_assert_eq!(CollationKey::of(&one).cmp(&CollationKey::of(&other)), compare_texts(&c, &d));
    }

    #[test]
    fn no_key_begins_another(a in keys(), b in keys()) {
        let (one, other) = (CollationKey::of(&a), CollationKey::of(&b));
        prop_assert_eq!(one.as_bytes().starts_with(other.as_bytes()), one == other);
    }

    #[test]
    fn a_group_is_the_key_of_the_first_items(items in prop::collection::vec(keys(), 0..4), length in 0usize..5) {
        let first = items.iter().take(length).cloned().collect();
        let group = CollationKey::group(&Value::Array(items), length);
        prop_assert_eq!(group, CollationKey::of(&Value::Array(first)));
    }
}

#[test]
fn couchdbs_own_list_is_in_order() {
    // The list in CouchDB's documentation of view collation.
    let ascending = [
        "null",
        "false",
        "true",
        "1",
        "2",
        "3.0",
        "4",
        "\"a\"",
        "\"A\"",
        "\"aa\"",
        "\"b\"",
        "\"B\"",
        "\"ba\"",
        "\"bb\"",
        "[\"a\"]",
        "[\"b\"]",
        "[\"b\",\"c\"]",
        "[\"b\",\"c\",\"a\"]",
        "[\"b\",\"d\"]",
        "[\"b\",\"d\",\"e\"]",
        "{\"a\":1}",
        "{\"a\":2}",
        "{\"b\":1}",
        "{\"b\":2}",
        "{\"b\":2,\"a\":1}",
        "{\"b\":2,\"c\":2}",
    ];
    for pair in ascending.windows(2) {
        assert!(
            CollationKey::of(&value(pair[0])) < CollationKey::of(&value(pair[1])),
            "{pair:?}"
        );
    }
}

#[test]
fn what_couchdb_takes_for_one_key_is_one_key() {
    for (one, other) in [
        ("1", "1.0"),
        ("100", "1e2"),
        ("0.1", "0.1000000000000000055511151231257827"),
        ("-0", "0.0"),
        ("\"\u{e9}\"", "\"e\u{301}\""),
        ("\"a\"", "\"a\\u0000\""),
    ] {
        assert_eq!(
            CollationKey::of(&value(one)),
            CollationKey::of(&value(other)),
            "{one} {other}"
        );
    }
}

#[test]
fn the_high_key_of_couchdb_users_follows_every_text_with_its_prefix() {
    let high = CollationKey::of(&value("\"abc\u{fff0}\""));
    for text in [
        "\"abc\"",
        "\"abcd\"",
        "\"abczzz\"",
        "\"abc\u{4e2d}\"",
        "\"abc\u{1f600}\"",
    ] {
        assert!(CollationKey::of(&value(text)) < high, "{text}");
    }
    assert!(high < CollationKey::of(&value("\"abd\"")));
}
