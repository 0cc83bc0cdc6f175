//! The page of the panel, in a real browser.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde_json::{Value, json};
use wrapper::client::{ClientConfig, Context};

use crate::browser::{Page, SHOWN};
use crate::launch::{SOON, Server, free_port, seqioc, wait_for};

pub(crate) const TOKEN: &str = "a-token-of-the-tests-0123456789";
pub(crate) const DESK: [u32; 2] = [1400, 900];
const PHONE: [u32; 2] = [380, 800];
const PROPER_VIEWS: &[&str] = &[
    "#/",
    "#/device/motor",
    "#/device/beamline",
    "#/device/chart",
    "#/device/clock",
    "#/pv/BEAMLINE%3Amotor.RBV",
    "#/pv/TEST%3ASERVER.seq.values",
    "#/search/VAL",
    "#/pinned",
    "#/log",
    "#/server",
];

/// A file that ends with the test.
struct Temporary(PathBuf);

impl Temporary {
    fn with(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("panel-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).expect("the target folder can be written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        }
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A server with a panel that may write.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) url: String,
    port: u16,
    _files: Vec<Temporary>,
}

impl Lab {
    /// All demo devices.
    pub(crate) fn start() -> Self {
        Self::with(&["--panel-write"], None, free_port())
    }

    /// With a config file in place of the demo devices.
    pub(crate) fn of(config: &str) -> Self {
        Self::with(&["--panel-write"], Some(config), free_port())
    }

    fn with(args: &[&str], config: Option<&str>, port: u16) -> Self {
        let mut files = Vec::new();
        let address = format!("127.0.0.1:{port}");
        let mut all = vec!["run", "--ready", "json", "--interfaces", "127.0.0.1", "--panel", &address];
        all.extend(args);
        files.push(Temporary::with(TOKEN));
        files.extend(config.map(Temporary::with));
        if args.contains(&"--panel-write") {
            all.extend(["--panel-token-file", files[0].path()]);
        }
        if config.is_some() {
            all.extend(["--config", files[1].path()]);
        }
        let udp = free_port();
        let mut command = seqioc(&all);
        command
            .env("EPICS_CAS_SERVER_PORT", udp.to_string())
            .env("EPICS_CA_SERVER_PORT", udp.to_string())
            .env("EPICS_CA_ADDR_LIST", "127.0.0.1");
        let mut server = Server::spawn(command);
        server.ready();
        Self { server, url: format!("http://{address}/"), port, _files: files }
    }

    pub(crate) fn client(&self) -> Context {
        Context::new(ClientConfig::isolated(self.server.udp)).expect("a socket").within(SOON)
    }

