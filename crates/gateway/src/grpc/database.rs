//! `DatabaseService`: definitions of databases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rejoin_api::proto::{self, database_service_server::DatabaseService};
use rejoin_api::{page_token, rules_from_proto, rules_to_proto};
use rejoin_document::{DatabaseName, Granularity, Rule, RuleSet};
use rejoin_store::{
    ChecksumPolicy, DatabaseChange, DatabaseDefinition, DatabaseSettings, Operation, Outcome, RuleEffect,
    VisibleDatabase,
};
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::error::Failure;
use super::{guarded, page, request};
use crate::node::{NodeContext, purge};

/// How long the answer to a deletion waits for the documents to be dropped: far less than clients wait for an answer.
const PURGE_WAIT: Duration = Duration::from_secs(2);

/// Serves the definitions of one node.
pub(super) struct DatabaseApi {
    context: NodeContext,
}

impl DatabaseApi {
    /// Over the store of `context`.
    pub(super) fn new(context: NodeContext) -> Self {
        Self { context }
    }

    async fn create(&self, asked: Option<proto::Database>) -> Result<proto::CreateDatabaseResponse, Failure> {
        let definition = definition(asked.ok_or_else(|| Failure::missing("database"))?)?;
        let outcome = self
            .context
            .commits
            .submit(Operation::CreateDatabase(definition.clone()))
            .await?;
        let created = matches!(outcome, Outcome::Database { created: true });
        // Two definitions that were created apart are merged: what is in force may be more than what was asked for.
        let name = self.context.store.current(&definition.name);
        Ok(proto::CreateDatabaseResponse {
            database: Some(self.in_force(&name)?),
            created,
        })
    }

    async fn update(&self, asked: proto::UpdateDatabaseRequest) -> Result<proto::UpdateDatabaseResponse, Failure> {
        let name = request::database(&self.context.store, &asked.name)?;
        let set_rules = changed_rules(asked.set_rules, &asked.remove_rules)?;
        let base_version = request::revision(asked.base_version.as_deref())?;
        let change = DatabaseChange {
            set_rules,
            remove_rules: asked.remove_rules,
            checksums: asked.checksums.map(checksum_policy).transpose()?,
            keep_revisions: asked.keep_revisions,
            keep_for_s: asked.keep_for_s,
            documents_max: asked.documents_max,
            bytes_max: asked.bytes_max,
            base_version,
            ..DatabaseChange::of(name.clone())
        };
        let outcome = self.context.commits.submit(Operation::UpdateDatabase(change)).await?;
        Ok(proto::UpdateDatabaseResponse {
            database: Some(self.in_force(&name)?),
            changed: matches!(outcome, Outcome::DatabaseUpdated { changed: true }),
        })
    }

    fn preview(&self, asked: &proto::PreviewRulesRequest) -> Result<proto::PreviewRulesResponse, Failure> {
        let store = &self.context.store;
        let name = request::database(store, &asked.name)?;
        let set_rules = changed_rules(asked.set_rules.clone(), &asked.remove_rules)?;
        let definition = store
            .definition(&name)
            .ok_or_else(|| Failure::database_not_found(&name))?;
        if definition.granularity == Granularity::Document && !set_rules.is_empty() {
            return Err(Failure::rules_of_whole_documents(&definition.name));
        }
        let rules = definition.rules.changed(&set_rules, &asked.remove_rules);
        let after = page_token::after_id(&asked.page_token)?;
        let page = store.preview(&name, &rules, after.as_ref(), page::size(asked.page_size))?;
        Ok(proto::PreviewRulesResponse {
            effects: page.items.into_iter().map(effect).collect(),
            next_page_token: page_token::next(page.next),
        })
    }

    async fn delete(&self, name: &str) -> Result<proto::DeleteDatabaseResponse, Failure> {
        let database = request::database(&self.context.store, name)?;
        let operation = Operation::DeleteDatabase {
            database: database.clone(),
        };
        let Outcome::DatabaseDeleted { documents } = self.context.commits.submit(operation).await? else {
            return Err(Failure::corrupt("deletion"));
        };
        // It is deleted; what takes longer to drop, or fails, is dropped in the background.
        if let Ok(Err(error)) = tokio::time::timeout(PURGE_WAIT, purge(&self.context, &database)).await {
            tracing::debug!(%database, %error, "dropping a deleted database is put off");
        }
        Ok(proto::DeleteDatabaseResponse { documents })
    }

    /// A definition as it is in force here.
    fn in_force(&self, name: &DatabaseName) -> Result<proto::Database, Failure> {
        let visible = self.context.store.visible();
        let found = visible.iter().find(|visible| visible.definition.name == *name);
        found.map(to_proto).ok_or_else(|| Failure::database_not_found(name))
    }
}

