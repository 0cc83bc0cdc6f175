//! Values to the wire: metadata header and elements, big-endian, every pad byte zero.

use super::convert::{self, Number};
use super::{
    ArrayData, ConvertError, DbrClass, DbrType, FixedString, LimitPair, Meta, NativeType, Scalar, Stamp,
    Value,
};
use crate::alarm::Alarm;

/// Bytes of the units field that may be used; the eighth is a NUL.
const UNITS: usize = 7;
/// Bytes of a label on the wire.
const LABEL: usize = 26;
/// Elements that are turned around on the stack before they are appended.
const BLOCK: usize = 64;

/// Appends what comes in front of the elements: exactly `ty.value_offset()` bytes.
///
/// ```
/// use ca_proto::{alarm::Alarm, dbr::{DbrType, Meta, Stamp, encode}};
/// let mut out = Vec::new();
/// encode::header(DbrType::from_code(20).unwrap(), Alarm::NONE, Stamp::default(), &Meta::new(), &mut out);
/// assert_eq!(out.len(), 16);
/// ```
pub fn header(ty: DbrType, alarm: Alarm, stamp: Stamp, meta: &Meta, out: &mut Vec<u8>) {
    let offset = ty.value_offset();
    if ty.class == DbrClass::Plain {
        return;
    }
    // the longest header of the plain, STS and TIME classes
    let mut front = [0; 16];
    front[..2].copy_from_slice(&alarm.status.code().to_be_bytes());
    front[2..4].copy_from_slice(&alarm.severity.code().to_be_bytes());
    match ty.class {
        DbrClass::Plain => {}
        DbrClass::Sts => out.extend_from_slice(&front[..offset]),
        DbrClass::Time => {
            front[4..8].copy_from_slice(&stamp.seconds.to_be_bytes());
            front[8..12].copy_from_slice(&stamp.nanos.to_be_bytes());
            out.extend_from_slice(&front[..offset]);
        }
        DbrClass::Gr | DbrClass::Ctrl => {
            let start = out.len();
            out.extend_from_slice(&front[..4]);
            describe(ty, meta, out);
            out.resize(start + offset, 0);
        }
    }
}

/// The metadata behind the severity, without the pad in front of the value.
fn describe(ty: DbrType, meta: &Meta, out: &mut Vec<u8>) {
    match ty.native {
        NativeType::String => {}
        NativeType::Enum => labels(&meta.labels, out),
        NativeType::Short => {
            field::<8>(cut(&meta.units, UNITS), out);
            limits(ty.class, meta, out, |v| (v as i16).to_be_bytes());
        }
        NativeType::Char => {
            field::<8>(cut(&meta.units, UNITS), out);
            // the low byte, as base sends it: clients that take C's char for a number show -20 as such
            limits(ty.class, meta, out, |v| (v as i32 as u8).to_be_bytes());
        }
        NativeType::Long => {
            field::<8>(cut(&meta.units, UNITS), out);
            limits(ty.class, meta, out, |v| (v as i32).to_be_bytes());
        }
        NativeType::Float => {
            precision_and_units(meta, out);
            limits(ty.class, meta, out, |v| convert::narrow(v).to_be_bytes());
        }
        NativeType::Double => {
            precision_and_units(meta, out);
            limits(ty.class, meta, out, f64::to_be_bytes);
        }
    }
}

