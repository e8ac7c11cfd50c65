//! The laws of the merge, checked on recorded answers of its executable definition and on random histories.

mod account;
mod encodings;
mod histories;
mod idempotency;
mod named_cases;
mod open_revisions;
mod random_laws;
mod resolutions;
mod vector_state;
mod vectors;
