//! SPMG: Stop, Pause, Move, Go.

use super::*;

const STOP: f64 = 0.0;
const PAUSE: f64 = 1.0;
const MOVE: f64 = 2.0;
const GO: f64 = 3.0;

#[test]
fn pause_keeps_the_target_and_go_goes_on_to_it() {
    let mut bench = Bench::new();
    bench.shows(&[(Spmg, GO)]);
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.0);
    assert_eq!(bench.put(Spmg, PAUSE), Ok(Put::Done));
    assert_eq!(bench.run(5.0), None);
    bench.shows(&[(Val, 5.0), (Dmov, 0.0), (Movn, 0.0)]);
    assert!(bench.get(Rbv) < 1.5);
    assert_eq!(bench.put(Spmg, GO), Ok(Put::Done));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 5.0), (Spmg, GO)]);
}

#[test]
fn stop_gives_the_target_up() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.0);
    assert_eq!(bench.put(Spmg, STOP), Ok(Put::Joins));
    assert_eq!(bench.finish(), End::Stopped);
    bench.shows(&[(Val, bench.get(Rbv)), (Dmov, 1.0)]);
    assert_eq!(bench.put(Spmg, GO), Ok(Put::Done));
    assert_eq!(bench.run(2.0), None, "there is nothing to go on to");
}

#[test]
fn targets_wait_while_it_stops_or_pauses() {
    for held in [STOP, PAUSE] {
        let mut bench = Bench::with(&[(Spmg, held)]);
        assert_eq!(bench.put(Val, 1.0), Ok(Put::Moves));
        assert_eq!(bench.run(5.0), None);
        bench.shows(&[(Val, 1.0), (Rbv, 0.0), (Dmov, 0.0), (Movn, 0.0)]);
        assert_eq!(bench.put(Spmg, GO), Ok(Put::Done));
        assert_eq!(bench.finish(), End::Reached);
        bench.shows(&[(Rbv, 1.0)]);
    }
}

#[test]
fn move_goes_once_then_it_pauses() {
    let mut bench = Bench::with(&[(Spmg, PAUSE)]);
    bench.put(Val, 1.0).expect("in range");
    bench.put(Val, 2.0).expect("in range");
    assert_eq!(bench.put(Spmg, MOVE), Ok(Put::Done));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.0), (Spmg, PAUSE)]);
    bench.put(Val, 3.0).expect("in range");
    assert_eq!(bench.run(3.0), None);
    bench.shows(&[(Rbv, 2.0)]);
}

#[test]
fn stop_ends_what_is_held() {
    let mut bench = Bench::with(&[(Spmg, PAUSE)]);
    bench.put(Val, 1.0).expect("in range");
    assert_eq!(bench.put(Stop, 1.0), Ok(Put::Joins));
    assert_eq!(bench.finish(), End::Stopped);
    bench.shows(&[(Val, 0.0), (Dmov, 1.0)]);
    bench.put(Spmg, GO).expect("a switch");
    assert_eq!(bench.run(2.0), None);
}

#[test]
fn a_jog_is_held_and_goes_on_and_a_home_search_is_given_up() {
    let mut bench = Bench::new();
    bench.put(Jogf, 1.0).expect("room");
    bench.run(1.0);
    bench.put(Spmg, PAUSE).expect("a switch");
    assert_eq!(bench.run(1.0), None);
    bench.shows(&[(Jogf, 1.0), (Movn, 0.0), (Dmov, 0.0)]);
    bench.put(Spmg, GO).expect("a switch");
    bench.run(1.0);
    bench.shows(&[(Movn, 1.0), (Rvel, 1000.0)]);
    bench.put(Homf, 1.0).expect("a search");
    bench.run(0.5);
    bench.put(Spmg, PAUSE).expect("a switch");
    assert_eq!(bench.finish(), End::Stopped);
    assert!(refusal(bench.put(Homf, 1.0)).contains("SPMG"));
}

#[test]
fn a_jog_that_is_let_go_while_it_is_held_ends_where_it_is() {
    let mut bench = Bench::with(&[(Spmg, PAUSE)]);
    assert_eq!(bench.put(Jogf, 1.0), Ok(Put::Moves));
    assert_eq!(bench.run(1.0), None);
    bench.shows(&[(Rbv, 0.0), (Jogf, 1.0)]);
    assert_eq!(bench.put(Jogf, 0.0), Ok(Put::Joins));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 0.0), (Dmov, 1.0)]);
}

#[test]
fn the_switch_knows_four_positions() {
    let mut bench = Bench::new();
    for value in [-1.0, 4.0, 0.5] {
        assert!(refusal(bench.put(Spmg, value)).contains("0..=3"), "{value}");
    }
    bench.shows(&[(Spmg, GO)]);
}

#[test]
fn a_pause_while_it_settles_holds_the_end() {
    let mut bench = Bench::with(&[(Dly, 1.0)]);
    bench.put(Val, 1.0).expect("in range");
    bench.run(1.5);
    bench.shows(&[(Mip, 1024.0)]);
    bench.put(Spmg, PAUSE).expect("a switch");
    assert_eq!(bench.run(5.0), None);
    bench.shows(&[(Dmov, 0.0)]);
    bench.put(Spmg, GO).expect("a switch");
    assert_eq!(bench.finish(), End::Reached);
}

#[test]
fn a_jog_that_is_let_go_while_it_pauses_does_not_go_on() {
    let mut bench = Bench::with(&[(Bdst, 0.5)]);
    bench.put(Jogf, 1.0).expect("room");
    bench.run(1.0);
    bench.put(Spmg, PAUSE).expect("a switch");
    assert_eq!(bench.put(Jogf, 0.0), Ok(Put::Joins));
    let mut at = bench.get(Rbv);
    while bench.run(0.05).is_none() {
        assert!(bench.get(Rbv) >= at, "while it pauses nothing goes back for backlash");
        at = bench.get(Rbv);
    }
    at = bench.get(Rbv);
    bench.put(Spmg, GO).expect("a switch");
    assert_eq!(bench.run(2.0), None);
    bench.shows(&[(Rbv, at), (Val, at), (Dmov, 1.0)]);
}

#[test]
fn the_switch_put_where_it_is_does_nothing() {
    let mut bench = Bench::with(&[(Spmg, STOP)]);
    bench.put(Val, 1.0).expect("in range");
    assert_eq!(bench.put(Spmg, STOP), Ok(Put::Done));
    assert_eq!(bench.run(1.0), None);
    bench.shows(&[(Val, 1.0), (Dmov, 0.0)]);
}

#[test]
fn a_target_that_is_put_while_it_slows_down_is_held() {
    let mut bench = Bench::new();
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.0);
    bench.put(Spmg, PAUSE).expect("a switch");
    assert_eq!(bench.put(Val, 2.0), Ok(Put::Moves));
    assert_eq!(bench.run(3.0), None);
    bench.shows(&[(Movn, 0.0), (Val, 2.0)]);
    bench.put(Spmg, GO).expect("a switch");
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.0)]);
}
