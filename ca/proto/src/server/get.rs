//! READ_NOTIFY and READ, and the data part that they share with updates.

use super::wanted::Wanted;
use super::{AccessRights, Output, Reading, ServerCircuit, Service, Ticket};
use crate::dbr::{DbrClass, DbrType, Meta, NativeType, Value, encode};
use crate::wire::msg::get;
use crate::wire::{Header, padded};
use crate::{CloseReason, Eca, Ioid, Sid};

/// Values from this size on leave by reference, in bytes.
const SHARE: usize = 16 * 1024;
/// A get of more elements than the PV can hold is filled with zeros up to this size, in bytes.
const FILL: u64 = 1 << 20;
/// Largest payload of a message with a short header.
const SHORT: u64 = 65_528;

/// True when data of type `ty` need the metadata of a PV of type `native`.
pub(super) fn needs_meta(native: NativeType, ty: DbrType) -> bool {
    matches!(ty.class, DbrClass::Gr | DbrClass::Ctrl)
        || (ty.native == NativeType::String) != (native == NativeType::String)
}

/// Appends a message with data; `header` makes its header from count and payload size.
///
/// Returns false, with nothing appended, when the value cannot be converted or is larger than `most` bytes.
pub(super) fn append_data(
    reading: &Reading,
    ty: DbrType,
    count: u32,
    most: u64,
    out: &mut Output,
    header: impl Fn(u32, u32) -> Header,
) -> bool {
    let own;
    let meta = match &reading.meta {
        Some(meta) => &**meta,
        None => {
            own = Meta::new();
            &own
        }
    };
    let update = &reading.update;
    let buffer = out.buffer();
    let start = buffer.len();
    let held = reply_count(&update.value, ty.native);
    let reply = if count == 0 { held } else { count };
    let size = ty.size(reply);
    if size > most {
        return false;
    }
    header(reply, padded(size) as u32).encode(buffer);
    let data = buffer.len();
    encode::header(ty, update.alarm, update.stamp, meta, buffer);
    match &update.value {
        Value::Array(array) if array.data().native() == ty.native && array.wire().len() >= SHARE => {
            let taken = array.wire().len().min(reply as usize * ty.native.width());
            out.share(array.wire().slice(..taken));
            let fill = padded(size) as usize - ty.value_offset() - taken;
            let buffer = out.buffer();
            buffer.resize(buffer.len() + fill, 0);
        }
        value => {
            if encode::value(value, ty.native, reply, meta, buffer).is_err() {
                buffer.truncate(start);
                return false;
            }
            buffer.resize(data + padded(size) as usize, 0);
        }
    }
    true
}

/// Elements that a get of the current length gives.
pub(super) fn reply_count(value: &Value, native: NativeType) -> u32 {
    match value {
        Value::Scalar(_) => 1,
        Value::Array(array) => match (array.data(), native) {
            (crate::dbr::ArrayData::Text(_), NativeType::String) => 1,
            (data, _) => data.len() as u32,
        },
    }
}

/// Appends a message whose data are all zero, because a get failed.
pub(super) fn append_failure(
    width: u64,
    offset: u64,
    count: u32,
    out: &mut Output,
    header: impl Fn(u32, u32) -> Header,
) {
    let size = padded(offset + u64::from(count) * width);
    let buffer = out.buffer();
    header(count, size as u32).encode(buffer);
    buffer.resize(buffer.len() + size as usize, 0);
}

