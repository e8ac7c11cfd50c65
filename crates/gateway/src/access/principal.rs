//! Who asks, and what he may do.

use std::fmt;
use std::sync::Arc;

use rejoin_document::DatabaseName;

use super::{Access, ClientId, Denied, Place, Role, User};

/// Who makes a call. Every call that a service sees carries one as an extension. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Principal(Who);

#[derive(Clone)]
enum Who {
    /// Nobody is asked.
    Everybody,
    User {
        name: Arc<str>,
        /// The user as it was let in.
        user: Arc<User>,
        access: Access,
    },
}

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// The node, or all databases.
    Node,
    /// One database, as the call names it.
    Database(&'a str),
}

impl<'a> Scope<'a> {
    /// A database, or all of them where a call names none.
    pub(crate) fn of(database: &'a str) -> Self {
        match database {
            "" => Self::Node,
            name => Self::Database(name),
        }
    }

    /// The name without its incarnation; `None` for the node, and for what is no name: whoever may do it everywhere is told so by the service.
    fn database(self) -> Option<DatabaseName> {
        match self {
            Self::Node => None,
            Self::Database(text) => DatabaseName::explicit(text).ok().map(|name| name.base()),
        }
    }
}

impl Principal {
    /// Who asks a node that asks nobody.
    pub(super) fn everybody() -> Self {
        Self(Who::Everybody)
    }

    /// A user that has proved who it is.
    pub(super) fn user(name: &str, user: &User, access: &Access) -> Self {
        Self(Who::User {
            name: name.into(),
            user: Arc::new(user.clone()),
            access: access.clone(),
        })
    }

    /// Whether it may do what takes `role` in `scope`, as the file of users says now.
    ///
    /// # Errors
    ///
    /// [`Denied::Role`], or [`Denied::Wrong`] for a user that was removed meanwhile.
    pub(crate) fn may(&self, role: Role, scope: Scope<'_>) -> Result<(), Denied> {
        let Who::User { name, access, .. } = &self.0 else {
            return Ok(());
        };
        let users = access.users();
        let user = users.get(name).ok_or(Denied::Wrong)?;
        let database = scope.database();
        let held = user.role_in(database.as_ref().map(DatabaseName::as_str));
        if held.is_some_and(|held| held >= role) {
            return Ok(());
        }
        Err(Denied::Role {
            user: name.to_string(),
            role,
            place: database.map_or(Place::All, Place::Database),
        })
    }

    /// Whether it may know that there is this database, and read it.
    pub(crate) fn may_read(&self, database: &str) -> bool {
        self.may(Role::Reader, Scope::Database(database)).is_ok()
    }

    /// How its share is counted, if not by where it calls from.
    pub(crate) fn client_id(&self) -> Option<ClientId> {
        match &self.0 {
            Who::Everybody => None,
            Who::User { name, .. } => Some(ClientId::User(Arc::clone(name))),
        }
    }

    /// Waits until the user is not what it was when it was let in: removed, or with other roles, another password or other tokens. Never ends
    /// before, nor where nobody is asked.
    pub(crate) async fn changed(self) {
        let Who::User { name, user, access } = self.0 else {
            return std::future::pending().await;
        };
        let mut news = access.subscribe();
        loop {
            let same = news.borrow_and_update().get(&name) == Some(&*user);
            if !same {
                return;
            }
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Who::Everybody => formatter.write_str("Everybody"),
            Who::User { name, .. } => write!(formatter, "User({name})"),
        }
    }
}
