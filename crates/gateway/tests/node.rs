//! Nodes in this process, through their public interface: one binary, since each links RocksDB.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "the names of the tests are sentences")]

#[path = "node/access.rs"]
mod access;
#[path = "node/access_matrix.rs"]
mod access_matrix;
#[path = "node/access_table.rs"]
mod access_table;
#[path = "node/acknowledgements.rs"]
mod acknowledgements;
#[path = "node/bad_disk.rs"]
mod bad_disk;
#[path = "node/behind.rs"]
mod behind;
#[path = "node/caller.rs"]
mod caller;
#[path = "node/common.rs"]
mod common;
#[path = "node/created_again.rs"]
mod created_again;
#[path = "node/deletions.rs"]
mod deletions;
#[path = "node/exports.rs"]
mod exports;
#[path = "node/floods.rs"]
mod floods;
#[path = "node/history.rs"]
mod history;
#[path = "node/large_writes.rs"]
mod large_writes;
#[path = "node/listing.rs"]
mod listing;
#[path = "node/partition_figures.rs"]
mod partition_figures;
#[path = "node/player.rs"]
mod player;
#[path = "node/process.rs"]
mod process;
#[path = "node/proxy_links.rs"]
mod proxy_links;
#[path = "node/raw_calls.rs"]
mod raw_calls;
#[path = "node/reading.rs"]
mod reading;
#[path = "node/recorded.rs"]
mod recorded;
#[path = "node/recorder.rs"]
mod recorder;
#[path = "node/refusals.rs"]
mod refusals;
#[path = "node/reloading.rs"]
mod reloading;
#[path = "node/replication.rs"]
mod replication;
#[path = "node/requests.rs"]
mod requests;
#[path = "node/resolutions.rs"]
mod resolutions;
#[path = "node/scrapes.rs"]
mod scrapes;
#[path = "node/seam.rs"]
mod seam;
#[path = "node/secure.rs"]
mod secure;
#[path = "node/services.rs"]
mod services;
#[path = "node/session_reads.rs"]
mod session_reads;
#[path = "node/sessions.rs"]
mod sessions;
#[path = "node/set_aside.rs"]
mod set_aside;
#[path = "node/shown_late.rs"]
mod shown_late;
#[path = "node/span_names.rs"]
mod span_names;
#[path = "node/starting.rs"]
mod starting;
#[path = "node/telemetry.rs"]
mod telemetry;
#[path = "node/tls_clients.rs"]
mod tls_clients;
#[path = "node/tls_links.rs"]
mod tls_links;
#[path = "node/tls_rotation.rs"]
mod tls_rotation;
#[path = "node/trace_context.rs"]
mod trace_context;
#[path = "node/unsure.rs"]
mod unsure;
#[path = "node/users.rs"]
mod users;
#[path = "node/verbs.rs"]
mod verbs;
#[path = "node/verified.rs"]
mod verified;
#[path = "node/versions.rs"]
mod versions;
// A release has no planted panics.
#[cfg(debug_assertions)]
#[path = "node/vital.rs"]
mod vital;
#[path = "node/watch_ends.rs"]
mod watch_ends;
#[path = "node/watches.rs"]
mod watches;
