//! Where posts and answers of any thread reach the task of a circuit.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use ca_proto::dbr::Stamp;
use ca_proto::server::{Delivery, FeedId, Mailbox, Ticket, Update};
use ca_proto::{Eca, EventMask, Limits};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The mailbox of one circuit, with its waker.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    mailbox: Mailbox,
    /// The circuit's task waits, and can take what is left now.
    waiting: bool,
    /// It can take bulk updates too.
    bulk: bool,
    /// The batch that will wake it; a number of its own for each.
    batch: u64,
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static BATCH: Cell<u64> = const { Cell::new(0) };
    static WAKES: RefCell<Vec<Arc<Inbox>>> = const { RefCell::new(Vec::new()) };
}

static NEXT_BATCH: AtomicU64 = AtomicU64::new(1);

/// Runs `f`; circuits that got updates in it are woken once, after it.
///
/// Posts hold locks while they push: with this around them, nobody is woken under a lock.
pub fn batch<R>(f: impl FnOnce() -> R) -> R {
    struct Level;
    impl Drop for Level {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
            if DEPTH.get() == 0 {
                WAKES.with_borrow_mut(|wakes| wakes.drain(..).for_each(|inbox| inbox.wake_waiting()));
            }
        }
    }
    if DEPTH.get() == 0 {
        BATCH.set(NEXT_BATCH.fetch_add(1, Relaxed));
    }
    DEPTH.set(DEPTH.get() + 1);
    let _level = Level;
    f()
}

/// The clock of this thread within a pass.
#[derive(Clone, Copy)]
enum PassClock {
    Outside,
    Unread,
    Read(Stamp),
}

thread_local! {
    static CLOCK: Cell<PassClock> = const { Cell::new(PassClock::Outside) };
}

/// The present time for stamps; one reading serves a whole pass over the input of a circuit.
pub fn now() -> Stamp {
    let read = || Stamp::from_system(SystemTime::now());
    match CLOCK.get() {
        PassClock::Outside => read(),
        PassClock::Read(stamp) => stamp,
        PassClock::Unread => {
            let stamp = read();
            CLOCK.set(PassClock::Read(stamp));
            stamp
        }
    }
}

/// Runs one pass over a circuit's input: a [`batch`] with one reading of the clock.
pub(crate) fn pass<R>(f: impl FnOnce() -> R) -> R {
    struct Pass;
    impl Drop for Pass {
        fn drop(&mut self) {
            CLOCK.set(PassClock::Outside);
        }
    }
    CLOCK.set(PassClock::Unread);
    let _pass = Pass;
    batch(f)
}

impl Inbox {
    pub(crate) fn new(limits: &Limits) -> Self {
        let state = State { mailbox: Mailbox::new(limits), waiting: false, bulk: false, batch: 0 };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    fn with(self: &Arc<Self>, change: impl FnOnce(&mut Mailbox)) {
        let mut state = self.state.lock();
        change(&mut state.mailbox);
        if !(state.waiting && state.mailbox.is_ready(state.bulk)) {
            return;
        }
        if DEPTH.get() == 0 {
            state.waiting = false;
            drop(state);
            self.wake.notify_one();
        } else if std::mem::replace(&mut state.batch, BATCH.get()) != BATCH.get() {
            // It goes on waiting until the batch ends, so that other threads can wake it before.
            WAKES.with_borrow_mut(|wakes| wakes.push(self.clone()));
        }
    }

    pub(crate) fn recheck_rights(self: &Arc<Self>) {
        self.with(Mailbox::recheck_rights);
    }

    fn wake_waiting(&self) {
        if std::mem::replace(&mut self.state.lock().waiting, false) {
            self.wake.notify_one();
        }
    }

    /// Changes the mailbox from the circuit's own task.
    pub(crate) fn own<R>(&self, change: impl FnOnce(&mut Mailbox) -> R) -> R {
        change(&mut self.state.lock().mailbox)
    }

    pub(crate) fn pop(&self, bulk: bool) -> Option<Delivery> {
        self.state.lock().mailbox.pop(bulk)
    }

    /// Announces that the task will wait, and whether it could take bulk updates; false when there is
    /// something to take already.
    pub(crate) fn wait(&self, bulk: bool) -> bool {
        let mut state = self.state.lock();
        state.bulk = bulk;
        state.waiting = !state.mailbox.is_ready(bulk);
        state.waiting
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// A circuit's feed, as a PV keeps it.
#[derive(Clone, Debug)]
pub struct Subscriber {
    inbox: Arc<Inbox>,
    feed: FeedId,
}

impl Subscriber {
    pub(super) fn new(inbox: Arc<Inbox>, feed: FeedId) -> Self {
        Self { inbox, feed }
    }

    /// Opens the feed; returns the number of updates pushed so far.
    pub fn open(&self) -> u64 {
        self.inbox.own(|mailbox| mailbox.open(self.feed))
    }

    /// Has the feed hold so many updates, in place of what the server is configured for; at least 1.
    pub fn set_depth(&self, updates: usize) {
        self.inbox.own(|mailbox| mailbox.set_depth(self.feed, updates));
    }

    /// Leaves an update for the circuit. Call it inside [`batch`] when a lock is held.
    pub fn push(&self, update: &Update, mask: EventMask) {
        self.inbox.with(|mailbox| mailbox.push(self.feed, update, mask));
    }

    pub(super) fn close(&self) {
        self.inbox.own(|mailbox| mailbox.close(self.feed));
    }
}

impl PartialEq for Subscriber {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inbox, &other.inbox) && self.feed == other.feed
    }
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Put,
    Get,
}

/// The one answer to a put or a get; dropped without a word it says that the request failed.
#[derive(Debug)]
pub struct Answer(Option<(Arc<Inbox>, Request, Ticket)>);

impl Answer {
    pub(super) fn new(inbox: Arc<Inbox>, request: Request, ticket: Ticket) -> Self {
        Self(Some((inbox, request, ticket)))
    }

