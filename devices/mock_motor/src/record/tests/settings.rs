//! What may be set.

use super::*;

#[test]
fn what_the_motor_could_not_live_with_is_refused_with_the_rule() {
    let mut bench = Bench::new();
    for (field, value, rule) in [
        (Velo, 0.0, "above 0"),
        (Velo, -1.0, "at least VBAS 0"),
        (Velo, f64::NAN, "finite"),
        (Velo, f64::INFINITY, "finite"),
        (Velo, 10.5, "at most VMAX 10"),
        (Vbas, 1.5, "in 0..=VELO 1"),
        (Vmax, 0.5, "at least 1"),
        (Accl, 0.0, "above 0"),
        (Bacc, -1.0, "above 0"),
        (Jvel, 0.0, "above 0"),
        (Jar, 0.0, "above 0"),
        (Hvel, 11.0, "at most VMAX 10"),
        (Mres, 0.0, "other than 0"),
        (Rdbd, -1.0, "at least 0"),
        (Rtry, -1.0, "at least 0"),
        (Dly, -0.1, "in 0..=3600"),
        (Val, f64::NAN, "finite"),
        (Hlm, f64::NAN, "finite"),
    ] {
        let before = bench.get(field);
        let reason = refusal(bench.put(field, value));
        assert!(reason.contains(rule) && reason.contains(field.spec().name), "{field:?}: {reason}");
        assert_eq!(bench.get(field), before);
    }
}

#[test]
fn vbas_bounds_the_speed_from_below() {
    let mut bench = Bench::with(&[(Vbas, 0.5)]);
    assert!(refusal(bench.put(Velo, 0.4)).contains("at least VBAS 0.5"));
    bench.put(Val, 1.0).expect("in range");
    bench.run(0.01);
    assert!(bench.get(Rvel) >= 500.0, "it starts with the base speed");
}

#[test]
fn without_a_highest_speed_any_is_good() {
    let bench = Bench::with(&[(Vmax, 0.0), (Velo, 500.0)]);
    bench.shows(&[(Velo, 500.0)]);
}

#[test]
fn the_deadband_of_retries_is_a_step_at_least() {
    let bench = Bench::with(&[(Rdbd, 0.0)]);
    bench.shows(&[(Rdbd, 0.001)]);
}

#[test]
fn what_is_read_only_stays() {
    let mut bench = Bench::new();
    for field in [Rbv, Dmov, Lvio, Hls, Msta, Rcnt] {
        assert!(refusal(bench.put(field, 1.0)).contains("read-only"), "{field:?}");
    }
}

#[test]
fn every_field_is_found_by_its_name() {
    for field in Field::ALL {
        assert_eq!(Field::find(field.spec().name), Some(*field));
        assert!(!field.spec().doc.is_empty());
    }
    assert_eq!(Field::find("NONE"), None);
}
