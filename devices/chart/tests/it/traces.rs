//! Traces: of other IOCs, of lists, of arrays.

use wrapper::client::Reading;
use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use crate::lab::{Lab, eventually, group};

fn connected(lab: &Lab, count: i32) {
    eventually("the number of connected PVs", || (lab.get::<i32>("CONNECTED") == count).then_some(()));
}

fn image(lab: &Lab) -> Vec<u8> {
    lab.get("image")
}

/// Waits for an image that is another one.
fn changes(lab: &Lab, before: &[u8]) {
    eventually("another image", || (image(lab) != before).then_some(()));
}

#[test]
fn a_list_is_drawn_and_given_back() {
    let lab = Lab::start();
    lab.command("[0, 1, 4, 9]");
    let parabola = image(&lab);
    assert_eq!(lab.get::<Vec<f64>>("seq.values"), [0.0, 1.0, 4.0, 9.0]);
    assert_eq!(
        (lab.get::<String>("TRACES"), lab.get::<String>("seq.message")),
        ("values".into(), "4 values".into())
    );
    lab.command("[0, 1, 4, 9]");
    assert!(image(&lab) == parabola, "the same list is the same image");
    lab.command("[9, 4, 1, 0]");
    assert!(image(&lab) != parabola);
    lab.command("[]");
    lab.command("[nan, inf]");
}

#[test]
fn arrays_of_another_ioc_are_drawn_as_they_change() {
    let lab = Lab::start();
    lab.put("RATE", 200.0).expect("in range");
    lab.command("arrays('lab:wave')");
    connected(&lab, 1);
    lab.command("title('')");
    let before = image(&lab);
    assert!(image(&lab) == before, "nothing is new");
    lab.wave.post(vec![4.0, 1.0, 0.0, 7.0]);
    changes(&lab, &before);
}

#[test]
fn pvs_are_followed_through_their_loss_and_return() {
    let lab = Lab::start();
    lab.command("watch('lab:x', 'lab:y')");
    assert_eq!(lab.get::<String>("TRACES"), "lab:x, lab:y");
    connected(&lab, 2);
    assert!(lab.source.remove("lab:x"));
    connected(&lab, 1);
    let alarm = lab.get::<Reading<i32>>("CONNECTED");
    let lost = Alarm::new(AlarmStatus::Link, AlarmSeverity::Invalid);
    assert_eq!(lab.pv("CONNECTED").get_as::<Reading<i32>>().wait().expect("there").alarm, lost, "{alarm:?}");
    let (again, ..) = group(5.0);
    assert!(lab.source.remove("lab:y") && lab.source.remove("lab:wave"));
    lab.source.add(again).expect("the names are free");
    connected(&lab, 2);
    assert_eq!(lab.get::<Reading<i32>>("CONNECTED").alarm, Alarm::NONE);
    lab.command("counter()");
    assert_eq!(lab.get::<String>("TRACES"), "y1, y2");
}

#[test]
fn a_name_that_nobody_serves_is_no_failure_and_no_value() {
    let lab = Lab::start();
    lab.command("watch('lab:nobody')");
    assert_eq!(lab.get::<i32>("CONNECTED"), 0);
    assert!(lab.refused("watch('a b')").contains("no name of a PV"));
    assert_eq!(lab.get::<String>("TRACES"), "lab:nobody", "a refused command changes nothing");
    lab.command("clear()");
    assert_eq!(lab.get::<i32>("CONNECTED"), 0);
}

#[test]
fn one_pv_is_drawn_against_another() {
    let lab = Lab::start();
    lab.put("RATE", 200.0).expect("in range");
    lab.command("xy('lab:x', 'lab:y')");
    connected(&lab, 2);
    let mut last = image(&lab);
    for (x, y) in [(2.0, 3.0), (4.0, 1.0)] {
        lab.x.post(x);
        lab.y.post(y);
        changes(&lab, &last);
        last = image(&lab);
    }
    lab.command("clear()");
    changes(&lab, &last);
}

#[test]
fn values_are_counted_in_a_histogram() {
    let lab = Lab::start();
    lab.put("RATE", 200.0).expect("in range");
    lab.command("histogram('lab:wave', bins=3)");
    connected(&lab, 1);
    let before = image(&lab);
    lab.wave.post(vec![0.0, 1.0, 1.0, 1.0, 2.0]);
    changes(&lab, &before);
    assert!(lab.refused("histogram('lab:wave', 0)").contains("bins 0 is outside 1..=1000"));
}

#[test]
fn a_trace_and_the_axes_take_their_look_from_commands() {
    let lab = Lab::start();
    lab.command("[0, 1, 4, 9]");
    let mut seen = vec![image(&lab)];
    for text in [
        "look(1, '#ff0000')",
        "look(1, style='points')",
        "axes(y_low=-5, y_high=20)",
        "labels('mm', 'counts')",
    ] {
        lab.command(text);
        let image = image(&lab);
        assert!(!seen.contains(&image), "{text} changed nothing");
        seen.push(image);
    }
    assert!(seen[1].chunks(3).any(|pixel| pixel == [255, 0, 0]));
    assert!(lab.refused("look(2)").contains("trace 2 is outside 1..=1"));
}

#[test]
fn traces_can_be_changed_while_their_values_pour_in() {
    let lab = Lab::start();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut value = 0.0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                value += 1.0;
                lab.x.post(value);
                lab.y.post(-value);
                std::thread::yield_now();
            }
        });
        for _ in 0..30 {
            lab.command("watch('lab:x', 'lab:y')");
            connected(&lab, 2);
            lab.command("[1, 2, 3]");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!((lab.get::<String>("TRACES"), lab.get::<i32>("CONNECTED")), ("values".to_owned(), 1));
}
