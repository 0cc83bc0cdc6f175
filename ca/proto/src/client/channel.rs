//! CREATE_CHAN, ACCESS_RIGHTS, CLEAR_CHANNEL, and channels that go.

use super::circuit::{clear, native};
use super::event::Failed;
use super::{AccessRights, ClientCircuit, Event, Output, Refused};
use crate::dbr::NativeType;
use crate::wire::msg::{self, search};
use crate::wire::{Command, Header, put_text};
use crate::{Cid, Eca, Ioid, MINOR_VERSION, Sid, SubscriptionId};

/// A channel on a circuit.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// `None` until the server has opened it.
    pub(super) sid: Option<Sid>,
    pub(super) native: Option<NativeType>,
    pub(super) count: u32,
    /// `None` until the server has told them.
    pub(super) rights: Option<AccessRights>,
    /// Requests that are not answered.
    pub(super) pending: usize,
    pub(super) subscriptions: Vec<SubscriptionId>,
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

    /// Gives a channel up, with its subscriptions and its requests; returns those that will not be answered.
    pub fn clear(&mut self, cid: Cid, out: &mut Output) -> Vec<Ioid> {
        let Some((link, requests)) = self.remove(cid) else { return Vec::new() };
        // A creation that is not answered yet is answered with a clear when it is.
        if let Some(sid) = link.sid {
            clear(sid, cid, out);
        }
        requests
    }

    /// Forgets a channel and all that hangs on it.
    fn remove(&mut self, cid: Cid) -> Option<(Link, Vec<Ioid>)> {
        let link = self.channels.remove(&cid)?;
        for id in &link.subscriptions {
            self.subscriptions.remove(id);
        }
        let mut requests = Vec::new();
        if link.pending > 0 {
            requests = self.requests.extract_if(|_, of| of.cid == cid).map(|(ioid, _)| ioid).collect();
        }
        Some((link, requests))
    }

    /// Asks the server of this circuit for a name; servers before 4.12 cannot be asked so.
    pub fn search(&mut self, cid: Cid, name: &str, out: &mut Output) {
        search::encode_request(search::DONT_REPLY, cid, name, out.buffer());
    }

    /// The rights of a channel, once the server has told them.
    pub fn rights(&self, cid: Cid) -> Option<AccessRights> {
        self.channels.get(&cid)?.rights
    }

    /// The open channel and its server id.
    pub(super) fn link(&self, cid: Cid) -> Result<(&Link, Sid), Refused> {
        let link = self.channels.get(&cid).ok_or(Refused::Disconnected)?;
        Ok((link, link.sid.ok_or(Refused::Disconnected)?))
    }

    pub(super) fn handle_created(&mut self, header: &Header, out: &mut Output, sink: &mut impl FnMut(Event)) {
        let (cid, sid) = (Cid(header.p1), Sid(header.p2));
        let Some(link) = self.channels.get_mut(&cid) else { return clear(sid, cid, out) };
        if link.sid.is_some() {
            // Said twice: the first counts, as for libca.
            return;
        }
        let Some(native) = native(header.data_type) else {
            // libca gives up the whole circuit; the other channels are not to blame.
            clear(sid, cid, out);
            return self.handle_gone(cid, sink);
        };
        (link.sid, link.native, link.count) = (Some(sid), Some(native), header.count);
        sink(Event::Created { cid, native, count: header.count });
    }

    pub(super) fn handle_rights(&mut self, cid: Cid, rights: AccessRights, sink: &mut impl FnMut(Event)) {
        if let Some(link) = self.channels.get_mut(&cid) {
            link.rights = Some(rights);
            sink(Event::Rights(cid, rights));
        }
    }

    pub(super) fn handle_gone(&mut self, cid: Cid, sink: &mut impl FnMut(Event)) {
        let Some((link, requests)) = self.remove(cid) else { return };
        for ioid in requests {
            let text = "the server has given the channel up".to_owned();
            sink(Event::Error { about: Failed::Request(ioid), status: Eca::DISCONN, text });
        }
        sink(Event::Gone { cid, subscriptions: link.subscriptions });
    }
}
