//! PVs of many types, declared one by one by the calls that the derive expands to.

use std::process::ExitCode;

use wrapper::{
    Alarm, AlarmSeverity, AlarmStatus, FixedString, GroupBuilder, GroupError, Launcher, Post, PvBuilder,
    PvType, pv_enum,
};

const READ_MINOR: Alarm = Alarm::new(AlarmStatus::Read, AlarmSeverity::Minor);
#[expect(clippy::approx_constant, reason = "the value that clients of the original see")]
const PI: f64 = 3.14;
const FIBONACCI: [f64; 11] = [1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0];

pv_enum! {
    enum Letter { A = "a", B = "b", C = "c", D = "d" }
}

pv_enum! {
    enum Letters { Aa = "aa", Bb = "bb", Cc = "cc", Dd = "dd" }
}

/// All limits, the inner ones in steps around `middle`.
fn limits<T: PvType>(pv: PvBuilder<'_, T>, middle: f64, step: f64) -> PvBuilder<'_, T> {
    let around = |steps: f64| middle - steps * step..=middle + steps * step;
    pv.display_limits(around(1.0))
        .warning_limits(around(2.0))
        .alarm_limits(around(3.0))
        .control_limits(around(4.0))
}

fn numbers(group: &mut GroupBuilder) -> Result<(), GroupError> {
    let pi = limits(group.pv("pi", PI), PI, 0.01).units("doodles").precision(5).add()?;
    pi.post_with(PI, Post::new().alarm(READ_MINOR));
    let fib = limits(group.pv("fib", FIBONACCI.to_vec()), PI, 0.01).units("doodles").precision(5).add()?;
    fib.post_with(FIBONACCI.to_vec(), Post::new().alarm(READ_MINOR));
    group.pv("enum", Letter::B).add()?;
    group.pv("enum2", Letters::Bb).add()?;
    for name in ["int", "int2", "int3"] {
        group.pv(name, 96).units("doodles").add()?;
    }
    limits(group.pv("char", vec![34_u8]), 34.0, 1.0).units("poodles").add()?;
    Ok(())
}

fn texts_and_arrays(group: &mut GroupBuilder) -> Result<(), GroupError> {
    group.pv("chararray", "1234567890".repeat(2)).max_length(20).add()?;
    for name in ["str", "str2"] {
        let text = FixedString::from("hello");
        group.pv(name, text).add()?.post_with(text, Post::new().alarm(READ_MINOR));
    }
    group.pv("stra", ["hello", "how is it", "going"].map(FixedString::from).to_vec()).add()?;
    group.pv("waveform", (0..4000).map(|_| fastrand::i32(70..=130)).collect::<Vec<_>>()).add()?;
    group.pv("empty_string", FixedString::from("")).add()?;
    group.pv("empty_bytes", Vec::<u8>::new()).max_length(1).add()?;
    group.pv("empty_char", String::new()).max_length(1).add()?;
    group.pv("empty_float", Vec::<f64>::new()).max_length(2).add()?;
    Ok(())
}

fn main() -> ExitCode {
    Launcher::new("PVs of many types").prefix("type_varieties:").group(numbers).group(texts_and_arrays).run()
}
