//! HTTP against real nodes: the sessions of the documents that it is made for, and what clients may do wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "the names of the tests are sentences")]

#[path = "http/node.rs"]
mod node;
#[path = "http/session.rs"]
mod session;

#[path = "http/access.rs"]
mod access;
#[path = "http/bounds.rs"]
mod bounds;
#[path = "http/couchdb_table.rs"]
mod couchdb_table;
#[path = "http/documents.rs"]
mod documents;
#[path = "http/feeds.rs"]
mod feeds;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/listings.rs"]
mod listings;
#[path = "http/one_truth.rs"]
mod one_truth;
#[path = "http/resources.rs"]
mod resources;
#[path = "http/server_resources.rs"]
mod server_resources;
#[path = "http/sesam.rs"]
mod sesam;
#[path = "http/sessions.rs"]
mod sessions;
#[path = "http/views.rs"]
mod views;
