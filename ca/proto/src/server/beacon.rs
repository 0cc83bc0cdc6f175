//! When and what a server's beacons are.

use std::time::Duration;

/// The sequence of beacons: gaps double from 20 ms up to the period; the first two carry id 0, as base's.
#[derive(Clone, Debug)]
pub struct Beacons {
    id: u32,
    first: bool,
    gap: Duration,
    period: Duration,
}

impl Beacons {
    /// Beacons of a server that has just started.
    pub fn new(period: Duration) -> Self {
        Self { id: 0, first: true, gap: Duration::from_millis(20).min(period), period }
    }

    /// The message to send now, and how long to wait before the next.
    pub fn next(&mut self, port: u16) -> ([u8; 16], Duration) {
        let mut message = Vec::with_capacity(16);
        crate::wire::msg::search::beacon(port, self.id).encode(&mut message);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&message);
        if !std::mem::take(&mut self.first) {
            self.id = self.id.wrapping_add(1);
        }
        let gap = self.gap;
        self.gap = (gap * 2).min(self.period);
        (bytes, gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_start_with_two_zeros_and_gaps_double_up_to_the_period() {
        let mut beacons = Beacons::new(Duration::from_millis(100));
        let seen: Vec<_> = (0..5).map(|_| beacons.next(5064)).collect();
        let ids: Vec<_> = seen.iter().map(|(m, _)| m[11]).collect();
        let gaps: Vec<_> = seen.iter().map(|(_, gap)| gap.as_millis()).collect();
        assert_eq!(ids, [0, 0, 1, 2, 3]);
        assert_eq!(gaps, [20, 40, 80, 100, 100]);
        assert_eq!(seen[0].0[..8], [0, 13, 0, 0, 0, 13, 0x13, 0xC8]);
    }
}
