//! What a client may expect of a circuit, request by request.
//!
//! Every value is a number of its own, larger than all before, so that an update tells which post it is.

use std::collections::{HashMap, VecDeque};

use ca_proto::EventMask;
use ca_proto::dbr::DbrType;
use ca_proto::server::AccessRights;

use super::wire::Message;

const GETFAIL: u32 = 152;
const PUTFAIL: u32 = 160;
const NO_READ: u32 = 368;
const NO_WRITE: u32 = 376;

/// A request that was made, or waits to be made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    Create { cid: u32, pv: usize },
    Clear { channel: usize },
    Get { channel: usize, ioid: u32, ty: u16, count: u32 },
    Put { channel: usize, ioid: u32, notify: bool, good: bool, n: u32, ty: u16, count: u32 },
    Subscribe { channel: usize, id: u32, ty: u16, count: u32, mask: EventMask },
    Cancel { sub: usize },
    Events { on: bool },
    Echo { id: u32 },
}

impl Request {
    /// Gives a put its number, now that it is about to be executed: numbers grow in the order of the stores.
    pub(super) fn number(&mut self, now: u32, bytes: &mut [u8]) {
        if let Self::Put { good: true, n, .. } = self {
            *n = now;
            bytes[16..].chunks_exact_mut(8).for_each(|element| {
                element.copy_from_slice(&f64::from(now).to_be_bytes());
            });
        }
    }
}

/// A message that must come next among the answers; `value` is the number that its data hold.
#[derive(Debug)]
struct Expected {
    command: u16,
    data_type: u16,
    count: u32,
    p1: u32,
    p2: u32,
    value: Option<u32>,
}

/// A channel as the client knows it.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) cid: u32,
    pub(super) sid: u32,
    pub(super) pv: usize,
    pub(super) open: bool,
    /// What the circuit goes by.
    rights: AccessRights,
    /// What the client was told last.
    told: u32,
    /// The answers up to here say that it is cleared.
    gone: bool,
}

/// A subscription as the client knows it.
#[derive(Debug)]
pub(super) struct Sub {
    pub(super) id: u32,
    pub(super) channel: usize,
    pub(super) ty: u16,
    pub(super) count: u32,
    pub(super) mask: EventMask,
    pub(super) live: bool,
    /// A cancel was made or waits.
    pub(super) cancelled: bool,
    /// Another has its id.
    pub(super) reused: bool,
    /// The circuit has sent, or put into its output, the first update.
    first: bool,
    /// The answers up to here say that it is cancelled.
    gone: bool,
    /// The number in the last update.
    last: u32,
    /// The number that must arrive.
    least: u32,
    /// Refreshes that may tell the same number again.
    repeats: u32,
    /// Times that the right to read went; the client hears of the last one at least.
    denied: u32,
    /// It has heard of it.
    told: bool,
}

/// A put whose answer comes later.
#[derive(Debug)]
struct Pending {
    channel: usize,
    status: Option<u32>,
    answered: bool,
    /// Numbers that the subscriptions must have seen before the answer.
    floors: Vec<(usize, u32)>,
}

/// A PV: its number and length now, and all of its posts.
#[derive(Debug)]
pub(super) struct PvModel {
    pub(super) n: u32,
    pub(super) len: u32,
    pub(super) slow: bool,
    pub(super) rights: AccessRights,
    posts: Vec<(u32, EventMask)>,
}

impl PvModel {
    pub(super) fn new(n: u32, len: u32, slow: bool) -> Self {
        let posts = vec![(n, EventMask::empty())];
        Self { n, len, slow, rights: AccessRights::all(), posts }
    }
}

/// The state of both ends.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) pvs: Vec<PvModel>,
    pub(super) channels: Vec<Channel>,
    pub(super) subs: Vec<Sub>,
    expected: VecDeque<Expected>,
    pending: HashMap<u32, Pending>,
    off: bool,
    /// Updates were never held back and rights never changed.
    pub(super) calm: bool,
    next_sid: u32,
}

impl Model {
    pub(super) fn new(pvs: Vec<PvModel>) -> Self {
        Self {
            pvs,
            channels: Vec::new(),
            subs: Vec::new(),
            expected: VecDeque::new(),
            pending: HashMap::new(),
            off: false,
            calm: true,
            next_sid: 0,
        }
    }

    /// A message without data must come.
    fn expect(&mut self, command: u16, data_type: u16, count: u32, p1: u32, p2: u32) {
        self.expected.push_back(Expected { command, data_type, count, p1, p2, value: None });
    }

