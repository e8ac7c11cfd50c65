//! The client commands against a real node: what they print, on which stream, and their exit statuses.
//!
//! Scripts outside this repository rely on all of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/finished.rs"]
mod finished;
#[path = "cli/node.rs"]
mod node;
#[path = "cli/silent_node.rs"]
mod silent_node;

#[path = "cli/backups.rs"]
mod backups;
#[path = "cli/batches.rs"]
mod batches;
#[path = "cli/conflicts.rs"]
mod conflicts;
#[path = "cli/data_directories.rs"]
mod data_directories;
#[path = "cli/databases.rs"]
mod databases;
#[path = "cli/definitions.rs"]
mod definitions;
#[path = "cli/documents.rs"]
mod documents;
#[path = "cli/exports.rs"]
mod exports;
#[path = "cli/history.rs"]
mod history;
#[path = "cli/listings.rs"]
mod listings;
#[path = "cli/loads.rs"]
mod loads;
#[path = "cli/manual_pages.rs"]
mod manual_pages;
#[path = "cli/operations.rs"]
mod operations;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/resolutions.rs"]
mod resolutions;
#[path = "cli/sessions.rs"]
mod sessions;
#[path = "cli/stopped_loads.rs"]
mod stopped_loads;
#[path = "cli/users.rs"]
mod users;
#[path = "cli/verbs.rs"]
mod verbs;
