//! What a panel costs, printed: `cargo test --release -p seqioc --test system panel_load -- --ignored --nocapture --test-threads 1`.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use panel::{Panel, Settings};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};
use wrapper::{Config, GroupBuilder, Ioc, Pv};

use crate::browser::Page;
use crate::panel::{DESK, Lab};
use crate::raw::{Circuit, DBR_DOUBLE};

const PVS: usize = 1000;
const PERIOD: Duration = Duration::from_millis(100);
const MEASURED: Duration = Duration::from_secs(10);
const PANELS: usize = 20;
/// Gets that are on their way together.
const PIPELINED: usize = 100;
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// High enough for all rows at once.
const ALL_SEEN: [u32; 2] = [1400, 52_000];

/// Something that goes on in a thread until this is dropped.
struct Going {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Going {
    fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        Self { over, thread: Some(std::thread::spawn(move || work(&seen))) }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}

/// Seconds of processor time that a process has used.
fn processor(id: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("Linux");
    let fields = stat.rsplit(") ").next().expect("its fields");
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

/// Parts of a core that this process needs over the measured time, and what was asked meanwhile.
fn load<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let (before, start) = (processor("self"), Instant::now());
    let result = work();
    ((processor("self") - before) / start.elapsed().as_secs_f64(), result)
}

fn serve() -> (Ioc, Panel, Vec<Pv<f64>>) {
    let mut group = GroupBuilder::new("k:");
    let name = |i: usize| format!("number_{i:04}");
    let pvs = (0..PVS).map(|i| group.pv(&name(i), 0.0).units("V").add().expect("good")).collect();
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
    let settings = Settings { addresses: vec![([127, 0, 0, 1], 0).into()], ..Settings::default() };
    let panel = Panel::start(ioc.handle().view(), settings).expect("a port is free");
    (ioc, panel, pvs)
}

fn tick(pvs: Vec<Pv<f64>>) -> Going {
    Going::start(move |over| {
        let mut number = 0.0;
        while !over.load(Relaxed) {
            number += 0.1;
            pvs.iter().enumerate().for_each(|(i, pv)| pv.post(number + i as f64));
            std::thread::sleep(PERIOD);
        }
    })
}

fn frame_times(page: &Page) -> Vec<f64> {
    let times = page.eval(&format!(
        "new Promise(done => {{ const times = []; const start = performance.now(); let last = start; \
         const step = now => {{ times.push(now - last); last = now; now - start < {} ? requestAnimationFrame(step) : done(times.slice(1)); }}; \
         requestAnimationFrame(step); }})",
        MEASURED.as_millis()
    ));
    let mut times: Vec<_> =
        times.as_array().expect("a list").iter().map(|time| time.as_f64().expect("a number")).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn part(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

#[test]
#[ignore = "prints figures, takes a minute"]
fn a_thousand_pvs_change_ten_times_a_second_on_one_page() {
    let (ioc, panel, pvs) = serve();
    let _going = tick(pvs);
    let (alone, ()) = load(|| std::thread::sleep(MEASURED));
    println!("{PVS} PVs at 10 Hz, nobody looks: {:.1} % of a core", alone * 100.0);
    let Some(page) = Page::open(&format!("http://{}/", panel.address()), DESK) else { return };
    page.until("document.querySelector('.device a')");
    page.eval("document.querySelector('.device a').click()");
    page.until("document.querySelector('details.group')");
    page.eval("document.querySelectorAll('details.group').forEach(group => { group.open = true; })");
    for (what, size) in [("what a screen shows", DESK), ("all of them seen", ALL_SEEN)] {
        page.size(size);
        page.until("document.querySelectorAll('.row .val').length > 10");
        frame_times(&page);
        let shown = page.eval("[...document.querySelectorAll('.row')].filter(row => row.querySelector('.val') && row.getBoundingClientRect().top < innerHeight).length");
        let (cpu, times) = load(|| frame_times(&page));
        let moved = page.eval("document.querySelector('.row .val').textContent");
        page.until(&format!("document.querySelector('.row .val').textContent !== {moved}"));
        println!(
            "{what} ({shown} rows): frame time median {:.1} ms, p99 {:.1} ms; server {:.1} % of a core",
            part(&times, 0.5),
            part(&times, 0.99),
            cpu * 100.0
        );
    }
    drop(page);
    panel.stop();
    ioc.stop();
}

/// What an overview follows.
fn overview_pvs(devices: &Value) -> Vec<String> {
    let names = |device: &Value| -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let template = text(&device["template"]);
        let own = device["pvs"].as_array().expect("a list").iter().take(3).map(text);
        let shown = ["STATE", "message", "CMD", "QUEUED", "PROGRESS"].map(|name| format!("{template}{name}"));
        own.chain(shown).collect()
    };
    let devices = devices.as_array().expect("a list");
    devices.iter().filter(|device| device["template"].is_string()).flat_map(names).collect()
}

/// A panel without a browser: draws nothing, so it acknowledges at once.
fn panel_of(address: SocketAddr, pvs: Vec<String>, updates: Arc<AtomicU64>) -> Going {
    Going::start(move |over| {
        let stream = TcpStream::connect(address).expect("the panel listens");
        let request = tungstenite::http::Request::builder()
            .uri(format!("ws://{address}/api/stream"))
            .header("Host", address.to_string())
            .header("Origin", format!("http://{address}"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", tungstenite::handshake::client::generate_key())
            .body(())
            .expect("a request");
        let (mut socket, _) = tungstenite::client(request, stream).expect("it is let in");
        let mut say = |socket: &mut WebSocket<TcpStream>, message: Value| {
            socket.send(Message::text(message.to_string())).expect("it listens");
        };
        for (id, pv) in pvs.iter().enumerate() {
            say(
                &mut socket,
                json!({ "op": "subscribe", "id": id, "pv": pv, "depth": "text", "remote": false }),
            );
        }
        // The beats end each wait.
        while !over.load(Relaxed) {
            let message = socket.read().expect("it speaks");
            let message: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
            if message["type"] == "updates" {
                updates.fetch_add(message["list"].as_array().map_or(0, Vec::len) as u64, Relaxed);
                say(&mut socket, json!({ "op": "ack", "n": message["n"] }));
            }
        }
    })
}

/// Gets per second of one client.
fn get_rate(circuit: &mut Circuit, name: &str) -> f64 {
    let channel = circuit.create(name);
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        for _ in 0..PIPELINED {
            circuit.push_get(channel, DBR_DOUBLE, 1);
        }
        circuit.flush();
        for _ in 0..PIPELINED {
            circuit.next();
        }
        done += PIPELINED;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

#[test]
#[ignore = "prints figures, takes half a minute"]
fn twenty_open_panels_beside_a_client_that_gets() {
    let lab = Lab::start();
    let devices = lab.devices();
    let address: SocketAddr = lab.address();
    let (mut circuit, updates) = (lab.server.circuit(), Arc::new(AtomicU64::new(0)));
    let cmd = circuit.create("TEST:SERVER.seq.CMD");
    circuit.push_command(cmd, "move(100000)");
    circuit.flush();
    let mut gets = lab.server.circuit();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let (mut cpu, mut seconds) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        without.push(get_rate(&mut gets, "TEST:SERVER.example_pv"));
        let panels: Vec<_> =
            (0..PANELS).map(|_| panel_of(address, overview_pvs(&devices), updates.clone())).collect();
        with.push(get_rate(&mut gets, "TEST:SERVER.example_pv"));
        let (before, start) = (processor(&lab.server.id().to_string()), Instant::now());
        std::thread::sleep(ROUND);
        cpu += processor(&lab.server.id().to_string()) - before;
        seconds += start.elapsed().as_secs_f64();
        drop(panels);
    }
    without.sort_by(f64::total_cmp);
    with.sort_by(f64::total_cmp);
    let (without, with) = (part(&without, 0.5), part(&with, 0.5));
    println!(
        "gets per second: {without:.0} without panels, {with:.0} with {PANELS} open ones: ratio {:.3}; \
         {} updates went to the panels; without gets the server needs {:.1} % of a core for them",
        with / without,
        updates.load(Relaxed),
        100.0 * cpu / seconds
    );
    assert!(updates.load(Relaxed) > 0, "the panels were really open");
}
