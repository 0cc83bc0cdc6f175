//! The page of the panel under trouble, on all screens, before hostile text.

use std::path::Path;

use serde_json::{Value, json};

use crate::browser::Page;
use crate::launch::free_port;
use crate::panel::{DESK, Lab, no_complaints, set, show, unlock};

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
