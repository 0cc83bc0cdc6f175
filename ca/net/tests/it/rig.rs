//! A server with a few PVs in memory.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca::Config;
use ca::proto::EventMask;
use ca::proto::dbr::{ArrayData, Meta, Scalar, Value, WireArray};
use ca::server::{
    AccessRights, Acknowledgement, Answer, Claim, Client, Extra, MonitorFilter, PutFailure, PutOutcome,
    PutRequest, Reading, Report, Server, Service, Subscribed, Subscriber, Update, batch, now,
};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

struct State {
    value: Value,
    subscribers: Vec<(Subscriber, EventMask)>,
}

pub(crate) struct Pv {
    name: String,
    capacity: u32,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct Pvs {
    pvs: Vec<Pv>,
    /// Answers that puts to `slow` wait for.
    pub(crate) answers: Mutex<Vec<Answer>>,
}

impl Pvs {
    /// The PVs of every rig, and one of this name.
    fn with(extra: &str) -> Self {
        let frame = |count| Value::array(ArrayData::Double(vec![0.5; count]));
        let pv = |name: &str, value: Value, capacity| Pv {
            name: name.to_owned(),
            capacity,
            state: Mutex::new(State { value, subscribers: Vec::new() }),
        };
        let pvs = vec![
            pv("double", Scalar::Double(1.5).into(), 1),
            pv("slow", Scalar::Double(0.0).into(), 1),
            pv("frame", frame(10_000), 10_000),
            pv("image", frame(1_000_000), 1_000_000),
            pv(extra, Scalar::Double(2.5).into(), 1),
        ];
        Self { pvs, ..Self::default() }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.pvs.iter().position(|pv| pv.name == name)
    }

    fn state(&self, name: &str) -> &Mutex<State> {
        &self.pvs[self.index(name).expect("a known PV")].state
    }

    pub(crate) fn subscribers(&self, name: &str) -> usize {
        self.state(name).lock().subscribers.len()
    }

    pub(crate) fn value(&self, name: &str) -> Value {
        self.state(name).lock().value.clone()
    }

    fn reading(&self, channel: &usize, meta: bool, state: &State) -> Reading {
        let update =
            Update { value: state.value.clone(), alarm: ca::proto::Alarm::NONE, stamp: now(), tag: 0 };
        Reading { update, meta: meta.then(|| self.meta(channel)) }
    }

    pub(crate) fn post(&self, name: &str, value: impl Into<Value>) {
        let update = Update { value: value.into(), alarm: ca::proto::Alarm::NONE, stamp: now(), tag: 0 };
        batch(|| {
            let mut state = self.state(name).lock();
            state.value = update.value.clone();
            state.subscribers.iter().for_each(|(to, _)| to.push(&update, EventMask::VALUE));
        });
    }
}

impl Service for Pvs {
    type Channel = usize;

    fn claim(&self, name: &str, _: &Client) -> Option<Claim<usize>> {
        let channel = self.index(name)?;
        let (pv, rights) = (&self.pvs[channel], AccessRights::all());
        Some(Claim { channel, native: self.value(name).native(), count: pv.capacity, rights })
    }

    fn exists(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    fn rights(&self, _channel: &usize, _client: &Client) -> Option<AccessRights> {
        Some(AccessRights::all())
    }

    fn filter(&self, _channel: &usize) -> Option<Box<dyn MonitorFilter>> {
        None
    }

    fn extra(&self, _channel: &usize) -> Extra {
        Extra::default()
    }

    fn acknowledge(&self, _channel: &usize, _change: Acknowledgement) {}

    fn read(&self, channel: &usize, meta: bool) -> Reading {
        self.reading(channel, meta, &self.pvs[*channel].state.lock())
    }

    fn meta(&self, _: &usize) -> Arc<Meta> {
        Arc::new(Meta::new())
    }

    fn put(&self, channel: &usize, value: WireArray<'_>, request: PutRequest<'_>) -> PutOutcome {
        let pv = &self.pvs[*channel];
        match value.to_scalar(ca::proto::dbr::NativeType::Double, &[], 0) {
            Ok(value) => self.post(&pv.name, value),
            Err(error) => {
                let status = ca::proto::Eca::PUTFAIL;
                return PutOutcome::Done(Err(PutFailure { status, reason: error.to_string() }));
            }
        }
        if pv.name != "slow" {
            return PutOutcome::Done(Ok(()));
        }
        self.answers.lock().push(request.defer());
        PutOutcome::Pending
    }

    fn feed_key(&self, channel: &usize) -> u64 {
        *channel as u64
    }

    fn subscribe(&self, channel: &usize, to: Subscriber, mask: EventMask, meta: bool) -> Subscribed {
        let mut state = self.pvs[*channel].state.lock();
        let reading = self.reading(channel, meta, &state);
        let since = to.open();
        state.subscribers.retain(|(other, _)| *other != to);
        state.subscribers.push((to, mask));
        Subscribed { reading, since }
    }

    fn unsubscribe(&self, channel: &usize, subscriber: &Subscriber) {
        self.pvs[*channel].state.lock().subscribers.retain(|(other, _)| other != subscriber);
    }
}

/// A running server and what it serves; stops when dropped.
pub(crate) struct Rig {
    pub(crate) pvs: Arc<Pvs>,
    server: Option<Server<Pvs>>,
    runtime: Runtime,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Config::isolated())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::named(config, "extra")
    }

    /// A server that has a PV of this name beside the usual ones.
    pub(crate) fn named(config: Config, extra: &str) -> Self {
        Self::start(config, extra).expect("a server")
    }

    pub(crate) fn try_with(config: Config) -> Result<Self, ca::Error> {
        Self::start(config, "extra")
    }

    /// One worker thread: a task that never waits would stop all others.
    fn start(config: Config, extra: &str) -> Result<Self, ca::Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let pvs = Arc::new(Pvs::with(extra));
        let server = runtime.block_on(Server::start(config, pvs.clone()))?;
        Ok(Self { pvs, server: Some(server), runtime })
    }

    fn server(&self) -> &Server<Pvs> {
        self.server.as_ref().expect("not stopped")
    }

    pub(crate) fn tcp(&self) -> SocketAddrV4 {
        self.server().tcp_addresses()[0]
    }

    pub(crate) fn tcp_addresses(&self) -> Vec<SocketAddrV4> {
        self.server().tcp_addresses()
    }

    pub(crate) fn udp(&self) -> SocketAddrV4 {
        self.server().udp_addresses()[0]
    }

    pub(crate) fn report(&self) -> Report {
        self.server().report()
    }

    /// Waits until the report says so.
    pub(crate) fn wait_for(&self, what: impl Fn(&Report) -> bool) {
        let start = Instant::now();
        while !what(&self.report()) {
            assert!(start.elapsed() < DEADLINE, "never came: {:?}", self.report());
            std::thread::yield_now();
        }
    }

    /// Stops the server; true when that took less than the deadline.
    pub(crate) fn stop(&mut self, deadline: Duration) -> bool {
        let server = self.server.take().expect("not stopped");
        self.runtime.block_on(server.stop(deadline))
    }
}
