//! An ENUM whose labels are declared with its PV.

use wrapper::PvEnum;

/// The index of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice(pub(crate) u16);

impl PvEnum for Choice {
    const LABELS: &'static [&'static str] = &[];

    fn index(self) -> u16 {
        self.0
    }

    fn from_index(index: u16) -> Option<Self> {
        Some(Self(index))
    }
}