    /// A message with the present number of a PV must come, or one of zeros.
    fn expect_data(&mut self, command: u16, ty: u16, count: u32, id: u32, channel: usize) {
        let channel = &self.channels[channel];
        let pv = &self.pvs[channel.pv];
        let readable = channel.rights.contains(AccessRights::READ);
        let count = if count == 0 && readable { pv.len.max(1) } else { count };
        let (p1, value) = if readable { (1, pv.n) } else { (NO_READ, 0) };
        let value = Some(value).filter(|_| readable);
        self.expected.push_back(Expected { command, data_type: ty, count, p1, p2: id, value });
    }

    /// The circuit has executed a request.
    pub(super) fn executed(&mut self, request: Request) {
        match request {
            Request::Create { cid, pv } => self.created(cid, pv),
            Request::Clear { channel } => self.cleared(channel),
            Request::Get { channel, ioid, ty, .. } if !self.channels[channel].open => {
                self.expect(15, ty, 0, GETFAIL, ioid);
            }
            Request::Get { channel, ioid, ty, count } => self.expect_data(15, ty, count, ioid, channel),
            Request::Put { .. } => self.put(request),
            Request::Subscribe { channel, id, ty, count, mask } => {
                self.subscribed(channel, id, ty, count, mask);
            }
            Request::Cancel { sub } => {
                let Sub { id, channel, ty, count, .. } = self.subs[sub];
                if self.subs[sub].live {
                    self.subs[sub].live = false;
                    self.expect(1, ty, count, self.channels[channel].sid, id);
                }
            }
            Request::Events { on } => {
                self.off = !on;
                self.calm &= on;
            }
            Request::Echo { id } => self.expect(23, 1, 2, id, 4),
        }
    }

    fn created(&mut self, cid: u32, pv: usize) {
        let Some(of) = self.pvs.get(pv) else { return self.expect(26, 0, 0, cid, 0) };
        let (sid, rights) = (self.next_sid, of.rights);
        self.next_sid += 1;
        self.expect(22, 0, 0, cid, rights.bits());
        self.expected.push_back(Expected {
            command: 18,
            data_type: 0,
            count: 0,
            p1: cid,
            p2: sid,
            value: None,
        });
        let told = rights.bits();
        self.channels.push(Channel { cid, sid, pv, open: true, rights, told, gone: false });
    }

    fn cleared(&mut self, channel: usize) {
        let Channel { cid, sid, open, .. } = self.channels[channel];
        if open {
            self.channels[channel].open = false;
            self.subs.iter_mut().filter(|sub| sub.channel == channel).for_each(|sub| sub.live = false);
            self.expect(12, 0, 0, sid, cid);
        }
    }

    fn put(&mut self, request: Request) {
        let Request::Put { channel, ioid, notify, good, n, ty, count } = request else { return };
        let Channel { cid, pv, open, rights, .. } = self.channels[channel];
        let writable = rights.contains(AccessRights::WRITE);
        let failure = match (open, writable) {
            (true, true) if good => None,
            (true, false) => Some(NO_WRITE),
            _ => Some(PUTFAIL),
        };
        match failure {
            Some(status) if notify => self.expect(19, ty, count, status, ioid),
            Some(status) if open => self.expect(11, 0, 0, cid, status),
            Some(_) => {}
            None => {
                let len = if self.pvs[pv].len == 0 { 0 } else { count };
                self.posted(pv, n, len, super::service::CHANGE);
                if notify && self.pvs[pv].slow {
                    let waits = Pending { channel, status: None, answered: false, floors: Vec::new() };
                    self.pending.insert(ioid, waits);
                } else if notify {
                    self.expect(19, ty, count, 1, ioid);
                }
            }
        }
    }

    fn subscribed(&mut self, channel: usize, id: u32, ty: u16, count: u32, mask: EventMask) {
        if !self.channels[channel].open {
            return;
        }
        let readable = self.channels[channel].rights.contains(AccessRights::READ);
        let first = readable && !self.off;
        if first || !readable {
            self.expect_data(1, ty, count, id, channel);
        }
        let least = self.pvs[self.channels[channel].pv].n;
        let sub = Sub {
            id,
            channel,
            ty,
            count,
            mask,
            live: true,
            cancelled: false,
            reused: false,
            first,
            gone: false,
            last: 0,
            least,
            repeats: 0,
            denied: 0,
            told: !readable,
        };
        self.subs.push(sub);
    }

