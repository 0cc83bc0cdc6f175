//! What a PV tells about its value: units, precision, limits, labels.

/// A pair of limits in the PV's units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitPair {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

impl LimitPair {
    /// No limits: zeros, which clients show as "none".
    pub const ZERO: Self = Self { low: 0.0, high: 0.0 };
    /// No alarm limits: NaN in floating types, 0 in integer types, as base serves them.
    pub const NAN: Self = Self { low: f64::NAN, high: f64::NAN };

    /// A pair of limits.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

/// Metadata of a PV, as DBR_GR_* and DBR_CTRL_* carry it.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// Engineering units; the wire takes 7 bytes, cut on a character boundary.
    pub units: Box<str>,
    /// Decimals shown of floating values.
    pub precision: i16,
    /// Range for displays.
    pub display: LimitPair,
    /// HIHI and LOLO; a NaN means none.
    pub alarm: LimitPair,
    /// HIGH and LOW; a NaN means none.
    pub warning: LimitPair,
    /// Range that a put may ask for.
    pub control: LimitPair,
    /// Labels of an enum, at most 16 of at most 25 bytes.
    pub labels: Vec<Box<str>>,
}

impl Meta {
    /// Most labels of an enum.
    pub const MAX_LABELS: usize = 16;
    /// Most bytes of a label.
    pub const MAX_LABEL: usize = 25;

    /// Nothing declared.
    pub fn new() -> Self {
        Self {
            units: "".into(),
            precision: 0,
            display: LimitPair::ZERO,
            alarm: LimitPair::NAN,
            warning: LimitPair::NAN,
            control: LimitPair::ZERO,
            labels: Vec::new(),
        }
    }
}

impl Default for Meta {
    fn default() -> Self {
        Self::new()
    }
}
