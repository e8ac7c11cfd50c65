//! What a stream tells its session while it lasts.

use rejoin_api::proto;

use crate::call_options::ReadState;
use crate::session::Session;

/// The session that a stream belongs to, and how what it has brought so far stands to it.
#[derive(Debug)]
pub(crate) struct Told {
    session: Session,
    database: String,
    state: ReadState,
}

impl Told {
    /// Nothing was told yet.
    pub(crate) fn new(session: &Session, database: &str) -> Self {
        Self {
            session: session.clone(),
            database: database.to_owned(),
            state: ReadState::default(),
        }
    }

    /// Takes in the state of an answer, if it has one: other calls of the session may have told it of other things meanwhile.
    pub(crate) fn take_in(&mut self, state: Option<proto::ReadState>) {
        if let Some(state) = state {
            self.session.resume(&self.database, state.session_token.clone());
            self.state = state.into();
        }
    }

    pub(crate) fn state(&self) -> &ReadState {
        &self.state
    }
}
