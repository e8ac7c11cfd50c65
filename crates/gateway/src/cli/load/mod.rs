//! `load`: the documents of an NDJSON file, streamed with bounded memory.
//!
//! ```text
//!   file ─▶ lines ─▶ entry (id cut out) ─▶ batches ─▶ LoadSender ─▶ node ─▶ LoadOutcomes ─▶ report
//!   └────────────── a thread of its own ──────────┘
//! ```

mod command;
mod entry;
mod lines;
mod reader;
mod report;
mod sending;
mod stop;

pub(super) use command::Load;
pub(super) use lines::LINE_BYTES_MAX;
pub(super) use stop::on_signal;
