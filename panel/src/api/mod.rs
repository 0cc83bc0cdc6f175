//! What is asked over HTTP, one file for each path.

pub(crate) mod assets;
pub(crate) mod events;
pub(crate) mod image;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod named;
pub(crate) mod pv;
pub(crate) mod pvs;
pub(crate) mod server;

use axum::response::Response;

use crate::answer::typed;

/// What the paths are, for people and programs.
pub(crate) const OPENAPI: &str = include_str!("../../openapi.json");

/// `GET /api/openapi.json`.
pub(crate) async fn openapi() -> Response {
    typed("application/json", OPENAPI)
}
