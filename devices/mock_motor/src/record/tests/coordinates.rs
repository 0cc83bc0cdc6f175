//! User, dial and steps; saying where the motor is.

use super::*;

#[test]
fn user_is_dial_times_direction_plus_offset() {
    let mut bench = Bench::with(&[(Off, 2.0)]);
    bench.shows(&[(Val, 2.0), (Rbv, 2.0), (Dval, 0.0), (Llm, -1.0), (Hlm, 9.0), (Dllm, -3.0), (Dhlm, 7.0)]);
    assert_eq!(bench.put(Dir, 1.0), Ok(Put::Done));
    bench.shows(&[(Val, 2.0), (Off, 2.0), (Llm, -5.0), (Hlm, 5.0)]);
    assert_eq!(bench.go(Val, 3.0), End::Reached);
    bench.shows(&[(Rbv, 3.0), (Drbv, -1.0), (Rrbv, -1000.0), (Tdir, 0.0)]);
}

#[test]
fn a_frozen_offset_lets_a_change_of_direction_mirror_the_position() {
    let mut bench = Bench::with(&[(Off, 1.0)]);
    bench.go(Val, 3.0);
    assert_eq!(bench.put(Foff, 1.0), Ok(Put::Done));
    assert_eq!(bench.put(Dir, 1.0), Ok(Put::Done));
    bench.shows(&[(Off, 1.0), (Val, -1.0), (Rbv, -1.0), (Dval, 2.0)]);
    let mut bench = Bench::with(&[(Off, 1.0)]);
    bench.go(Val, 3.0);
    assert_eq!(bench.put(Dir, 1.0), Ok(Put::Done));
    bench.shows(&[(Off, 5.0), (Val, 3.0), (Rbv, 3.0), (Dval, 2.0)]);
}

#[test]
fn set_moves_the_offset_and_with_it_the_user_limits() {
    let mut bench = Bench::new();
    bench.go(Val, 1.0);
    assert_eq!(bench.put(Set, 1.0), Ok(Put::Done));
    assert_eq!(bench.put(Val, 100.0), Ok(Put::Done), "there are no limits while SET is 1");
    bench.shows(&[
        (Val, 100.0),
        (Rbv, 100.0),
        (Off, 99.0),
        (Dval, 1.0),
        (Drbv, 1.0),
        (Dmov, 1.0),
        (Movn, 0.0),
    ]);
    bench.shows(&[(Hlm, 106.0), (Llm, 96.0), (Dhlm, 7.0), (Lvio, 0.0)]);
    assert_eq!(bench.run(1.0), None);
    assert_eq!(bench.put(Set, 0.0), Ok(Put::Done));
    assert_eq!(bench.go(Val, 101.0), End::Reached);
    bench.shows(&[(Drbv, 2.0)]);
}

#[test]
fn set_with_a_frozen_offset_moves_the_dial() {
    let mut bench = Bench::with(&[(Foff, 1.0), (Set, 1.0)]);
    assert_eq!(bench.put(Val, 2.0), Ok(Put::Done));
    bench.shows(&[(Val, 2.0), (Rbv, 2.0), (Off, 0.0), (Dval, 2.0), (Drbv, 2.0), (Rrbv, 2000.0), (Hlm, 7.0)]);
    assert_eq!(bench.put(Set, 0.0), Ok(Put::Done));
    assert_eq!(bench.go(Val, 3.0), End::Reached);
    bench.shows(&[(Drbv, 3.0)]);
}

#[test]
fn set_of_the_dial_or_of_steps_keeps_the_user_position_unless_the_offset_is_frozen() {
    let mut bench = Bench::with(&[(Set, 1.0)]);
    assert_eq!(bench.put(Dval, 4.0), Ok(Put::Done));
    bench.shows(&[(Drbv, 4.0), (Val, 0.0), (Rbv, 0.0), (Off, -4.0)]);
    assert_eq!(bench.put(Foff, 1.0), Ok(Put::Done));
    assert_eq!(bench.put(Rval, 1500.0), Ok(Put::Done));
    bench.shows(&[(Drbv, 1.5), (Val, -2.5), (Rbv, -2.5), (Off, -4.0), (Rrbv, 1500.0)]);
}

#[test]
fn steps_of_another_size_leave_the_dial_where_it_is() {
    let mut bench = Bench::new();
    bench.go(Val, 2.0);
    assert_eq!(bench.put(Mres, -0.01), Ok(Put::Done));
    bench.shows(&[(Drbv, 2.0), (Rbv, 2.0), (Rrbv, -200.0), (Rval, -200.0), (Rdbd, 0.01)]);
    bench.go(Val, 3.0);
    bench.shows(&[(Rrbv, -300.0), (Tdir, 0.0)]);
}

#[test]
fn coordinates_stay_while_a_motion_is_under_way() {
    let mut bench = Bench::new();
    bench.put(Val, 2.0).expect("in range");
    for (field, value) in [(Off, 1.0), (Dir, 1.0), (Mres, 0.1)] {
        assert!(refusal(bench.put(field, value)).contains("under way"), "{field:?}");
    }
    bench.put(Set, 1.0).expect("a switch");
    assert!(refusal(bench.put(Val, 5.0)).contains("under way"));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.0), (Off, 0.0)]);
}
