//! The HTTP interface: CouchDB's document API, the calls of Sync Gateway's guide, optimistic updates as in Sesam, and JSON:API with checksums.
//!
//! Every write goes through the commit pipeline that gRPC uses, and is decided there on the document as it is in that moment: nothing is read first and
//! written afterwards. A path is taken apart in `route`, each resource has a file of its own, errors and content types one each.
//!
//! ```text
//!   connection ──▶ server (bounds, timeouts) ──▶ route ──▶ resource ──▶ commits / store
//!                                                             └──▶ answer, error
//! ```

mod admission;
mod all_docs;
mod answer;
mod api;
mod body;
mod bulk_docs;
mod bulk_get;
mod changes;
mod checkpoint;
mod conflict;
mod copy;
mod cors;
mod database;
mod document;
mod end;
mod error;
mod feed;
mod flavour;
mod incoming;
mod info;
mod listing;
mod local;
mod local_docs;
mod maintenance;
mod needs;
mod outgoing;
mod query;
mod receivers;
mod remote;
mod replicate;
mod resources;
mod revs_diff;
mod room;
mod root;
mod route;
mod server;
mod server_tasks;
mod several;
mod view_answer;
mod views;
mod write;
mod write_deadline;

pub(crate) use server::{HttpServer, Room, accept};
