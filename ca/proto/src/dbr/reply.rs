//! What a get answers and what an update carries: payloads of every DBR type that a server sends.

use bytes::Bytes;

use super::{
    ArrayData, DbrClass, DbrType, FixedString, LimitPair, Meta, NativeType, Scalar, Stamp, WireArray,
    text_from_bytes,
};
use crate::alarm::Alarm;

/// DBR_STSACK_STRING: status, severity, what is acknowledged, and text.
pub const STSACK_STRING: u16 = 37;
/// DBR_CLASS_NAME, the last type that there is: the record type as text.
pub const CLASS_NAME: u16 = 38;

/// Bytes of the units field.
const UNITS: usize = 8;
/// Bytes of a label on the wire.
const LABEL: usize = 26;
/// Offset of the first label.
const LABELS: usize = 6;

/// A payload that is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Types 35, 36 and those above 38 are never sent by a server.
    #[error("a server sends no values of DBR type {0}")]
    Type(u16),
    /// The payload ends before the last element.
    #[error(
        "{given} payload bytes are too few for {count} elements of DBR type {data_type}, which take {needed}"
    )]
    Short {
        /// Bytes in the payload.
        given: usize,
        /// The DBR type.
        data_type: u16,
        /// Elements announced.
        count: u32,
        /// Bytes that they take.
        needed: u64,
    },
}

/// A decoded value with all that its DBR type tells about it.
///
/// Codes are kept as they stand on the wire, so that a tool can show what a foreign server really sent; the
/// methods give them as types. CHAR elements are a slice of the payload, not a copy.
///
/// ```
/// use bytes::Bytes;
/// use ca_proto::dbr::Reply;
/// // DBR_STS_SHORT: status 4 (HIGH), severity 1 (MINOR), value 7
/// let reply = Reply::decode(8, 1, &Bytes::from_static(&[0, 4, 0, 1, 0, 7, 0, 0]))?;
/// assert_eq!(reply.as_f64(), Some(7.0));
/// assert_eq!(reply.alarm().severity.name(), "MINOR");
/// # Ok::<(), ca_proto::dbr::ReplyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The DBR type, 0..=34, 37 or 38.
    pub data_type: u16,
    /// Number of elements.
    pub count: u32,
    /// STAT; 0 for the plain types.
    pub status: u16,
    /// SEVR; 0 for the plain types.
    pub severity: u16,
    /// When the value came to be, in the TIME types.
    pub stamp: Option<Stamp>,
    /// Units, limits and labels, in the GR and CTRL types but those of STRING.
    pub meta: Option<Meta>,
    /// ACKT and ACKS, in STSACK_STRING.
    pub acknowledge: Option<(u16, u16)>,
    /// The elements; those of CHAR are `ArrayData::Char`, be they text or not.
    pub elements: ArrayData,
    /// What stands in front of the elements.
    front: Bytes,
}

impl Reply {
    /// Decodes a payload; bytes behind the last element are ignored.
    ///
    /// # Errors
    ///
    /// A type that no server sends, or fewer bytes than type and count need. A single STRING may be as short as
    /// its text, as older servers send it.
    pub fn decode(data_type: u16, count: u32, payload: &Bytes) -> Result<Self, ReplyError> {
        let (native, offset) = layout(data_type).ok_or(ReplyError::Type(data_type))?;
        let given = payload.len();
        let needed = size(offset, native, count);
        let cut = offset == 0 && native == NativeType::String && count == 1;
        if needed > given as u64 && !cut {
            return Err(ReplyError::Short { given, data_type, count, needed });
        }
        let front = payload.slice(..offset);
        let elements = elements(native, count, payload.slice(offset..given.min(needed as usize)));
        let class = DbrType::from_code(data_type).map(|ty| ty.class);
        let alarmed = offset > 0;
        Ok(Self {
            data_type,
            count,
            status: if alarmed { u16_at(&front, 0) } else { 0 },
            severity: if alarmed { u16_at(&front, 2) } else { 0 },
            stamp: (class == Some(DbrClass::Time))
                .then(|| Stamp { seconds: u32_at(&front, 4), nanos: u32_at(&front, 8) }),
            meta: meta(data_type, &front),
            acknowledge: (data_type == STSACK_STRING).then(|| (u16_at(&front, 4), u16_at(&front, 6))),
            elements,
            front,
        })
    }

    /// Payload bytes of a type and count before padding to 8; `None` for a type that no server sends.
    pub fn size(data_type: u16, count: u32) -> Option<u64> {
        layout(data_type).map(|(native, offset)| size(offset, native, count))
    }

    /// The element type.
    pub fn native(&self) -> NativeType {
        self.elements.native()
    }

    /// The first element as a number; `None` for a string, or without elements.
    pub fn as_f64(&self) -> Option<f64> {
        self.elements.get(0)?.as_f64()
    }