fn precision_and_units(meta: &Meta, out: &mut Vec<u8>) {
    out.extend_from_slice(&meta.precision.to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    field::<8>(cut(&meta.units, UNITS), out);
}

fn labels(labels: &[Box<str>], out: &mut Vec<u8>) {
    let labels = &labels[..labels.len().min(Meta::MAX_LABELS)];
    out.extend_from_slice(&(labels.len() as u16).to_be_bytes());
    for label in labels {
        field::<LABEL>(cut(label, Meta::MAX_LABEL), out);
    }
}

/// Six limits, and the control limits for CTRL; the upper comes first, warning is inside alarm.
fn limits<const W: usize>(
    class: DbrClass,
    meta: &Meta,
    out: &mut Vec<u8>,
    to_bytes: impl Fn(f64) -> [u8; W],
) {
    let Meta { display, alarm, warning, control, .. } = meta;
    let common = [display.high, display.low, alarm.high, warning.high, warning.low, alarm.low];
    blocks(&common, out, &to_bytes);
    if class == DbrClass::Ctrl {
        let LimitPair { low, high } = *control;
        blocks(&[high, low], out, &to_bytes);
    }
}

/// The longest start of a text that fits `max` bytes.
fn cut(text: &str, max: usize) -> &[u8] {
    cut_bytes(text.as_bytes(), max)
}

/// The longest start that fits `max` bytes and ends between UTF-8 characters.
fn cut_bytes(text: &[u8], max: usize) -> &[u8] {
    if text.len() <= max {
        return text;
    }
    let continues = |at: &usize| text[*at] & 0xc0 == 0x80;
    // four bytes back there is a character's first byte, or this is not UTF-8
    let end = (max.saturating_sub(3)..=max).rev().find(|at| !continues(at)).unwrap_or(max);
    &text[..end]
}

/// A zero-padded field of `N` bytes.
fn field<const N: usize>(text: &[u8], out: &mut Vec<u8>) {
    let mut field = [0; N];
    let len = text.len().min(N);
    field[..len].copy_from_slice(&text[..len]);
    out.extend_from_slice(&field);
}

/// Appends one element as type `to`.
///
/// ```
/// use ca_proto::dbr::{Meta, NativeType, Scalar, encode};
/// let mut out = Vec::new();
/// encode::scalar(&Scalar::Long(7), NativeType::Short, &Meta::new(), &mut out)?;
/// assert_eq!(out, [0, 7]);
/// # Ok::<(), ca_proto::dbr::ConvertError>(())
/// ```
///
/// # Errors
///
/// Text that is no number, no label, or a number out of range; nothing is appended then.
#[inline]
pub fn scalar(value: &Scalar, to: NativeType, meta: &Meta, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    match *value {
        Scalar::Double(v) => number(v, to, meta, out),
        Scalar::Float(v) => number(v, to, meta, out),
        Scalar::Long(v) => number(v, to, meta, out),
        Scalar::Short(v) => number(v, to, meta, out),
        Scalar::Char(v) => number(v, to, meta, out),
        Scalar::Enum(v) if to == NativeType::String => {
            out.extend_from_slice(convert::enum_text(v, &meta.labels).cell());
        }
        Scalar::Enum(v) => number(v, to, meta, out),
        Scalar::String(text) if to == NativeType::String => out.extend_from_slice(text.cell()),
        Scalar::String(_) => {
            let parsed = convert::scalar(value, to, meta)?;
            return scalar(&parsed, to, meta, out);
        }
    }
    Ok(())
}

fn number<S: Number>(value: S, to: NativeType, meta: &Meta, out: &mut Vec<u8>) {
    match to {
        NativeType::String => out.extend_from_slice(value.text(meta.precision).cell()),
        NativeType::Short => out.extend_from_slice(&value.cast::<i16>().to_be_bytes()),
        NativeType::Float => out.extend_from_slice(&value.cast::<f32>().to_be_bytes()),
        NativeType::Enum => out.extend_from_slice(&value.cast::<u16>().to_be_bytes()),
        NativeType::Char => out.push(value.cast::<u8>()),
        NativeType::Long => out.extend_from_slice(&value.cast::<i32>().to_be_bytes()),
        NativeType::Double => out.extend_from_slice(&value.cast::<f64>().to_be_bytes()),
    }
}

/// Appends the first `count` elements as type `to`; a text as STRING is one cell whatever the count.
///
/// ```
/// use ca_proto::dbr::{ArrayData, Meta, NativeType, encode};
/// let mut out = Vec::new();
/// encode::elements(&ArrayData::Short(vec![1, 2, 3]), NativeType::Char, 2, &Meta::new(), &mut out)?;
/// assert_eq!(out, [1, 2]);
/// # Ok::<(), ca_proto::dbr::ConvertError>(())
/// ```
///
/// # Errors
///
/// As for [`scalar`], for any of the elements; nothing is appended then.
pub fn elements(
    data: &ArrayData,
    to: NativeType,
    count: usize,
    meta: &Meta,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    let count = count.min(data.len());
    if let (ArrayData::Text(text), NativeType::String) = (data, to) {
        out.extend_from_slice(FixedString::from_bytes(cut_bytes(text, FixedString::MAX)).cell());
        return Ok(());
    }
    if data.native() == to {
        native_elements(data, count, out);
        return Ok(());
    }
    match data {
        ArrayData::String(cells) => return parsed(&cells[..count], to, meta, out),
        ArrayData::Enum(v) if to == NativeType::String => enum_texts(&v[..count], meta, out),
        ArrayData::Short(v) => numbers(&v[..count], to, meta, out),
        ArrayData::Float(v) => numbers(&v[..count], to, meta, out),
        ArrayData::Enum(v) => numbers(&v[..count], to, meta, out),
        ArrayData::Char(v) | ArrayData::Text(v) => numbers(&v[..count], to, meta, out),
        ArrayData::Long(v) => numbers(&v[..count], to, meta, out),
        ArrayData::Double(v) => numbers(&v[..count], to, meta, out),
    }
    Ok(())
}

/// Appends the first `count` elements in the array's own type.
pub(crate) fn native_elements(data: &ArrayData, count: usize, out: &mut Vec<u8>) {
    let count = count.min(data.len());
    match data {
        ArrayData::String(v) => blocks(&v[..count], out, |cell| *cell.cell()),
        ArrayData::Short(v) => blocks(&v[..count], out, i16::to_be_bytes),
        ArrayData::Float(v) => blocks(&v[..count], out, f32::to_be_bytes),
        ArrayData::Enum(v) => blocks(&v[..count], out, u16::to_be_bytes),
        ArrayData::Char(v) | ArrayData::Text(v) => out.extend_from_slice(&v[..count]),
        ArrayData::Long(v) => blocks(&v[..count], out, i32::to_be_bytes),
        ArrayData::Double(v) => blocks(&v[..count], out, f64::to_be_bytes),
    }
}

fn numbers<S: Number>(values: &[S], to: NativeType, meta: &Meta, out: &mut Vec<u8>) {
    match to {
        NativeType::String => blocks(values, out, |v| *v.text(meta.precision).cell()),
        NativeType::Short => blocks(values, out, |v| v.cast::<i16>().to_be_bytes()),
        NativeType::Float => blocks(values, out, |v| v.cast::<f32>().to_be_bytes()),
        NativeType::Enum => blocks(values, out, |v| v.cast::<u16>().to_be_bytes()),
        NativeType::Char => blocks(values, out, |v| v.cast::<u8>().to_be_bytes()),
        NativeType::Long => blocks(values, out, |v| v.cast::<i32>().to_be_bytes()),
        NativeType::Double => blocks(values, out, |v| v.cast::<f64>().to_be_bytes()),
    }
}

fn enum_texts(values: &[u16], meta: &Meta, out: &mut Vec<u8>) {
    blocks(values, out, |v| *convert::enum_text(v, &meta.labels).cell());
}

/// Text elements to numbers; all of them or none.
fn parsed(cells: &[FixedString], to: NativeType, meta: &Meta, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let start = out.len();
    out.reserve(cells.len() * to.width());
    let result = cells.iter().try_for_each(|&cell| scalar(&Scalar::String(cell), to, meta, out));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Appends each value's bytes, a block at a time so that the inner loop has no bounds or capacity checks.
fn blocks<S: Copy, const W: usize>(values: &[S], out: &mut Vec<u8>, to_bytes: impl Fn(S) -> [u8; W]) {
    let mut block = [[0; W]; BLOCK];
    out.reserve(values.len() * W);
    for chunk in values.chunks(BLOCK) {
        for (bytes, &value) in block.iter_mut().zip(chunk) {
            *bytes = to_bytes(value);
        }
        out.extend_from_slice(block[..chunk.len()].as_flattened());
    }
}

/// Appends a value for a request of `count` elements (0: as many as there are) and returns the count for the reply.
///
/// More elements than the value has are zeros. The caller has bounded `count`.
///
/// ```
/// use ca_proto::dbr::{Meta, NativeType, Value, encode};
/// let mut out = Vec::new();
/// assert_eq!(encode::value(&Value::text("hi"), NativeType::Char, 4, &Meta::new(), &mut out)?, 4);
/// assert_eq!(out, *b"hi\0\0");
/// # Ok::<(), ca_proto::dbr::ConvertError>(())
/// ```
///
/// # Errors
///
/// As for [`elements`]; nothing is appended then.
pub fn value(
    value: &Value,
    to: NativeType,
    count: u32,
    meta: &Meta,
    out: &mut Vec<u8>,
) -> Result<u32, ConvertError> {
    let held = held(value, to);
    let wanted = if count == 0 { held } else { count as usize };
    let start = out.len();
    match value {
        Value::Scalar(one) => scalar(one, to, meta, out)?,
        Value::Array(array) => elements(array.data(), to, wanted.min(held), meta, out)?,
    }
    if wanted != held {
        out.resize(start + wanted * to.width(), 0);
    }
    Ok(wanted as u32)
}

/// Elements that the value has when it is read as type `to`.
fn held(value: &Value, to: NativeType) -> usize {
    match value {
        Value::Scalar(_) => 1,
        Value::Array(array) => match array.data() {
            ArrayData::Text(_) if to == NativeType::String => 1,
            data => data.len(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alarm::{AlarmSeverity, AlarmStatus};
    use crate::dbr::WireArray;

    const ALARM: Alarm = Alarm::new(AlarmStatus::High, AlarmSeverity::Minor);
    const STAMP: Stamp = Stamp { seconds: 0x0102_0304, nanos: 0x0506_0708 };

    fn meta() -> Meta {
        Meta {
            units: "mm".into(),
            precision: 3,
            display: LimitPair::new(-100.0, 100.0),
            alarm: LimitPair::new(-90.0, 90.0),
            warning: LimitPair::new(-80.0, 80.0),
            control: LimitPair::new(-70.0, 70.0),
            labels: ["off", "on"].map(Box::from).to_vec(),
        }
    }

    fn head(code: u16, meta: &Meta) -> Vec<u8> {
        let mut out = vec![0xee];
        header(DbrType::from_code(code).unwrap(), ALARM, STAMP, meta, &mut out);
        assert_eq!(out.remove(0), 0xee);
        out
    }

    fn read(value: &Value, to: NativeType, count: u32, meta: &Meta) -> (u32, Vec<u8>) {
        let mut out = Vec::new();
        let count = super::value(value, to, count, meta, &mut out).unwrap();
        (count, out)
    }

    #[test]
    fn every_header_has_the_size_of_the_table() {
        let offsets: [usize; 35] = [
            0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 5, 4, 8, 12, 14, 12, 14, 15, 12, 16, 4, 24, 40, 422, 19, 36, 64,
            4, 28, 48, 422, 21, 44, 80,
        ];
        let ones =
            [40, 2, 4, 2, 1, 4, 8, 44, 6, 8, 6, 6, 8, 16, 52, 16, 16, 16, 16, 16, 24, 44, 26, 44, 424, 20];
        for (code, offset) in (0..35).zip(offsets) {
            assert_eq!(head(code, &meta()).len(), offset, "type {code}");
        }
        for (code, size) in (0..).zip(ones) {
            assert_eq!(DbrType::from_code(code).unwrap().size(1), size, "type {code}");
        }
        assert!(DbrType::from_code(35).is_none());
    }

    #[test]
    fn status_and_stamp_stand_in_front_and_pads_are_zero() {
        let status = [0, 4, 0, 1];
        for code in 7..35 {
            assert_eq!(head(code, &meta())[..4], status, "type {code}");
        }
        for code in 14..21 {
            let head = head(code, &meta());
            assert_eq!(head[4..12], [1, 2, 3, 4, 5, 6, 7, 8], "type {code}");
            assert!(head[12..].iter().all(|&b| b == 0), "type {code}");
        }
        assert_eq!(head(11, &meta())[4..], [0]);
        assert_eq!(head(13, &meta())[4..], [0; 4]);
    }

    #[test]
    fn integer_limits_stand_where_the_table_says() {
        let short = head(29, &meta());
        assert_eq!(short[4..12], *b"mm\0\0\0\0\0\0");
        let limits: Vec<_> = short[12..].as_chunks::<2>().0.iter().map(|&b| i16::from_be_bytes(b)).collect();
        assert_eq!(limits, [100, -100, 90, 80, -80, -90, 70, -70]);
        assert_eq!(head(22, &meta()), short[..24]);
        let long = head(33, &meta());
        let limits: Vec<_> = long[12..].as_chunks::<4>().0.iter().map(|&b| i32::from_be_bytes(b)).collect();
        assert_eq!(limits, [100, -100, 90, 80, -80, -90, 70, -70]);
        assert_eq!(head(26, &meta()), long[..36]);
        assert_eq!(head(32, &meta())[12..], [100, 156, 90, 80, 176, 166, 70, 186, 0]);
        assert_eq!(head(25, &meta())[12..], [100, 156, 90, 80, 176, 166, 0]);
    }

    #[test]
    fn floating_limits_stand_behind_precision_and_units() {
        let double = head(34, &meta());
        assert_eq!(double[4..16], *b"\0\x03\0\0mm\0\0\0\0\0\0");
        let limits: Vec<_> = double[16..].as_chunks::<8>().0.iter().map(|&b| f64::from_be_bytes(b)).collect();
        assert_eq!(limits, [100.0, -100.0, 90.0, 80.0, -80.0, -90.0, 70.0, -70.0]);
        assert_eq!(head(27, &meta()), double[..64]);
        let float = head(30, &meta());
        assert_eq!(float[4..16], double[4..16]);
        let limits: Vec<_> = float[16..].as_chunks::<4>().0.iter().map(|&b| f32::from_be_bytes(b)).collect();
        assert_eq!(limits, [100.0, -100.0, 90.0, 80.0, -80.0, -90.0, 70.0, -70.0]);
        assert_eq!(head(23, &meta()), float[..40]);
    }

    #[test]
    fn limits_out_of_range_saturate_and_no_alarm_limits_are_nan_or_zero() {
        let wide = LimitPair::new(-1e300, 1e300);
        let meta = Meta { display: wide, ..Meta::new() };
        assert_eq!(head(22, &meta)[12..], [0x7f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(head(25, &meta)[12..], [255, 0, 0, 0, 0, 0, 0]);
        let float = head(23, &meta);
        assert_eq!(float[16..20], f32::MAX.to_be_bytes());
        assert_eq!(float[20..24], f32::MIN.to_be_bytes());
        assert!(f32::from_be_bytes(*float[24..].first_chunk().unwrap()).is_nan());
        assert!(f64::from_be_bytes(*head(27, &meta)[32..].first_chunk().unwrap()).is_nan());
    }

    #[test]
    fn labels_take_26_bytes_each_and_at_most_16() {
        for code in [24, 31] {
            let head = head(code, &meta());
            assert_eq!(head[4..6], [0, 2]);
            assert_eq!(head[6..10], *b"off\0");
            assert_eq!(head[32..35], *b"on\0");
            assert!(head[34..].iter().all(|&b| b == 0));
        }
        let many = Meta { labels: vec!["x".repeat(30).into(); 20], ..Meta::new() };
        let full = head(24, &many);
        assert_eq!(full[4..6], [0, 16]);
        assert_eq!(full[421 - 26..], *[&[0][..], &[b'x'; 25], &[0]].concat());
        assert_eq!(head(24, &Meta::new())[4..], [0; 418]);
    }

    #[test]
    fn units_are_cut_between_characters() {
        for (units, field) in [
            ("degrees C", "degrees\0"),
            ("µm/µs/µA", "µm/µs\0"),
            ("m/s²€", "m/s²\0\0\0"),
            ("", "\0\0\0\0\0\0\0\0"),
        ] {
            let meta = Meta { units: units.into(), ..Meta::new() };
            assert_eq!(head(26, &meta)[4..12], *field.as_bytes(), "{units}");
        }
        assert_eq!(cut_bytes(&[0x80; 9], 7), [0x80; 7]);
        assert_eq!(cut_bytes("a😀b".as_bytes(), 4), b"a");
    }

    #[test]
    fn a_request_beyond_the_value_is_filled_with_zeros() {
        let array = Value::array(ArrayData::Short(vec![1, 2, 3]));
        assert_eq!(read(&array, NativeType::Short, 0, &meta()), (3, vec![0, 1, 0, 2, 0, 3]));
        assert_eq!(read(&array, NativeType::Short, 2, &meta()), (2, vec![0, 1, 0, 2]));
        assert_eq!(read(&array, NativeType::Char, 5, &meta()), (5, vec![1, 2, 3, 0, 0]));
        assert_eq!(read(&Scalar::Long(9).into(), NativeType::Short, 3, &meta()), (3, vec![0, 9, 0, 0, 0, 0]));
        assert_eq!(read(&Scalar::Long(9).into(), NativeType::Char, 0, &meta()), (1, vec![9]));
        let empty = Value::array(ArrayData::Double(vec![]));
        assert_eq!(read(&empty, NativeType::String, 0, &meta()), (0, vec![]));
        assert_eq!(read(&empty, NativeType::Long, 1, &meta()), (1, vec![0; 4]));
    }

    #[test]
    fn each_number_takes_its_own_cell_but_a_text_takes_one() {
        let numbers = Value::array(ArrayData::Char(b"hi".to_vec().into()));
        let (count, cells) = read(&numbers, NativeType::String, 0, &meta());
        assert_eq!((count, &cells[..4], &cells[40..44]), (2, &b"104\0"[..], &b"105\0"[..]));
        let text = Value::text(&"µ".repeat(30));
        let (count, cell) = read(&text, NativeType::String, 0, &meta());
        assert_eq!((count, cell.len()), (1, 40));
        assert_eq!(cell[..38], *"µ".repeat(19).as_bytes());
        assert_eq!(cell[38..], [0, 0]);
        let (count, cells) = read(&text, NativeType::String, 3, &meta());
        assert_eq!((count, cells.len()), (3, 120));
        assert!(cells[40..].iter().all(|&b| b == 0));
        assert_eq!(read(&Value::text(""), NativeType::String, 0, &meta()), (1, vec![0; 40]));
        assert_eq!(read(&Value::text("ab"), NativeType::Short, 0, &meta()), (2, vec![0, 97, 0, 98]));
    }

    #[test]
    fn enums_read_as_labels_and_a_failure_leaves_no_bytes() {
        let states = Value::array(ArrayData::Enum(vec![1, 2]));
        let (_, cells) = read(&states, NativeType::String, 0, &meta());
        assert_eq!((&cells[..3], &cells[40..54]), (&b"on\0"[..], &b"Illegal_Value\0"[..]));
        let words = ArrayData::String(vec!["1".into(), "hello".into()]);
        let mut out = vec![7];
        assert!(elements(&words, NativeType::Double, 2, &meta(), &mut out).is_err());
        assert_eq!(out, [7]);
        assert!(scalar(&Scalar::String("x".into()), NativeType::Enum, &meta(), &mut out).is_err());
        assert_eq!(out, [7]);
        elements(&words, NativeType::Short, 1, &meta(), &mut out).unwrap();
        assert_eq!(out, [7, 0, 1]);
    }

    fn arrays() -> impl Strategy<Value = ArrayData> {
        use prop::collection::vec;
        prop_oneof![
            vec("[ -~]{0,39}", 0..5)
                .prop_map(|v| ArrayData::String(v.iter().map(|s| FixedString::cut(s)).collect())),
            vec(any::<i16>(), 0..200).prop_map(ArrayData::Short),
            vec(any::<f32>(), 0..200).prop_map(ArrayData::Float),
            vec(any::<u16>(), 0..200).prop_map(ArrayData::Enum),
            vec(any::<u8>(), 0..200).prop_map(|v| ArrayData::Char(v.into())),
            vec(any::<i32>(), 0..200).prop_map(ArrayData::Long),
            vec(any::<f64>(), 0..200).prop_map(ArrayData::Double),
        ]
    }

    fn natives() -> impl Strategy<Value = NativeType> {
        prop::sample::select(&NativeType::ALL[..])
    }

    proptest! {
        #[test]
        fn every_native_type_survives_the_wire(data in arrays()) {
            let mut out = Vec::new();
            elements(&data, data.native(), data.len(), &meta(), &mut out).unwrap();
            let wire = WireArray::from_put(data.native().plain(), data.len() as u32, &out).unwrap();
            let back = wire.to_array(data.native(), usize::MAX, &[], 3).unwrap();
            // NaN is not equal to itself, its bytes are
            let mut again = Vec::new();
            native_elements(&back, back.len(), &mut again);
            prop_assert_eq!(again, out);
        }

        #[test]
        fn an_array_converts_as_its_elements_do(data in arrays(), to in natives()) {
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            let result = elements(&data, to, data.len(), &meta(), &mut whole);
            let each: Result<(), _> =
                (0..data.len()).try_for_each(|i| scalar(&data.get(i).unwrap(), to, &meta(), &mut parts));
            prop_assert_eq!(result.is_ok(), each.is_ok());
            if each.is_ok() {
                prop_assert_eq!(whole, parts);
            } else {
                prop_assert!(whole.is_empty());
            }
        }

        #[test]
        fn a_value_has_the_bytes_that_its_count_says(data in arrays(), to in natives(), count in 0u32..300) {
            let mut out = Vec::new();
            if let Ok(given) = value(&Value::array(data), to, count, &meta(), &mut out) {
                prop_assert_eq!(out.len(), given as usize * to.width());
                prop_assert!(count == 0 || given == count);
            }
        }
    }
}
