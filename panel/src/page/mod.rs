//! The connection of one page.

mod batches;
mod messages;
mod session;

use std::sync::Arc;

pub(crate) use batches::Batches;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::answer::Refusal;
use crate::routes::BODY;
use crate::shared::{PAGES, Peer, Shared};

/// `GET /api/stream`.
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    let Some(seat) = shared.enter() else {
        return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("{PAGES} pages are open, the limit")));
    };
    let by = named(&peer, &headers);
    let tracked = shared.tasks.token();
    Ok(upgrade.max_message_size(BODY).max_frame_size(BODY).on_upgrade(move |socket| async move {
        session::run(socket, &shared, &peer, by).await;
        drop((seat, tracked));
    }))
}

/// Who a connection is in the log: its address, and for whom a proxy says that it asks.
pub(crate) fn named(peer: &Peer, headers: &HeaderMap) -> String {
    let proxied = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    match proxied {
        Some(whom) => format!("{} (for {:?})", peer.address, whom.get(..100).unwrap_or(whom)),
        None => peer.address.to_string(),
    }
}
