//! `GET /metrics`: counters as Prometheus reads them.

use std::fmt::{Display, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use wrapper::view::{DeviceDescription, Process, View};
use wrapper::{Report, Scalar, Value};

use crate::answer::typed;
use crate::shared::Shared;

const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`.
pub(crate) async fn text(State(shared): State<Arc<Shared>>) -> Response {
    let mut page = Page::default();
    server(&mut page, &shared.view.report());
    page.gauge("ioc_pvs", "PVs served", shared.view.pvs().len());
    devices(&mut page, &shared.view);
    panel(&mut page, &shared);
    let process = Process::now();
    page.counter("process_cpu_seconds_total", "CPU time of the process", process.cpu);
    page.gauge("process_resident_memory_bytes", "memory of the process", process.memory);
    page.gauge("process_threads", "threads of the process", process.threads);
    page.gauge("ioc_uptime_seconds", "time since the panel started", shared.started.elapsed().as_secs_f64());
    typed(TYPE, page.0)
}

/// A page of metrics.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, kind: &str, name: &str, help: &str) {
        // A String takes all.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<_> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head("gauge", name, help);
        self.line(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head("counter", name, help);
        self.line(name, &[], value);
    }

    fn refusals(&mut self, name: &str, help: &str, reasons: &[(&str, u64)]) {
        self.head("counter", name, help);
        reasons.iter().for_each(|(reason, count)| self.line(name, &[("reason", reason)], count));
    }
}

fn server(page: &mut Page, report: &Report) {
    let sum = |of: fn(&wrapper::CircuitReport) -> u64| report.circuits.iter().map(of).sum::<u64>();
    page.gauge("ioc_circuits", "open circuits", report.circuits.len());
    page.gauge("ioc_channels", "open channels", sum(|c| c.channels));
    page.gauge("ioc_subscriptions", "live subscriptions", sum(|c| c.subscriptions));
    page.counter("ioc_open_circuits_requests_total", "requests of the open circuits", sum(|c| c.requests));
    page.counter("ioc_open_circuits_updates_total", "updates sent to the open circuits", sum(|c| c.updates));
    page.counter(
        "ioc_open_circuits_squashed_total",
        "updates that replaced a pending one",
        sum(|c| c.squashed),
    );
    page.counter(
        "ioc_open_circuits_received_bytes_total",
        "bytes from the open circuits",
        sum(|c| c.received),
    );
    page.counter("ioc_open_circuits_sent_bytes_total", "bytes to the open circuits", sum(|c| c.sent));
    page.counter("ioc_circuits_accepted_total", "circuits accepted", report.accepted);
    page.counter("ioc_datagrams_total", "datagrams received", report.datagrams);
    page.refusals(
        "ioc_refused_total",
        "what the server refused",
        &[
            ("circuits", report.refused),
            ("circuits_of_peer", report.refused_per_peer),
            ("over_limit", report.over_limit),
            ("given_up", report.given_up),
            ("malformed", report.malformed),
            ("over_rate", report.over_rate),
        ],
    );
}

/// A number or an enum's label, of a PV that is served.
fn read(view: &View, name: &str) -> Option<(f64, String)> {
    let channel = view.open(name)?;
    let Value::Scalar(scalar) = channel.get().value else { return None };
    let label = match scalar {
        Scalar::Enum(index) => channel.meta().labels.get(usize::from(index)).map(|label| label.to_string()),
        _ => None,
    };
    Some((scalar.as_f64()?, label.unwrap_or_default()))
}

fn devices(page: &mut Page, view: &View) {
    let devices = view.devices();
    let named = devices.iter().filter(|device| !device.name.is_empty());
    let columns: [(&str, &str, &str, &str); 5] = [
        ("ioc_device_up", "gauge", "1 while the thread of the device runs", "health.ALIVE"),
        ("ioc_device_restarts_total", "counter", "times that it was started again", "health.RESTARTS"),
        ("ioc_device_queued", "gauge", "commands that wait", "seq.QUEUED"),
        ("ioc_device_refused_total", "counter", "commands refused because too many waited", "seq.REFUSED"),
        ("ioc_device_commands_total", "counter", "commands accepted", "seq.COUNT"),
    ];
    for (name, kind, help, pv) in columns {
        page.head(kind, name, help);
        for device in named.clone() {
            if let Some((value, _)) = read(view, &format!("{}{pv}", device.prefix)) {
                page.line(name, &labels(device), value);
            }
        }
    }
    page.head("gauge", "ioc_device_state", "1 for the state that it is in");
    for device in named {
        if let Some((_, state)) = read(view, &format!("{}seq.STATE", device.prefix)) {
            let [name, prefix] = labels(device);
            page.line("ioc_device_state", &[name, prefix, ("state", &state)], 1);
        }
    }
}

fn labels(device: &DeviceDescription) -> [(&str, &str); 2] {
    [("device", &device.name), ("prefix", &device.prefix)]
}

fn panel(page: &mut Page, shared: &Shared) {
    let counters = &shared.counters;
    page.gauge("panel_sockets", "open sockets of HTTP", counters.sockets.get());
    page.gauge("panel_pages", "open pages", counters.pages.get());
    page.gauge("panel_subscriptions", "subscriptions of pages", counters.subscriptions.get());
    page.counter("panel_requests_total", "requests over HTTP", counters.requests.get());
    page.counter("panel_updates_total", "updates sent to pages", counters.updates.get());
    page.counter("panel_squashed_total", "updates that a newer one replaced", counters.squashed.get());
    page.counter("panel_pictures_total", "pictures made", counters.pictures.get());
    page.head("counter", "panel_puts_total", "puts by how they ended");
    page.line("panel_puts_total", &[("result", "done")], counters.puts_done.get());
    page.line("panel_puts_total", &[("result", "failed")], counters.puts_failed.get());
    page.refusals(
        "panel_refused_total",
        "what the panel refused",
        &[
            ("foreign", counters.foreign.get()),
            ("wrong_token", counters.wrong_tokens.get()),
            ("not_granted", counters.not_granted.get()),
            ("too_many", counters.too_many.get()),
        ],
    );
}