    /// The text: a CHAR array up to its first NUL, the first STRING, the label of an ENUM; `None` for numbers.
    ///
    /// Bytes that are not UTF-8 are read as latin-1.
    pub fn text(&self) -> Option<String> {
        if let ArrayData::Char(bytes) | ArrayData::Text(bytes) = &self.elements {
            return Some(text_from_bytes(until_nul(bytes)));
        }
        match self.elements.get(0)? {
            Scalar::String(text) => Some(text.to_text()),
            Scalar::Enum(index) => self.label(index).map(str::to_owned),
            _ => None,
        }
    }

    /// The label of an index, in GR_ENUM and CTRL_ENUM.
    pub fn label(&self, index: u16) -> Option<&str> {
        self.meta.as_ref()?.labels.get(usize::from(index)).map(|label| &**label)
    }

    /// The bytes of a label as they were sent, up to the first NUL.
    pub fn label_bytes(&self, index: u16) -> Option<&[u8]> {
        self.label(index)?;
        let start = LABELS + LABEL * usize::from(index);
        self.front.get(start..start + LABEL).map(until_nul)
    }

    /// The bytes of the units as they were sent, up to the first NUL; empty where the type has none.
    pub fn units_bytes(&self) -> &[u8] {
        let Some(at) = DbrType::from_code(self.data_type).and_then(units_offset) else { return &[] };
        self.front.get(at..at + UNITS).map(until_nul).unwrap_or_default()
    }

    /// Status and severity; an unknown status is UDF, an unknown severity INVALID.
    pub fn alarm(&self) -> Alarm {
        Alarm::from_codes(self.status, self.severity)
    }
}

/// Element type and offset of the first element.
fn layout(data_type: u16) -> Option<(NativeType, usize)> {
    match data_type {
        STSACK_STRING => Some((NativeType::String, 8)),
        CLASS_NAME => Some((NativeType::String, 0)),
        _ => DbrType::from_code(data_type).map(|ty| (ty.native, ty.value_offset())),
    }
}

fn size(offset: usize, native: NativeType, count: u32) -> u64 {
    offset as u64 + u64::from(count) * native.width() as u64
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len())]
}

/// The `N` bytes at an offset; zeros beyond the end.
fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_be_bytes(at(bytes, offset))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(at(bytes, offset))
}

/// The elements; `bytes` holds all of them, or part of a single STRING.
fn elements(native: NativeType, count: u32, bytes: Bytes) -> ArrayData {
    /// One loop over whole elements of `W` bytes.
    fn each<T, const W: usize>(bytes: &[u8], read: impl Fn([u8; W]) -> T) -> Vec<T> {
        bytes.as_chunks::<W>().0.iter().map(|&element| read(element)).collect()
    }
    match native {
        NativeType::String => {
            let wire = WireArray { ty: native, count, bytes: &bytes };
            let cells = (0..count as usize).map_while(|index| wire.element_bytes(index));
            ArrayData::String(cells.map(FixedString::from_bytes).collect())
        }
        NativeType::Char => ArrayData::Char(bytes),
        NativeType::Short => ArrayData::Short(each(&bytes, i16::from_be_bytes)),
        NativeType::Float => ArrayData::Float(each(&bytes, f32::from_be_bytes)),
        NativeType::Enum => ArrayData::Enum(each(&bytes, u16::from_be_bytes)),
        NativeType::Long => ArrayData::Long(each(&bytes, i32::from_be_bytes)),
        NativeType::Double => ArrayData::Double(each(&bytes, f64::from_be_bytes)),
    }
}

/// Where the units stand, in the types that have them.
fn units_offset(ty: DbrType) -> Option<usize> {
    if !matches!(ty.class, DbrClass::Gr | DbrClass::Ctrl) {
        return None;
    }
    match ty.native {
        NativeType::String | NativeType::Enum => None,
        NativeType::Short | NativeType::Char | NativeType::Long => Some(4),
        NativeType::Float | NativeType::Double => Some(8),
    }
}

/// The metadata of a GR or CTRL type; `front` is what stands in front of the elements.
pub(crate) fn meta(data_type: u16, front: &[u8]) -> Option<Meta> {
    let ty = DbrType::from_code(data_type)?;
    if !matches!(ty.class, DbrClass::Gr | DbrClass::Ctrl) || ty.native == NativeType::String {
        return None;
    }
    let mut meta = Meta::new();
    if ty.native == NativeType::Enum {
        let count = usize::from(u16_at(front, 4));
        let cells = front.get(LABELS..).unwrap_or_default().as_chunks::<LABEL>().0;
        meta.labels = cells.iter().take(count).map(|cell| text_from_bytes(until_nul(cell)).into()).collect();
    }
    if let Some(at) = units_offset(ty) {
        let units = front.get(at..at + UNITS).unwrap_or_default();
        meta.units = text_from_bytes(until_nul(units)).into();
        if at == 8 {
            meta.precision = u16_at(front, 4) as i16;
        }
        limits(ty, front, at + UNITS, &mut meta);
    }
    Some(meta)
}

