//! The built-in reduces, as CouchDB computes them.

use proptest::prelude::*;
use rejoin_document::parse_stored_value;

use super::{PLACES_MAX, Reduce, ReduceError, Running, UnknownReduce};

fn reduced(reduce: Reduce, values: &[&str]) -> Result<String, ReduceError> {
    let values: Vec<_> = values
        .iter()
        .map(|text| parse_stored_value(text.as_bytes()).unwrap())
        .collect();
    let start = Running::start(reduce, &values[0])?;
    let running = values[1..]
        .iter()
        .try_fold(start, |running, value| running.with(value))?;
    Ok(running.to_json())
}

#[test]
fn names_are_those_of_couchdb() {
    assert_eq!(" _count\n".parse(), Ok(Reduce::Count));
    assert_eq!("_sum".parse(), Ok(Reduce::Sum));
    assert_eq!("_stats".parse(), Ok(Reduce::Stats));
    let unknown = "_median".parse::<Reduce>().unwrap_err();
    assert_eq!(unknown, UnknownReduce("_median".into()));
    assert!(
        unknown
            .to_string()
            .starts_with("`_median` is not a supported reduce function")
    );
}

#[test]
fn count_counts_whatever_the_values_are() {
    assert_eq!(reduced(Reduce::Count, &["null", "{}", "\"x\""]).unwrap(), "3");
}

#[test]
fn sum_adds_numbers_and_arrays_place_by_place() {
    for (values, expected) in [
        (&["1", "2", "-5"][..], "-2"),
        (&["1", "0.5"], "1.5"),
        (&["1.5", "1.5"], "3.0"),
        (&["9223372036854775807", "9223372036854775807"], "18446744073709551614"),
        (&["[1,2]", "[3,4,5]"], "[4,6,5]"),
        (&["1", "[3,4]", "2"], "[6,4]"),
        (&["[]", "[]"], "[]"),
        (&["[]", "7"], "[7]"),
        (&["1e308", "1e308"], "1.7976931348623157e308"),
    ] {
        assert_eq!(reduced(Reduce::Sum, values).unwrap(), expected, "{values:?}");
    }
    for values in [&["\"1\""][..], &["1", "null"], &["[1,\"x\"]"], &["{\"a\":1}"]] {
        assert!(
            matches!(reduced(Reduce::Sum, values), Err(ReduceError::NotSummable(_))),
            "{values:?}"
        );
    }
}

#[test]
fn stats_measure_numbers_and_arrays_place_by_place() {
    assert_eq!(
        reduced(Reduce::Stats, &["3", "1", "2"]).unwrap(),
        r#"{"sum":6,"count":3,"min":1,"max":3,"sumsqr":14}"#
    );
    assert_eq!(
        reduced(Reduce::Stats, &["[1,10]", "[2,0.5]"]).unwrap(),
        r#"[{"sum":3,"count":2,"min":1,"max":2,"sumsqr":5},{"sum":10.5,"count":2,"min":0.5,"max":10,"sumsqr":100.25}]"#
    );
    assert!(matches!(
        reduced(Reduce::Stats, &["\"x\""]),
        Err(ReduceError::NotMeasurable(_))
    ));
    assert_eq!(reduced(Reduce::Stats, &["1", "[1]"]), Err(ReduceError::Uneven));
    assert_eq!(reduced(Reduce::Stats, &["[1]", "[1,2]"]), Err(ReduceError::Uneven));
}

#[test]
fn an_array_is_reduced_up_to_its_bound() {
    let array = |places: usize| format!("[{}0]", "0,".repeat(places - 1));
    for reduce in [Reduce::Sum, Reduce::Stats] {
        assert!(reduced(reduce, &[&array(PLACES_MAX)]).is_ok());
        let refused = reduced(reduce, &[&array(PLACES_MAX + 1)]);
        assert_eq!(refused, Err(ReduceError::TooManyPlaces { places: 10_001 }));
    }
    assert_eq!(reduced(Reduce::Count, &[&array(PLACES_MAX + 1)]).unwrap(), "1");
}

proptest! {
    #[test]
    fn the_order_of_integers_does_not_matter(mut values in prop::collection::vec(-(1i64 << 56)..(1i64 << 56), 1..20)) {
        let texts = |values: &[i64]| values.iter().map(i64::to_string).collect::<Vec<_>>();
        let run = |texts: &[String], reduce| reduced(reduce, &texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let before = texts(&values);
        values.sort_unstable();
        let after = texts(&values);
        let total: i128 = values.iter().map(|value| i128::from(*value)).sum();
        prop_assert_eq!(run(&before, Reduce::Sum), total.to_string());
        prop_assert_eq!(run(&before, Reduce::Stats), run(&after, Reduce::Stats));
    }
}
