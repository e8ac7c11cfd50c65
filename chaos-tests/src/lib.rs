//! Real nodes behind a network that misbehaves, clients that keep a log outside the nodes, and checkers that read it.
//!
//! ```text
//!   workload ──▶ rejoin serve (dc-east) ◀── network::Proxy ──▶ rejoin serve (dc-west) ◀── workload
//!      │                   process::Pair starts, kills and restarts them                    │
//!      └──────────────────────▶ history::History  (JSON lines) ◀────────────────────────────┘
//!                                      │
//!                 checker: one invariant in each file    ledger: what became of every write?
//! ```
//!
//! Architecture invariants:
//! - Checkers see what a client can see, through `rejoin-client`, and nothing of how a node works inside.
//! - A write without an answer is unknown: it may be there or not, now or later, and no checker takes it for absent.
//! - Every checker has tests with planted violations. A checker that cannot fail checks nothing.
//! - Whatever is started is ended by its process id, also on a panic.

pub mod checker;
pub mod container;
pub mod demo;
pub mod history;
pub mod ledger;
pub mod network;
pub mod plan;
pub mod process;
pub mod report;
pub mod scenario;
pub mod simulation;
pub mod view;
pub mod workload;
