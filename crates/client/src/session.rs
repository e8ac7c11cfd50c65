//! The session of a client: what it has seen, so that no answer is older, whichever node gives it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rejoin_api::SessionToken;

/// The newest token of each database. Clones are one session; calls may be made at the same time.
#[derive(Clone, Debug, Default)]
pub struct Session(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl Session {
    /// A session that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token of a database: what to hand on so that another client goes on with this session. Opaque, a few hundred bytes; `None` if the
    /// session has seen nothing of it.
    pub fn token(&self, database: &str) -> Option<Bytes> {
        self.tokens().get(database).cloned()
    }

    /// All tokens by database.
    pub fn all(&self) -> BTreeMap<String, Bytes> {
        self.tokens().clone()
    }

    /// From now on the session has seen what another one has by whose token this is, too.
    pub fn resume(&self, database: &str, token: Bytes) {
        self.saw(database, &Bytes::new(), token);
    }

    /// Begins anew with one database: after `SESSION_LOST`, or when the database was deleted and created again.
    pub fn forget(&self, database: &str) {
        self.tokens().remove(database);
    }

    /// Begins anew with one database after its token was refused, unless another call has brought a newer one meanwhile.
    pub(crate) fn forget_sent(&self, database: &str, sent: &Bytes) {
        let mut tokens = self.tokens();
        if tokens.get(database) == Some(sent) {
            tokens.remove(database);
        }
    }

    /// What to send with a call; empty if the session has seen nothing of the database.
    pub(crate) fn to_send(&self, database: &str) -> Bytes {
        self.token(database).unwrap_or_default()
    }

    /// Takes in the token of an answer to a call that was `sent` with a former one. The answer includes what was sent; what other calls have brought
    /// meanwhile is joined.
    pub(crate) fn saw(&self, database: &str, sent: &Bytes, answered: Bytes) {
        if answered.is_empty() {
            return;
        }
        let mut tokens = self.tokens();
        let token = match tokens.get(database) {
            Some(current) if current != sent => join(current, answered),
            _ => answered,
        };
        tokens.insert(database.to_owned(), token);
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of a session that has seen both. If one of them is of a version that this client does not read, the newest answer stands alone. If they are
/// of two lives of a database, the answer is taken for a late one, to a call that was made before the session went on with the other life.
fn join(current: &Bytes, answered: Bytes) -> Bytes {
    let (Ok(own), Ok(other)) = (SessionToken::decode(current), SessionToken::decode(&answered)) else {
        return answered;
    };
    own.join(&other)
        .map_or_else(|| current.clone(), |joined| joined.encode().into())
}

#[cfg(test)]
mod tests {
    use rejoin_document::{HlcTime, ReplicaId, VersionVector};

    use super::*;

    fn token(seen: &[(u8, u64)]) -> Bytes {
        let mut token = SessionToken::new("things");
        token.seen = vector(seen);
        token.encode().into()
    }

    fn vector(seen: &[(u8, u64)]) -> VersionVector {
        let seen = seen.iter();
        seen.map(|(replica, time)| (ReplicaId([*replica; 8]), HlcTime(*time)))
            .collect()
    }

    fn seen(session: &Session) -> VersionVector {
        SessionToken::decode(&session.to_send("things")).unwrap().seen
    }

    #[test]
    fn answers_to_calls_that_were_made_at_the_same_time_are_joined() {
        let session = Session::new();
        let sent = session.to_send("things");
        session.saw("things", &sent, token(&[(1, 5)]));
        session.clone().saw("things", &sent, token(&[(1, 3), (2, 4)]));
        assert_eq!(seen(&session), vector(&[(1, 5), (2, 4)]));
        session.saw("things", &sent, Bytes::new());
        assert_eq!(
            seen(&session),
            vector(&[(1, 5), (2, 4)]),
            "an answer without a token tells nothing"
        );
    }

    #[test]
    fn an_answer_to_the_newest_token_takes_its_place_so_that_it_can_become_shorter() {
        let session = Session::new();
        session.resume("things", token(&[(1, 5), (2, 4)]));
        let sent = session.to_send("things");
        session.saw("things", &sent, token(&[(2, 6)]));
        assert_eq!(seen(&session), vector(&[(2, 6)]));
        session.forget("things");
        assert_eq!(session.token("things"), None);
    }

    #[test]
    fn a_late_answer_of_a_former_life_of_a_database_takes_nothing_from_the_next_one() {
        let session = Session::new();
        session.resume("things", token(&[(1, 5)]));
        let sent = session.to_send("things");
        session.forget_sent("things", &sent);
        assert_eq!(session.token("things"), None);
        let next: Bytes = SessionToken::new("things@2").encode().into();
        session.saw("things", &Bytes::new(), next.clone());
        session.saw("things", &sent, token(&[(1, 6)]));
        session.forget_sent("things", &sent);
        assert_eq!(session.to_send("things"), next);
    }

    #[test]
    fn a_token_that_this_version_does_not_read_takes_the_place_of_the_former_one() {
        let session = Session::new();
        session.resume("things", token(&[(1, 5)]));
        session.resume("things", Bytes::from_static(b"of a later version"));
        assert_eq!(session.to_send("things"), &b"of a later version"[..]);
    }
}
