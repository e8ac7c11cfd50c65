//! Containers: the image of `deploy/Dockerfile` and the two datacenters of `deploy/docker-compose.yml`.

mod engine;
mod image;
mod project;

pub use engine::Engine;
pub use image::build_image;
pub use project::{DATACENTERS, Project};
