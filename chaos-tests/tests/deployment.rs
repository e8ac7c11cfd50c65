//! What `deploy/` promises of itself, read from its files: no engine, no image and no network is needed. `containers` and `walk_through` run them.

#[path = "deployment/compose.rs"]
mod compose;
#[path = "deployment/files.rs"]
mod files;
#[path = "deployment/image.rs"]
mod image;
#[path = "deployment/observability.rs"]
mod observability;
