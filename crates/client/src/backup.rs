//! Backups on the node's machine.

use std::time::{Duration, SystemTime};

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::error::CallError;
use crate::malformed::Malformed;
use crate::status::time;

/// A backup on the node's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its name.
    pub name: String,
    /// The directory on the node's machine.
    pub path: String,
    /// Why it cannot be restored: it was not finished, or is damaged. `None`: it can.
    pub problem: Option<String>,
    /// The datacenter of the node that it is of; empty if it cannot be restored.
    pub datacenter: String,
    /// When it was begun, by the node's clock. What was acknowledged before is in it.
    pub begun: SystemTime,
    /// Bytes of its files.
    pub bytes: u64,
    /// The databases and their documents when it was begun, in ascending order of their names.
    pub databases: Vec<(String, u64)>,
}

impl Client {
    /// Makes a backup on the node's machine, below the directory that its configuration names; without a name it is called by the time. Waits for it no
    /// longer than `deadline`; it goes on to its end all the same.
    ///
    /// # Errors
    /// `Refused` with `BACKUP_UNAVAILABLE`, `BACKUP_EXISTS`, `BACKUP_RUNNING`, `INVALID_NAME` or `DISK_FULL`; `Unreachable` if no answer arrived: look
    /// with [`Client::backups`] whether it was made.
    pub async fn create_backup(&self, name: Option<&str>, deadline: Duration) -> Result<Backup, CallError> {
        let request = proto::CreateBackupRequest {
            name: name.unwrap_or_default().to_owned(),
        };
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.create_backup(request).await }
        };
        let patient = self.patient(deadline);
        patient
            .call(Safety::Once, request, attempt, |answer| {
                let backup = answer.backup.ok_or(Malformed::Missing("backup"))?;
                Backup::from_proto(backup)
            })
            .await
    }

    /// The backups of the node, in ascending order of their names, also those that cannot be restored.
    ///
    /// # Errors
    /// `Refused` with `BACKUP_UNAVAILABLE`; `Unreachable` if no answer arrived.
    pub async fn backups(&self) -> Result<Vec<Backup>, CallError> {
        let attempt = |request| {
            let mut service = self.admin_service();
            async move { service.list_backups(request).await }
        };
        self.call(Safety::Repeatable, proto::ListBackupsRequest {}, attempt, |answer| {
            answer.backups.into_iter().map(Backup::from_proto).collect()
        })
        .await
    }
}

impl Backup {
    fn from_proto(backup: proto::Backup) -> Result<Self, Malformed> {
        let databases = backup.databases.into_iter();
        Ok(Self {
            name: backup.name,
            path: backup.path,
            problem: (!backup.complete).then_some(backup.problem),
            datacenter: backup.datacenter,
            begun: time(backup.begun_unix_ms)?,
            bytes: backup.bytes,
            databases: databases.map(|database| (database.name, database.documents)).collect(),
        })
    }
}
