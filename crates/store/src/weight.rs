//! What operations weigh while they wait: the queue is bounded in bytes.

use rejoin_document::{Object, Value};

use crate::operation::{Action, Choice, Operation, Settling};

/// The least that anything weighs.
const SMALL: usize = 256;

impl Operation {
    /// Bytes of bodies and states, roughly; never 0.
    pub(crate) fn weight(&self) -> usize {
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
