//! CREATE_CHAN, ACCESS_RIGHTS, CLEAR_CHANNEL and their answers.

use crate::dbr::NativeType;
use crate::wire::{Command, Header};
use crate::{Cid, Sid};

bitflags::bitflags! {
    /// What a client may do with a channel.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AccessRights: u32 {
        /// It may get and monitor.
        const READ = 1;
        /// It may put.
        const WRITE = 2;
    }
}

/// The rights of a channel; sent before the channel's creation is answered and at every change.
pub const fn access_rights(cid: Cid, rights: AccessRights) -> Header {
    Header { p1: cid.0, p2: rights.bits(), ..super::header(Command::AccessRights) }
}

/// A channel exists: its native type and capacity.
pub const fn created(cid: Cid, sid: Sid, native: NativeType, count: u32) -> Header {
    Header { data_type: native as u16, count, p1: cid.0, p2: sid.0, ..super::header(Command::CreateChannel) }
}

/// The PV of a channel is gone; the circuit stays.
pub const fn disconnected(cid: Cid) -> Header {
    Header { p1: cid.0, ..super::header(Command::ServerDisconnect) }
}

/// There is no PV of that name here.
pub const fn create_failed(cid: Cid) -> Header {
    Header { p1: cid.0, ..super::header(Command::CreateChannelFail) }
}
