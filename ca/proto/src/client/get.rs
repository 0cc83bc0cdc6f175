//! READ_NOTIFY.

use super::circuit::{Request, checked};
use super::{AccessRights, ClientCircuit, Data, Event, Output, Payload, Refused};
use crate::wire::msg;
use crate::wire::{Command, Header};
use crate::{Cid, CloseReason, Eca, Ioid};

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
        if !link.rights.unwrap_or_default().contains(AccessRights::READ) {
            return Err(Refused::Rights(Eca::NORDACCESS));
        }
        let capacity = link.count;
        let request = Request::get(cid, data_type, capacity).ok_or(Refused::DataType(data_type))?;
        if count > capacity {
            return Err(Refused::Count { count, capacity });
        }
        let count = self.asked(count, capacity);
        self.begin(ioid, request);
        out.header(&Header { data_type, count, p1: sid.0, p2: ioid.0, ..msg::header(Command::ReadNotify) });
        Ok(())
    }

    /// The count to send: servers before 4.13 do not know 0.
    pub(super) fn asked(&self, count: u32, capacity: u32) -> u32 {
        match count {
            0 if self.minor.or(self.supposed).is_none_or(|minor| minor < 13) => capacity,
            count => count,
        }
    }

    /// Notes a request whose answer will come.
    pub(super) fn begin(&mut self, ioid: Ioid, request: Request) {
        if let Some(link) = self.channels.get_mut(&request.cid) {
            link.pending += 1;
        }
        self.requests.insert(ioid, request);
    }

    /// Ends a request; false when nobody waits for it.
    pub(super) fn finish(&mut self, ioid: Ioid) -> bool {
        let Some(request) = self.requests.remove(&ioid) else { return false };
        if let Some(link) = self.channels.get_mut(&request.cid) {
            link.pending = link.pending.saturating_sub(1);
        }
        true
    }

    pub(super) fn handle_got(
        &mut self,
        header: &Header,
        payload: Payload,
        sink: &mut impl FnMut(Event),
    ) -> Result<(), CloseReason> {
        let ioid = Ioid(header.p2);
        // An answer that nobody waits for any more is no error.
        if !self.finish(ioid) {
            return Ok(());
        }
        let (data_type, count, status) = (header.data_type, header.count, Eca(header.p1));
        let (data, checked) = checked(Data { status, data_type, count, payload });
        sink(Event::Got(ioid, data));
        checked
    }

    /// Forgets a request: its answer will be ignored.
    pub fn forget(&mut self, ioid: Ioid) {
        self.finish(ioid);
    }
}
