//! WRITE and WRITE_NOTIFY.

use super::channel::Channel;
use super::{AccessRights, Output, ServerCircuit, Service};
use crate::dbr::{CLASS_NAME, DbrClass, DbrType, WireArray};
use crate::wire::Header;
use crate::wire::msg::put;
use crate::{CloseReason, Eca, Ioid, Sid};

/// What is needed to answer a put or a get later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The channel.
    pub sid: Sid,
    /// The client's id of the request.
    pub ioid: Ioid,
    /// DBR type of the request.
    pub data_type: u16,
    /// Element count of the request.
    pub count: u32,
}

/// Why a put was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutFailure {
    /// The status on the wire.
    pub status: Eca,
    /// What was wrong, and the rule.
    pub reason: String,
}

/// What became of a put in the pass.
#[derive(Debug)]
pub enum PutOutcome {
    /// Stored, or refused.
    Done(Result<(), PutFailure>),
    /// The answer comes later, through the mailbox.
    Pending,
}

impl PutFailure {
    #[cold]
    fn outcome(status: Eca, reason: impl ToString) -> PutOutcome {
        PutOutcome::Done(Err(Self { status, reason: reason.to_string() }))
    }
}

impl<C> ServerCircuit<C> {
    pub(super) fn handle_write<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let Some(channel) = self.channels.get(&Sid(header.p1)) else {
            return self.unknown_channel(header, out);
        };
        let cid = channel.cid;
        if header.data_type > CLASS_NAME {
            self.report(cid, Eca::BADTYPE, "no such data type", out);
            return Err(CloseReason::DataType(header.data_type));
        }
        match channel.put(header, payload, None, service) {
            PutOutcome::Done(Err(failure)) => self.report(cid, failure.status, &failure.reason, out),
            PutOutcome::Done(Ok(())) | PutOutcome::Pending => {}
        }
        Ok(())
    }

    pub(super) fn handle_write_notify<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let (data_type, count, ioid) = (header.data_type, header.count, Ioid(header.p2));
        let Some(channel) = self.channels.get(&Sid(header.p1)) else {
            self.unknown_channel(header, out)?;
            out.header(&put::done(data_type, count, Eca::PUTFAIL, ioid));
            return Ok(());
        };
        let mut done = |status| out.header(&put::done(data_type, count, status, ioid));
        if data_type > CLASS_NAME {
            done(Eca::BADTYPE);
            return Err(CloseReason::DataType(data_type));
        }
        // As base: a put with completion takes the plain types and the acknowledgements only.
        if DbrType::from_code(data_type).is_some_and(|ty| ty.class != DbrClass::Plain) {
            done(Eca::PUTFAIL);
            return Ok(());
        }
        let ticket = Ticket { sid: Sid(header.p1), ioid, data_type, count };
        match channel.put(header, payload, Some(ticket), service) {
            PutOutcome::Done(Ok(())) => done(Eca::NORMAL),
            PutOutcome::Done(Err(failure)) => done(failure.status),
            PutOutcome::Pending => {}
        }
        Ok(())
    }

    /// Sends the answer of a put that was pending; silent when its channel was cleared meanwhile.
    pub fn handle_answer(&mut self, ticket: Ticket, status: Eca, out: &mut Output) {
        if self.channels.contains_key(&ticket.sid) {
            out.header(&put::done(ticket.data_type, ticket.count, status, ticket.ioid));
        }
    }
}

impl<C> Channel<C> {
    fn put<S: Service<Channel = C>>(
        &self,
        header: &Header,
        payload: &[u8],
        ticket: Option<Ticket>,
        service: &mut S,
    ) -> PutOutcome {
        if !self.rights.contains(AccessRights::WRITE) {
            return PutFailure::outcome(Eca::NOWTACCESS, Eca::NOWTACCESS.text());
        }
        let Some(ty) = DbrType::from_code(header.data_type) else {
            return self.acknowledge(header.data_type, payload, service);
        };
        match WireArray::from_put(ty, header.count, payload) {
            Ok(value) => service.put(&self.handle, value, ticket),
            Err(error) => PutFailure::outcome(Eca::PUTFAIL, error),
        }
    }
}
