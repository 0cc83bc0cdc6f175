//! Who may ask at all, and what browsers may do with the answers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::answer::Refusal;
use crate::shared::{Peer, Shared};

/// A page may load what this server has and nothing else, and stand in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Lets a request through that names this server, from nowhere or from a page of this server.
pub(crate) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    shared.counters.requests.add(1);
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let mut response = match foreign(&shared, &request) {
        Some(reason) => {
            shared.counters.foreign.add(1);
            Refusal(StatusCode::FORBIDDEN, reason).into_response()
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if peer.is_some_and(|peer| !peer.is_trusted()) {
        headers.insert(axum::http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Why a request comes from somewhere else.
fn foreign(shared: &Shared, request: &Request) -> Option<String> {
    let Some(host) = only(request.headers(), HOST) else {
        return Some("one Host header is needed".to_owned());
    };
    let named = request.uri().authority().map(|authority| authority.as_str());
    for host in [Some(host), named].into_iter().flatten() {
        if !shared.names.is_host(host) {
            return Some(format!("this panel is not {host:?}; --panel-origin allows other names"));
        }
    }
    if !request.headers().contains_key(ORIGIN) {
        return None;
    }
    match only(request.headers(), ORIGIN) {
        Some(origin) if shared.names.is_origin(origin, host) => None,
        origin => Some(format!("pages of {:?} may not use this panel", origin.unwrap_or_default())),
    }
}

/// A header that is there once and is text.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let one = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(one)
}
