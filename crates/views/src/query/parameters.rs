//! What a query asks for.

use rejoin_document::Value;

/// Most keys in `keys`.
pub const KEYS_MAX: usize = 100_000;

/// Whether the index is brought up to the database before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Update {
    /// Before.
    #[default]
    True,
    /// Not at all.
    False,
    /// After the answer.
    Lazy,
}

/// The parameters of a query. The default asks for all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewQuery {
    /// `startkey`, `key`: the first key, included.
    pub start_key: Option<Value>,
    /// `startkey_docid`: of the rows with the first key, the first document's. Without a first key it means nothing.
    pub start_id: Option<String>,
    /// `endkey`, `key`: the last key.
    pub end_key: Option<Value>,
    /// `endkey_docid`: of the rows with the last key, the last document's. Without a last key it means nothing.
    pub end_id: Option<String>,
    /// `keys`: the rows of these keys, in their order. Anything but an array is refused when the query is planned.
    pub keys: Option<Value>,
    /// `inclusive_end`: whether the last key is included. Default: it is.
    pub inclusive_end: bool,
    /// `descending`: from the greatest key to the least.
    pub descending: bool,
    /// `limit`: most rows in the answer.
    pub limit: Option<u64>,
    /// `skip`: rows that are left out first.
    pub skip: u64,
    /// `reduce`: whether rows are reduced. Default: if the view has a reduce.
    pub reduce: Option<bool>,
    /// `group`: whether each key is a group.
    pub group: Option<bool>,
    /// `group_level`: how many items of a key that is an array make a group.
    pub group_level: Option<u64>,
    /// `update`, `stale`: the caller's to obey.
    pub update: Update,
    /// `include_docs`: the caller's to obey.
    pub include_docs: bool,
    /// `conflicts`: the caller's to obey, with `include_docs`.
    pub conflicts: Option<bool>,
    /// `update_seq`: whether the answer tells how far the index is.
    pub update_seq: bool,
}

impl Default for ViewQuery {
    fn default() -> Self {
        Self {
            start_key: None,
            start_id: None,
            end_key: None,
            end_id: None,
            keys: None,
            inclusive_end: true,
            descending: false,
            limit: None,
            skip: 0,
            reduce: None,
            group: None,
            group_level: None,
            update: Update::True,
            include_docs: false,
            conflicts: None,
            update_seq: false,
        }
    }
}
