//! What operations weigh while they wait: the queue is bounded in bytes.

use rejoin_document::{Object, Value};

use crate::operation::{Action, Choice, Operation, Settling};

/// The least that anything weighs.
const SMALL: usize = 256;

impl Operation {
    /// Bytes of bodies and states, roughly; never 0.
    pub fn weight(&self) -> usize {
        let carried = match self {
            Operation::Write(request) => action(&request.action),
            Operation::WriteBatch(batch) => {
                let writes = batch.writes.iter().map(|write| SMALL + action(&write.action));
                writes.sum()
            }
            Operation::Resolve(request) => match &request.settling {
                Settling::Body(body) => object(body),
                Settling::Paths(choices) => choices.iter().map(|(path, choice)| path.len() + chosen(choice)).sum(),
                Settling::Against(_) | Settling::All { .. } => 0,
            },
            Operation::Apply(apply) => apply
                .items
                .iter()
                .map(|item| item.state.len() + item.id.as_str().len())
                .sum(),
            Operation::Insert(insertion) => insertion.history.len() * SMALL + object(&insertion.content.body),
            Operation::PutLocal(local) => local.id.len() + local.body.as_deref().map_or(0, object),
            Operation::SaveHeal { report, .. } => report.len(),
            _ => 0,
        };
        SMALL + carried
    }
}

fn action(action: &Action) -> usize {
    match action {
        Action::Create { body } | Action::Update { body } => object(body),
        Action::Swap { expected, body } => object(expected) + object(body),
        Action::DeleteIf { expected } => object(expected),
        Action::DeleteLeaving { tombstone } => object(tombstone),
        Action::Patch { patch, .. } => patch.weight(),
        Action::Delete | Action::Restore { .. } => 0,
    }
}

fn chosen(choice: &Choice) -> usize {
    match choice {
        Choice::Value(json) => value(json),
        _ => 0,
    }
}

fn object(members: &Object) -> usize {
    members.iter().map(|(name, member)| name.len() + value(member)).sum()
}

/// Bodies nest no deeper than the model's bound.
fn value(json: &Value) -> usize {
    match json {
        Value::Null | Value::Bool(_) => 8,
        Value::Number(_) => 16,
        Value::String(text) => 8 + text.len(),
        Value::Array(elements) => 8 + elements.iter().map(value).sum::<usize>(),
        Value::Object(members) => 8 + object(members),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rejoin_document::{Limits, RevisionBody, parse_body};

    use super::*;
    use crate::operation::{Insertion, LocalWrite};

    #[test]
    fn what_replication_brings_weighs_what_its_bodies_do() {
        let text = format!("{{\"text\":\"{}\"}}", "x".repeat(10_000));
        let body = Arc::new(parse_body(text.as_bytes(), &Limits::default()).unwrap());
        let insertion = Insertion {
            database: "db".parse().unwrap(),
            id: "a".parse().unwrap(),
            history: vec!["1-a".parse().unwrap()],
            content: RevisionBody::of(Some(Arc::clone(&body))),
        };
        let local = LocalWrite {
            database: "db".parse().unwrap(),
            id: "checkpoint".to_owned(),
            base: 0,
            body: Some(body),
        };
        for operation in [Operation::Insert(insertion), Operation::PutLocal(local)] {
            assert!(operation.weight() > 10_000, "{operation:?}");
        }
    }
}
