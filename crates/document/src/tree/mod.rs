//! Granularity `document`: CouchDB's semantics exactly. The state is the revision tree, its join the union; the open revisions are the nodes without
//! children, and nothing is merged until a client does it.

mod commit;
mod insert;
mod resolve;
mod tree_document;

pub use tree_document::TreeDocument;
pub(crate) use tree_document::TreeNode;