    /// A PV has a new number; `len` is its number of elements.
    pub(super) fn posted(&mut self, pv: usize, n: u32, len: u32, mask: EventMask) {
        let of = &mut self.pvs[pv];
        (of.n, of.len) = (n, len);
        of.posts.push((n, mask));
        let channels = &self.channels;
        let heard = |sub: &&mut Sub| sub.live && channels[sub.channel].pv == pv && sub.mask.intersects(mask);
        self.subs.iter_mut().filter(heard).for_each(|sub| sub.least = n);
    }

    /// The service has answered a put.
    pub(super) fn completed(&mut self, ioid: u32, status: u32) {
        let floors = self.subs.iter().enumerate().filter(|(_, sub)| sub.live);
        let floors = floors.map(|(at, sub)| (at, sub.least)).collect();
        let pending = self.pending.get_mut(&ioid).expect("a put that waits");
        (pending.status, pending.floors) = (Some(status), floors);
    }

    /// The circuit has looked at the rights.
    pub(super) fn rechecked(&mut self) {
        for (at, channel) in self.channels.iter_mut().enumerate().filter(|(_, channel)| channel.open) {
            let now = self.pvs[channel.pv].rights;
            let before = std::mem::replace(&mut channel.rights, now);
            if !(before ^ now).contains(AccessRights::READ) {
                continue;
            }
            for sub in self.subs.iter_mut().filter(|sub| sub.live && sub.channel == at) {
                if !now.contains(AccessRights::READ) {
                    sub.denied += 1;
                    sub.told = false;
                } else {
                    // It may have had its first update already, also when others still wait for theirs.
                    sub.repeats += 1;
                }
            }
        }
    }

    /// The circuit has sent the first updates that were held back.
    pub(super) fn resumed(&mut self) {
        if self.off {
            return;
        }
        for sub in self.subs.iter_mut().filter(|sub| sub.live) {
            sub.first |= self.channels[sub.channel].rights.contains(AccessRights::READ);
        }
    }

    /// The client has received a message; `squashed` says whether any update has taken another's place.
    pub(super) fn received(&mut self, message: &Message<'_>, squashed: bool) {
        let known = |channel: &Channel| channel.cid == message.p1 && !channel.gone;
        if let Some(head) = self.expected.front()
            && head.matches(message)
        {
            let head = self.expected.pop_front().expect("it is there");
            return self.answered(&head);
        }
        match message.command {
            19 => self.late_answer(message),
            22 if self.channels.iter().any(known) => {
                let channel = self.channels.iter_mut().find(|channel| channel.cid == message.p1);
                channel.expect("it is there").told = message.p2;
            }
            1 if !message.payload.is_empty() => self.update(message, squashed),
            0 => {}
            _ => panic!("{message:?} came where {:?} was due", self.expected.front()),
        }
    }

    /// An answer that was due has come.
    fn answered(&mut self, answer: &Expected) {
        match (answer.command, answer.value) {
            (1, Some(n)) => {
                let sub = self.sub(answer.p2);
                assert_eq!(sub.last, 0, "a first update behind another: {sub:?}");
                sub.last = n;
            }
            (1, None) if answer.p1 != NO_READ => self.sub(answer.p2).gone = true,
            (12, _) => {
                let at = self.channels.iter().position(|channel| channel.sid == answer.p1);
                let at = at.expect("a channel");
                self.channels[at].gone = true;
                self.subs.iter_mut().filter(|sub| sub.channel == at).for_each(|sub| sub.gone = true);
            }
            _ => {}
        }
    }

    /// The subscription that the client takes a message for: an id may be used again behind a cancel.
    fn sub(&mut self, id: u32) -> &mut Sub {
        self.subs
            .iter_mut()
            .find(|sub| sub.id == id && !sub.gone)
            .expect("a subscription that is not cancelled")
    }

    fn late_answer(&mut self, message: &Message<'_>) {
        let due = self.expected.front();
        let Some(pending) = self.pending.get_mut(&message.p2) else {
            panic!("{message:?} came where {due:?} was due");
        };
        assert!(!pending.answered, "answered twice: {message:?}");
        assert_eq!(pending.status, Some(message.p1), "{message:?}");
        assert!(!self.channels[pending.channel].gone, "its channel is cleared: {message:?}");
        pending.answered = true;
        if self.calm {
            for (at, n) in &pending.floors {
                let sub = &self.subs[*at];
                assert!(sub.gone || sub.last >= *n, "{message:?} came before the update {n} of {sub:?}");
            }
        }
    }

