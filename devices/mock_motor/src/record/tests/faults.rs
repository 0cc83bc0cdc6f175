//! Faults, and what the record makes of them.

use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use super::*;

#[test]
fn a_stalled_motor_fails_its_motion_with_an_alarm_until_it_is_repaired() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.1);
    bench.record.faults_mut().stalled = true;
    let End::Failed(reason) = bench.finish() else { panic!("it is stalled") };
    assert!(reason.starts_with("stalled at 1"), "{reason}");
    bench.shows(&[(Rbv, 1.0), (Val, 1.0)]);
    assert_eq!(bench.get(Msta) as u32 & 0x240, 0x240, "slip or stall, problem");
    assert_eq!(bench.record.alarm(), Some(Alarm::new(AlarmStatus::State, AlarmSeverity::Major)));
    let End::Failed(reason) = bench.go(Val, 1.05) else { panic!("it is stalled") };
    assert_eq!(reason, "stalled at 1", "a short way is noticed at its end");
    bench.record.faults_mut().stalled = false;
    assert_eq!(bench.go(Val, 2.0), End::Reached);
    assert_eq!((bench.record.alarm(), bench.get(Msta) as u32 & 0x240), (None, 0));
}

#[test]
fn lost_steps_are_tried_again() {
    let mut bench = Bench::new();
    bench.record.faults_mut().lost = 0.25;
    bench.put(Val, 2.0).expect("in range");
    bench.run(2.3);
    bench.shows(&[(Rcnt, 1.0), (Dmov, 0.0), (Mip, 96.0)]);
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.0), (Rcnt, 1.0), (Miss, 0.0), (Diff, 0.0)]);
}

#[test]
fn without_tries_lost_steps_stay_lost() {
    let mut bench = Bench::with(&[(Rtry, 0.0)]);
    bench.record.faults_mut().lost = 0.25;
    assert_eq!(bench.go(Val, 2.0), End::Reached);
    bench.shows(&[(Rbv, 1.75), (Val, 2.0), (Diff, 0.25), (Miss, 0.0)]);
}

#[test]
fn a_miss_within_the_deadband_is_good_enough() {
    let mut bench = Bench::with(&[(Rdbd, 0.3)]);
    bench.record.faults_mut().lost = 0.25;
    assert_eq!(bench.go(Val, 2.0), End::Reached);
    bench.shows(&[(Rbv, 1.75), (Rcnt, 0.0)]);
}

#[test]
fn when_all_tries_missed_it_says_so_until_a_motion_arrives() {
    let mut bench = Bench::with(&[(Rtry, 2.0)]);
    bench.record.faults_mut().lost = 0.01;
    bench.put(Val, 2.0).expect("in range");
    let end = loop {
        bench.record.faults_mut().lost = 0.01;
        if let Some(end) = bench.run(0.05) {
            break end;
        }
    };
    let End::Failed(reason) = end else { panic!("every try loses steps") };
    assert!(reason == "missed by 0.01 after 2 tries", "{reason}");
    bench.shows(&[(Miss, 1.0), (Rcnt, 2.0), (Val, 2.0), (Rbv, 1.99)]);
    bench.record.faults_mut().lost = 0.0;
    assert_eq!(bench.go(Val, 3.0), End::Reached);
    bench.shows(&[(Miss, 0.0), (Rcnt, 0.0)]);
}

#[test]
fn a_stuck_limit_switch_stops_one_direction() {
    let mut bench = Bench::new();
    bench.put(Val, 3.0).expect("in range");
    bench.run(1.1);
    bench.record.faults_mut().high = true;
    assert!(matches!(bench.finish(), End::Failed(_)));
    bench.shows(&[(Hls, 1.0), (Lls, 0.0), (Dmov, 1.0)]);
    let at = bench.get(Rbv);
    assert!((1.0..1.2).contains(&at) && bench.get(Val) == at);
    assert_eq!(bench.go(Val, 0.0), End::Reached);
    bench.record.faults_mut().high = false;
    assert_eq!(bench.go(Val, 3.0), End::Reached);
}

#[test]
fn a_small_following_error_lags_and_a_large_one_stops() {
    let mut bench = Bench::new();
    bench.record.faults_mut().lag = 0.2;
    bench.put(Val, 3.0).expect("in range");
    let mut before = 0.0;
    for _ in 0..22 {
        bench.run(0.05);
        assert!(bench.get(Rbv) >= before, "to lag is not to go back");
        before = bench.get(Rbv);
    }
    bench.shows(&[(Rbv, 0.8)]);
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 3.0)]);
    bench.record.faults_mut().lag = 0.6;
    let End::Failed(reason) = bench.go(Val, 0.0) else { panic!("it lags too far") };
    assert!(reason.contains("following error"), "{reason}");
    bench.shows(&[(Val, bench.get(Rbv)), (Movn, 0.0)]);
    assert!(bench.record.alarm().is_some());
}

#[test]
fn a_stop_after_a_fault_is_a_stop() {
    let mut bench = Bench::new();
    bench.record.faults_mut().stalled = true;
    assert!(matches!(bench.go(Val, 1.0), End::Failed(_)));
    bench.put(Spmg, 1.0).expect("a switch");
    bench.put(Val, 2.0).expect("in range");
    bench.put(Stop, 1.0).expect("a stop");
    assert_eq!(bench.finish(), End::Stopped);
}

#[test]
fn who_looks_late_sees_the_same() {
    let mut bench = Bench::new();
    bench.record.faults_mut().lag = 0.6;
    bench.put(Val, 3.0).expect("in range");
    let Some(End::Failed(reason)) = bench.record.tick(60.0) else { panic!("it lagged too far on the way") };
    assert!(reason.contains("following error"), "{reason}");
    assert!(bench.get(Rbv) < 0.5, "soon after it began: {}", bench.get(Rbv));
}
