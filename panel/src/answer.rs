//! Answers in JSON, errors too.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::json;
use crate::put::Failure;

/// An error with what is wrong.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, json(&serde_json::json!({ "error": error }))).into_response()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let status = match &failure {
            Failure::Unknown => StatusCode::NOT_FOUND,
            Failure::ReadOnly => StatusCode::FORBIDDEN,
            Failure::Value(_) => StatusCode::BAD_REQUEST,
            Failure::Refused(_) => StatusCode::CONFLICT,
            Failure::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, failure.to_string())
    }
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let mut out = Vec::new();
    json::put(&mut out, value);
    typed("application/json", out)
}

/// Bytes of a type, which nobody keeps.
pub(crate) fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// There is no such thing.
pub(crate) fn unknown(name: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no PV {name:?} in this IOC"))
}