#[tonic::async_trait]
impl DatabaseService for DatabaseApi {
    #[instrument(skip_all, fields(database = call.get_ref().database.as_ref().map(|it| it.name.as_str())))]
    async fn create_database(
        &self,
        call: Request<proto::CreateDatabaseRequest>,
    ) -> Result<Response<proto::CreateDatabaseResponse>, Status> {
        Ok(Response::new(self.create(call.into_inner().database).await?))
    }

    #[instrument(skip_all)]
    async fn list_databases(
        &self,
        call: Request<proto::ListDatabasesRequest>,
    ) -> Result<Response<proto::ListDatabasesResponse>, Status> {
        let who = guarded::principal(&call)?;
        let visible = self.context.store.visible();
        let readable = visible.iter().filter(|database| who.may_read(&database.shown_as));
        let databases = readable.map(to_proto).collect();
        Ok(Response::new(proto::ListDatabasesResponse { databases }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn update_database(
        &self,
        call: Request<proto::UpdateDatabaseRequest>,
    ) -> Result<Response<proto::UpdateDatabaseResponse>, Status> {
        Ok(Response::new(self.update(call.into_inner()).await?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn preview_rules(
        &self,
        call: Request<proto::PreviewRulesRequest>,
    ) -> Result<Response<proto::PreviewRulesResponse>, Status> {
        Ok(Response::new(self.preview(call.get_ref())?))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn delete_database(
        &self,
        call: Request<proto::DeleteDatabaseRequest>,
    ) -> Result<Response<proto::DeleteDatabaseResponse>, Status> {
        Ok(Response::new(self.delete(&call.get_ref().name).await?))
    }
}

fn definition(asked: proto::Database) -> Result<DatabaseDefinition, Failure> {
    let granularity =
        proto::Granularity::try_from(asked.granularity).map_err(|_| Failure::granularity(asked.granularity))?;
    let definition = DatabaseDefinition {
        name: request::new_database(&asked.name)?,
        granularity: granularity.into(),
        rules: Arc::new(rules_from_proto(asked.rules)?),
        settings: DatabaseSettings {
            checksums: checksum_policy(asked.checksums)?,
            keep_revisions: asked.keep_revisions,
            keep_for_s: asked.keep_for_s,
            documents_max: asked.documents_max,
            bytes_max: asked.bytes_max,
        },
    };
    if definition.granularity == Granularity::Document && !definition.rules.is_empty() {
        return Err(Failure::rules_of_whole_documents(&definition.name));
    }
    Ok(definition)
}

/// Rules to be set beside paths that are to have none.
fn changed_rules(set: Vec<proto::PathRule>, remove: &[String]) -> Result<RuleSet, Failure> {
    let set = rules_from_proto(set)?;
    // A path that is none would remove nothing, and nobody would notice.
    let paths = remove.iter().map(|path| (path, Rule::Register));
    RuleSet::new(paths).map_err(rejoin_api::ConvertError::from)?;
    let removed: BTreeSet<&str> = remove.iter().map(String::as_str).collect();
    if let Some((path, _)) = set.iter().find(|(path, _)| removed.contains(path)) {
        return Err(Failure::rule_set_and_removed(path));
    }
    Ok(set)
}

fn checksum_policy(number: i32) -> Result<ChecksumPolicy, Failure> {
    match proto::ChecksumPolicy::try_from(number) {
        Ok(proto::ChecksumPolicy::Unspecified | proto::ChecksumPolicy::Optional) => Ok(ChecksumPolicy::Optional),
        Ok(proto::ChecksumPolicy::Ignored) => Ok(ChecksumPolicy::Ignored),
        Ok(proto::ChecksumPolicy::Required) => Ok(ChecksumPolicy::Required),
        Err(_) => Err(Failure::checksum_policy(number)),
    }
}

fn to_proto(visible: &VisibleDatabase) -> proto::Database {
    let definition = &visible.definition;
    let checksums = match definition.settings.checksums {
        ChecksumPolicy::Ignored => proto::ChecksumPolicy::Ignored,
        ChecksumPolicy::Optional => proto::ChecksumPolicy::Optional,
        ChecksumPolicy::Required => proto::ChecksumPolicy::Required,
    };
    proto::Database {
        name: visible.shown_as.clone(),
        granularity: proto::Granularity::from(definition.granularity).into(),
        rules: rules_to_proto(&definition.rules),
        checksums: checksums.into(),
        keep_revisions: definition.settings.keep_revisions,
        keep_for_s: definition.settings.keep_for_s,
        version: visible.version.to_string(),
        documents_max: definition.settings.documents_max,
        bytes_max: definition.settings.bytes_max,
        documents: visible.documents,
        bytes: visible.bytes,
        survivors: visible.survivors,
    }
}

fn effect(effect: RuleEffect) -> proto::RuleEffect {
    let json = |value: rejoin_document::Value| value.to_json().into();
    proto::RuleEffect {
        id: effect.id.to_string(),
        path: effect.path,
        shown: effect.shown.map(json),
        would_show: effect.would_show.map(json),
        open: effect.open,
        would_be_open: effect.would_be_open,
    }
}
