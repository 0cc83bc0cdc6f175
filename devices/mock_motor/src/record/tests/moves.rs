//! Moves: their time, their pieces, their end.

use super::*;

#[test]
fn a_move_takes_way_by_speed_plus_one_ramp_and_ends_exactly() {
    let mut bench = Bench::new();
    assert_eq!(bench.go(Val, 3.3), End::Reached);
    assert_eq!((bench.get(Rbv), bench.get(Val)), (3.3, 3.3), "to the last bit");
    assert!((bench.now - 3.5).abs() < 1e-6, "{} s for 3.3 mm", bench.now);
    bench.shows(&[(Dval, 3.3), (Drbv, 3.3), (Rval, 3300.0), (Rrbv, 3300.0), (Diff, 0.0), (Lvio, 0.0)]);
}

#[test]
fn under_way_it_shows_where_and_how_it_moves() {
    let mut bench = Bench::new();
    bench.put(Val, -2.0).expect("in range");
    bench.shows(&[(Dmov, 0.0), (Movn, 1.0), (Mip, 32.0), (Tdir, 0.0)]);
    assert_eq!(bench.run(1.1), None);
    bench.shows(&[(Rbv, -1.0), (Diff, -1.0), (Rdif, -1000.0), (Rvel, 1000.0)]);
    let msta = bench.get(Msta) as u32;
    assert_eq!(msta & 0x403, 0x400, "moving, not done, down: {msta:#x}");
    assert_eq!(bench.finish(), End::Reached);
    assert_eq!(bench.get(Msta) as u32 & 0x403, 0x2, "done, not moving");
}

#[test]
fn no_way_is_a_pulse_of_dmov_and_nothing_turns() {
    let mut bench = Bench::new();
    for value in [0.0, 0.0004] {
        assert_eq!(bench.put(Val, value), Ok(Put::Moves));
        bench.shows(&[(Dmov, 0.0), (Movn, 0.0)]);
        assert_eq!(bench.record.tick(bench.now), Some(End::Reached));
        bench.shows(&[(Dmov, 1.0), (Rbv, 0.0)]);
    }
}

#[test]
fn a_new_target_under_way_is_gone_to_at_once() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(2.0);
    assert_eq!(bench.put(Val, 1.0), Ok(Put::Moves));
    bench.shows(&[(Dmov, 0.0), (Movn, 1.0)]);
    bench.run(0.1);
    assert!(bench.get(Rbv) > 1.9, "it does not jump");
    assert_eq!(bench.finish(), End::Reached);
    assert_eq!(bench.get(Rbv), 1.0);
    assert!(bench.now < 4.0, "it did not go to 5 first: {}", bench.now);
}

#[test]
fn relative_targets_count_from_the_last_target_and_read_0() {
    let mut bench = Bench::with(&[(Twv, 0.5)]);
    assert_eq!(bench.go(Rlv, 1.5), End::Reached);
    assert_eq!(bench.go(Twf, 1.0), End::Reached);
    bench.shows(&[(Val, 2.0), (Rbv, 2.0), (Rlv, 0.0), (Twf, 0.0)]);
    assert_eq!(bench.go(Twr, 1.0), End::Reached);
    bench.shows(&[(Val, 1.5), (Twr, 0.0), (Twv, 0.5)]);
    assert_eq!(bench.put(Twf, 0.0), Ok(Put::Done));
    bench.put(Rlv, 1.0).expect("in range");
    bench.put(Rlv, 1.0).expect("in range");
    bench.finish();
    bench.shows(&[(Rbv, 3.5)]);
}

#[test]
fn dial_and_raw_targets_are_the_same_move() {
    let mut bench = Bench::with(&[(Off, 1.0)]);
    assert_eq!(bench.go(Dval, 2.0), End::Reached);
    bench.shows(&[(Val, 3.0), (Rbv, 3.0), (Drbv, 2.0)]);
    assert_eq!(bench.go(Rval, -500.0), End::Reached);
    bench.shows(&[(Val, 0.5), (Dval, -0.5), (Rrbv, -500.0)]);
}

