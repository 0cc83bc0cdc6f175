//! The pictures of docs/panel.md: `cargo test -p seqioc --test system panel_pictures -- --ignored`.

use std::path::Path;

use crate::browser::Page;
use crate::panel::{DESK, Lab, set, show, unlock};

const PHONE: [u32; 2] = [380, 760];
/// Largest picture, in bytes.
const LARGEST: usize = 150_000;

fn keep(page: &Page, name: &str) {
    page.eval("document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))");
    let picture = page.picture();
    assert!(picture.len() <= LARGEST, "{name}: {} bytes, must be at most {LARGEST}", picture.len());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/panel").join(name);
    std::fs::write(path, picture).expect("docs can be written");
}

/// Nothing is shown for some seconds only, and nothing has the focus.
fn calm(page: &Page) {
    page.eval("document.activeElement.blur(); 1");
    page.until("document.querySelector('#toast').hidden");
}

#[test]
#[ignore = "writes the pictures of the guide"]
fn the_pictures_of_the_guide_are_taken() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    page.click("[aria-label='Trend of BEAMLINE:motor.RBV']");
    let go = |to: &str| set(&page, "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']", to);
    let at = |value: &str| {
        page.until(&format!("Math.abs(document.querySelector(\"[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val\").textContent - {value}) < 0.01"));
    };
    for to in ["3", "1", "6.5"] {
        go(to);
        at(to);
    }
    page.until("document.querySelector(\"[data-pv='BEAMLINE:motor.RBV']\").dataset.severity === '2'");
    go("2.5");
    page.until_text("[data-panel=motor] header .chip", "Moving");
    calm(&page);
    keep(&page, "motor.png");
    at("2.5");
    page.size(PHONE);
    page.until("innerWidth === 380");
    page.eval("scrollTo(0, 0)");
    keep(&page, "phone.png");
    page.size(DESK);
    page.click("[aria-label='Close the curve of BEAMLINE:motor.RBV']");
    show(&page, "#/device/example");
    page.click(".command");
    for command in ["linear(0, 1, 0.1)", "dance(1)", "move(40)"] {
        page.write(command);
        page.key("Enter");
        page.until(&format!("document.querySelector('.transcript').textContent.includes('› {command}') || document.querySelector('.transcript .sent')"));
    }
    page.until("document.querySelector('[data-panel=console] progress').value > 10");
    page.dark(true);
    calm(&page);
    keep(&page, "console-dark.png");
    page.dark(false);
    show(&page, "#/");
    page.until("document.querySelector('[data-device=example] .bar')?.value > 0");
    keep(&page, "overview.png");
    show(&page, "#/device/beamline");
    page.click("[data-panel=beamline] .place:nth-child(2)");
    page.until("document.querySelector('[data-panel=beamline] .place:nth-child(2)').ariaPressed === 'true'");
    page.click("[data-panel=beamline] .jog");
    page.until_text("[data-panel=beamline] .jog", "Jogging…");
    calm(&page);
    keep(&page, "beamline.png");
}
