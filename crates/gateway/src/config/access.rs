//! Where the users are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Users. Without them nobody is asked who he is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessSettings {
    /// The file of users, which `rejoin user` writes; it is read again on SIGHUP. Default: none, so that everybody may do everything.
    pub users: PathBuf,
}

impl AccessSettings {
    /// Whether clients have to say who they are.
    pub fn asks(&self) -> bool {
        !self.users.as_os_str().is_empty()
    }
}
