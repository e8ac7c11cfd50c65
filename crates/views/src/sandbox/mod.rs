//! Map functions: JavaScript that turns one document into rows, and can do nothing else.
//!
//! Every call runs in an engine of its own, made for it and thrown away after it. So a row depends on the function and the document alone: no
//! clock, no randomness, no time zone, nothing that an earlier document left behind. There is no network, no file and no module loader to reach.
//!
//! A call is bounded in memory, in steps, in stack and in what it emits; past a bound it ends with an error that names the bound. Steps are
//! counted where the engine asks whether to go on: at jumps and calls. Built-in functions do not ask while they work, so those that would go
//! through a huge sparse array are kept from it, and [`Patience`] ends what is slow all the same.
//!
//! # What a function finds
//!
//! The language and its built-in objects, and CouchDB's `emit`, `sum`, `isArray`, `toJSON` and `log` (which does nothing). What is missing, beside
//! CouchDB: `require`, E4X; beside a browser: everything. `Date` is there for functions that name it;
//! it needs an argument and knows UTC only. `BigInt`, weak collections, typed arrays, `Proxy`, `eval` and `Function(…)` are absent.
//!
//! # What it does not guarantee
//!
//! The engine is C code in this process: a flaw in it is a flaw here. Who may write design documents is trusted as much as that.

mod error;
mod function;
mod limits;
mod machine;
#[cfg(test)]
mod tests;

pub use error::{CompileError, MapError};
pub use function::{Emitted, MapFunction};
pub use limits::{Patience, SandboxLimits};
