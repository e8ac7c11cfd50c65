//! Whose views.

/// Most bytes of a scope.
pub const SCOPE_BYTES_MAX: usize = 1024;

/// Stands for one life of one database. A database that is deleted and created again is another scope, so that it does not find the rows of its
/// former life: the caller puts into the bytes what makes the difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<[u8]>);

/// A scope of no or too many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope has 1 to 1024 bytes, not {0}")]
pub struct ScopeError(pub usize);

impl Scope {
    /// # Errors
    /// [`ScopeError`]: there are no bytes, or more than [`SCOPE_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self, ScopeError> {
        if bytes.is_empty() || bytes.len() > SCOPE_BYTES_MAX {
            return Err(ScopeError(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
