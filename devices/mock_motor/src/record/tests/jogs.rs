//! Jogs and home searches.

use super::*;

#[test]
fn a_jog_runs_until_it_is_let_go_then_the_target_is_where_it_is() {
    let mut bench = Bench::with(&[(Jar, 10.0)]);
    assert_eq!(bench.put(Jogf, 1.0), Ok(Put::Moves));
    bench.shows(&[(Jogf, 1.0), (Dmov, 0.0), (Movn, 1.0), (Mip, 1.0)]);
    assert_eq!(bench.run(2.05), None);
    bench.shows(&[(Rbv, 2.0), (Val, 0.0), (Rvel, 1000.0)]);
    assert_eq!(bench.put(Jogf, 0.0), Ok(Put::Joins));
    bench.shows(&[(Jogf, 0.0), (Mip, 8192.0)]);
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 2.05), (Val, 2.05), (Dmov, 1.0)]);
    bench.put(Jogr, 1.0).expect("room");
    bench.shows(&[(Jogr, 1.0), (Mip, 2.0)]);
    bench.run(1.0);
    assert_eq!(bench.put(Stop, 1.0), Ok(Put::Joins));
    bench.shows(&[(Jogr, 0.0), (Dmov, 0.0)]);
    assert_eq!(bench.finish(), End::Stopped);
    bench.shows(&[(Jogr, 0.0), (Rbv, bench.get(Val))]);
}

#[test]
fn a_jog_changes_its_speed_while_it_runs() {
    let mut bench = Bench::with(&[(Jar, 100.0)]);
    bench.put(Jogf, 1.0).expect("room");
    bench.run(1.0);
    bench.put(Jvel, 2.0).expect("a speed");
    bench.run(1.0);
    bench.shows(&[(Rvel, 2000.0)]);
    bench.put(Jvel, 0.5).expect("a speed");
    bench.run(0.5);
    bench.shows(&[(Rvel, 500.0)]);
}

#[test]
fn backlash_is_taken_out_after_a_jog() {
    let mut bench = Bench::with(&[(Bdst, 0.5), (Jar, 10.0)]);
    bench.put(Jogf, 1.0).expect("room");
    bench.run(2.0);
    bench.put(Jogf, 0.0).expect("it runs");
    let mut lowest = f64::INFINITY;
    let mut end = None;
    let mut told = false;
    while end.is_none() {
        end = bench.run(0.05);
        lowest = lowest.min(bench.get(Rbv));
        told |= bench.get(Mip) == f64::from(0x4000);
    }
    assert_eq!(end, Some(End::Reached));
    assert!(told && (lowest - 1.5).abs() < 0.06, "it went back to {lowest}");
    bench.shows(&[(Rbv, 2.0), (Val, 2.0)]);
}

#[test]
fn a_jog_stops_within_a_second_of_the_limits() {
    let mut bench = Bench::new();
    bench.put(Jogf, 1.0).expect("room");
    let End::Failed(reason) = bench.finish() else { panic!("a limit is near") };
    assert!(reason.contains("within a second of the limits"), "{reason}");
    bench.shows(&[(Lvio, 1.0), (Jogf, 0.0), (Rbv, bench.get(Val))]);
    let at = bench.get(Rbv);
    assert!((6.0..6.5).contains(&at), "{at}");
    assert!(refusal(bench.put(Jogf, 1.0)).contains("less than a second"));
    bench.put(Jogr, 1.0).expect("the other way is free");
    bench.run(1.0);
    bench.put(Jogr, 0.0).expect("it runs");
    assert_eq!(bench.finish(), End::Reached);
}

#[test]
fn a_jog_follows_the_direction_of_the_user() {
    let mut bench = Bench::with(&[(Dir, 1.0)]);
    bench.put(Jogf, 1.0).expect("room");
    bench.run(1.0);
    assert!(bench.get(Rbv) > 0.5 && bench.get(Drbv) < -0.5);
}

#[test]
fn a_target_takes_over_from_a_jog_and_a_jog_from_a_target() {
    let mut bench = Bench::new();
    bench.put(Jogf, 1.0).expect("room");
    bench.run(1.0);
    assert_eq!(bench.go(Val, -1.0), End::Reached);
    bench.shows(&[(Rbv, -1.0), (Jogf, 0.0)]);
    bench.put(Val, 5.0).expect("in range");
    bench.run(1.0);
    assert_eq!(bench.put(Jogr, 1.0), Ok(Put::Moves));
    bench.run(1.0);
    assert!(bench.get(Rbv) < 0.0);
}

#[test]
fn a_home_search_finds_the_switch_and_makes_it_the_zero_of_the_dial() {
    let mut bench = Bench::with(&[(Hvel, 5.0), (Foff, 1.0), (Set, 1.0)]);
    bench.put(Val, -2.0).expect("it is said to be there");
    bench.put(Set, 0.0).expect("a switch");
    bench.put(Foff, 0.0).expect("a switch");
    bench.go(Val, -3.0);
    bench.shows(&[(Athm, 0.0)]);
    assert_eq!(bench.put(Homf, 1.0), Ok(Put::Moves));
    bench.shows(&[(Homf, 1.0), (Mip, 8.0), (Dmov, 0.0)]);
    assert!(refusal(bench.put(Homf, 1.0)).contains("under way"));
    assert!(refusal(bench.put(Homf, 0.0)).contains("STOP"));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 0.0), (Val, 0.0), (Drbv, 0.0), (Athm, 1.0), (Homf, 0.0), (Dmov, 1.0)]);
    assert_eq!(bench.get(Msta) as u32 & 0x4008, 0x4008, "homed, and at home");
    bench.go(Val, 1.0);
    bench.shows(&[(Athm, 0.0)]);
}

#[test]
fn a_home_search_turns_round_at_the_limit_switch() {
    let mut bench = Bench::with(&[(Hvel, 5.0)]);
    bench.go(Val, 2.0);
    assert_eq!(bench.put(Homf, 1.0), Ok(Put::Moves));
    let mut highest = 0.0_f64;
    while bench.run(0.05).is_none() {
        highest = highest.max(bench.get(Rbv));
    }
    assert!((8.7..=9.0).contains(&highest), "it turned at {highest}");
    bench.shows(&[(Rbv, 0.0), (Athm, 1.0), (Hls, 0.0)]);
    bench.go(Val, 2.0);
    assert_eq!(bench.put(Homr, 1.0), Ok(Put::Moves));
    assert_eq!(bench.finish(), End::Reached);
    bench.shows(&[(Rbv, 0.0)]);
}

#[test]
fn stop_ends_a_home_search() {
    let mut bench = Bench::new();
    bench.go(Val, 2.0);
    bench.put(Homr, 1.0).expect("nothing is under way");
    bench.run(1.0);
    bench.put(Stop, 1.0).expect("a stop");
    assert_eq!(bench.finish(), End::Stopped);
    bench.shows(&[(Homr, 0.0), (Val, bench.get(Rbv))]);
    assert_eq!(bench.get(Msta) as u32 & 0x4000, 0, "it is not homed");
}