    /// Where the panel is.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What `/api/devices` says.
    pub(crate) fn devices(&self) -> Value {
        let mut stream = TcpStream::connect(self.address()).expect("the panel listens");
        let request =
            format!("GET /api/devices HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address());
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let body = answer.split_once("\r\n\r\n").expect("a head").1;
        let list = body.find('[').and_then(|from| Some(&body[from..=body.rfind(']')?]));
        serde_json::from_str(list.expect("a list")).expect("JSON")
    }

    fn number(&self, name: &str) -> f64 {
        self.client().pv(name).get_as().wait().expect("a number")
    }

    /// A page with one of the views; `None` without a browser.
    pub(crate) fn page(&self, view: &str, size: [u32; 2]) -> Option<Page> {
        let page = Page::open(&format!("{}{view}", self.url), size)?;
        page.until("document.documentElement.dataset.link === 'open'");
        page.until("document.querySelector('main h1')");
        Some(page)
    }
}

/// Types the token where a person would.
pub(crate) fn unlock(page: &Page) {
    page.click("#write");
    page.until("document.querySelector('#unlock').open");
    page.write(TOKEN);
    page.key("Enter");
    page.until("document.documentElement.dataset.write === 'granted'");
}

fn show(page: &Page, view: &str) {
    page.eval(&format!("location.hash = {}", json!(view)));
    let name = view.split('/').nth(1).filter(|name| !name.is_empty()).unwrap_or("overview");
    page.until(&format!("document.querySelector('main').dataset.view === '{name}'"));
}

/// Types a value into an editor and sets it.
fn set(page: &Page, place: &str, value: &str) {
    page.click(&format!("{place} input"));
    page.eval("document.activeElement.select()");
    page.write(value);
    page.key("Enter");
}

/// Keeps each text that an element shows from now on, in `window.seen`.
fn record(page: &Page, selector: &str) {
    page.until(&format!("document.querySelector({})", json!(selector)));
    page.eval(&format!(
        "window.seen = []; window.recorder = new MutationObserver(() => seen.push(document.querySelector({0}).textContent)); \
         recorder.observe(document.querySelector({0}), {{ childList: true, characterData: true, subtree: true }}); 1",
        json!(selector)
    ));
}

fn seen(page: &Page) -> Vec<String> {
    let seen = page.eval("[...new Set(seen)]");
    seen.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn no_complaints(page: &Page) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_readback_is_seen_to_move_while_the_motor_does() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    let readback = "[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val";
    page.until_text(readback, "0.000");
    record(&page, readback);
    set(&page, "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']", "2");
    page.until_text("[data-panel=motor] header .chip", "Moving");
    page.until_text(readback, "2.000");
    page.until_text("[data-panel=motor] header .chip", "Still");
    let between = seen(&page)
        .iter()
        .filter_map(|text| text.parse().ok())
        .filter(|at| (0.01..1.99).contains(at))
        .count();
    assert!(between >= 3, "on its way it was seen at {:?}", seen(&page));
    page.click("[aria-label='Tweak up']");
    page.until_text(
        "[data-panel=motor] [data-pv='BEAMLINE:motor.VAL'] .val",
        &format!("{:.3}", 2.0 + lab.number("BEAMLINE:motor.TWV")),
    );
    no_complaints(&page);
}

#[test]
fn stop_ends_a_motion_and_what_is_outside_the_limits_is_refused_in_words() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    let go = "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']";
    set(&page, go, "99");
    page.until_text(&format!("{go} .note"), "99 is outside -3.000 … 7.000 mm");
    page.key("Escape");
    page.until(&format!("document.querySelector(\"{go} .note\").hidden"));
    set(&page, go, "5");
    page.until_text("[data-panel=motor] header .chip", "Moving");
    page.click("[data-panel=motor] .stop");
    page.until_text("[data-panel=motor] header .chip", "Still");
    let there = lab.number("BEAMLINE:motor.RBV");
    assert!(there < 4.9, "it stopped at {there}");
    no_complaints(&page);
}

#[test]
fn choices_and_jog_drive_the_beamline_and_jog_is_greyed_meanwhile() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/beamline", DESK) else { return };
    unlock(&page);
    let place = |at: u32| format!("[data-panel=beamline] .place:nth-child({at})");
    let pressed =
        |at: u32| page.until(&format!("document.querySelector('{}')?.ariaPressed === 'true'", place(at)));
    pressed(1);
    let jog = "[data-panel=beamline] .jog";
    page.until_text(jog, "Jog");
    record(&page, "[data-panel=beamline] [data-pv='BEAMLINE:motor.RBV'] .val");
    page.click(jog);
    page.until_text(jog, "Jogging…");
    assert_eq!(page.eval(&format!("document.querySelector('{jog}').disabled")), json!(true));
    page.until(&format!("!document.querySelector('{jog}').disabled"));
    page.until_text("[data-panel=beamline] [data-pv='BEAMLINE:motor.RBV'] .val", "0.000");
    assert!(seen(&page).contains(&"0.500".to_owned()), "it went up and back: {:?}", seen(&page));
    page.click(&place(2));
    pressed(2);
    assert!((lab.number("BEAMLINE:motor.RBV") - 5.0).abs() < 0.01);
    no_complaints(&page);
}

#[test]
fn without_the_token_every_editor_is_greyed_and_the_server_refuses() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/example", DESK) else { return };
    page.until("document.querySelector(\"[data-pv='TEST:SERVER.example_pv'] input\")");
    let greyed = page.eval("[...document.querySelectorAll('main .editor input, main .editor select, main .command, main .prompt button')].every(node => node.disabled)");
    assert_eq!(greyed, json!(true));
    let hint = page.eval("document.querySelector(\"[data-pv='TEST:SERVER.example_pv'] .editor\").title");
    assert!(hint.as_str().is_some_and(|hint| hint.contains("token")), "{hint}");
    // Whoever goes round the page meets the server.
    let answer = page.eval(
        "new Promise(done => { const socket = new WebSocket(`ws://${location.host}/api/stream`); \
         socket.onopen = () => socket.send(JSON.stringify({op: 'put', id: 1, pv: 'TEST:SERVER.example_pv', value: 7, remote: false})); \
         socket.onmessage = ({data}) => { const message = JSON.parse(data); if (message.type === 'put') done(message); }; })",
    );
    assert_eq!(answer["ok"], json!(false), "{answer}");
    let status = page.eval(
        "fetch('/api/pv/TEST%3ASERVER.example_pv', {method: 'PUT', body: '7'}).then(answer => answer.status)",
    );
    assert!(status == json!(401) || status == json!(403), "{status}");
    assert_eq!(lab.number("TEST:SERVER.example_pv"), 0.0);
    page.click("#write");
    page.write("not the token");
    page.key("Enter");
    page.until("document.querySelector('#unlock .error').textContent !== ''");
    assert_eq!(page.eval("document.documentElement.dataset.write"), json!("token"));
    page.key("Escape");
    page.until("!document.querySelector('#unlock').open");
}