#[test]
fn backlash_is_taken_out_from_behind_with_its_own_speed() {
    let mut bench = Bench::with(&[(Bdst, 0.5), (Bvel, 0.1), (Bacc, 0.1)]);
    bench.go(Val, 4.0);
    bench.put(Val, 3.0).expect("in range");
    let mut lowest = f64::INFINITY;
    let mut slow = false;
    while bench.run(0.05).is_none() {
        lowest = lowest.min(bench.get(Rbv));
        slow |= bench.get(Mip) == f64::from(0x100);
        assert!(bench.get(Mip) != f64::from(0x100) || bench.get(Rvel) <= 100.0, "too fast");
    }
    assert!((lowest - 2.5).abs() < 0.06, "it turned at {lowest}");
    assert!(slow, "MIP tells");
    assert_eq!(bench.get(Rbv), 3.0);
}

#[test]
fn a_short_way_along_the_backlash_is_one_slow_piece() {
    let mut bench = Bench::with(&[(Bdst, 0.5), (Bvel, 0.1), (Bacc, 0.1)]);
    bench.put(Val, 0.3).expect("in range");
    bench.shows(&[(Mip, 256.0)]);
    assert_eq!(bench.finish(), End::Reached);
    assert!((bench.now - 3.1).abs() < 1e-6, "0.3 mm at 0.1 mm/s: {}", bench.now);
}

#[test]
fn settling_delays_the_end() {
    let mut bench = Bench::with(&[(Dly, 2.0)]);
    bench.put(Val, 1.0).expect("in range");
    bench.run(1.5);
    bench.shows(&[(Rbv, 1.0), (Dmov, 0.0), (Movn, 0.0), (Mip, 1024.0)]);
    assert_eq!(bench.finish(), End::Reached);
    assert!((bench.now - 3.2).abs() < 1e-6, "{}", bench.now);
}

#[test]
fn stop_makes_the_target_where_it_comes_to_rest() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.1);
    assert_eq!(bench.put(Stop, 1.0), Ok(Put::Joins));
    bench.shows(&[(Stop, 0.0), (Mip, 512.0), (Dmov, 0.0)]);
    assert_eq!(bench.finish(), End::Stopped);
    bench.shows(&[(Rbv, 1.1), (Val, 1.1), (Dval, 1.1), (Dmov, 1.0)]);
    assert_eq!(bench.put(Stop, 1.0), Ok(Put::Done), "at rest there is nothing to stop");
    assert_eq!(bench.run(1.0), None);
    bench.put(Val, 5.0).expect("in range");
    assert_eq!(bench.put(Stop, 0.0), Ok(Put::Done), "0 is no stop");
    assert_eq!(bench.finish(), End::Reached);
}

#[test]
fn sync_takes_the_target_back_at_rest_only() {
    let mut bench = Bench::with(&[(Rtry, 0.0)]);
    bench.record.faults_mut().lost = 0.5;
    bench.go(Val, 2.0);
    bench.shows(&[(Val, 2.0), (Rbv, 1.5)]);
    assert_eq!(bench.put(Sync, 1.0), Ok(Put::Done));
    bench.shows(&[(Val, 1.5), (Sync, 0.0)]);
    bench.put(Val, 0.0).expect("in range");
    assert!(refusal(bench.put(Sync, 1.0)).contains("under way"));
}

#[test]
fn the_readback_is_the_target_to_the_last_bit_with_an_offset_too() {
    let mut bench = Bench::with(&[(Off, 0.1), (Dir, 1.0)]);
    for target in [2.3, -0.2, -4.0, 1.0 / 3.0] {
        assert_eq!(bench.go(Val, target), End::Reached);
        assert_eq!((bench.get(Rbv), bench.get(Val)), (target, target));
    }
}

#[test]
fn a_target_where_it_is_just_now_is_come_back_to() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(2.0);
    let here = bench.get(Rbv);
    assert_eq!(bench.go(Val, here), End::Reached);
    assert_eq!(bench.get(Rbv), here);
    assert!((2.3..3.5).contains(&bench.now), "it cannot stop at once, nor goes to 5: {}", bench.now);
}

#[test]
fn backlash_is_taken_out_with_equal_speeds_too_but_only_from_the_wrong_side() {
    let mut bench = Bench::with(&[(Bdst, 0.5), (Bacc, 0.2)]);
    bench.put(Val, 3.0).expect("in range");
    assert_eq!(bench.finish(), End::Reached);
    assert!((bench.now - 3.2).abs() < 1e-6, "in one piece: {}", bench.now);
    let start = bench.now;
    assert_eq!(bench.go(Val, 1.0), End::Reached);
    assert!((bench.now - start - 3.4).abs() < 1e-6, "2.5 mm and back 0.5: {}", bench.now - start);
}
