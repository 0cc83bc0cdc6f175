//! Record types: the fields that clients expect beside the value, with their types, access and first values.
//!
//! The tables are data (`fields.txt`), read at the first use. What a field does is in [`Live`]; a field that does
//! nothing is stored.

mod live;
mod parse;

use std::sync::{Arc, LazyLock};

use ca::proto::dbr::{NativeType, Scalar, Value};

pub(crate) use live::{Limit, Live};

/// A field of a record type.
#[derive(Debug)]
pub(crate) struct FieldSpec {
    /// As clients write it.
    pub(crate) name: &'static str,
    /// Its place in the table of its record type, from 1 on.
    pub(crate) number: u16,
    /// Element type on the wire.
    pub(crate) native: NativeType,
    /// A number without a fraction, also where it is a DOUBLE on the wire.
    pub(crate) whole: bool,
    /// Decimals shown; `None` for those of the PV.
    pub(crate) decimals: Option<i16>,
    /// Bytes of a text, its NUL among them.
    pub(crate) room: usize,
    /// Clients can never write it.
    pub(crate) read_only: bool,
    /// The choices of an ENUM.
    pub(crate) labels: Arc<[Box<str>]>,
    /// What it does.
    pub(crate) live: Live,
    first: &'static str,
}

/// The same field of the same table.
impl PartialEq for FieldSpec {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl FieldSpec {
    /// The value of a field that nobody has written.
    pub(crate) fn first(&self) -> Value {
        match self.native {
            NativeType::String => Value::text(self.first),
            native => number_as(native, self.first.parse().unwrap_or_default()).into(),
        }
    }
}

/// A number as an element of a field; a STRING holds no numbers.
pub(crate) fn number_as(native: NativeType, number: f64) -> Scalar {
    match native {
        NativeType::Short => Scalar::Short(number as i16),
        NativeType::Float => Scalar::Float(number as f32),
        NativeType::Enum => Scalar::Enum(number as u16),
        NativeType::Char => Scalar::Char(number as u8),
        NativeType::Long => Scalar::Long(number as i32),
        NativeType::Double | NativeType::String => Scalar::Double(number),
    }
}

/// What a put outside the control limits of a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlRule {
    /// It is refused.
    Refuse,
    /// The limit is stored in its place, as base does in ao, longout and int64out.
    Clamp,
    /// It is stored: the limits only show the range of displays.
    Show,
}

/// A record type and its fields, in the order of their names.
#[derive(Debug)]
pub(crate) struct RecordType {
    pub(crate) name: &'static str,
    fields: Vec<FieldSpec>,
}

/// Names of the tables of PVs that have no record type.
const PLAIN: &str = "plain";
const PLAIN_INTEGER: &str = "plain_integer";

static TYPES: LazyLock<Vec<RecordType>> = LazyLock::new(|| parse::tables(include_str!("fields.txt")));

fn table(name: &str) -> Option<&'static RecordType> {
    let at = TYPES.binary_search_by(|known| known.name.cmp(name)).ok()?;
    TYPES.get(at)
}

impl RecordType {
    /// The record type of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        table(name).filter(|known| !known.is_plain())
    }

    /// The names of all record types, in the order of the alphabet.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().filter(|known| !known.is_plain()).map(|known| known.name)
    }

    /// What a PV without a record type answers; limits are LONG beside an integer value.
    pub(crate) fn plain(integer: bool) -> &'static Self {
        let name = if integer { PLAIN_INTEGER } else { PLAIN };
        table(name).unwrap_or(&TYPES[0])
    }

    /// True for the fields of a PV without a record type.
    pub(crate) fn is_plain(&self) -> bool {
        self.name.starts_with(PLAIN)
    }

    /// The field of this name: upper case only, as in base.
    pub(crate) fn field(&self, name: &str) -> Option<&FieldSpec> {
        let at = self.fields.binary_search_by(|known| known.name.cmp(name)).ok()?;
        self.fields.get(at)
    }

    /// The field that does this.
    pub(crate) fn doing(&self, live: Live) -> Option<&FieldSpec> {
        self.fields.iter().find(|field| field.live == live)
    }

    pub(crate) fn control_rule(&self) -> ControlRule {
        match self.name {
            "ao" | "longout" | "int64out" => ControlRule::Clamp,
            _ if self.is_plain() => ControlRule::Refuse,
            _ => ControlRule::Show,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_common_fields_and_its_own_in_the_order_of_their_names() {
        assert_eq!(RecordType::names().count(), 36);
        for record in TYPES.iter() {
            assert!(record.fields.is_sorted_by_key(|field| field.name), "{}", record.name);
            for (at, field) in record.fields.iter().enumerate() {
                assert_eq!(usize::from(field.number), at + 1, "{}.{}", record.name, field.name);
            }
            for name in ["NAME", "DESC", "RTYP", "STAT", "SEVR", "AMSG", "SCAN", "UDF"] {
                assert!(record.field(name).is_some(), "{}.{name}", record.name);
            }
            assert!(record.fields.len() < 512, "{}: feed keys have 9 bits for the field", record.name);
        }
    }

    #[test]
    fn only_record_types_are_found() {
        assert_eq!(RecordType::find("ai").map(|found| found.name), Some("ai"));
        assert!(RecordType::find("plain").is_none() && RecordType::find("common").is_none());
        assert!(RecordType::find("AI").is_none() && RecordType::find("").is_none());
        let ai = RecordType::find("ai").expect("known");
        assert!(ai.field("hihi").is_none() && ai.field("NOPE").is_none() && ai.field("VAL").is_none());
    }

    #[test]
    fn a_name_does_what_its_record_type_says() {
        let live = |record: &str, field: &str| {
            RecordType::find(record).and_then(|found| found.field(field)).map(|found| found.live)
        };
        assert_eq!(live("ai", "HIGH"), Some(Live::Limit(Limit::High)));
        assert_eq!(live("bo", "HIGH"), Some(Live::Stored), "how long the output stays high");
        assert_eq!(live("histogram", "MDEL"), Some(Live::Stored), "a number of counts");
        assert_eq!(live("mbbo", "TTVL"), Some(Live::StateValue(13)));
        assert_eq!(live("mbbi", "SVSV"), Some(Live::StateSeverity(7)));
        assert_eq!(live("subArray", "NELM"), Some(Live::Stored), "how many elements it takes");
    }

    #[test]
    fn first_values_are_those_of_the_table() {
        let first = |record: &str, field: &str| {
            RecordType::find(record).and_then(|found| found.field(field)).map(FieldSpec::first)
        };
        assert_eq!(first("ai", "ASLO"), Some(Scalar::Double(1.0).into()));
        assert_eq!(first("ai", "SSCN"), Some(Scalar::Enum(65535).into()));
        assert_eq!(first("calc", "CALC"), Some(Value::text("0")));
        assert_eq!(first("ai", "DESC"), Some(Value::text("")));
    }
}