#[test]
fn a_panel_without_the_flag_says_that_it_only_reads() {
    let lab = Lab::with(&[], None, free_port());
    let Some(page) = lab.page("#/device/clock", DESK) else { return };
    page.click("#write");
    page.until("document.querySelector('#toast').textContent.includes('--panel-write')");
    assert_eq!(page.eval("document.querySelector('#unlock').open"), json!(false));
    no_complaints(&page);
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let lab = Lab::start();
    let Some(page) = Page::empty(DESK) else { return };
    let connect = format!(
        "new Promise(done => {{ const socket = new WebSocket('ws://127.0.0.1:{}/api/stream'); \
         socket.onopen = () => done('open'); socket.onerror = () => done('refused'); }})",
        lab.port
    );
    assert_eq!(page.eval(&connect), json!("refused"), "an origin of none");
    page.go(&lab.url);
    page.until("document.documentElement.dataset.link === 'open'");
    assert_eq!(page.eval(&connect), json!("open"), "its own page");
}

#[test]
fn a_killed_server_is_missed_and_its_successor_found_without_a_reload() {
    let port = free_port();
    let lab = Lab::with(&["--panel-write"], None, port);
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    let readback = "[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val";
    page.until_text(readback, "0.000");
    page.eval("window.same = true");
    set(&page, "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']", "0.25");
    page.until_text(readback, "0.250");
    lab.server.stop("KILL");
    page.until("document.documentElement.dataset.link === 'lost'");
    assert!(page.text("#lost").contains("Connection lost"));
    let again = Lab::with(&["--panel-write"], None, port);
    page.until("document.documentElement.dataset.link === 'open'");
    page.until_text(readback, "0.000");
    page.until("document.querySelector('#lost').hidden");
    page.until("document.documentElement.dataset.write === 'granted'");
    set(&page, "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']", "0.5");
    page.until_text(readback, "0.500");
    assert_eq!(page.eval("window.same"), json!(true), "it was never loaded anew");
    assert!((again.number("BEAMLINE:motor.RBV") - 0.5).abs() < 0.01);
}

/// Milliseconds from the last message of the server to the words "Connection lost".
fn time_to_lost(lab: &Lab, page: &Page) -> f64 {
    page.until("document.documentElement.dataset.link === 'open' && document.querySelector('main h1')");
    page.eval(
        "window.lostAt = 0; new MutationObserver((_, observer) => { if (document.documentElement.dataset.link === 'lost') { lostAt = performance.now(); observer.disconnect(); } }) \
         .observe(document.documentElement, { attributes: true }); 1",
    );
    lab.server.signal("STOP");
    page.until("window.lostAt > 0");
    let words = page.text("#lost");
    let took = page.eval("lostAt - window.heardAt").as_f64().expect("a time");
    lab.server.signal("CONT");
    assert!(words.contains("Connection lost"), "{words}");
    took
}

#[test]
fn a_stopped_server_is_shown_as_lost_within_2_seconds_and_resumes() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/", DESK) else { return };
    // Whatever socket the page makes: when did it last hear something?
    page.eval(
        "window.heardAt = 0; const given = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage'); \
         Object.defineProperty(WebSocket.prototype, 'onmessage', { ...given, set(take) { \
           given.set.call(this, take && (event => { window.heardAt = performance.now(); take.call(this, event); })); } }); 1",
    );
    // The socket of before the change is given up with the first stop.
    lab.server.signal("STOP");
    page.until("document.documentElement.dataset.link === 'lost'");
    lab.server.signal("CONT");
    // A busy machine may be late once, it is not the page that is.
    let times: Vec<_> = (0..3).map(|_| time_to_lost(&lab, &page)).collect();
    println!("connection lost after {times:.0?} ms of silence");
    assert!(times.iter().any(|took| (0.0..=2000.0).contains(took)), "{times:?} ms");
    page.until("document.documentElement.dataset.link === 'open'");
    page.until("document.querySelector('.device .list dd')?.textContent !== '…'");
}

