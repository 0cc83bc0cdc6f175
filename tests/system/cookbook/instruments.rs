//! A supply over TCP and over a serial port; a gauge that is polled.

use std::time::Duration;

use wrapper::client::Reading;
use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use super::Recipe;
use crate::gallery::examples;
use crate::launch::{SOON, Server, free_port, isolated, wait_for};
use crate::peers::Script;

/// The simulated supply at this address.
pub(super) fn simulated(address: &str) -> Server {
    let mut command = isolated(examples().join("simulated_supply"));
    command.arg(address);
    let server = Server::spawn(command);
    assert_eq!(server.line(), format!("listening on {address}"));
    server
}

#[test]
fn a_supply_over_tcp_is_set_read_and_refuses_and_comes_back() {
    let address = format!("127.0.0.1:{}", free_port());
    let instrument = simulated(&address);
    let supply = Recipe::start("supply", "supply:", &["--address", &address]);
    supply.put("voltage", 5.0);
    supply.put("output", true);
    supply.until("voltage_RBV", &5.0);
    supply.until("current_RBV", &0.5);
    supply.put("seq.CMD", "identify()");
    assert_eq!(supply.get::<String>("seq.message"), "Simulated,Supply,0,1.0");
    let reason = supply.refused("voltage", 31.0);
    assert_eq!(reason, "VOLT 31: -222,\"Data out of range\"", "its own limit is below that of the PV");
    assert_eq!(supply.get::<f64>("voltage"), 5.0, "what the instrument has");
    assert_eq!(supply.alarm("voltage"), Alarm::WRITE);
    assert_eq!(supply.get::<String>("voltage.AMSG"), reason);
    assert_eq!(supply.alarm("voltage_RBV"), Alarm::NONE, "it is read all the same");
    supply.put("voltage", 6.0);
    assert_eq!(supply.alarm("voltage"), Alarm::NONE);

    drop(instrument);
    supply.until_alarm("voltage_RBV", Alarm::COMM);
    assert_eq!(supply.alarm("current_RBV"), Alarm::COMM, "both are as old");
    let instrument = simulated(&address);
    supply.until_alarm("voltage_RBV", Alarm::NONE);
    let log = supply.server.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("supply:link: alarm ")).collect();
    assert!(
        matches!(told[..], [gone, back] if gone.contains("alarm COMM INVALID: ") && back.ends_with("alarm is over")),
        "{log}"
    );
    supply.until("voltage", &0.0);
    supply.put("voltage", 7.0);
    drop(instrument);
}

#[test]
fn the_same_supply_answers_over_a_serial_port() {
    let Some(script) = Script::start("serial_supply.py", 0, SOON) else { return };
    let port = script.line();
    let supply = Recipe::start("supply", "supply:", &["--address", &port]);
    supply.until("voltage_RBV", &4.5);
    assert_eq!(supply.get::<f64>("voltage"), 4.5, "the knob's value");
    supply.put("voltage", 3.25);
    script.wait_line("VOLT 3.25");
    let absent = Recipe::start("supply", "supply:", &["--address", "/dev/no_such_port"]);
    absent.until_alarm("voltage_RBV", Alarm::COMM);
    let why = absent.refused("output", true);
    assert!(why.starts_with("/dev/no_such_port: "), "{why}");
}

#[test]
fn a_gauge_is_polled_as_often_as_its_scan_says_and_shows_its_silence() {
    let gauge = Recipe::start("polling", "gauge:", &[]);
    let major = |status| Alarm::new(status, AlarmSeverity::Major);
    wait_for("answers", SOON, || (gauge.get::<i32>("update") >= 3).then_some(()));
    assert!(gauge.get::<f64>("pressure") < 1000.0);
    gauge.put("power", false);
    gauge.until_alarm("pressure", major(AlarmStatus::Comm));
    gauge.until_alarm("update", major(AlarmStatus::Scan));
    assert_eq!(gauge.get::<String>("pressure.AMSG"), "the gauge does not answer");
    gauge.put("power", true);
    gauge.until_alarm("pressure", Alarm::NONE);
    gauge.until_alarm("update", Alarm::NONE);

    gauge.put("update.SCAN", ".1 second");
    let mut updates = gauge.pv("update").monitor::<Reading<i32>>();
    let mut times = updates.updates(SOON).skip(1).take(21).map(|update| update.expect("a reading").time);
    let (first, last) = (times.next().flatten().expect("a time"), times.last().flatten().expect("a time"));
    // At the rate before it would be 10 s.
    let took = last.duration_since(first).expect("later");
    assert!((Duration::from_secs(1)..Duration::from_secs(9)).contains(&took), "20 periods took {took:?}");
}