    fn update(&mut self, message: &Message<'_>, squashed: bool) {
        let found = self.subs.iter_mut().find(|sub| sub.id == message.p2 && !sub.gone);
        let Some(sub) = found else { panic!("an update behind the end: {message:?}") };
        assert_eq!(message.data_type, sub.ty);
        if message.p1 == NO_READ {
            assert!(sub.denied > 0, "refused more often than its rights went: {sub:?}");
            sub.denied -= 1;
            sub.told = true;
            return;
        }
        let n = number(message);
        let posts = &self.pvs[self.channels[sub.channel].pv].posts;
        assert!(posts.iter().any(|(posted, _)| *posted == n), "{n} was never posted: {sub:?}");
        let kinds = |(posted, mask): &(u32, EventMask)| {
            (squashed || *posted > sub.last) && *posted <= n && sub.mask.intersects(*mask)
        };
        if n == sub.last {
            assert!(sub.repeats > 0, "{n} again: {sub:?}");
            sub.repeats -= 1;
        } else {
            assert!(n > sub.last, "{n} behind {}: {sub:?}", sub.last);
            let asked = sub.last == 0 || sub.repeats > 0 || posts.iter().any(kinds);
            assert!(asked, "{n} is of no kind that {sub:?} asked for");
        }
        sub.last = n;
    }

    /// Everything was sent, and updates are not held back.
    pub(super) fn finish(&self) {
        assert!(self.expected.is_empty(), "{:?} never came", self.expected.front());
        for (ioid, pending) in &self.pending {
            assert!(pending.answered || self.channels[pending.channel].gone, "{ioid}: {pending:?}");
        }
        for channel in self.channels.iter().filter(|channel| channel.open) {
            assert_eq!(channel.told, self.pvs[channel.pv].rights.bits(), "{channel:?}");
        }
        for sub in self.subs.iter().filter(|sub| sub.live) {
            let channel = &self.channels[sub.channel];
            if !channel.rights.contains(AccessRights::READ) {
                assert!(sub.told, "it was not told that it may not read: {sub:?}");
            } else {
                assert!(sub.last >= sub.least, "{} never came: {sub:?}", sub.least);
                let all = sub.mask.is_all();
                assert!(!all || sub.last == self.pvs[channel.pv].n, "not the last value: {sub:?}");
            }
        }
    }
}

impl Expected {
    fn matches(&self, message: &Message<'_>) -> bool {
        let due = (self.command, self.p1, self.p2) == (message.command, message.p1, message.p2);
        // what a created channel is, is not of interest here
        let shape = self.command == 18 || (self.data_type, self.count) == (message.data_type, message.count);
        let zeros =
            || self.value.is_some() || message.command == 11 || message.payload.iter().all(|b| *b == 0);
        due && shape
            && self.value.is_none_or(|n| !message.payload.is_empty() && number(message) == n)
            && zeros()
    }
}

/// The number in all elements of a message; behind them may be zeros.
pub(super) fn number(message: &Message<'_>) -> u32 {
    let ty = DbrType::from_code(message.data_type).expect("one that was asked for");
    let width = ty.native.width();
    let end = ty.size(message.count) as usize;
    let elements: Vec<_> = message.payload[ty.value_offset()..end].chunks_exact(width).collect();
    let first = elements.first().expect("an element");
    let held = elements.iter().take_while(|element| *element == first).count();
    let zeros = elements[held..].iter().all(|element| element.iter().all(|byte| *byte == 0));
    // more than 8 are never asked for: these are as many as the array has
    assert!(zeros && (message.count <= 8 || held == elements.len()), "parts of two values: {elements:?}");
    match (ty.native as u16, *first) {
        (0, text) => {
            let end = text.iter().position(|byte| *byte == 0).expect("an end");
            let text = std::str::from_utf8(&text[..end]).expect("digits");
            text.parse::<f64>().expect("a number") as u32
        }
        (2, &[a, b, c, d]) => f32::from_be_bytes([a, b, c, d]) as u32,
        (5, &[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]) as u32,
        (6, bytes) => f64::from_be_bytes(*bytes.first_chunk().expect("a double")) as u32,
        other => panic!("{other:?} was not asked for"),
    }
}