#[test]
fn no_view_scrolls_sideways_on_a_phone_or_breaks_the_policy() {
    let lab = Lab::start();
    let Some(page) = lab.page("", PHONE) else { return };
    unlock(&page);
    for view in PROPER_VIEWS {
        show(&page, view);
        page.until("document.querySelector('main').innerText.length > 20");
        page.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
        let wide = page.eval(
            "[...document.querySelectorAll('body *')].filter(node => !node.closest('.scroll, .skip, svg') && node.getBoundingClientRect().right > innerWidth + 1) \
             .map(node => `${node.tagName} ${node.className} ${node.textContent.slice(0, 40)}`)",
        );
        assert_eq!(wide, json!([]), "{view}: wider than the screen");
        assert!(page.eval("document.documentElement.scrollWidth").as_f64() <= Some(380.0), "{view}");
    }
    page.click("#menu");
    page.click("#side a[href='#/log']");
    page.until_text("main h1", "Log");
    assert_eq!(
        page.eval("document.querySelector('#side').getClientRects().length"),
        json!(0),
        "closed again"
    );
    no_complaints(&page);
}

/// Contrast of each text with what is behind it; those too faint to be read.
const FAINT: &str = r"(() => {
    const parse = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return { c: [r, g, b], a }; };
    const light = c => { const [r, g, b] = c.map(x => x / 255 <= 0.03928 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = node => { for (; node; node = node.parentElement) { const { c, a } = parse(getComputedStyle(node).backgroundColor); if (a > 0.9) return c; } return [255, 255, 255]; };
    const own = node => [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    return [...document.querySelectorAll('body *')].filter(node => own(node) && node.getClientRects().length > 0 && !node.closest('.skip, option'))
        .map(node => { const [a, b] = [light(parse(getComputedStyle(node).color).c), light(behind(node))]; return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.className || node.tagName, node.textContent.slice(0, 30)]; })
        .filter(([ratio]) => ratio < 4.5);
})()";

#[test]
fn every_text_can_be_read_in_light_and_in_dark() {
    let lab = Lab::start();
    let Some(page) = lab.page("", DESK) else { return };
    let mut backs = Vec::new();
    for dark in [false, true] {
        page.dark(dark);
        for view in PROPER_VIEWS {
            show(&page, view);
            page.until("document.querySelector('main').innerText.length > 20");
            assert_eq!(page.eval(FAINT), json!([]), "{view}, dark: {dark}: contrast below 4.5");
        }
        backs.push(page.eval("getComputedStyle(document.documentElement).backgroundColor"));
    }
    assert_ne!(backs[0], backs[1]);
}

#[test]
fn a_keyboard_is_enough() {
    let lab = Lab::start();
    let Some(page) = lab.page("", DESK) else { return };
    page.tab_to("#write");
    page.key("Enter");
    page.until("document.activeElement?.id === 'token'");
    page.write(TOKEN);
    page.key("Enter");
    page.until("document.documentElement.dataset.write === 'granted'");
    page.eval("document.activeElement.blur()");
    page.key("/");
    page.until("document.activeElement?.type === 'search'");
    page.write("example_pv");
    page.key("Enter");
    page.until_text("main h1", "Search");
    page.until("document.querySelector('.row .editor input')");
    page.tab_to(".row .editor input");
    page.write("3.5");
    page.key("Escape");
    page.until("document.activeElement.value === '0.000' || document.activeElement.value === '0'");
    page.write("4.5");
    page.key("Enter");
    wait_for("the value", SHOWN, || (lab.number("TEST:SERVER.example_pv") == 4.5).then_some(()));
    show(&page, "#/device/motor");
    page.tab_to("[data-set='BEAMLINE:motor.VAL'] input");
    page.write("0.3");
    page.key("Enter");
    page.until_text("[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val", "0.300");
    no_complaints(&page);
}

