//! A Python class behind the template: what it gets and puts, and what happens when its process is killed.

use std::process::Command;

use wrapper::client::Reading;
use wrapper::{Alarm, AlarmSeverity};

use super::Recipe;
use crate::launch::{SOON, wait_for};

/// Its process, from the log; the last one started.
fn process(device: &Recipe, nth: usize) -> String {
    wait_for("a process", SOON, || {
        let log = device.server.log();
        let pids = log.lines().filter_map(|line| line.split_once("Python process "));
        pids.map(|(_, pid)| pid.trim().to_owned()).filter(|pid| pid.parse::<u32>().is_ok()).nth(nth)
    })
}

fn kill(pid: &str) {
    let status = Command::new("kill").args(["-s", "KILL", pid]).status().expect("kill runs");
    assert!(status.success(), "kill {pid}: {status}");
}

#[test]
fn a_python_class_executes_commands_and_a_killed_process_is_started_again() {
    let device = Recipe::start("python_device", "py:", &[]);
    device.until("health.ALIVE", &true);
    device.put("seq.CMD", "[1, 2.5, 3]");
    assert_eq!(device.get::<Vec<f64>>("seq.values"), [1.0, 2.5, 3.0]);
    assert_eq!(device.get::<String>("seq.message"), "3 points");
    assert_eq!(device.refused("seq.CMD", "linear(1"), "no list: linear(1");
    device.put("VAL", 1.0);
    assert_eq!(device.get::<f64>("RBV"), 1.0, "the put is done when the class is");

    let mut alarms = device.pv("VAL").monitor::<Reading<f64>>();
    kill(&process(&device, 0));
    let down = alarms.updates(SOON).filter_map(Result::ok).find(|update| update.alarm == Alarm::COMM);
    assert!(down.is_some(), "COMM/INVALID while it is down");
    let up = alarms
        .updates(SOON)
        .filter_map(Result::ok)
        .find(|update| update.alarm.severity == AlarmSeverity::NoAlarm);
    assert!(up.is_some(), "it is up again");
    device.until("health.RESTARTS", &1);
    wait_for("a put", SOON, || device.pv("VAL").put_notify(0.5).wait().ok());
    assert_eq!(device.get::<f64>("RBV"), 0.5);
}

#[test]
fn a_command_under_way_fails_with_its_process_and_abort_ends_it() {
    let device = Recipe::start("python_device", "py:", &[]);
    device.until("health.ALIVE", &true);
    let long = device.begin("VAL", 1000.0);
    wait_for("it moves", SOON, || (device.get::<f64>("RBV") > 1.0).then_some(()));
    kill(&process(&device, 0));
    long.join().expect("no panic").expect_err("nobody answers it any more");
    device.until("health.RESTARTS", &1);
    device.until("health.ALIVE", &true);
    let long = device.begin("VAL", 2000.0);
    wait_for("it moves", SOON, || (device.get::<String>("seq.STATE") == "Busy").then_some(()));
    device.put("seq.ABORT", 1);
    long.join().expect("no panic").expect_err("it was aborted");
    device.until("health.RESTARTS", &2);
}
