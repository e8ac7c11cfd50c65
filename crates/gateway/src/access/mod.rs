//! Who may do what: users, their credentials and roles, and the share of the node that each client may take.
//!
//! ```text
//!   authorization ──▶ Credentials ──▶ Access::admit ──▶ Principal ──▶ may(role, scope)        grpc::guarded, http::needs
//!                                        │ users file (argon2, hashes of tokens), read again on SIGHUP
//!                                        └ ClientId ──▶ Shares: calls in flight, writes that wait
//! ```
//!
//! Guarantees:
//! - Without a file of users everybody may do everything, as far as certificates let him; with one nobody does anything without credentials.
//! - A password is compared by argon2 in a thread of its own, few at a time, and costs the same whether or not there is such a user. Tokens are
//!   compared by their hashes, in constant time.
//! - Nothing here shows a secret: what holds one prints without it.
//! - What a client takes is bounded, and one that takes more than its share is refused at once, while others are served.
//!
//! It knows neither gRPC nor HTTP.

mod client_id;
mod connections;
mod credentials;
mod denied;
mod door;
mod limiter;
mod password;
mod principal;
mod role;
mod secret;
mod shares;
mod token;
mod user;
mod users;
mod users_file;

pub(crate) use client_id::{ClientId, acting, acting_for};
pub(crate) use connections::{TOLD_MAX, bounded};
pub(crate) use denied::Denied;
pub(crate) use door::Access;
pub(crate) use limiter::Limiter;
pub(crate) use password::PasswordHash;
pub(crate) use principal::{Principal, Scope};
pub(crate) use role::{Place, Role, RoleArgument};
pub(crate) use secret::Secret;
pub(crate) use shares::{Crowded, Share, Shares};
pub(crate) use token::{TokenHash, generate};
pub(crate) use user::{TokenRecord, User, UserName};
pub(crate) use users::Users;
pub use users_file::UsersError;
pub(crate) use users_file::UsersFile;