#[test]
fn arrow_keys_only_choose_in_a_drop_down_and_enter_sets() {
    let lab =
        Lab::of("[[pv]]\nname = \"door\"\nlabels = [\"Closed\", \"Open\", \"Ajar\"]\nvalue = \"Closed\"\n");
    let Some(page) = lab.page("#/pv/door", DESK) else { return };
    unlock(&page);
    page.until("document.querySelector('.row select')");
    page.tab_to(".row select");
    page.key("ArrowDown");
    page.until("document.querySelector('.row .note').textContent.includes('Enter sets Open')");
    assert_eq!(lab.number("door"), 0.0, "only chosen");
    page.key("Escape");
    page.until("document.querySelector('.row select').value === '0'");
    page.key("ArrowDown");
    page.key("ArrowDown");
    page.key("Enter");
    wait_for("the choice", SHOWN, || (lab.number("door") == 2.0).then_some(()));
    lab.client().pv("door").put_notify(1_i32).wait().expect("it is taken");
    page.until("document.querySelector('.row select').value === '1'");
}

#[test]
fn a_command_is_completed_sent_followed_recalled_and_aborted() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/example", DESK) else { return };
    unlock(&page);
    page.click(".command");
    page.write("mo");
    page.key("Tab");
    page.until("document.querySelector('.command').value === 'move('");
    page.write("50)");
    page.key("Enter");
    page.until_text("[data-panel=console] [data-state]", "Busy");
    page.until("document.querySelector('[data-panel=console] progress').value > 0");
    page.until("Number(document.querySelector(\"[data-pv='TEST:SERVER.VAL'] .val\").textContent) > 0");
    page.click("[data-panel=console] .stop");
    page.until_text("[data-panel=console] [data-state]", "Aborted");
    page.until("document.querySelector('.transcript .failed')?.textContent.includes('move(50)')");
    page.click(".command");
    page.key("ArrowUp");
    page.until("document.querySelector('.command').value === 'move(50)'");
    page.key("Escape");
    page.write("linear(0, 1, 0.5)");
    page.key("Enter");
    page.until("document.querySelector('.transcript .done')?.textContent.includes('linear(0, 1, 0.5)')");
    page.until("document.querySelector('.values').textContent.includes('2 × [')");
    page.write("dance(1)");
    page.key("Enter");
    page.until("document.querySelector('.transcript .failed')?.textContent.includes('dance')");
    no_complaints(&page);
}

const NASTY: &str = "<img src=x onerror=\"window.broken=1\"><script>window.broken=2</script>";

#[test]
fn text_with_html_in_it_is_shown_as_text() {
    let config = format!(
        "[[pv]]\nname = \"nasty\"\ntype = \"text\"\nmax_length = 500\nvalue = '{NASTY}'\ndoc = '{NASTY}'\nunits = '<b>mm'\n\
         [[pv]]\nname = \"labels\"\nlabels = ['<b>no</b>', '<i>yes']\nvalue = '<b>no</b>'\naccess = \"ro\"\n"
    );
    let lab = Lab::of(&config);
    let Some(page) = lab.page("#/pv/nasty", DESK) else { return };
    for view in ["#/pv/nasty", "#/pv/labels", "#/search/a", "#/", "#/log", "#/pinned"] {
        show(&page, view);
        page.until("document.querySelector('main').innerText.length > 5");
        page.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
        let found = page
            .eval("document.querySelectorAll('main img, main b:not(.log b), main i, main script').length");
        assert_eq!(found, json!(0), "{view}");
    }
    show(&page, "#/pv/nasty");
    page.until(&format!("document.querySelector('main pre')?.textContent === {}", json!(NASTY)));
    show(&page, "#/pv/labels");
    page.until("document.querySelector('.row .val')?.textContent === '<b>no</b>'");
    assert_eq!(page.eval("window.broken ?? null"), Value::Null);
    no_complaints(&page);
}

#[test]
fn pvs_of_another_server_are_pinned_by_name_and_stay_pinned() {
    let other = Lab::of("[[pv]]\nname = \"far:value\"\nvalue = 12.5\nprecision = 2\nunits = \"V\"\n");
    let udp = free_port();
    let panel = format!("127.0.0.1:{}", free_port());
    let mut command =
        seqioc(&["run", "clock", "--ready", "json", "--interfaces", "127.0.0.1", "--panel", &panel]);
    let searched = format!("{}:{}", Ipv4Addr::LOCALHOST, other.server.udp);
    command.env("EPICS_CAS_SERVER_PORT", udp.to_string()).env("EPICS_CA_ADDR_LIST", searched);
    let mut server = Server::spawn(command);
    server.ready();
    let Some(page) = Page::open(&format!("http://{panel}/#/pinned"), DESK) else { return };
    page.until("document.querySelector('#pin-name')");
    page.click("#pin-name");
    page.write("far:value");
    page.key("Enter");
    let value = "[data-pv='far:value'] .val";
    let text = |wanted: &str| {
        page.until(&format!("document.querySelector(\"{value}\")?.textContent === '{wanted}'"))
    };
    text("12.50");
    other.client().pv("far:value").put_notify(13.25).wait().expect("it is taken");
    text("13.25");
    page.go("about:blank");
    page.go(&format!("http://{panel}/#/pinned"));
    text("13.25");
    drop(other);
    page.until("document.querySelector(\"[data-pv='far:value']\")?.classList.contains('gone')");
    page.click("[aria-label='Remove far:value']");
    page.until("!document.querySelector(\"[data-pv='far:value']\")");
    assert_eq!(page.eval("localStorage.getItem('panel-pins')"), json!("[]"));
}

