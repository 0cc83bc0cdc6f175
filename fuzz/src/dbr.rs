//! Conversions of any payload into any type, and back.

use ca_proto::dbr::convert::{label_index, parse_double, parse_integer, scalar};
use ca_proto::dbr::{
    ArrayData, ConvertError, DbrType, LimitPair, Meta, NativeType, Scalar, Stamp, Value, WireArray, encode,
    format,
};
use ca_proto::{Alarm, AlarmSeverity, AlarmStatus};

use super::reader::Reader;

/// Reads type, count, capacity and metadata from the front of the input; the rest is the payload of a put.
pub fn dbr(data: &[u8]) {
    let mut reader = Reader(data);
    let ty = DbrType::from_code(u16::from(reader.byte() % 35)).expect("a type below 35");
    // 201..=255 announce more than any payload has
    let count = match reader.byte() {
        few @ 0..=200 => u32::from(few),
        many => u32::MAX >> ((255 - many) / 2),
    };
    let capacity = usize::from(reader.byte());
    let meta = meta(&mut reader);
    let payload = reader.0;
    texts(payload, &meta);
    numbers(payload, meta.precision);
    let Ok(wire) = WireArray::from_put(ty, count, payload) else { return };
    elements(&wire, payload.len());
    for native in NativeType::ALL {
        for labels in [&meta.labels[..], &[]] {
            if let Ok(one) = wire.to_scalar(native, labels, meta.precision) {
                assert_eq!(one.native(), native);
                is_labelled(&one, labels);
                scalar_round_trip(&one, &meta);
                sends(&one.into(), &meta);
            }
            if let Ok(array) = wire.to_array(native, capacity, labels, meta.precision) {
                assert!(array.native() == native && array.len() <= capacity.min(count as usize));
                if ty.native == native && native != NativeType::String {
                    assert_eq!(
                        *Value::array(array.clone()).wire_bytes(),
                        wire.bytes[..array.len() * native.width()]
                    );
                }
                (0..array.len()).filter_map(|at| array.get(at)).for_each(|one| is_labelled(&one, labels));
                array_round_trip(array, &meta);
            }
        }
    }
    if let Ok(text) = wire.to_text(capacity) {
        assert!(text.len() <= capacity && !text.contains('\0'));
        sends(&Value::text(&text), &meta);
    }
}

/// Bytes on the wire in the array's own type.
trait WireBytes {
    fn wire_bytes(&self) -> Box<[u8]>;
}

impl WireBytes for Value {
    fn wire_bytes(&self) -> Box<[u8]> {
        match self {
            Self::Scalar(one) => one_bytes(one, one.native(), &Meta::new()).expect("its own type").into(),
            Self::Array(array) => array.wire().to_vec().into(),
        }
    }
}

fn meta(reader: &mut Reader<'_>) -> Meta {
    let precision = reader.byte() as i8;
    let labels = (0..reader.byte() % 20).map(|n| match n {
        0 => "off".into(),
        1 => "µm".repeat(20).into(),
        n => n.to_string().into(),
    });
    let labels = labels.collect();
    let low = f64::from_bits(u64::from(reader.byte()) << 56);
    let pair = LimitPair::new(low, -low);
    Meta {
        units: "µA/cm²/s"[..[0, 2, 3, 10][usize::from(reader.byte() % 4)]].into(),
        // one in four beyond what a byte holds
        precision: i16::from(precision) << if precision % 4 == 3 { 8 } else { 0 },
        display: pair,
        alarm: pair,
        warning: LimitPair::NAN,
        control: pair,
        labels,
    }
}

/// The elements are where the payload has them.
fn elements(wire: &WireArray<'_>, payload: usize) {
    assert!(wire.bytes.len() <= payload);
    let held = (wire.count as usize).min(payload / wire.ty.width() + 1);
    for at in 0..held {
        let element = wire.element(at);
        assert!(element.is_some_and(|one| one.native() == wire.ty), "element {at}: {element:?}");
    }
    assert_eq!(wire.element(wire.count as usize), None);
    assert_eq!(wire.element_bytes(usize::MAX), None);
}

/// An index that was put has a label, if there are any.
fn is_labelled(one: &Scalar, labels: &[Box<str>]) {
    if let Scalar::Enum(index) = one {
        assert!(labels.is_empty() || usize::from(*index) < labels.len());
    }
}

fn one_bytes(one: &Scalar, to: NativeType, meta: &Meta) -> Option<Vec<u8>> {
    let mut out = vec![0xAA];
    let done = encode::scalar(one, to, meta, &mut out);
    assert_eq!(out[0], 0xAA);
    assert_eq!(out.len() - 1, if done.is_ok() { to.width() } else { 0 }, "all or nothing");
    done.ok().map(|()| out.split_off(1))
}

/// A scalar reads back from its own type, and both ways to another type agree.
fn scalar_round_trip(one: &Scalar, meta: &Meta) {
    let bytes = one_bytes(one, one.native(), meta).expect("its own type");
    let wire = WireArray::from_put(one.native().plain(), 1, &bytes).expect("a whole element");
    let again = wire.element(0).expect("one element");
    assert_eq!(one_bytes(&again, one.native(), meta), Some(bytes), "{one:?} came back as {again:?}");
    for to in NativeType::ALL {
        let converted = scalar(one, to, meta).ok();
        let direct = one_bytes(one, to, meta);
        assert_eq!(converted.and_then(|c| one_bytes(&c, to, meta)), direct, "{one:?} as {to:?}");
    }
}