impl<C> ServerCircuit<C> {
    pub(super) fn handle_read_notify<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let (count, ioid, code) = (header.count, Ioid(header.p2), header.data_type);
        let Some(channel) = self.channels.get(&Sid(header.p1)) else {
            self.unknown_channel(header, out)?;
            // The channel was cleared: answer, so that nobody waits for ever.
            out.header(&get::reply(code, 0, 0, Eca::GETFAIL, ioid));
            return Ok(());
        };
        let Some(wanted) = Wanted::from_code(code) else { return Err(CloseReason::DataType(code)) };
        if wanted.size(count) > self.reply_bound(wanted.value(), channel.capacity) {
            return self.too_large(header, out);
        }
        let reply = |status, count, size| get::reply(code, count, size, status, ioid);
        if !channel.rights.contains(AccessRights::READ) {
            wanted.append_failure(Eca::NORDACCESS, count, out, reply);
            return Ok(());
        }
        let ticket = Ticket { sid: Sid(header.p1), ioid, data_type: code, count };
        if !service.holds_get(&channel.handle, ticket) {
            self.read(ticket, wanted, service, out);
        }
        Ok(())
    }

    /// Answers a get that waited; silent when its channel was cleared meanwhile.
    pub fn handle_get<S: Service<Channel = C>>(
        &mut self,
        ticket: Ticket,
        status: Eca,
        service: &mut S,
        out: &mut Output,
    ) {
        let Some(wanted) = Wanted::from_code(ticket.data_type) else { return };
        let Some(channel) = self.channels.get(&ticket.sid) else { return };
        let refused = if channel.rights.contains(AccessRights::READ) { status } else { Eca::NORDACCESS };
        if refused == Eca::NORMAL {
            self.read(ticket, wanted, service, out);
        } else {
            let Ticket { ioid, data_type, count, .. } = ticket;
            let reply = |status, count, size| get::reply(data_type, count, size, status, ioid);
            wanted.append_failure(refused, count, out, reply);
        }
    }

    fn read<S: Service<Channel = C>>(
        &mut self,
        ticket: Ticket,
        wanted: Wanted,
        service: &mut S,
        out: &mut Output,
    ) {
        let Some(channel) = self.channels.get(&ticket.sid) else { return };
        let Ticket { ioid, data_type, count, .. } = ticket;
        let reply = |status, count, size| get::reply(data_type, count, size, status, ioid);
        let reading = service.read(&channel.handle, needs_meta(channel.native, wanted.value()));
        let extra = || service.extra(&channel.handle);
        wanted.append(&reading, extra, count, self.largest(), out, reply);
    }

    /// A get of old clients: failures come as ERROR, the reply names the client's channel.
    pub(super) fn handle_read<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let Some(channel) = self.channels.get(&Sid(header.p1)) else {
            return self.unknown_channel(header, out);
        };
        let cid = channel.cid;
        let Some(ty) = DbrType::from_code(header.data_type) else {
            self.report(cid, Eca::BADTYPE, "no such data type", out);
            return Err(CloseReason::DataType(header.data_type));
        };
        if ty.size(header.count) > self.reply_bound(ty, channel.capacity) {
            return self.too_large(header, out);
        }
        if !channel.rights.contains(AccessRights::READ) {
            self.report(cid, Eca::NORDACCESS, Eca::NORDACCESS.text(), out);
            return Ok(());
        }
        let reading = service.read(&channel.handle, needs_meta(channel.native, ty));
        let head = |count, size| Header { size, count, p1: cid.0, ..*header };
        let done = if header.count == 0 {
            append_failure(0, ty.value_offset() as u64, 0, out, head);
            true
        } else {
            append_data(&reading, ty, header.count, self.largest(), out, head)
        };
        if !done {
            self.report(cid, Eca::GETFAIL, Eca::GETFAIL.text(), out);
        }
        Ok(())
    }

    /// Largest payload that this client can take: before 4.9 there are 16 bits for the size.
    pub(super) fn largest(&self) -> u64 {
        if self.knows_long_headers() { self.limits.max_payload } else { SHORT }
    }

    /// Largest payload that a get of this type may ask for.
    pub(super) fn reply_bound(&self, ty: DbrType, capacity: u32) -> u64 {
        ty.size(capacity).max(FILL).min(self.largest())
    }

    pub(super) fn too_large(&mut self, header: &Header, out: &mut Output) -> Result<(), CloseReason> {
        let cid = self.cid_of(header);
        let text =
            format!("{} elements of type {} are more than this PV sends", header.count, header.data_type);
        self.counters.over_limit += 1;
        let old = self.largest() == SHORT;
        let status = if old { Eca::SIXTEEN_K_ARRAY_CLIENT } else { Eca::TOLARGE };
        self.report(cid, status, &text, out);
        Ok(())
    }
}