#[test]
fn the_chart_is_shown_as_a_picture_that_is_renewed() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/chart", DESK) else { return };
    let picture = "[data-picture='chart:image'] img";
    page.until(&format!("document.querySelector(\"{picture}\")?.naturalWidth === 640"));
    assert_eq!(page.eval(&format!("document.querySelector(\"{picture}\").naturalHeight")), json!(240));
    let first = page.eval(&format!("document.querySelector(\"{picture}\").src"));
    page.until(&format!("document.querySelector(\"{picture}\").src !== {first}"));
    no_complaints(&page);
}

#[test]
fn a_number_that_is_picked_has_a_trend_that_draws() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    page.until("document.querySelector(\"[aria-label='Trend of BEAMLINE:motor.RBV']\")");
    page.click("[aria-label='Trend of BEAMLINE:motor.RBV']");
    let canvas = "document.querySelector('[data-curve] canvas')";
    // Rows of the curve's colour: a flat line has few, one that rose has many.
    let height = format!(
        "(() => {{ const c = {canvas}; const {{data}} = c.getContext('2d').getImageData(0, 0, c.width, c.height); \
         const rows = new Set(); for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at + 2] - data[at] > 90) rows.add(Math.floor(at / 4 / c.width)); \
         return rows.size; }})()"
    );
    page.until(&format!("{canvas}?.width > 100 && {height} > 0"));
    assert!(page.eval(&height).as_f64() < Some(20.0), "it stands still");
    set(&page, "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']", "1");
    page.until_text("[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val", "1.000");
    page.until(&format!("{height} > 60"));
    page.click("[aria-label='Close the curve of BEAMLINE:motor.RBV']");
    page.until("document.querySelector('#dock').hidden");
}

#[test]
fn the_log_is_filtered_and_the_circuits_are_listed() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/log", DESK) else { return };
    page.until("document.querySelector('.log').innerText.includes('startup complete')");
    page.eval("const level = document.querySelector('#log-level'); level.value = 'ERROR'; level.dispatchEvent(new Event('change')); 1");
    page.until("!document.querySelector('.log').innerText.includes('startup complete')");
    let before = page.eval("document.querySelectorAll('.log li').length");
    assert_eq!(before, json!(0));
    let client = lab.client();
    let pv = client.pv("TEST:SERVER.VAL");
    let _: f64 = pv.get_as().wait().expect("a number");
    show(&page, "#/server");
    page.until("document.querySelector('tbody tr')?.innerText.includes('127.0.0.1')");
    page.until("Number(document.querySelector('.tile .val').textContent) >= 1");
    no_complaints(&page);
}

#[test]
fn alarms_are_told_by_words_and_on_the_overview() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/example", DESK) else { return };
    unlock(&page);
    page.click(".command");
    page.write("dance(1)");
    page.key("Enter");
    page.until("document.querySelector('.transcript .failed')");
    show(&page, "#/");
    page.until("document.querySelector(\"[data-device=example]\").dataset.severity === '2'");
    page.until("document.querySelector(\"[data-device=example] .alarm\").textContent.includes('MAJOR')");
    page.until("document.querySelector('[data-alarms] .val').textContent === '1'");
}

#[test]
fn the_page_names_no_other_host_and_parses_no_html() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../panel/assets");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the assets") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("UTF-8").replace("http://www.w3.org/2000/svg", "");
        for word in [
            "http://",
            "https://",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            " style=",
            "import(",
        ] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
        assert!(text.lines().count() <= 300, "{} is too long", path.display());
        files += 1;
    }
    assert!(files > 10, "{files} files");
}
