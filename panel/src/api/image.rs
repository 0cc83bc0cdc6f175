//! `GET /api/image/NAME.png`: an image PV as a picture.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::answer::{Refusal, typed, unknown};
use crate::api::named::Name;
use crate::pictures::{NoPicture, picture};
use crate::shared::Shared;

/// `GET /api/image/NAME.png`.
pub(crate) async fn png(State(shared): State<Arc<Shared>>, Name(file): Name) -> Result<Response, Refusal> {
    let Some(name) = file.strip_suffix(".png") else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("{file:?} does not end with .png")));
    };
    match picture(&shared, name).await {
        Ok(png) => Ok(typed("image/png", png)),
        Err(NoPicture::Unknown) => Err(unknown(name)),
        Err(NoPicture::Other(reason)) => Err(Refusal(StatusCode::CONFLICT, format!("{name}: {reason}"))),
        Err(NoPicture::Busy) => {
            Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "too many pictures are looked at".to_owned()))
        }
    }
}
