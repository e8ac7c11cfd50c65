//! `DatabaseService`: definitions of databases.

use std::sync::Arc;

use rejoin_api::proto::{self, database_service_server::DatabaseService};
use rejoin_api::{rules_from_proto, rules_to_proto};
use rejoin_document::Granularity;
use rejoin_store::{DatabaseDefinition, DatabaseSettings, Operation, Outcome};
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::error::Failure;
use super::request;
use crate::node::NodeContext;

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
        let in_force = self.context.store.definition(&definition.name).unwrap_or(definition);
        Ok(proto::CreateDatabaseResponse {
            database: Some(to_proto(&in_force)),
            created,
        })
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
        _call: Request<proto::ListDatabasesRequest>,
    ) -> Result<Response<proto::ListDatabasesResponse>, Status> {
        let databases = self.context.store.databases().iter().map(to_proto).collect();
        Ok(Response::new(proto::ListDatabasesResponse { databases }))
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn update_database(
        &self,
        call: Request<proto::UpdateDatabaseRequest>,
    ) -> Result<Response<proto::UpdateDatabaseResponse>, Status> {
        let _ = call;
        Err(Failure::missing("database").into())
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn preview_rules(
        &self,
        call: Request<proto::PreviewRulesRequest>,
    ) -> Result<Response<proto::PreviewRulesResponse>, Status> {
        let _ = call;
        Err(Failure::missing("database").into())
    }

    #[instrument(skip_all, fields(database = %call.get_ref().name))]
    async fn delete_database(
        &self,
        call: Request<proto::DeleteDatabaseRequest>,
    ) -> Result<Response<proto::DeleteDatabaseResponse>, Status> {
        let _ = call;
        Err(Failure::missing("database").into())
    }
}

fn definition(asked: proto::Database) -> Result<DatabaseDefinition, Failure> {
    let granularity =
        proto::Granularity::try_from(asked.granularity).map_err(|_| Failure::granularity(asked.granularity))?;
    let definition = DatabaseDefinition {
        name: request::database(&asked.name)?,
        granularity: granularity.into(),
        rules: Arc::new(rules_from_proto(asked.rules)?),
        settings: DatabaseSettings::default(),
    };
    if definition.granularity == Granularity::Document && !definition.rules.is_empty() {
        return Err(Failure::rules_of_whole_documents(&definition.name));
    }
    Ok(definition)
}

fn to_proto(definition: &DatabaseDefinition) -> proto::Database {
    proto::Database {
        name: definition.name.to_string(),
        granularity: proto::Granularity::from(definition.granularity).into(),
        rules: rules_to_proto(&definition.rules),
        ..proto::Database::default()
    }
}
