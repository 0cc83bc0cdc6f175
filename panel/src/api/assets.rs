//! `GET /`, `/assets/FILE`, `/favicon.ico`: the files of the page.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::answer::Refusal;
use crate::api::named::Name;

/// Name and content of each file.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// `GET /`.
pub(crate) async fn index(headers: HeaderMap) -> Result<Response, Refusal> {
    serve("index.html", &headers)
}

/// `GET /favicon.ico`.
pub(crate) async fn icon(headers: HeaderMap) -> Result<Response, Refusal> {
    serve("favicon.svg", &headers)
}

/// `GET /assets/FILE`.
pub(crate) async fn file(Name(name): Name, headers: HeaderMap) -> Result<Response, Refusal> {
    serve(&name, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
    let Some((_, content)) = FILES.iter().find(|(known, _)| *known == name) else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("the page has no file {name:?}")));
    };
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get(IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes());
    let mut response = Response::new(if known { Body::empty() } else { Body::from(*content) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    Ok(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
