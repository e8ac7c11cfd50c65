//! Callers that may not do what they ask, or ask too much at once.

use rejoin_api::Reason;

use super::Failure;
use crate::access::{Crowded, Denied};

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match &denied {
            Denied::Missing | Denied::Malformed | Denied::Wrong | Denied::Changed => {
                Self::new(Reason::Credentials, &denied)
            }
            Denied::Role { role, place, .. } => Self::new(Reason::Role, &denied)
                .with("role", role)
                .with("database", place),
            Denied::Crowded(crowded) => crowded.clone().into(),
        }
    }
}

impl From<Crowded> for Failure {
    fn from(crowded: Crowded) -> Self {
        let failure = Self::new(Reason::Overloaded, &crowded);
        match crowded {
            Crowded::Client { most, .. } => failure.with("most", most),
            Crowded::Whole { .. } => failure,
        }
    }
}
