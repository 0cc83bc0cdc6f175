//! Elements as text.

use ca_proto::dbr::{ArrayData, DbrClass, DbrType, NativeType, Reply, Scalar};

use super::escape::escape;
use super::number::{Radix, integer, rounded};
use super::options::Options;

/// Most labels of an enum.
const MOST_LABELS: u16 = 16;

/// Appends element `index`.
pub(crate) fn element(reply: &Reply, index: usize, options: &Options, out: &mut Vec<u8>) {
    let Some(value) = reply.elements.get(index) else { return };
    let text = match value {
        Scalar::String(text) => return escape(text.as_bytes(), out),
        Scalar::Enum(index) => return state(reply, index, options, out),
        Scalar::Float(value) => floating(f64::from(value), options),
        Scalar::Double(value) => floating(value, options),
        // base prints C's char, which has a sign
        Scalar::Char(value) => (value as i8).to_string(),
        Scalar::Short(value) => integer(i32::from(value), options.integer_radix),
        Scalar::Long(value) => integer(value, options.integer_radix),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Appends all elements with the separator between them.
pub(crate) fn elements(reply: &Reply, options: &Options, out: &mut Vec<u8>) {
    for index in 0..reply.elements.len() {
        if index > 0 {
            out.push(options.separator);
        }
        element(reply, index, options, out);
    }
}

fn floating(value: f64, options: &Options) -> String {
    match options.float_radix {
        Radix::Decimal => options.float_format.text(value),
        radix => integer(rounded(value), radix),
    }
}

/// The label of an index where the type has labels, else the index.
fn state(reply: &Reply, index: u16, options: &Options, out: &mut Vec<u8>) {
    let class = DbrType::from_code(reply.data_type).map(|ty| ty.class);
    let labelled = matches!(class, Some(DbrClass::Gr | DbrClass::Ctrl)) && !options.enum_as_number;
    let number = match reply.label_bytes(index) {
        _ if !labelled => index.to_string(),
        Some(label) => return out.extend_from_slice(label),
        None if index >= MOST_LABELS => format!("Illegal Value ({index})"),
        None => format!("Enum Index Overflow ({index})"),
    };
    out.extend_from_slice(number.as_bytes());
}

/// True when the CHAR elements are to be shown as one text.
pub(crate) fn is_text(reply: &Reply, requested: u64, options: &Options) -> bool {
    options.chars_as_text && reply.native() == NativeType::Char && (requested > 0 || reply.count > 1)
}

/// Appends the CHAR elements up to the first NUL as one text.
pub(crate) fn text(reply: &Reply, out: &mut Vec<u8>) {
    let ArrayData::Char(bytes) = &reply.elements else { return };
    escape(bytes.split(|&byte| byte == 0).next().unwrap_or_default(), out);
}
