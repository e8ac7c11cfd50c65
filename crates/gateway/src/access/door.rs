//! The door: who comes in, by what he sends.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use super::credentials::Credentials;
use super::{ClientId, Denied, Principal, Secret, Shares, Users, UsersError, UsersFile};

/// Comparisons of passwords that run at once at most: each takes 19 MiB and a core.
const COMPARISONS_MAX: usize = 4;

/// Comparisons that wait or run at most; of one client half of them.
const WAITING_MAX: usize = 64;

/// Who is let in. Cheap to clone; clones share the users.
#[derive(Clone)]
pub(crate) struct Access(Arc<Door>);

struct Door {
    /// The file of users; without one everybody is let in.
    file: Option<PathBuf>,
    users: watch::Sender<Arc<Users>>,
    comparing: Arc<Semaphore>,
    waiting: Shares,
}

impl Access {
    /// With the users of a file; an empty path names none.
    ///
    /// # Errors
    ///
    /// The file cannot be used; the error says what to do.
    pub(crate) fn open(file: &Path) -> Result<Self, UsersError> {
        let file = (!file.as_os_str().is_empty()).then(|| file.to_owned());
        let read = file.as_deref().map(UsersFile::load).transpose()?.unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self(Arc::new(Door {
            file,
            users: watch::Sender::new(Arc::new(Users::new(&read.users))),
            comparing: Arc::new(Semaphore::new((cores / 2).clamp(1, COMPARISONS_MAX))),
            waiting: Shares::new("passwords to compare", WAITING_MAX, WAITING_MAX / 2),
        })))
    }

    /// Whether callers have to say who they are.
    pub(crate) fn asks(&self) -> bool {
        self.0.file.is_some()
    }

    /// The users now.
    pub(crate) fn users(&self) -> Arc<Users> {
        Arc::clone(&self.0.users.borrow())
    }

    /// Tells of each change of the file from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Users>> {
        self.0.users.subscribe()
    }

    /// Reads the file again, and changes nothing yet; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be used; the error names the line.
    pub(crate) fn read(&self) -> Result<Option<UsersFile>, UsersError> {
        self.0.file.as_deref().map(UsersFile::load).transpose()
    }

    /// Puts other users in the place of those in force. Whatever was known of passwords is forgotten.
    pub(crate) fn put(&self, file: &UsersFile) {
        self.0.users.send_replace(Arc::new(Users::new(&file.users)));
    }

    /// Who sends `authorization`; `from` is where it comes from.
    ///
    /// # Errors
    ///
    /// Nothing was sent, it makes no sense, it is wrong, or too many passwords are to be compared.
    pub(crate) async fn admit(&self, authorization: Option<&[u8]>, from: &ClientId) -> Result<Principal, Denied> {
        if !self.asks() {
            return Ok(Principal::everybody());
        }
        let users = self.users();
        let name = match Credentials::parse(authorization.ok_or(Denied::Missing)?)? {
            Credentials::Bearer(token) => users.of_token(&token).ok_or(Denied::Wrong)?.to_owned(),
            Credentials::Basic { name, password } => {
                if !users.is_verified(&name, &password) && !self.compare(&users, &name, password, from).await? {
                    return Err(Denied::Wrong);
                }
                name
            }
        };
        let user = users.get(&name).ok_or(Denied::Wrong)?;
        Ok(Principal::user(&name, user, self))
    }

    /// Compares a password where it holds up nobody.
    async fn compare(&self, users: &Arc<Users>, name: &str, password: Secret, from: &ClientId) -> Result<bool, Denied> {
        let place = self.0.waiting.take(from, 1)?;
        // It is never closed.
        let turn = Arc::clone(&self.0.comparing).acquire_owned().await;
        let (users, name) = (Arc::clone(users), name.to_owned());
        let compared = tokio::task::spawn_blocking(move || {
            // Until it is done, though its client may have gone.
            let _held = (place, turn);
            // Another call may have done it while this one waited.
            users.is_verified(&name, &password) || users.verify(&name, &password)
        });
        Ok(compared.await.unwrap_or(false))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Access({:?})", self.0.file)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{PasswordHash, Place, Role, Scope, TokenHash, TokenRecord, User, UserName};
    use super::*;

    const FROM: ClientId = ClientId::Unknown;

    fn ada(roles: &[(&str, Role)]) -> UsersFile {
        let place = |text: &str| Place::try_from(text.to_owned()).unwrap();
        let user = User {
            password: PasswordHash::new(&Secret::new("right")).ok(),
            roles: roles.iter().map(|(text, role)| (place(text), *role)).collect(),
            tokens: vec![TokenRecord {
                name: "laptop".parse().unwrap(),
                hash: TokenHash::of(&Secret::new("token")),
            }],
        };
        UsersFile {
            users: BTreeMap::from([("ada".parse::<UserName>().unwrap(), user)]),
        }
    }

    fn asking(file: &UsersFile) -> Access {
        let place = tempfile::NamedTempFile::new().unwrap();
        let access = Access::open(place.path()).unwrap();
        access.put(file);
        access
    }

    // ada:right and ada:wrong
    const RIGHT: Option<&[u8]> = Some(b"Basic YWRhOnJpZ2h0");
    const WRONG: Option<&[u8]> = Some(b"Basic YWRhOndyb25n");

    #[tokio::test]
    async fn who_proves_to_be_a_user_is_let_in_and_nobody_else() {
        let access = asking(&ada(&[("customers", Role::Writer)]));
        let refused = |denied: Result<Principal, Denied>| denied.unwrap_err();
        assert_eq!(refused(access.admit(None, &FROM).await), Denied::Missing);
        assert_eq!(refused(access.admit(WRONG, &FROM).await), Denied::Wrong);
        assert_eq!(refused(access.admit(Some(b"Bearer other"), &FROM).await), Denied::Wrong);
        assert_eq!(refused(access.admit(Some(b"Basic x"), &FROM).await), Denied::Malformed);
        for credentials in [RIGHT, RIGHT, Some(b"Bearer token".as_slice())] {
            let ada = access.admit(credentials, &FROM).await.unwrap();
            assert!(ada.may(Role::Writer, Scope::Database("customers")).is_ok());
            assert!(ada.may(Role::Writer, Scope::Database("customers@3")).is_ok());
            assert!(ada.may(Role::Admin, Scope::Database("customers")).is_err());
            assert!(ada.may(Role::Reader, Scope::Database("no name!")).is_err());
            assert!(ada.may(Role::Reader, Scope::Node).is_err());
            assert!(ada.may_read("customers") && !ada.may_read("others"));
        }
        assert_eq!(refused(access.admit(WRONG, &FROM).await), Denied::Wrong);
    }

    #[tokio::test]
    async fn without_a_file_of_users_nobody_is_asked() {
        let access = Access::open(Path::new("")).unwrap();
        let somebody = access.admit(None, &FROM).await.unwrap();
        assert!(somebody.may(Role::Admin, Scope::Node).is_ok());
    }

    #[tokio::test]
    async fn what_the_file_says_holds_from_the_moment_it_is_read_again() {
        let access = asking(&ada(&[("customers", Role::Writer)]));
        let ada_before = access.admit(RIGHT, &FROM).await.unwrap();
        let changed = tokio::spawn(ada_before.clone().changed());
        access.put(&ada(&[("customers", Role::Reader)]));
        changed.await.unwrap();
        assert!(ada_before.may(Role::Writer, Scope::Database("customers")).is_err());
        assert!(ada_before.may(Role::Reader, Scope::Database("customers")).is_ok());
        access.put(&UsersFile::default());
        assert_eq!(
            ada_before.may(Role::Reader, Scope::Database("customers")),
            Err(Denied::Wrong)
        );
        assert_eq!(access.admit(RIGHT, &FROM).await.unwrap_err(), Denied::Wrong);
    }

    #[tokio::test]
    async fn a_flood_of_wrong_passwords_is_refused_at_once_and_keeps_nobody_else_out() {
        let access = asking(&ada(&[]));
        let other = ClientId::Address([10, 0, 0, 1].into());
        let flood: Vec<_> = (0..200)
            .map(|_| {
                let access = access.clone();
                tokio::spawn(async move { access.admit(WRONG, &FROM).await })
            })
            .collect();
        // The flood is on its way before the other one comes.
        tokio::task::yield_now().await;
        access.admit(RIGHT, &other).await.unwrap();
        let mut crowded = 0;
        for refused in flood {
            crowded += usize::from(matches!(refused.await.unwrap(), Err(Denied::Crowded(_))));
        }
        assert!(crowded >= 200 - WAITING_MAX, "{crowded}");
    }
}
