//! `GET` and `PUT /api/pv/NAME`: one PV, for scripts.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::time::timeout;

use crate::answer::{Refusal, json as answer, typed, unknown};
use crate::api::named::{Asked, Name};
use crate::json::{self, Depth};
use crate::meta;
use crate::page::named;
use crate::routes::BODY;
use crate::shared::{Peer, Put, Shared};

/// Time for the body of a request.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Time that a request waits for a device.
const DEVICE_TIME: Duration = Duration::from_secs(60);

/// How much of an array is wanted.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    depth: Option<Depth>,
}

/// `GET /api/pv/NAME`.
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Name(name): Name,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let channel = shared.view.open(&name).ok_or_else(|| unknown(&name))?;
    let snapshot = channel.get();
    let mut out = format!("{{{},", meta::of_channel(&channel)).into_bytes();
    let message = (snapshot.alarm.severity as u16 > 0).then(|| channel.alarm_message()).flatten();
    json::update(&mut out, &snapshot, message.as_deref(), wanted.depth.unwrap_or(Depth::Full));
    out.push(b'}');
    Ok(typed("application/json", out))
}

/// `PUT /api/pv/NAME`.
pub(crate) async fn put(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Arc<Peer>>,
    Name(name): Name,
    request: Request,
) -> Result<Response, Refusal> {
    let given = bearer(request.headers());
    peer.check(&shared, given).map_err(|reason| {
        shared.counters.not_granted.add(1);
        Refusal(StatusCode::FORBIDDEN, reason.to_owned())
    })?;
    let by = named(&peer, request.headers());
    let value = value_of(request).await?;
    let done = shared.put(Put { pv: &name, value: &value, remote: false, by: &by });
    match timeout(DEVICE_TIME, done).await {
        Ok(result) => {
            result?;
            Ok(answer(&serde_json::json!({ "ok": true })))
        }
        Err(_) => {
            let reason = format!("accepted, and not done after {DEVICE_TIME:?}");
            Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, reason))
        }
    }
}

/// The token of a request, empty without one.
fn bearer(headers: &HeaderMap) -> &str {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

/// The value of a request: `{"value": ..}`, or text.
async fn value_of(request: Request) -> Result<Json, Refusal> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_text = content_type.is_some_and(|given| given.starts_with("text/plain"));
    let too_large = |_| {
        Refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body did not come whole, or has more than {BODY} bytes"),
        )
    };
    let body = timeout(BODY_TIME, to_bytes(request.into_body(), BODY)).await;
    let slow = |_| Refusal(StatusCode::BAD_REQUEST, format!("the body took more than {BODY_TIME:?}"));
    let body = body.map_err(slow)?.map_err(too_large)?;
    let wrong = |reason: String| Refusal(StatusCode::BAD_REQUEST, reason);
    if is_text {
        return match std::str::from_utf8(&body) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(wrong(format!("the body is no UTF-8: {error}"))),
        };
    }
    let parsed =
        serde_json::from_slice(&body).map_err(|error| wrong(format!("the body is no JSON: {error}")))?;
    match parsed {
        Json::Object(mut fields) => fields.remove("value"),
        _ => None,
    }
    .ok_or_else(|| wrong("the body must be {\"value\": ..}".to_owned()))
}
