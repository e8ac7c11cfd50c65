//! Views.
#![allow(dead_code)]
mod collate;
mod sandbox;
pub use collate::*;
pub use sandbox::*;
