//! Identifiers of channels and requests; each is one 32-bit word on the wire.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// The client's id of a channel.
    Cid
);
id!(
    /// The server's id of a channel.
    Sid
);
id!(
    /// The client's id of one get or put with an answer.
    Ioid
);
id!(
    /// The client's id of one subscription.
    SubscriptionId
);

/// A map keyed by ids: they are small counters, and neighbours are used together.
pub type IdMap<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<IdHasher>>;

/// Hashes one integer, for keys that we made ourselves: the low bits stay, so that neighbours are neighbours in
/// memory too, and a multiplication makes the high ones, by which a map tells them apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl std::hash::Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(u64::from(id));
    }

    fn write_u64(&mut self, id: u64) {
        let id = self.0.rotate_left(5) ^ id;
        self.0 = id ^ (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) & !0xFFFF_FFFF);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
