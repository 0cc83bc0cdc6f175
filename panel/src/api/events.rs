//! `GET /api/events`: updates as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::answer::{Refusal, typed, unknown};
use crate::api::named::Asked;
use crate::json::Depth;
use crate::page::Batches;
use crate::reader::{Notice, Reader};
use crate::shared::{PAGES, Shared};

/// Time between signs of life.
const BEAT: Duration = Duration::from_millis(500);
/// PVs of one stream.
const MOST: usize = 256;

/// `GET /api/events?pv=A&pv=B`.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    Asked(pairs): Asked<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let names: Vec<_> = pairs.into_iter().filter(|(key, _)| key == "pv").map(|(_, name)| name).collect();
    if names.is_empty() || names.len() > MOST {
        let reason = format!("{} PVs, must be 1 to {MOST}: ?pv=NAME&pv=NAME", names.len());
        return Err(Refusal(StatusCode::BAD_REQUEST, reason));
    }
    let Some(seat) = shared.enter() else {
        return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("{PAGES} pages are open, the limit")));
    };
    let mut reader = Reader::new(&shared.view);
    for (id, name) in (0..).zip(&names) {
        if reader.subscribe(id, name, Depth::Plot).is_none() {
            return Err(unknown(name));
        }
    }
    // One waits to be taken: a slow reader gets the newest values when it takes the next.
    let (send, events) = mpsc::channel(1);
    let tracked = shared.tasks.token();
    let own = shared.clone();
    shared.tasks.spawn(async move {
        let _page = own.counters.pages.enter();
        tokio::select! {
            () = own.stop.cancelled() => {}
            () = send.closed() => {}
            _ = feed(&mut reader, &send, &own) => {}
        }
        own.counters.squashed.add(reader.squashed());
        drop((seat, tracked));
    });
    let mut response = typed("text/event-stream", Body::new(Events(events)));
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

/// Sends updates until nobody takes them.
async fn feed(reader: &mut Reader, send: &mpsc::Sender<Bytes>, shared: &Shared) -> Option<()> {
    let mut batches = Batches::new();
    let mut beat: Interval = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut out = Vec::new();
        tokio::select! {
            _ = beat.tick() => {
                out.extend_from_slice(b": beat\n\n");
                reader.check().iter().for_each(|notice| tell(&mut out, notice));
            }
            () = async { batches.due().await; reader.ready().await } => {
                reader.take();
                let mut list = Vec::new();
                shared.counters.updates.add(reader.write(&mut list));
                let number = batches.send();
                batches.drawn(number);
                out.extend_from_slice(b"data: [");
                out.extend_from_slice(&list);
                out.extend_from_slice(b"]\n\n");
            }
        }
        send.send(out.into()).await.ok()?;
    }
}

/// Appends that a PV went, as an event of its own name; new metadata is not told here.
fn tell(out: &mut Vec<u8>, notice: &Notice) {
    if let Notice::Gone(id, reason) = notice {
        let gone = serde_json::json!({ "id": id, "reason": reason });
        out.extend_from_slice(format!("event: gone\ndata: {gone}\n\n").as_bytes());
    }
}

/// The body of a stream.
struct Events(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }
}