    /// An answer that nobody waits for.
    pub const fn nowhere() -> Self {
        Self(None)
    }

    /// True when a client waits for it.
    pub fn is_awaited(&self) -> bool {
        self.0.is_some()
    }

    /// Answers; a get with `NORMAL` is read now.
    pub fn send(mut self, status: Eca) {
        self.deliver(status);
    }

    fn deliver(&mut self, status: Eca) {
        if let Some((inbox, request, ticket)) = self.0.take() {
            inbox.with(|mailbox| match request {
                Request::Put => mailbox.answer(ticket, status),
                Request::Get => mailbox.release_get(ticket, status),
            });
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let get = self.0.as_ref().is_some_and(|(_, request, _)| *request == Request::Get);
        self.deliver(if get { Eca::GETFAIL } else { Eca::PUTFAIL });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ca_proto::dbr::{Scalar, Value};
    use ca_proto::{Alarm, Ioid, Sid};

    use super::*;

    const POSTS: i32 = 20_000;

    fn update(number: i32) -> Update {
        let value = Value::Scalar(Scalar::Long(number));
        Update { value, alarm: Alarm::NONE, stamp: Stamp::default(), tag: 0 }
    }

    /// Takes as a circuit does, until `done` says so; fails when a wake-up is lost.
    async fn take(inbox: &Inbox, mut done: impl FnMut(Delivery) -> bool) {
        loop {
            while let Some(delivery) = inbox.pop(true) {
                if done(delivery) {
                    return;
                }
            }
            if inbox.wait(true) {
                let woken = tokio::time::timeout(Duration::from_secs(10), inbox.woken()).await;
                woken.expect("a push wakes the circuit");
            }
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn no_wake_up_is_lost_between_posters_and_a_circuit_that_sleeps() {
        [false, true].into_iter().for_each(race);
    }

    fn race(batched: bool) {
        let inbox = Arc::new(Inbox::new(&Limits::default()));
        let feeds: Vec<_> = (0..3).map(|i| Subscriber::new(inbox.clone(), FeedId(i))).collect();
        feeds.iter().for_each(|feed| _ = feed.open());
        let mut last = [0; 3];
        std::thread::scope(|scope| {
            for feed in &feeds {
                scope.spawn(move || {
                    for number in 1..=POSTS {
                        let push = || feed.push(&update(number), EventMask::VALUE);
                        if batched {
                            batch(push)
                        } else {
                            push()
                        }
                        if number % 8 == 0 {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            runtime().block_on(take(&inbox, |delivery| {
                let Delivery::Update(feed, entry) = delivery else { panic!("no answers here") };
                let Value::Scalar(Scalar::Long(number)) = entry.update.value else { panic!("a long") };
                assert!(number > last[feed.0 as usize], "in order");
                last[feed.0 as usize] = number;
                last == [POSTS; 3]
            }));
        });
    }

    #[test]
    fn a_long_batch_does_not_hold_back_the_wake_up_of_another_thread() {
        let inbox = Arc::new(Inbox::new(&Limits::default()));
        let feed = Subscriber::new(inbox.clone(), FeedId(1));
        feed.open();
        assert!(inbox.wait(true), "the circuit sleeps");
        let ticket = Ticket { sid: Sid(1), ioid: Ioid(1), data_type: 6, count: 1 };
        batch(|| {
            feed.push(&update(1), EventMask::VALUE);
            let answer = Answer::new(inbox.clone(), Request::Put, ticket);
            std::thread::scope(|scope| _ = scope.spawn(|| answer.send(Eca::NORMAL)));
            let woken = async { tokio::time::timeout(Duration::from_secs(10), inbox.woken()).await };
            runtime().block_on(woken).expect("woken within the batch");
        });
    }

    #[test]
    fn an_answer_dropped_unsaid_is_a_failure() {
        let inbox = Arc::new(Inbox::new(&Limits::default()));
        let ticket = Ticket { sid: Sid(1), ioid: Ioid(1), data_type: 6, count: 1 };
        drop(Answer::new(inbox.clone(), Request::Put, ticket));
        assert!(matches!(inbox.pop(false), Some(Delivery::Answer(_, Eca::PUTFAIL))));
        drop(Answer::new(inbox.clone(), Request::Get, ticket));
        assert!(matches!(inbox.pop(false), Some(Delivery::Get(_, Eca::GETFAIL))));
    }
}
