//! The bounds of a document's body.

/// How deep objects and arrays may nest, the body itself included. A hard bound: the recursions of this crate rely on it.
pub const DEPTH_MAX: usize = 128;

/// What a client's body may hold at most. All bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the JSON text in bytes.
    pub body_bytes_max: usize,
    /// Nesting of objects and arrays, the body itself included; never more than [`DEPTH_MAX`].
    pub depth_max: usize,
    /// Scalars and empty containers.
    pub leaves_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 8 * 1024 * 1024,
            depth_max: DEPTH_MAX,
            leaves_max: 50_000,
        }
    }
}
