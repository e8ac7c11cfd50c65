//! What a simulation over the rules of a user comes to, in words for somebody who has not read this code.
//!
//! ```text
//!   rules file ──▶ parse_rules ──▶ try_rules (a Stage, with these rules) ──▶ Tried { Summary, Numbers } ──▶ words
//! ```
//!
//! Every number is counted in recorded histories. A promise about a value is made only where a history shows it.

mod numbers;
mod rules_file;
mod tried;
mod words;

pub use numbers::{Numbers, PathNumbers};
pub use rules_file::{RulesFileError, parse_rules};
pub use tried::{Tried, try_rules};
