//! Why somebody may not do what he asks.

use thiserror::Error;

use super::{Crowded, Place, Role};

/// Why a call is not let in. The message says what to do, and repeats nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Denied {
    /// It came without credentials.
    #[error(
        "this node asks who calls: send the name and the password of a user, or a token (on the command line --user NAME \
         with REJOIN_PASSWORD or --password-file FILE, or --token-file FILE)"
    )]
    Missing,
    /// Its credentials cannot be read.
    #[error(
        "the header `authorization` is neither `Basic` with a name and a password in base64 nor `Bearer` with a token"
    )]
    Malformed,
    /// There is no such user, or the secret is another one: which of the two is told to nobody.
    #[error(
        "there is no such user, or it has another password or token; `rejoin user list` lists the users, and what is \
         changed there is in force once the node has had SIGHUP"
    )]
    Wrong,
    /// The user was changed while its call was under way.
    #[error("the user was changed while the call was under way; begin it again")]
    Changed,
    /// The user has not the role for it.
    #[error(
        "{user} may not do this: it takes the role `{role}` in {}; `rejoin user roles` gives it",
        in_words(place)
    )]
    Role {
        /// The user.
        user: String,
        /// The least role that may.
        role: Role,
        /// Where.
        place: Place,
    },
    /// The client, or all clients together, take as much as they may.
    #[error(transparent)]
    Crowded(#[from] Crowded),
}

fn in_words(place: &Place) -> String {
    match place {
        Place::All => "`*`, which is all databases and the node".to_owned(),
        Place::Database(name) => format!("the database {name}"),
    }
}
