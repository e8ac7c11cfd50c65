//! Views.
#![allow(dead_code)]
mod collate;
mod design;
mod index;
mod reduce;
mod sandbox;
pub use collate::*;
pub use design::*;
pub use index::*;
pub use reduce::*;
pub use sandbox::*;
