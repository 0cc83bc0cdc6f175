//! Soft limits and limit switches.

use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use super::*;

#[test]
fn a_target_outside_is_refused_nothing_moves_and_lvio_stays_to_the_next_good_one() {
    let mut bench = Bench::new();
    bench.go(Val, 1.0);
    for (field, value) in [(Val, 7.001), (Val, -3.5), (Dval, 8.0), (Rval, 9000.0), (Rlv, 6.5)] {
        let reason = refusal(bench.put(field, value));
        assert!(reason.ends_with("is outside -3..=7"), "{reason}");
        bench.shows(&[(Lvio, 1.0), (Val, 1.0), (Dval, 1.0), (Dmov, 1.0), (Movn, 0.0)]);
        assert_eq!(bench.run(1.0), None);
        bench.shows(&[(Rbv, 1.0)]);
    }
    bench.put(Velo, 2.0).expect("a speed");
    bench.shows(&[(Lvio, 1.0)]);
    assert_eq!(bench.go(Val, 7.0), End::Reached);
    bench.shows(&[(Lvio, 0.0), (Rbv, 7.0)]);
}

#[test]
fn a_refused_target_leaves_the_motion_that_is_under_way() {
    let mut bench = Bench::new();
    bench.put(Val, 2.0).expect("in range");
    bench.run(0.5);
    refusal(bench.put(Val, 50.0));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.0), (Val, 2.0), (Lvio, 1.0)]);
}

#[test]
fn user_and_dial_limits_follow_each_other() {
    let mut bench = Bench::with(&[(Off, 1.0), (Hlm, 5.0), (Llm, -1.0)]);
    bench.shows(&[(Dhlm, 4.0), (Dllm, -2.0)]);
    bench.put(Dhlm, 6.0).expect("above the low one");
    bench.shows(&[(Hlm, 7.0)]);
    let mut bench = Bench::with(&[(Dir, 1.0), (Hlm, 2.0), (Llm, -6.0)]);
    bench.shows(&[(Dllm, -2.0), (Dhlm, 6.0)]);
    refusal(bench.put(Val, 3.0));
    assert_eq!(bench.go(Val, -6.0), End::Reached);
}

#[test]
fn limits_that_leave_the_target_outside_are_a_violation_and_crossed_ones_are_refused() {
    let mut bench = Bench::new();
    bench.go(Val, 3.0);
    assert_eq!(bench.put(Hlm, 2.0), Ok(Put::Done));
    bench.shows(&[(Lvio, 1.0), (Dmov, 1.0)]);
    assert!(refusal(bench.put(Llm, 2.5)).contains("2.5 is above the high limit 2"));
    assert_eq!(bench.go(Val, 2.0), End::Reached, "the way back is open");
    bench.shows(&[(Lvio, 0.0)]);
}

#[test]
fn both_limits_0_are_none() {
    let mut bench = Bench::with(&[(Dhlm, 0.0), (Dllm, 0.0), (Velo, 10.0)]);
    assert_eq!(bench.go(Val, 8.5), End::Reached);
}

#[test]
fn the_way_back_for_backlash_must_be_inside_too() {
    let mut bench = Bench::with(&[(Bdst, 0.5)]);
    let reason = refusal(bench.put(Val, -2.8));
    assert!(reason.contains("-3.3") && reason.contains("backlash"), "{reason}");
    bench.shows(&[(Lvio, 1.0)]);
    assert_eq!(bench.go(Val, -2.5), End::Reached);
    assert_eq!(bench.go(Val, -2.4), End::Reached, "along the backlash there is no way back");
}

#[test]
fn a_limit_switch_ends_the_motion_where_it_is() {
    let mut bench = Bench::with(&[(Dhlm, 0.0), (Dllm, 0.0), (Velo, 10.0), (Hlsv, 2.0)]);
    let End::Failed(reason) = bench.go(Val, 20.0) else { panic!("there is a switch at 9") };
    assert_eq!(reason, "stopped by a limit switch at 9");
    bench.shows(&[(Rbv, 9.0), (Val, 9.0), (Hls, 1.0), (Lls, 0.0), (Rhls, 1.0), (Tdir, 1.0)]);
    assert_eq!(bench.get(Msta) as u32 & 0x2004, 0x4);
    assert_eq!(bench.record.alarm(), Some(Alarm::new(AlarmStatus::High, AlarmSeverity::Major)));
    assert!(refusal(bench.put(Jogf, 1.0)).contains("limit switch"));
    assert!(matches!(bench.go(Val, 10.0), End::Failed(_)), "not further");
    assert_eq!(bench.go(Val, 8.0), End::Reached, "but back");
    bench.shows(&[(Hls, 0.0)]);
    assert_eq!(bench.record.alarm(), None);
    assert!(matches!(bench.go(Val, -20.0), End::Failed(_)));
    bench.shows(&[(Rbv, -5.0), (Lls, 1.0), (Hls, 0.0)]);
}

#[test]
fn the_switches_change_sides_with_the_direction_of_the_user() {
    let mut bench = Bench::with(&[(Dhlm, 0.0), (Dllm, 0.0), (Velo, 10.0), (Dir, 1.0)]);
    assert!(matches!(bench.go(Val, -20.0), End::Failed(_)));
    bench.shows(&[(Rbv, -9.0), (Drbv, 9.0), (Lls, 1.0), (Hls, 0.0), (Rhls, 1.0), (Rlls, 0.0)]);
}

#[test]
fn backlash_needs_no_room_where_there_is_no_way() {
    let mut bench = Bench::new();
    bench.go(Val, -3.0);
    bench.put(Bdst, 0.5).expect("a length");
    assert_eq!(bench.go(Val, -3.0), End::Reached);
}
