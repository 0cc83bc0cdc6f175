//! READ_NOTIFY.

use bytes::Bytes;

use super::{AccessRights, ClientCircuit, Data, Event, Output, Refused};
use crate::wire::msg;
use crate::wire::{Command, Header};
use crate::{Cid, Eca, Ioid};

/// The last DBR type that exists.
pub(super) const LAST_TYPE: u16 = 38;

impl ClientCircuit {
    /// Asks for the value of a channel; count 0 is the current length.
    ///
    /// # Errors
    /// When the channel is not connected or may not be read, the type does not exist, or more elements than the
    /// channel has are asked for.
    pub fn get(
        &mut self,
        cid: Cid,
        data_type: u16,
        count: u32,
        ioid: Ioid,
        out: &mut Output,
    ) -> Result<(), Refused> {
        let (link, sid) = self.link(cid)?;
        if !link.rights.contains(AccessRights::READ) {
            return Err(Refused::Rights(Eca::NORDACCESS));
        }
        if data_type > LAST_TYPE {
            return Err(Refused::DataType(data_type));
        }
        let capacity = link.count;
        if count > capacity {
            return Err(Refused::Count { count, capacity });
        }
        let count = self.asked(count, capacity);
        self.requests.insert(ioid, cid);
        out.header(&Header { data_type, count, p1: sid.0, p2: ioid.0, ..msg::header(Command::ReadNotify) });
        Ok(())
    }

    /// The count to send: servers before 4.13 do not know 0.
    pub(super) fn asked(&self, count: u32, capacity: u32) -> u32 {
        match count {
            0 if self.minor.is_none_or(|minor| minor < 13) => capacity,
            count => count,
        }
    }

    pub(super) fn handle_got(&mut self, header: &Header, payload: Bytes, sink: &mut impl FnMut(Event)) {
        let ioid = Ioid(header.p2);
        // An answer that nobody waits for any more is no error.
        if self.requests.remove(&ioid).is_some() {
            let (data_type, count, status) = (header.data_type, header.count, Eca(header.p1));
            sink(Event::Got(ioid, Data { status, data_type, count, payload }));
        }
    }

    /// Forgets a request: its answer will be ignored.
    pub fn forget(&mut self, ioid: Ioid) {
        self.requests.remove(&ioid);
    }
}
