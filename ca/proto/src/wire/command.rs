//! Command codes (`caProto.h`).

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// What a message asks or answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Command {
            $($(#[$doc])* $name = $code),+
        }

        impl Command {
            /// The command with this code, if there is one.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Minor version and priority; in a datagram the sequence number.
    Version = 0,
    /// Subscribe, and every update.
    EventAdd = 1,
    /// Cancel a subscription.
    EventCancel = 2,
    /// Get of old clients.
    Read = 3,
    /// Put without answer.
    Write = 4,
    /// Name search.
    Search = 6,
    /// Stop sending updates.
    EventsOff = 8,
    /// Send updates again.
    EventsOn = 9,
    /// Echo of old clients.
    ReadSync = 10,
    /// A request failed.
    Error = 11,
    /// Give up a channel.
    ClearChannel = 12,
    /// A server is alive.
    Beacon = 13,
    /// A name that was searched over TCP does not exist.
    NotFound = 14,
    /// Get.
    ReadNotify = 15,
    /// The repeater accepted a registration.
    RepeaterConfirm = 17,
    /// Open a channel.
    CreateChannel = 18,
    /// Put with answer.
    WriteNotify = 19,
    /// Name of the client's user.
    ClientName = 20,
    /// Name of the client's host.
    HostName = 21,
    /// What a client may do with a channel.
    AccessRights = 22,
    /// Are you alive?
    Echo = 23,
    /// A client registers with the repeater.
    RepeaterRegister = 24,
    /// A channel could not be opened.
    CreateChannelFail = 26,
    /// A channel is gone while its circuit stays.
    ServerDisconnect = 27,
}
