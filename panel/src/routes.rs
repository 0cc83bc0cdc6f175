//! Which path is answered by what.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get};

use crate::answer::Refusal;
use crate::shared::Shared;
use crate::{api, guard, page};

/// Bytes of a request's body, and of a message from a page.
pub(crate) const BODY: usize = 64 * 1024;

/// The paths of the panel, as the OpenAPI document names them.
fn routes() -> [(&'static str, MethodRouter<Arc<Shared>>); 13] {
    [
        ("/", get(api::assets::index)),
        ("/assets/{file}", get(api::assets::file)),
        ("/favicon.ico", get(api::assets::icon)),
        ("/api/pvs", get(api::pvs::list)),
        ("/api/devices", get(api::pvs::devices)),
        ("/api/pv/{name}", get(api::pv::get).put(api::pv::put)),
        ("/api/image/{file}", get(api::image::png)),
        ("/api/log", get(api::log::lines)),
        ("/api/server", get(api::server::report)),
        ("/api/events", get(api::events::stream)),
        ("/api/stream", get(page::open)),
        ("/api/openapi.json", get(api::openapi)),
        ("/metrics", get(api::metrics::text)),
    ]
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let router =
        routes().into_iter().fold(Router::new(), |router, (path, method)| router.route(path, method));
    router
        .fallback(|| async { Refusal(StatusCode::NOT_FOUND, "there is nothing at this path".to_owned()) })
        .method_not_allowed_fallback(|| async {
            Refusal(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method".to_owned())
        })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(shared.clone(), guard::check))
        .with_state(shared)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_names_each_path_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(api::OPENAPI).expect("JSON");
        let documented: BTreeSet<_> = document["paths"].as_object().expect("paths").keys().cloned().collect();
        let served: BTreeSet<_> = routes().iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(documented, served);
    }
}
