//! DBR types 0..=34: native type x class, from one layout table (`db_access.h`).

/// The seven element types that Channel Access knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum NativeType {
    /// 40-byte string.
    String = 0,
    /// `i16`.
    Short = 1,
    /// `f32`.
    Float = 2,
    /// `u16` index of a label.
    Enum = 3,
    /// `u8`.
    Char = 4,
    /// `i32`.
    Long = 5,
    /// `f64`.
    Double = 6,
}

/// What comes in front of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum DbrClass {
    /// Nothing.
    Plain = 0,
    /// Status and severity.
    Sts = 1,
    /// Status, severity, time stamp.
    Time = 2,
    /// Status, severity, units, precision, display and alarm limits, or labels.
    Gr = 3,
    /// As `Gr`, with control limits.
    Ctrl = 4,
}

impl NativeType {
    /// All native types in wire order.
    pub const ALL: [Self; 7] =
        [Self::String, Self::Short, Self::Float, Self::Enum, Self::Char, Self::Long, Self::Double];

    /// Bytes of one element on the wire.
    pub const fn width(self) -> usize {
        [40, 2, 4, 2, 1, 4, 8][self as usize]
    }

    /// The plain DBR type.
    pub const fn plain(self) -> DbrType {
        DbrType { native: self, class: DbrClass::Plain }
    }

    /// The DBR type of this class.
    pub const fn with(self, class: DbrClass) -> DbrType {
        DbrType { native: self, class }
    }
}

/// One of the DBR types 0..=34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DbrType {
    /// The element type.
    pub native: NativeType,
    /// What comes in front of the elements.
    pub class: DbrClass,
}

/// Offset of the first element, rows by class, columns by native type.
const VALUE_OFFSET: [[usize; 7]; 5] = [
    // STRING SHORT FLOAT ENUM CHAR LONG DOUBLE
    [0, 0, 0, 0, 0, 0, 0],
    [4, 4, 4, 4, 5, 4, 8],
    [12, 14, 12, 14, 15, 12, 16],
    [4, 24, 40, 422, 19, 36, 64],
    [4, 28, 48, 422, 21, 44, 80],
];

/// The types in the order of their codes.
const BY_CODE: [DbrType; 35] = {
    const CLASSES: [DbrClass; 5] =
        [DbrClass::Plain, DbrClass::Sts, DbrClass::Time, DbrClass::Gr, DbrClass::Ctrl];
    let mut types = [DbrType { native: NativeType::String, class: DbrClass::Plain }; 35];
    let mut code = 0;
    while code < types.len() {
        types[code] = DbrType { native: NativeType::ALL[code % 7], class: CLASSES[code / 7] };
        code += 1;
    }
    types
};

impl DbrType {
    /// The type with this wire code; `None` above 34.
    pub const fn from_code(code: u16) -> Option<Self> {
        if (code as usize) < BY_CODE.len() { Some(BY_CODE[code as usize]) } else { None }
    }

    /// The wire code.
    pub const fn code(self) -> u16 {
        self.class as u16 * 7 + self.native as u16
    }

    /// Offset of the first element in the payload, which is also the size of an empty array.
    pub const fn value_offset(self) -> usize {
        VALUE_OFFSET[self.class as usize][self.native as usize]
    }

    /// Payload bytes for `count` elements, before padding to 8.
    pub const fn size(self, count: u32) -> u64 {
        self.value_offset() as u64 + count as u64 * self.native.width() as u64
    }
}

/// Names of the DBR types by code.
#[rustfmt::skip]
const TYPE_NAMES: [&str; 39] = [
    "DBR_STRING", "DBR_SHORT", "DBR_FLOAT", "DBR_ENUM", "DBR_CHAR", "DBR_LONG", "DBR_DOUBLE",
    "DBR_STS_STRING", "DBR_STS_SHORT", "DBR_STS_FLOAT", "DBR_STS_ENUM", "DBR_STS_CHAR", "DBR_STS_LONG",
    "DBR_STS_DOUBLE",
    "DBR_TIME_STRING", "DBR_TIME_SHORT", "DBR_TIME_FLOAT", "DBR_TIME_ENUM", "DBR_TIME_CHAR", "DBR_TIME_LONG",
    "DBR_TIME_DOUBLE",
    "DBR_GR_STRING", "DBR_GR_SHORT", "DBR_GR_FLOAT", "DBR_GR_ENUM", "DBR_GR_CHAR", "DBR_GR_LONG", "DBR_GR_DOUBLE",
    "DBR_CTRL_STRING", "DBR_CTRL_SHORT", "DBR_CTRL_FLOAT", "DBR_CTRL_ENUM", "DBR_CTRL_CHAR", "DBR_CTRL_LONG",
    "DBR_CTRL_DOUBLE",
    "DBR_PUT_ACKT", "DBR_PUT_ACKS", "DBR_STSACK_STRING", "DBR_CLASS_NAME",
];

/// The name of a DBR type, 0..=38.
///
/// ```
/// assert_eq!(ca_proto::dbr::type_name(20), Some("DBR_TIME_DOUBLE"));
/// assert_eq!(ca_proto::dbr::type_name(39), None);
/// ```
pub fn type_name(code: u16) -> Option<&'static str> {
    TYPE_NAMES.get(usize::from(code)).copied()
}
