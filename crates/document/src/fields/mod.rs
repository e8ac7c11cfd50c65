//! The fields of a document: a tree of nodes, one per path, each with the concurrent assignments (siblings) that stand there.

mod leaf;
mod node;
mod pointer;
mod segment;

pub(crate) use leaf::Leaf;
pub(crate) use node::{Node, Siblings};
pub(crate) use pointer::{push_segment, unescape};
pub(crate) use segment::{Kind, Segment};
