//! `GET /api/server`: circuits, totals, rates.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value as Json, json};
use wrapper::view::{Process, host_name};

use crate::answer;
use crate::shared::Shared;

/// `GET /api/server`.
pub(crate) async fn report(State(shared): State<Arc<Shared>>) -> Response {
    answer::json(&of(&shared))
}

/// The report of the server.
pub(crate) fn of(shared: &Shared) -> Json {
    let report = shared.view.report();
    let counts = report.circuits.iter().map(|c| (c.peer, [c.requests, c.updates, c.received, c.sent]));
    let rates = shared.rates.of(counts, Instant::now());
    let circuits: Vec<_> = report
        .circuits
        .iter()
        .map(|circuit| {
            json!({
                "peer": circuit.peer.to_string(), "user": circuit.user, "host": circuit.host,
                "channels": circuit.channels, "subscriptions": circuit.subscriptions,
                "requests": circuit.requests, "updates": circuit.updates, "squashed": circuit.squashed,
                "stalls": circuit.stalls, "received": circuit.received, "sent": circuit.sent,
                "bytes": circuit.received + circuit.sent,
            })
        })
        .collect();
    let process = Process::now();
    json!({
        "name": host_name(), "version": env!("CARGO_PKG_VERSION"), "uptime": shared.started.elapsed().as_secs_f64(),
        "pvs": shared.view.pvs().len(), "circuits": circuits, "rates": rates, "panel": panel(shared),
        "process": { "cpu": process.cpu, "memory": process.memory, "threads": process.threads },
        "totals": {
            "accepted": report.accepted, "refused": report.refused,
            "refused_per_peer": report.refused_per_peer, "over_limit": report.over_limit,
            "given_up": report.given_up, "datagrams": report.datagrams, "ignored": report.ignored,
            "malformed": report.malformed, "over_rate": report.over_rate,
        },
    })
}

fn panel(shared: &Shared) -> Json {
    let counters = &shared.counters;
    json!({
        "pages": counters.pages.get(), "subscriptions": counters.subscriptions.get(),
        "updates": counters.updates.get(), "squashed": counters.squashed.get(),
        "puts": counters.puts_done.get(), "puts_failed": counters.puts_failed.get(),
    })
}
