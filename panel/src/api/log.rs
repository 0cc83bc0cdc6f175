//! `GET /api/log`: the newest lines of the log.

use axum::response::Response;

use crate::answer::json;

/// `GET /api/log`.
pub(crate) async fn lines() -> Response {
    json(&serde_json::json!({ "lines": wrapper::launch::log_lines(0) }))
}
