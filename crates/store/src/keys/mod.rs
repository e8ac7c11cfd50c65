//! The disk format: one file per key family, each with its keys, its values and their lifetime.
//!
//! Keys are big-endian, so that the order of bytes is the order of the parts. Every value starts with the version of its record. Databases
//! appear by a local number, never by name: numbers differ between nodes and never travel.

pub(crate) mod buckets;
pub(crate) mod changes;
pub(crate) mod conflicts;
pub(crate) mod databases;
pub(crate) mod digest;
pub(crate) mod documents;
pub(crate) mod heals;
pub(crate) mod local;
pub(crate) mod meta;
pub(crate) mod peers;
pub(crate) mod quarantine;
pub(crate) mod revisions;
pub(crate) mod superseded;

mod codec;
mod corrupt;
mod number;
#[cfg(test)]
mod samples;

pub(crate) use codec::{Reader, Writer};
pub use corrupt::CorruptRecord;
pub(crate) use number::DatabaseNumber;
