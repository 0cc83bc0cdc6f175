//! CREATE_CHAN, ACCESS_RIGHTS, CLEAR_CHANNEL, and channels that go.

use super::circuit::{clear, native};
use super::{AccessRights, ClientCircuit, Event, Output, Refused};
use crate::dbr::NativeType;
use crate::wire::msg::{self, search};
use crate::wire::{Command, Header, put_text};
use crate::{Cid, MINOR_VERSION, Sid};

/// A channel on a circuit.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// `None` until the server has opened it.
    pub(super) sid: Option<Sid>,
    pub(super) native: Option<NativeType>,
    pub(super) count: u32,
    pub(super) rights: AccessRights,
}

impl ClientCircuit {
    /// Asks the server to open a channel.
    pub fn create(&mut self, cid: Cid, name: &str, out: &mut Output) {
        self.channels.insert(cid, Link::default());
        let mut payload = Vec::with_capacity(name.len() + 8);
        let size = put_text(name.as_bytes(), &mut payload) as u32;
        let header =
            Header { size, p1: cid.0, p2: MINOR_VERSION.into(), ..msg::header(Command::CreateChannel) };
        out.header(&header);
        out.buffer().extend_from_slice(&payload);
    }

    /// Gives a channel up, with its subscriptions and its requests.
    pub fn clear(&mut self, cid: Cid, out: &mut Output) {
        let Some(link) = self.channels.remove(&cid) else { return };
        self.subscriptions.retain(|_, subscription| subscription.cid != cid);
        self.requests.retain(|_, of| *of != cid);
        // A creation that is not answered yet is answered with a clear when it is.
        if let Some(sid) = link.sid {
            clear(sid, cid, out);
        }
    }

    /// Asks the server of this circuit for names; servers before 4.12 cannot be asked so.
    pub fn search<'a>(&mut self, names: impl Iterator<Item = (Cid, &'a str)>, out: &mut Output) {
        for (cid, name) in names {
            search::encode_request(search::DONT_REPLY, cid, name, out.buffer());
        }
    }

    /// The open channel and its server id.
    pub(super) fn link(&self, cid: Cid) -> Result<(&Link, Sid), Refused> {
        let link = self.channels.get(&cid).ok_or(Refused::Disconnected)?;
        Ok((link, link.sid.ok_or(Refused::Disconnected)?))
    }

    pub(super) fn handle_created(&mut self, header: &Header, out: &mut Output, sink: &mut impl FnMut(Event)) {
        let (cid, sid) = (Cid(header.p1), Sid(header.p2));
        let Some(link) = self.channels.get_mut(&cid) else { return clear(sid, cid, out) };
        (link.sid, link.native, link.count) = (Some(sid), native(header.data_type), header.count);
        sink(Event::Created { cid, native: link.native, count: header.count });
    }

    pub(super) fn handle_rights(&mut self, cid: Cid, rights: AccessRights, sink: &mut impl FnMut(Event)) {
        if let Some(link) = self.channels.get_mut(&cid) {
            link.rights = rights;
            sink(Event::Rights(cid, rights));
        }
    }

    pub(super) fn handle_gone(&mut self, cid: Cid, sink: &mut impl FnMut(Event)) {
        if self.channels.remove(&cid).is_some() {
            self.subscriptions.retain(|_, subscription| subscription.cid != cid);
            self.requests.retain(|_, of| *of != cid);
            sink(Event::Gone(cid));
        }
    }
}
