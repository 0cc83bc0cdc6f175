//! A batch of gets as libca's `ca_array_get` does them, and the lines that show them.

use std::io;

use ca_proto::Eca;
use ca_proto::dbr::Reply;

use super::access::{Access, GetRequest};
use super::console::Console;
use super::message::Exception;
use super::options::Options;
use super::pv::Pv;
use super::value;

/// Zeros up to this many bytes stand for a value that was not read.
const MOST_ZEROS: u64 = 1 << 26;

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Channels that were connected.
    pub(crate) connected: usize,
    /// Gets that failed.
    pub(crate) failed: usize,
    /// Gets that were sent and have no value.
    pub(crate) unread: usize,
}

/// Reads what each PV asks for into it.
///
/// Base shows zeros for a value that was not read and reports the failure on standard error; with `callback` it
/// shows the status instead.
pub(crate) fn read<A: Access>(
    access: &mut A,
    pvs: &mut [(A::Channel, Pv)],
    callback: bool,
    options: &Options,
    console: &mut Console<'_>,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut sent = Vec::new();
    let mut requests = Vec::new();
    for (index, (channel, pv)) in pvs.iter_mut().enumerate() {
        let info = access.info(*channel);
        pv.value = None;
        pv.status = match () {
            () if !info.connected() => Eca::DISCONN,
            () if !info.read_access => Eca::NORDACCESS,
            () if !callback && pv.elements == 0 => Eca::BADCOUNT,
            () => Eca::NORMAL,
        };
        outcome.connected += usize::from(info.connected());
        pv.once_connected |= info.connected();
        if pv.status == Eca::NORMAL {
            sent.push(index);
            requests.push(GetRequest { channel: *channel, data_type: pv.data_type, count: pv.elements });
        } else {
            outcome.failed += 1;
            outcome.unread += usize::from(callback && info.connected());
        }
    }
    let replies = access.get(&requests, options.wait());
    for (index, reply) in sent.into_iter().zip(replies) {
        let pv = &mut pvs[index].1;
        if reply.is_err() {
            (outcome.failed, outcome.unread) = (outcome.failed + 1, outcome.unread + 1);
        }
        match callback {
            true => called_back(pv, reply),
            false => copied(pv, reply, console)?,
        }
    }
    Ok(outcome)
}

/// The callback tells the status; without one there is neither value nor status.
fn called_back(pv: &mut Pv, reply: Result<Reply, Eca>) {
    pv.elements = 0;
    match reply {
        Ok(reply) => (pv.elements, pv.value) = (reply.count, Some(reply)),
        Err(Eca::TIMEOUT) => {}
        Err(status) => pv.status = status,
    }
}

/// The value is copied to zeros that libca was given.
fn copied(pv: &mut Pv, reply: Result<Reply, Eca>, console: &mut Console<'_>) -> io::Result<()> {
    let status = match reply {
        Ok(reply) => {
            pv.value = Some(reply);
            return Ok(());
        }
        Err(status) => status,
    };
    pv.value = Reply::size(pv.data_type, pv.elements)
        .filter(|&size| size <= MOST_ZEROS)
        .and_then(|size| Reply::decode(pv.data_type, pv.elements, &vec![0; size as usize].into()).ok());
    if status == Eca::TIMEOUT {
        return Ok(());
    }
    let (name, data_type, count) = (&pv.name[..], pv.data_type, pv.elements);
    Exception { status, name, data_type, count, context: "read failed", write: false }.report(console)
}

/// The value, or why there is none.
pub(crate) fn value_line(pv: &Pv, requested: u64, options: &Options, out: &mut Vec<u8>) {
    if let Some(trouble) = pv.trouble() {
        out.extend_from_slice(trouble.as_bytes());
    } else if let Some(reply) = &pv.value {
        if value::is_text(reply, requested, options) {
            value::text(reply, out);
        } else {
            if requested > 0 || pv.elements > 1 {
                out.extend_from_slice(pv.elements.to_string().as_bytes());
                out.push(options.separator);
            }
            value::elements(reply, options, out);
        }
    }
    out.push(b'\n');
}

/// Says that values are missing.
pub(crate) fn say_unread(what: &str, console: &mut Console<'_>) -> io::Result<()> {
    writeln!(console.err, "Read operation timed out: {what} not read.")
}
