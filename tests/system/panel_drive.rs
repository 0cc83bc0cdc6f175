//! Driving equipment from the page of the panel.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::browser::{Page, SHOWN};
use crate::launch::{Server, free_port, seqioc, wait_for};
use crate::panel::{DESK, Lab, TOKEN, no_complaints, record, seen, set, show, unlock};

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
    page.until_text("[data-panel=beamline] [data-pv='BEAMLINE:motor.RBV'] .val", "5.000");
    assert!((lab.number("BEAMLINE:motor.RBV") - 5.0).abs() < 0.01);
    no_complaints(&page);
}

#[test]
fn the_beamline_shows_the_motor_that_it_moves() {
    let config = "[device.motor]\nprefix = \"X:m.\"\n[device.beamline]\narguments = { motor = \"X:m.\" }\n";
    let lab = Lab::of(config);
    let Some(page) = lab.page("#/device/beamline", DESK) else { return };
    unlock(&page);
    page.click("[data-panel=beamline] .place:nth-child(2)");
    page.until_text("[data-panel=beamline] [data-pv='X:m.RBV'] .val", "5.000");
    no_complaints(&page);
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
    let live = page.eval("document.activeElement.value");
    page.write("3.5");
    page.until("document.activeElement.value === '3.5'");
    page.key("Escape");
    page.until(&format!("document.activeElement.value === {live}"));
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
fn a_target_that_a_newer_one_supersedes_is_no_complaint() {
    let lab = Lab::start();
    let Some(page) = lab.page("#/device/motor", DESK) else { return };
    unlock(&page);
    let go = "[data-panel=motor] [data-set='BEAMLINE:motor.VAL']";
    set(&page, go, "5");
    page.until_text("[data-panel=motor] header .chip", "Moving");
    set(&page, go, "0.5");
    page.until_text("[data-panel=motor] [data-pv='BEAMLINE:motor.RBV'] .val", "0.500");
    page.until(&format!("document.querySelector(\"{go} input\").value === '0.500'"));
    assert_eq!(page.eval(&format!("document.querySelector(\"{go} .note\").hidden")), json!(true));
    no_complaints(&page);
}
