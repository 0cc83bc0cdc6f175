//! The shape of motions, by examples and for any numbers.

use proptest::prelude::*;

use crate::profile::{Profile, Ramp};

const STEP: f64 = 1e-3;

fn ramp(base: f64, speed: f64, seconds: f64) -> Ramp {
    Ramp::new(base, speed, seconds)
}

/// Moments of a motion: many evenly spaced ones, and the end.
fn moments(profile: &Profile) -> impl Iterator<Item = f64> {
    let (steps, seconds) = (2000_u32, profile.seconds());
    (0..=steps).map(move |step| seconds * f64::from(step) / f64::from(steps))
}

#[test]
fn a_long_way_is_a_trapezoid_and_a_short_one_a_triangle() {
    let long = Profile::to(0.0, 0.0, 5.0, &ramp(0.0, 1.0, 0.2));
    assert!((long.seconds() - 5.2).abs() < 1e-12);
    assert_eq!(long.at(0.1).1, 0.5);
    assert!((long.at(2.6).0 - 2.5).abs() < 1e-12 && long.at(2.6).1 == 1.0);
    let short = Profile::to(0.0, 0.0, -0.05, &ramp(0.0, 1.0, 0.2));
    assert!((short.seconds() - 0.2).abs() < 1e-12);
    assert!((short.at(0.1).1 + 0.5).abs() < 1e-12);
}

#[test]
fn a_base_speed_needs_no_ramp() {
    let profile = Profile::to(0.0, 0.0, 1.0, &ramp(0.5, 1.0, 0.1));
    assert_eq!(profile.at(0.0).1, 0.5);
    let all = Profile::to(0.0, 0.0, 1.0, &ramp(2.0, 1.0, 0.1));
    assert_eq!((all.at(0.0).1, all.seconds()), (1.0, 1.0));
}

#[test]
fn no_way_takes_no_time() {
    let profile = Profile::to(2.5, 0.0, 2.5, &ramp(0.0, 1.0, 0.2));
    assert_eq!((profile.seconds(), profile.at(0.0)), (0.0, (2.5, 0.0)));
}

#[test]
fn a_target_behind_is_reached_by_turning_round() {
    let profile = Profile::to(0.0, 1.0, -1.0, &ramp(0.0, 1.0, 0.2));
    let farthest = moments(&profile).map(|t| profile.at(t).0).fold(0.0, f64::max);
    assert!((farthest - 0.1).abs() < STEP, "it stops 0.1 mm on: {farthest}");
    assert_eq!(profile.at(profile.seconds()), (-1.0, 0.0));
    let near = Profile::to(0.0, 1.0, 0.05, &ramp(0.0, 1.0, 0.2));
    assert_eq!(near.at(near.seconds()), (0.05, 0.0));
}

#[test]
fn a_jog_runs_on_and_a_stop_ends_it() {
    let slope = ramp(0.0, 1.0, 0.2);
    let jog = Profile::jog(0.0, 0.0, -1.0, &slope);
    assert!(jog.seconds().is_infinite());
    assert!((jog.at(10.0).0 + 9.9).abs() < 1e-9);
    let stop = Profile::stop(-9.9, -1.0, &slope);
    assert!((stop.seconds() - 0.2).abs() < 1e-12 && (stop.end() + 10.0).abs() < 1e-12);
}

proptest! {
    #[test]
    fn any_motion_is_continuous_never_too_fast_and_ends_at_its_target(
        from in -100.0..100.0_f64,
        target in -100.0..100.0_f64,
        part in -1.0..1.0_f64,
        base in 0.0..2.0_f64,
        speed in 0.01..50.0_f64,
        seconds in 0.01..5.0_f64,
    ) {
        let ramp = ramp(base, speed, seconds);
        let profile = Profile::to(from, part * speed, target, &ramp);
        let total = profile.seconds();
        prop_assert!(total.is_finite());
        prop_assert_eq!(profile.at(0.0).0, from);
        prop_assert_eq!(profile.at(total), (target, 0.0));
        let step = total / 2000.0;
        let mut before = from;
        for t in moments(&profile) {
            let (position, velocity) = profile.at(t);
            prop_assert!(velocity.abs() <= speed * (1.0 + 1e-9), "{velocity} at {t}");
            prop_assert!((position - before).abs() <= speed * step * (1.0 + 1e-6) + 1e-9, "a jump at {t}");
            before = position;
        }
    }
}

#[test]
fn a_motor_that_is_too_fast_slows_down_first() {
    let profile = Profile::to(0.0, 2.0, 10.0, &ramp(0.0, 1.0, 0.2));
    assert_eq!(profile.at(0.0), (0.0, 2.0));
    assert!(moments(&profile).filter(|t| *t > 0.5).all(|t| profile.at(t).1 <= 1.0 + 1e-9));
    assert_eq!(profile.at(profile.seconds()), (10.0, 0.0));
}
