//! The order of keys in a view: CouchDB's collation, as bytes.
//!
//! ```text
//! null < false < true < numbers < texts < arrays < objects
//! ```
//!
//! - Numbers go by their value, whatever their text (`1`, `1.0` and `10e-1` are one key).
//! - Texts go by the Unicode collation algorithm with the root locale and three levels, as CouchDB asks ICU for it: `a < A < b`, and texts that
//!   differ only in what the algorithm ignores (control characters, another normal form) are one key.
//! - Arrays go item by item, the shorter first where one begins the other.
//! - Objects go member by member in the order in which the members were written: name, then value; the shorter first.
//!
//! A key's bytes are not its text: texts cannot be got back from them. Whoever stores them keeps the key's JSON beside them.
//!
//! # Laws (each a property test)
//!
//! - `order(a, b) = order(bytes(a), bytes(b))`
//! - No key's bytes begin another key's bytes, unless the two are equal: what follows them in a longer key never decides before they do.

mod encode;
#[cfg(test)]
mod laws;
mod numbers;
mod texts;

pub use encode::CollationKey;
pub use texts::COLLATION_VERSION;
