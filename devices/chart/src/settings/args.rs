//! Arguments of commands, read and checked.

use wrapper::{Arg, Command, DeviceError};

use super::{Bounds, MAX_TEXT, MAX_TRACES};
use crate::axis::NARROWEST;

/// Bounds beyond this leave no room for a range.
const FARTHEST: f64 = 1e300;

pub(super) fn outside(
    what: &str,
    value: impl std::fmt::Display,
    least: impl std::fmt::Display,
    most: impl std::fmt::Display,
) -> DeviceError {
    DeviceError::new(format!("{what} {value} is outside {least}..={most}"))
}

pub(super) fn within(
    command: &Command,
    name: &str,
    range: &std::ops::RangeInclusive<f64>,
) -> Result<f64, DeviceError> {
    let value = command.number(name)?;
    if range.contains(&value) { Ok(value) } else { Err(outside(name, value, range.start(), range.end())) }
}

pub(super) fn bounds(command: &Command, low: &str, high: &str) -> Result<Bounds, DeviceError> {
    let bound = |name: &str| match command.get(name).and_then(Arg::as_f64) {
        Some(value) if value.abs() <= FARTHEST => Ok(Some(value)),
        Some(value) => Err(outside(name, value, -FARTHEST, FARTHEST)),
        None => Ok(None),
    };
    match (bound(low)?, bound(high)?) {
        (Some(a), Some(b)) if b - a <= NARROWEST * a.abs().max(b.abs()) => Err(DeviceError::new(format!(
            "{low} {a} must be below {high} {b}, by more than {NARROWEST:e} of them"
        ))),
        bounds => Ok(bounds),
    }
}

pub(super) fn words(command: &Command, name: &str) -> Result<String, DeviceError> {
    let text = command.get(name).and_then(Arg::as_text).unwrap_or_default();
    let count = text.chars().count();
    if count > MAX_TEXT {
        return Err(DeviceError::new(format!("{name} has {count} characters, at most {MAX_TEXT} fit")));
    }
    Ok(text.to_owned())
}

pub(super) fn choice<T: Copy>(
    command: &Command,
    name: &str,
    choices: &[(&str, T)],
) -> Result<T, DeviceError> {
    let asked = command.get(name).and_then(Arg::as_text).unwrap_or_default();
    let found = choices.iter().find(|(label, _)| label.eq_ignore_ascii_case(asked));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let known: Vec<_> = choices.iter().map(|(label, _)| *label).collect();
        DeviceError::new(format!("{name} {asked:?} is none of {}", known.join(", ")))
    })
}

/// A colour written as `#rrggbb`.
pub(super) fn color(text: &str) -> Result<(u8, u8, u8), DeviceError> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, red, green, blue] = number
        .ok_or_else(|| DeviceError::new(format!("color {text:?} is not written as #rrggbb")))?
        .to_be_bytes();
    Ok((red, green, blue))
}

fn pv_name(text: &str) -> Result<String, DeviceError> {
    if text.is_empty() || text.len() > 128 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(DeviceError::new(format!("{text:?} is no name of a PV: 1 to 128 bytes without blanks")));
    }
    Ok(text.to_owned())
}

pub(super) fn name(command: &Command, argument: &str) -> Result<String, DeviceError> {
    pv_name(command.get(argument).and_then(Arg::as_text).unwrap_or_default())
}

pub(super) fn names(command: &Command) -> Result<Vec<String>, DeviceError> {
    let given = command.get("rest").and_then(Arg::as_list).unwrap_or_default();
    if !(1..=MAX_TRACES).contains(&given.len()) {
        return Err(outside("the number of names", given.len(), 1, MAX_TRACES));
    }
    given.iter().map(|name| pv_name(name.as_text().unwrap_or_default())).collect()
}
