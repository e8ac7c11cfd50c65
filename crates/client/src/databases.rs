//! Calls on databases.

use rejoin_api::proto;

use crate::call::Safety;
use crate::client::Client;
use crate::database::{Database, DatabaseChange, RuleEffect};
use crate::error::CallError;
use crate::malformed::Malformed;
use crate::page::Page;

impl Client {
    /// Creates a database and returns the definition in force, and whether it is new: the same definition again
    /// succeeds. One that was deleted is created anew.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_EXISTS` if it exists with another definition, with `INVALID_NAME`, `RESERVED_NAME` or
    /// `INVALID_RULE`; `Unreachable` if no answer arrived: the call can be repeated.
    pub async fn create_database(&self, database: &Database) -> Result<(Database, bool), CallError> {
        let request = proto::CreateDatabaseRequest {
            database: Some(database.to_proto()),
        };
        let attempt = |request| {
            let mut service = self.database_service();
            async move { service.create_database(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| {
            let database = answer.database.ok_or(Malformed::Missing("database"))?;
            Ok((Database::from_proto(database)?, answer.created))
        })
        .await
    }

    /// The databases in ascending order of their names; what survived of deleted ones too ([`Database::survivors`]).
    ///
    /// # Errors
    /// `Unreachable` if no answer arrived.
    pub async fn databases(&self) -> Result<Vec<Database>, CallError> {
        let attempt = |request| {
            let mut service = self.database_service();
            async move { service.list_databases(request).await }
        };
        self.call(Safety::Repeatable, proto::ListDatabasesRequest {}, attempt, |answer| {
            answer.databases.into_iter().map(Database::from_proto).collect()
        })
        .await
    }

    /// Changes the definition of a database and returns the one in force, and whether it is another one than before.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, `INVALID_RULE`, or `VERSION_MISMATCH` if the definition is at another version
    /// than the change is meant for; `Unknown` if no answer arrived: list the databases to see.
    pub async fn update_database(&self, name: &str, change: &DatabaseChange) -> Result<(Database, bool), CallError> {
        let attempt = |request| {
            let mut service = self.database_service();
            async move { service.update_database(request).await }
        };
        self.call(Safety::Once, change.to_update(name), attempt, |answer| {
            let database = answer.database.ok_or(Malformed::Missing("database"))?;
            Ok((Database::from_proto(database)?, answer.changed))
        })
        .await
    }

    /// One page of what a change of rules would do to the documents that hold more than one candidate somewhere, in
    /// ascending order of ids and paths. Of the change only the rules are looked at, and nothing is changed. `size` is 1
    /// to 1,000 documents, or 0 for the node's default; `after` is the previous page's `next`. A page may be empty and
    /// still have a next one.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, `INVALID_RULE` or `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn preview_rules(
        &self,
        name: &str,
        change: &DatabaseChange,
        size: u32,
        after: Option<String>,
    ) -> Result<Page<RuleEffect>, CallError> {
        let update = change.to_update(name);
        let request = proto::PreviewRulesRequest {
            name: update.name,
            set_rules: update.set_rules,
            remove_rules: update.remove_rules,
            page_size: size,
            page_token: after.unwrap_or_default(),
        };
        let attempt = |request| {
            let mut service = self.database_service();
            async move { service.preview_rules(request).await }
        };
        self.call(Safety::Repeatable, request, attempt, |answer| {
            let effects = answer.effects.into_iter().map(RuleEffect::from_proto).collect();
            Ok(Page::new(effects, answer.next_page_token))
        })
        .await
    }

    /// Deletes a database with every document that the node knows, and returns how many there were. What others wrote
    /// without knowing of it survives, see [`Database::survivors`].
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`; `Unknown` if no answer arrived: it may be deleted or not.
    pub async fn delete_database(&self, name: &str) -> Result<u64, CallError> {
        let request = proto::DeleteDatabaseRequest { name: name.to_owned() };
        let attempt = |request| {
            let mut service = self.database_service();
            async move { service.delete_database(request).await }
        };
        let documents = self
            .call(Safety::Once, request, attempt, |answer| Ok(answer.documents))
            .await?;
        // One that is created under this name later is another database.
        self.session().forget(name);
        Ok(documents)
    }
}
