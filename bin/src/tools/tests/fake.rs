//! A client that answers from memory.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ca_proto::Eca;
use ca_proto::dbr::{NativeType, Reply, Scalar};

use super::database::{Field, fields};
use crate::tools::access::{
    Access, ChannelInfo, ChannelState, Event, GetRequest, PutRequest, SubscribeRequest, WriteError,
};

/// The client, and the server behind it.
pub(super) struct Fake {
    pub(super) fields: Vec<Field>,
    /// The names of the channels; some of no field.
    names: Vec<String>,
    /// Channels that have just been connected.
    connected: VecDeque<usize>,
    /// First updates of subscriptions.
    updates: VecDeque<Event<usize>>,
    /// What happens by itself, later on.
    pub(super) events: VecDeque<Event<usize>>,
    refused: Vec<WriteError>,
    /// Each call that would send something, as text.
    pub(super) sent: Vec<String>,
    /// The value of a field once its channel was connected a second time.
    renewed: Option<(String, Scalar)>,
    /// What all gets come to, unless they succeed.
    pub(super) get_status: Eca,
    /// What all puts come to, unless they reach the record.
    pub(super) put_status: Eca,
    /// The circuit is lost.
    lost: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self {
            fields: fields(),
            names: Vec::new(),
            connected: VecDeque::new(),
            updates: VecDeque::new(),
            events: VecDeque::new(),
            refused: Vec::new(),
            sent: Vec::new(),
            renewed: None,
            get_status: Eca::NORMAL,
            put_status: Eca::NORMAL,
            lost: false,
            readable: true,
            writable: true,
        }
    }

    pub(super) fn field(&mut self, name: &str) -> &mut Field {
        self.fields.iter_mut().find(|field| field.name == name).expect("a field")
    }

    /// From the next event that is not a first one, the field has another type.
    pub(super) fn change_type(&mut self, name: &str, value: Scalar) {
        self.renewed = Some((name.to_owned(), value));
    }

    fn of(&self, channel: usize) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == self.names[channel])
    }

    /// An update of a field as TIME type.
    pub(super) fn update(&mut self, channel: usize, name: &str, data_type: u16) {
        let (payload, count) = self.field(name).read(data_type, 0).expect("a value");
        let reply = Reply::decode(data_type, count, &payload.into()).expect("a value");
        self.events.push_back(Event::Update(channel, Box::new(Ok(reply))));
    }

    fn reply(&self, channel: usize, data_type: u16, count: u32) -> Result<Reply, Eca> {
        let field = self.of(channel).ok_or(Eca::DISCONN)?;
        let (payload, count) = field.read(data_type, count).ok_or(Eca::GETFAIL)?;
        Ok(Reply::decode(data_type, count, &payload.into()).expect("a value"))
    }
}

impl Access for &mut Fake {
    type Channel = usize;

    fn connect(&mut self, names: &[&str], priority: u16, _: Duration) -> Vec<usize> {
        self.sent.push(format!("connect {} names at {priority}", names.len()));
        self.names = names.iter().map(|&name| name.to_owned()).collect();
        self.connected = (0..names.len()).filter(|&channel| self.of(channel).is_some()).collect();
        (0..names.len()).collect()
    }

    fn info(&self, channel: usize) -> ChannelInfo {
        let field = self.of(channel);
        let state = match field {
            None => ChannelState::NeverConnected,
            Some(_) if self.lost => ChannelState::PreviouslyConnected,
            Some(_) => ChannelState::Connected,
        };
        ChannelInfo {
            state,
            native: field.map(Field::native),
            count: field.map_or(0, |field| field.capacity),
            host: "localhost:5964".to_owned(),
            read_access: self.readable,
            write_access: self.writable,
        }
    }

    fn get(&mut self, requests: &[GetRequest<usize>], timeout: Duration) -> Vec<Result<Reply, Eca>> {
        let each: Vec<_> = requests.iter().map(|get| format!("{}x{}", get.data_type, get.count)).collect();
        self.sent.push(format!("get {} within {timeout:?}", each.join(" ")));
        let answer = |get: &GetRequest<usize>| match self.get_status {
            Eca::NORMAL => self.reply(get.channel, get.data_type, get.count),
            status => Err(status),
        };
        requests.iter().map(answer).collect()
    }

    fn put(&mut self, puts: &[PutRequest<usize>], notify: bool, timeout: Duration) -> Vec<Result<(), Eca>> {
        let mut results = Vec::new();
        for put in puts {
            let &PutRequest { channel, data_type, count, ref payload } = put;
            let verb = if notify { "put notify" } else { "put" };
            self.sent.push(format!("{verb} {data_type}x{count} {} bytes within {timeout:?}", payload.len()));
            if self.put_status != Eca::NORMAL {
                results.push(Err(self.put_status));
                continue;
            }
            let name = self.names[channel].clone();
            let native = NativeType::ALL[usize::from(data_type)];
            let done = self.field(&name).write(native, count, payload).map_err(|_| Eca::PUTFAIL);
            if let (Err(status), false) = (done, notify) {
                self.refused.push(WriteError { status, data_type, count, context: name });
            }
            results.push(if notify { done } else { Ok(()) });
        }
        results
    }

    fn write_errors(&mut self) -> Vec<WriteError> {
        std::mem::take(&mut self.refused)
    }

    fn subscribe(&mut self, requests: &[SubscribeRequest<usize>]) {
        for &SubscribeRequest { channel, data_type, count, mask } in requests {
            self.sent.push(format!("subscribe {data_type}x{count} mask {mask}"));
            let reply = self.reply(channel, data_type, count);
            self.updates.push_back(Event::Update(channel, Box::new(reply)));
        }
    }

    fn next_event(&mut self, _: Option<Instant>) -> Option<Event<usize>> {
        if let Some(channel) = self.connected.pop_front() {
            return Some(Event::Connected(channel));
        }
        if let Some(update) = self.updates.pop_front() {
            return Some(update);
        }
        if let Some((name, value)) = self.renewed.take() {
            self.field(&name).value = value.into();
        }
        let event = self.events.pop_front();
        self.lost = matches!(event, Some(Event::Disconnected(_)));
        event
    }

    fn report(&self, level: u32) -> String {
        format!("level {level}\n")
    }
}
