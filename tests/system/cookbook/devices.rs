//! A camera, a motor, a library that blocks, an interlock.

use wrapper::client::Reading;
use wrapper::{Alarm, Config, GroupBuilder, Ioc, Pv};

use super::Recipe;
use crate::launch::{SOON, free_port, wait_for};

#[test]
fn a_camera_takes_single_frames_and_exposes_by_itself_only_for_those_who_look() {
    let camera = Recipe::start("camera", "cam:", &[]);
    camera.put("exposure", 0.001);
    camera.put("live", true);
    for number in 1..=5 {
        camera.put("acquire", true);
        assert_eq!(camera.get::<i32>("COUNTER"), number, "nobody looks, so that no other frame was taken");
    }
    let image = camera.get::<Reading<Vec<u8>>>("image");
    let size = [camera.get::<i32>("WIDTH"), camera.get::<i32>("HEIGHT")].map(|pixels| pixels as usize);
    assert_eq!(image.value.len(), size[0] * size[1]);
    let mean = image.value.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / image.value.len() as f64;
    let shown = camera.get::<Reading<f64>>("mean");
    assert!((shown.value - mean).abs() < 1e-6);
    assert_eq!(shown.time, image.time, "what belongs together has one time");

    let mut images = camera.pv("image").monitor::<Vec<u8>>();
    let frames: Vec<_> = images.updates(SOON).take(4).map(|frame| frame.expect("an image")).collect();
    assert!(frames.windows(2).all(|pair| pair[0] != pair[1]), "the spot moves");
}

#[test]
fn a_motor_completes_its_moves_and_stops_at_once() {
    let axis = Recipe::start("axis", "axis:", &[]);
    let mut done = axis.pv("DMOV").monitor::<i32>();
    let mut next = || done.wait(SOON).expect("in time").expect("a number");
    assert_eq!(next(), 1);
    axis.put("VAL", 0.5);
    assert_eq!(axis.get::<f64>("RBV"), 0.5);
    axis.put("VAL", 0.5);
    assert_eq!([next(), next(), next(), next()], [0, 1, 0, 1], "a move of no length shows too");

    let long = axis.begin("VAL", 10.0);
    wait_for("it moves", SOON, || (axis.get::<f64>("RBV") > 0.6).then_some(()));
    axis.put("STOP", 1);
    long.join().expect("no panic").expect_err("it was stopped");
    assert_eq!(axis.get::<String>("seq.ERROR"), "stopped");
    let (setpoint, readback) = (axis.get::<f64>("VAL"), axis.get::<f64>("RBV"));
    assert!(setpoint == readback && readback < 10.0, "{setpoint} {readback}");
    let error = axis.pv("VAL").put_notify(11.0).wait().expect_err("outside -10..=10");
    assert_eq!(error.eca(), Some(wrapper::client::Eca::PUTFAIL));
}

#[test]
fn a_newer_target_takes_the_place_of_one_that_waits() {
    let axis = Recipe::start("axis", "axis:", &[]);
    let first = axis.begin("VAL", 2.0);
    wait_for("it moves", SOON, || (axis.get::<f64>("RBV") > 0.1).then_some(()));
    let second = axis.begin("VAL", -1.0);
    wait_for("it waits", SOON, || (axis.get::<i32>("seq.QUEUED") == 1).then_some(()));
    let third = axis.begin("VAL", 1.5);
    second.join().expect("no panic").expect_err("it is superseded");
    first.join().expect("no panic").expect("it is done first");
    third.join().expect("no panic").expect("it is done");
    assert_eq!(axis.get::<f64>("RBV"), 1.5);
}