/// Six limits, and the control limits of CTRL, from offset `start` on.
fn limits(ty: DbrType, front: &[u8], start: usize, meta: &mut Meta) {
    let limit = |index: usize| {
        let offset = start + index * ty.native.width();
        match ty.native {
            NativeType::Short => f64::from(i16::from_be_bytes(at(front, offset))),
            NativeType::Float => f64::from(f32::from_be_bytes(at(front, offset))),
            NativeType::Char => f64::from(u8::from_be_bytes(at(front, offset))),
            NativeType::Long => f64::from(i32::from_be_bytes(at(front, offset))),
            NativeType::Double => f64::from_be_bytes(at(front, offset)),
            NativeType::String | NativeType::Enum => 0.0,
        }
    };
    meta.display = LimitPair { high: limit(0), low: limit(1) };
    meta.alarm = LimitPair { high: limit(2), low: limit(5) };
    meta.warning = LimitPair { high: limit(3), low: limit(4) };
    if ty.class == DbrClass::Ctrl {
        meta.control = LimitPair { high: limit(6), low: limit(7) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dbr::encode;
    use crate::{AlarmSeverity, AlarmStatus};

    const STAMP: Stamp = Stamp { seconds: 5, nanos: 7 };

    fn meta() -> Meta {
        Meta {
            units: "mm".into(),
            precision: 3,
            display: LimitPair::new(1.0, 100.0),
            alarm: LimitPair::new(2.0, 90.0),
            warning: LimitPair::new(3.0, 80.0),
            control: LimitPair::new(4.0, 70.0),
            labels: ["off", "on"].map(Box::from).to_vec(),
        }
    }

    fn three(native: NativeType) -> ArrayData {
        match native {
            NativeType::String => ArrayData::String(vec!["a".into(), "".into(), "xyz".into()]),
            NativeType::Short => ArrayData::Short(vec![1, -2, i16::MAX]),
            NativeType::Float => ArrayData::Float(vec![0.5, -1e30, 0.0]),
            NativeType::Enum => ArrayData::Enum(vec![1, 0, u16::MAX]),
            NativeType::Char => ArrayData::Char(Bytes::from_static(b"a\0\xff")),
            NativeType::Long => ArrayData::Long(vec![1, -2, i32::MIN]),
            NativeType::Double => ArrayData::Double(vec![0.1, -2.5, 1e300]),
        }
    }

    fn payload(ty: DbrType, alarm: Alarm, meta: &Meta) -> Vec<u8> {
        let mut out = Vec::new();
        encode::header(ty, alarm, STAMP, meta, &mut out);
        encode::elements(&three(ty.native), ty.native, 3, meta, &mut out).unwrap();
        out
    }

    #[test]
    fn every_type_decodes_to_what_was_encoded() {
        let alarm = Alarm::new(AlarmStatus::High, AlarmSeverity::Minor);
        for code in 0..35 {
            let ty = DbrType::from_code(code).unwrap();
            let bytes = Bytes::from(payload(ty, alarm, &meta()));
            let reply = Reply::decode(code, 3, &bytes).unwrap();
            assert_eq!(reply.elements, three(ty.native), "type {code}");
            assert_eq!(reply.alarm(), if code < 7 { Alarm::NONE } else { alarm }, "type {code}");
            assert_eq!(reply.stamp, (14..21).contains(&code).then_some(STAMP), "type {code}");
            assert_eq!(reply.acknowledge, None);
            let told = reply.meta.clone();
            assert_eq!(told.is_some(), code > 20 && ty.native != NativeType::String, "type {code}");
            let Some(told) = told else { continue };
            let wanted = meta();
            if ty.native == NativeType::Enum {
                assert_eq!(told.labels, wanted.labels);
                assert_eq!((reply.label(1), reply.label_bytes(1)), (Some("on"), Some(&b"on"[..])));
                assert_eq!((reply.label(2), reply.label_bytes(2)), (None, None));
                continue;
            }
            assert_eq!(&*told.units, "mm", "type {code}");
            assert_eq!(reply.units_bytes(), b"mm");
            let floating = matches!(ty.native, NativeType::Float | NativeType::Double);
            assert_eq!(told.precision, if floating { 3 } else { 0 });
            assert_eq!(
                (told.display, told.alarm, told.warning),
                (wanted.display, wanted.alarm, wanted.warning)
            );
            assert_eq!(told.control, if code > 27 { wanted.control } else { LimitPair::ZERO }, "type {code}");
        }
    }

    #[test]
    fn a_payload_that_is_too_short_is_refused_at_every_length() {
        for code in 0..35 {
            let ty = DbrType::from_code(code).unwrap();
            let whole = Bytes::from(payload(ty, Alarm::NONE, &meta()));
            for length in 0..whole.len() {
                let refused = Reply::decode(code, 3, &whole.slice(..length));
                assert!(matches!(refused, Err(ReplyError::Short { .. })), "type {code}, {length} bytes");
            }
            let none = Reply::decode(code, 0, &whole.slice(..ty.value_offset())).unwrap();
            assert!(none.elements.is_empty() && none.as_f64().is_none());
        }
        let huge = Reply::decode(6, u32::MAX, &Bytes::from_static(&[0; 64])).unwrap_err();
        assert_eq!(
            huge.to_string(),
            "64 payload bytes are too few for 4294967295 elements of DBR type 6, which take 34359738360"
        );
    }

    #[test]
    fn types_that_no_server_sends_are_refused() {
        for code in [35, 36, 39, u16::MAX] {
            assert_eq!(Reply::decode(code, 0, &Bytes::new()), Err(ReplyError::Type(code)));
            assert_eq!(Reply::size(code, 1), None);
        }
        assert_eq!(Reply::size(STSACK_STRING, 1), Some(48));
        assert_eq!(Reply::size(34, 2), Some(96));
    }

    #[test]
    fn the_two_types_above_34_have_their_own_layout() {
        let mut bytes = vec![0, 3, 0, 2, 0, 1, 0, 2];
        bytes.extend_from_slice(FixedString::cut("12.3").cell());
        let reply = Reply::decode(STSACK_STRING, 1, &bytes.into()).unwrap();
        assert_eq!((reply.status, reply.severity, reply.acknowledge), (3, 2, Some((1, 2))));
        assert_eq!(reply.text().as_deref(), Some("12.3"));
        let class = Bytes::from_static(b"waveform");
        assert_eq!(Reply::decode(CLASS_NAME, 1, &class).unwrap().text().as_deref(), Some("waveform"));
    }

    #[test]
    fn chars_are_a_slice_of_the_payload() {
        let bytes = Bytes::from_static(b"\0\0\0\0\0stop\0old\0\0\0");
        let reply = Reply::decode(11, 8, &bytes).unwrap();
        let ArrayData::Char(chars) = &reply.elements else { panic!("{reply:?}") };
        assert_eq!(chars.as_ptr(), bytes[5..].as_ptr());
        assert_eq!(reply.text().as_deref(), Some("stop"));
        let latin = Reply::decode(4, 2, &Bytes::from_static(b"\xb5m")).unwrap();
        assert_eq!(latin.text().as_deref(), Some("µm"));
    }

    #[test]
    fn a_single_string_may_be_as_short_as_its_text() {
        let reply = Reply::decode(0, 1, &Bytes::from_static(b"on\0\0\0\0\0\0")).unwrap();
        assert_eq!(reply.text().as_deref(), Some("on"));
        assert_eq!(Reply::decode(0, 1, &Bytes::new()).unwrap().elements, ArrayData::String(vec!["".into()]));
        assert!(Reply::decode(14, 1, &Bytes::from_static(&[0; 51])).is_err());
    }

    #[test]
    fn codes_and_nanoseconds_out_of_range_are_tolerated() {
        let mut bytes = vec![0, 99, 0, 9, 0, 0, 0, 1];
        bytes.extend(4_000_000_000u32.to_be_bytes());
        bytes.extend(7i32.to_be_bytes());
        let reply = Reply::decode(19, 1, &bytes.into()).unwrap();
        assert_eq!(reply.alarm(), Alarm::UDF);
        assert_eq!((reply.status, reply.severity), (99, 9));
        let stamp = reply.stamp.unwrap();
        assert_eq!(Stamp::from_system(stamp.to_system()), Stamp { seconds: 5, nanos: 0 });
        let mut labels = vec![0; 424];
        labels[5] = 17;
        assert_eq!(Reply::decode(24, 1, &labels.into()).unwrap().meta.unwrap().labels.len(), 16);
    }

    proptest! {
        #[test]
        fn any_payload_gives_a_reply_or_an_error(code in 0u16..42, count: u32, few in 0u32..9, bytes: Vec<u8>) {
            let mut wide = bytes.clone();
            wide.resize(bytes.len() + 500, 0xa5);
            for payload in [Bytes::from(bytes), Bytes::from(wide)] {
                for count in [count, few] {
                    let Ok(reply) = Reply::decode(code, count, &payload) else { continue };
                    prop_assert_eq!(reply.elements.len(), count as usize);
                    let _ = (reply.text(), reply.alarm(), reply.as_f64(), reply.units_bytes().len());
                    let _ = (reply.label_bytes(3), reply.stamp.map(Stamp::to_system));
                }
            }
        }
    }
}
