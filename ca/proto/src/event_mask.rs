//! What a subscription wants to hear of (`DBE_*`).

bitflags::bitflags! {
    /// Kinds of change; a subscription gets an update when one of its kinds occurred.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct EventMask: u16 {
        /// The value changed by more than MDEL.
        const VALUE = 1;
        /// The value changed by more than ADEL (`DBE_LOG` = `DBE_ARCHIVE`).
        const LOG = 2;
        /// Status or severity changed.
        const ALARM = 4;
        /// Units, limits or labels changed.
        const PROPERTY = 8;
    }
}