/// An array reads back from its own type, and converts to another as its elements do.
fn array_round_trip(array: ArrayData, meta: &Meta) {
    let (native, len) = (array.native(), array.len());
    for to in NativeType::ALL {
        let mut whole = vec![0xAA];
        let done = encode::elements(&array, to, len, meta, &mut whole);
        let single: Option<Vec<u8>> = (0..len)
            .map(|at| one_bytes(&array.get(at)?, to, meta))
            .try_fold(vec![0xAA], |all, one| Some([all, one?].concat()));
        match done {
            Ok(()) => assert_eq!(Some(&whole), single.as_ref(), "{array:?} as {to:?}"),
            Err(_) => assert!(single.is_none() && whole == [0xAA]),
        }
    }
    let value = Value::array(array);
    let bytes = value.wire_bytes();
    assert_eq!(bytes.len(), value.wire_len());
    let wire = WireArray::from_put(native.plain(), len as u32, &bytes).expect("whole elements");
    let again = wire.to_array(native, len, &[], meta.precision);
    if let Ok(again) = again {
        assert_eq!(Value::array(again).wire_bytes(), bytes);
    } else {
        panic!("{value:?} does not read back: {again:?}");
    }
    sends(&value, meta);
}

/// The sizes of all DBR types, with as many elements as there are, with less, and with more.
fn sends(value: &Value, meta: &Meta) {
    let alarm = Alarm { status: AlarmStatus::HiHi, severity: AlarmSeverity::Major };
    for code in 0..35 {
        let ty = DbrType::from_code(code).expect("a type below 35");
        let mut front = Vec::new();
        encode::header(ty, alarm, Stamp { seconds: 1, nanos: 2 }, meta, &mut front);
        assert_eq!(front.len(), ty.value_offset(), "type {code}");
        assert!(front.is_empty() || front[..4] == [0, 3, 0, 2], "type {code}");
        if code >= 7 {
            continue;
        }
        for count in [0, 1, value.len() as u32 + 3] {
            let mut out = front.clone();
            match encode::value(value, ty.native, count, meta, &mut out) {
                Ok(sent) => {
                    assert!(count == 0 || sent == count, "{count} elements asked for, {sent} sent");
                    assert_eq!(out.len() as u64, ty.size(sent), "type {code}");
                }
                Err(_) => assert_eq!(out, front, "nothing is appended"),
            }
        }
    }
}

/// Text as number and label.
fn texts(text: &[u8], meta: &Meta) {
    if let Ok(index) = label_index(text, &meta.labels) {
        assert!(usize::from(index) < meta.labels.len());
    }
    let (integer, double) = (parse_integer(text), parse_double(text));
    if let Ok(value) = integer {
        let written = format::integer(value);
        assert_eq!(parse_integer(written.as_bytes()), Ok(value));
        // "777e7777" is an integer as far as its digits go, and a double out of range
        let number = !matches!(double, Err(ConvertError::NotANumber(_)));
        assert!(number, "{text:?} is {value} but no double");
    }
    if let Ok(value) = double {
        assert!(!value.is_subnormal());
    }
}

/// Every number of the payload as text, with the precision of the PV.
fn numbers(payload: &[u8], precision: i16) {
    for bytes in payload.as_chunks::<8>().0.iter().take(8) {
        let value = f64::from_be_bytes(*bytes);
        let read = parse_double(printable(format::double(value, precision).as_bytes()));
        reads_back(value, read.ok(), precision, f64::EPSILON);
        let value = f32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let read = parse_double(printable(format::float(value, precision).as_bytes()));
        reads_back(value.into(), read.ok(), precision, f32::EPSILON.into());
    }
}

fn printable(text: &[u8]) -> &[u8] {
    assert!(!text.is_empty() && text.iter().all(|byte| (b' '..=b'~').contains(byte)), "{text:?}");
    text
}

/// The text of a number is the number, as exactly as its decimals can tell; `unit` is the type's last bit.
fn reads_back(value: f64, read: Option<f64>, precision: i16, unit: f64) {
    let Some(read) = read else {
        // rounding leads out of the normal doubles
        assert!(value.abs() < 1e-307 || value.abs() >= f64::MAX / 10.0, "{value:e} is no number");
        return;
    };
    if !value.is_finite() {
        assert!(read == value || read.is_nan() && value.is_nan(), "{value} is read as {read}");
        return;
    }
    let precision = i32::from((precision as u16).min(12));
    // half a unit of the last decimal, fixed or behind the exponent; base truncates after one more
    let fixed = 10f64.powi(-precision) * 0.51;
    let large = if value.abs() > 1e7 { 0.5 } else { 0.0 };
    let relative = value.abs() * (10f64.powi(-precision) * 0.51 + 16.0 * unit);
    let error = (read - value).abs();
    assert!(error <= fixed.max(large) + relative, "{value:e} with {precision} is read as {read:e}");
}
