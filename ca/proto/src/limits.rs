//! What one circuit may ask of the server.

/// Bounds that are tested before anything is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload of a message that is not a put, in bytes.
    pub small_payload: u32,
    /// Largest reply or put payload, in bytes.
    pub max_payload: u64,
    /// Output above which no further input is executed, in bytes.
    pub output_high_water: usize,
    /// Channels on one circuit.
    pub channels: usize,
    /// Subscriptions on one circuit.
    pub subscriptions: usize,
    /// Longest PV name, in bytes.
    pub name: usize,
    /// Pending updates of one feed.
    pub feed_entries: usize,
    /// Pending bytes of one feed; at least four entries are kept whatever their size.
    pub feed_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            small_payload: 16 * 1024,
            max_payload: 1 << 30,
            output_high_water: 256 * 1024,
            channels: 500_000,
            subscriptions: 500_000,
            name: 1024,
            feed_entries: 64,
            feed_bytes: 1 << 20,
        }
    }
}
