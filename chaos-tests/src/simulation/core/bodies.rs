//! Random bodies, and how they flatten: as in the reference model of the merge (`random_body`, `flatten`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::plan::Dice;

/// The rules of the database of granularity `field`.
pub(super) const RULES: [(&str, &str); 6] = [
    ("/tags", "set"),
    ("/stock", "counter"),
    ("/o/n", "counter"),
    ("/high", "max"),
    ("/low", "min"),
    ("/seen", "latest"),
];

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Segment {
    Member(String),
    /// An element of a set: its canonical text.
    Element(String),
}

pub(super) type Path = Vec<Segment>;

/// What stands at the end of a path.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Value(Value),
    Counter(i64),
}

impl Leaf {
    pub(super) fn text(&self) -> String {
        match self {
            Leaf::Value(value) => canonical(value),
            Leaf::Counter(number) => format!("counter {number}"),
        }
    }

    pub(super) fn is_empty_container(&self) -> bool {
        matches!(self, Leaf::Value(value) if *value == json!({}) || *value == json!([]))
    }
}

/// JSON text with sorted members.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, String> =
                members.iter().map(|(name, value)| (name, canonical(value))).collect();
            let members: Vec<String> = sorted
                .iter()
                .map(|(name, text)| format!("{}:{text}", json!(name)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(canonical).collect();
            format!("[{}]", elements.join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// The rule at a path.
pub(super) fn rule_of(path: &[Segment]) -> &'static str {
    let members = path.iter().filter_map(|segment| match segment {
        Segment::Member(name) => Some(format!("/{name}")),
        Segment::Element(_) => None,
    });
    let pointer: String = members.collect();
    RULES
        .iter()
        .find(|(path, _)| *path == pointer)
        .map_or("register", |(_, rule)| rule)
}

/// The leaves of a body.
pub(super) fn flatten(body: &Value) -> BTreeMap<Path, Leaf> {
    let mut leaves = BTreeMap::new();
    flatten_into(body, &mut Vec::new(), &mut leaves);
    leaves
}

fn flatten_into(value: &Value, path: &mut Path, leaves: &mut BTreeMap<Path, Leaf>) {
    match (value, rule_of(path)) {
        (Value::Object(members), _) => {
            if !path.is_empty() && members.is_empty() {
                leaves.insert(path.clone(), Leaf::Value(value.clone()));
            }
            for (name, value) in members {
                path.push(Segment::Member(name.clone()));
                flatten_into(value, path, leaves);
                path.pop();
            }
        }
        (Value::Array(elements), "set") => {
            leaves.insert(path.clone(), Leaf::Value(json!([])));
            for element in elements {
                path.push(Segment::Element(canonical(element)));
                leaves
                    .entry(path.clone())
                    .or_insert_with(|| Leaf::Value(element.clone()));
                path.pop();
            }
        }
        (Value::Number(number), "counter") if number.is_i64() => {
            leaves.insert(path.clone(), Leaf::Counter(number.as_i64().expect("it is one")));
        }
        _ => drop(leaves.insert(path.clone(), Leaf::Value(value.clone()))),
    }
}

/// A body that differs from `body` in one to three members.
pub(super) fn random_body(dice: &mut Dice, body: &Value) -> Value {
    let mut body = body.as_object().cloned().unwrap_or_default();
    for _ in 0..*dice.choose(&[1, 1, 1, 2, 3]) {
        let name = *dice.choose(&["a", "b", "o", "o", "o", "tags", "stock", "high", "low", "seen", "list"]);
        if dice.percent(15) {
            body.remove(name);
            continue;
        }
        let value = random_member(dice, name, &body);
        body.insert(name.to_owned(), value);
    }
    Value::Object(body)
}

fn random_member(dice: &mut Dice, name: &str, body: &Map<String, Value>) -> Value {
    match name {
        "a" | "b" => match dice.below(8) {
            0 => json!(1),
            1 => json!(2),
            2 => json!(3),
            3 => json!("x"),
            4 => Value::Null,
            5 => json!({ "n": dice.below(3) }),
            6 => json!({}),
            _ => json!({ "p": { "q": dice.below(3) } }),
        },
        "o" => random_object(dice, body.get("o").and_then(Value::as_object)),
        "tags" => {
            let old = body.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut tags: Vec<Value> = old.into_iter().filter(|_| !dice.percent(20)).collect();
            let tag = json!(*dice.choose(&["p", "q", "r", "s", "t"]));
            if !tags.contains(&tag) {
                tags.push(tag);
            }
            Value::Array(tags)
        }
        "list" => Value::Array((0..dice.below(3)).map(|_| json!(dice.below(3))).collect()),
        _ => {
            let old = body.get(name).and_then(Value::as_i64).unwrap_or_default();
            json!(old + 1 + i64::try_from(dice.below(4)).expect("small"))
        }
    }
}

fn random_object(dice: &mut Dice, old: Option<&Map<String, Value>>) -> Value {
    let mut object = old.cloned().unwrap_or_default();
    let value = match dice.below(4) {
        0 => json!(1),
        1 => json!(2),
        2 => json!({ "d": dice.below(4) }),
        _ => json!({}),
    };
    object.insert((*dice.choose(&["x", "y", "z"])).to_owned(), value);
    if dice.percent(30) {
        let old = object.get("n").and_then(Value::as_i64).unwrap_or_default();
        object.insert(
            "n".to_owned(),
            json!(old + 1 + i64::try_from(dice.below(3)).expect("small")),
        );
    }
    if dice.percent(25) {
        object.remove(*dice.choose(&["x", "y", "z"]));
    }
    if dice.percent(90) {
        Value::Object(object)
    } else {
        json!(dice.below(5))
    }
}