#[test]
fn a_library_that_blocks_holds_up_nobody_else_and_its_codes_become_words() {
    let spectrometer = Recipe::start("vendor_library", "spec:", &[]);
    spectrometer.put("integration", 0.002);
    spectrometer.put("seq.CMD", "scan(450, 550, step=25)");
    let spectrum: Vec<f64> = spectrometer.get("seq.values");
    assert_eq!((spectrum.len(), spectrum[2]), (5, 1.0));
    let reason = spectrometer.refused("seq.CMD", "scan(990, 1020)");
    assert_eq!(reason, "measure: error -7, the grating is busy");
    let reason = spectrometer.refused("seq.CMD", "scan(500, 400)");
    assert!(reason.contains("from 500 to 400 by 10"), "{reason}");

    spectrometer.put("integration", 0.5);
    let long = spectrometer.command("scan(0, 1000, 1)");
    spectrometer.until("seq.BUSY", &true);
    let mut temperature = spectrometer.pv("temperature").monitor::<f64>();
    let seen = temperature.updates(SOON).take(5).filter_map(Result::ok).count();
    assert_eq!(seen, 5, "the thread of the library posts while the device's is blocked");
    spectrometer.put("seq.ABORT", 1);
    long.join().expect("no panic").expect_err("it was aborted");
    assert_eq!(spectrometer.get::<String>("seq.STATE"), "Aborted");
}

/// A heater and its valve, in an IOC of another process.
fn heater(port: u16) -> (Ioc, Pv<f64>, Pv<bool>) {
    let mut group = GroupBuilder::new("heater:");
    let temperature = group.pv("temperature", 20.0).add().expect("a PV");
    let valve = group.pv("valve", true).add().expect("a PV");
    let config = Config { server_port: port, ..Config::isolated() };
    (Ioc::builder().group(group).start(config).expect("loopback"), temperature, valve)
}

#[test]
fn an_interlock_closes_the_valve_of_another_ioc_and_shows_when_it_is_blind() {
    let port = free_port();
    let (ioc, temperature, valve) = heater(port);
    let flags = ["--watch", "heater:temperature", "--valve", "heater:valve"];
    let lock = Recipe::beside("interlock", "lock:", &flags, Some(port));
    lock.until("seen", &20.0);
    assert!(valve.get());
    temperature.post(60.0);
    wait_for("the valve is closed", SOON, || (!valve.get()).then_some(()));
    lock.until("tripped", &true);
    let reason = lock.refused("reset", true);
    assert_eq!(reason, "heater:temperature must be there and at most 50, it is 60");
    temperature.post(30.0);
    lock.until("seen", &30.0);
    lock.put("reset", true);
    assert!(!lock.get::<bool>("tripped"));

    ioc.stop();
    lock.until_alarm("seen", Alarm::LINK);
    lock.refused("reset", true);
    let (_ioc, _temperature, _valve) = heater(port);
    lock.until_alarm("seen", Alarm::NONE);
    lock.until("seen", &20.0);
}

#[test]
fn two_devices_of_ones_own_are_served_by_one_ioc() {
    for (flags, prefix) in
        [(&[][..], "lab:"), (&["--site", "hall"], "hall:"), (&["--prefix", "X:"], "X:lab:")]
    {
        let pumps = Recipe::start("pumps", prefix, flags);
        pumps.put("water:seq.CMD", "give(2)");
        pumps.put("oil:seq.CMD", "give(3)");
        assert_eq!(pumps.get::<String>("water:seq.message"), "water gave 2 ml");
        assert_eq!(pumps.get::<String>("oil:seq.message"), "oil gave 3 ml");
    }
}

#[test]
fn a_valve_opens_when_its_gauges_are_below_the_limit_of_the_group() {
    let vacuum = Recipe::start("vacuum", "VAC:", &[]);
    vacuum.until("G1:pressure", &1e-7);
    vacuum.put("G2:leak", 1e-3);
    vacuum.until("G2:pressure", &1e-3);
    vacuum.pv("V1:seq.CMD").put_notify("open()").wait().expect_err("the valve stays shut");
    assert_eq!(vacuum.get::<String>("V1:seq.ERROR"), "VAC:G2:pressure is 1e-3, above 1e-5, or not known");
    vacuum.put("limit", 1e-2);
    vacuum.put("V1:seq.CMD", "open()");
    assert_eq!(vacuum.get::<String>("V1:position"), "Open");
}
