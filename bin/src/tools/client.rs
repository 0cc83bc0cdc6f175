//! The tools on our own client.

use std::net::{IpAddr, SocketAddrV4};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use ca::ClientConfig;
use ca::client::{AccessRights, Batch, Channel, Context, Data, Monitor, MonitorEvent, Status, StatusWatch};
use ca_proto::dbr::Reply;
use ca_proto::{Eca, EventMask};
use wrapper::launch;

use super::access::{
    Access, ChannelInfo, ChannelState, Event, GetRequest, PutRequest, SubscribeRequest, WriteError,
};

/// Events that wait for the tool; then the client keeps back what comes and squashes it.
const WAITING: usize = 4096;
/// How long the name of a host may take to be found.
const NAME: Duration = Duration::from_millis(300);

/// Opens the client that the tools use, with the settings of the environment.
pub(crate) fn open_access(verbose: u8) -> Result<impl Access> {
    if verbose > 0 {
        launch::start_verbose_log(verbose);
    }
    let (config, warnings) = ClientConfig::from_env();
    warnings.iter().for_each(|warning| eprintln!("{warning}"));
    // A tool is too short-lived to be the repeater of its host.
    let context = Context::new(ClientConfig { repeater: false, ..config })?;
    let (sender, events) = sync_channel(WAITING);
    Ok(Client { context, channels: Vec::new(), sender, events })
}

struct Client {
    context: Context,
    channels: Vec<Open>,
    sender: SyncSender<Event<usize>>,
    events: Receiver<Event<usize>>,
}

struct Open {
    channel: Channel,
    monitor: Option<Monitor>,
    _status: StatusWatch,
}

impl Client {
    fn open(&mut self, name: &str, priority: u16) -> usize {
        let index = self.channels.len();
        let channel = self.context.channel_with(name, priority);
        let (sender, mut connected) = (self.sender.clone(), false);
        let status = channel.on_status(move |status: Status| {
            if std::mem::replace(&mut connected, status.connected) == status.connected {
                return;
            }
            let event = if connected { Event::Connected(index) } else { Event::Disconnected(index) };
            // The tool is about to end when nobody listens.
            let _ = sender.send(event);
        });
        self.channels.push(Open { channel, monitor: None, _status: status });
        index
    }
}

fn reply(data: &Data) -> Result<Reply, Eca> {
    if !data.status.is_success() {
        return Err(data.status);
    }
    data.decode().map_err(|_| Eca::GETFAIL)
}

/// The status of a request that failed.
fn status(error: &ca::Error) -> Eca {
    error.eca().unwrap_or(Eca::INTERNAL)
}

impl Access for Client {
    type Channel = usize;

    fn connect(&mut self, names: &[&str], priority: u16, timeout: Duration) -> Vec<usize> {
        let opened: Vec<_> = names.iter().map(|name| self.open(name, priority)).collect();
        let waits: Vec<_> =
            opened.iter().map(|index| self.channels[*index].channel.connected(timeout)).collect();
        if !timeout.is_zero() {
            // Who is not connected in time is seen in its state.
            waits.into_iter().for_each(|wait| _ = wait.wait());
        }
        opened
    }

    fn info(&self, channel: usize) -> ChannelInfo {
        let Status { connected, server, native, count, rights, .. } = self.channels[channel].channel.status();
        let state = match (connected, native) {
            (true, _) => ChannelState::Connected,
            (false, Some(_)) => ChannelState::PreviouslyConnected,
            (false, None) => ChannelState::NeverConnected,
        };
        ChannelInfo {
            state,
            native,
            count,
            host: server.map_or("<disconnected>".to_owned(), host_name),
            read_access: rights.contains(AccessRights::READ),
            write_access: rights.contains(AccessRights::WRITE),
        }
    }

    fn get(&mut self, requests: &[GetRequest<usize>], timeout: Duration) -> Vec<Result<Reply, Eca>> {
        let mut batch = Batch::default();
        for request in requests {
            batch.get(&self.channels[request.channel].channel, request.data_type, request.count);
        }
        let answers = batch.send(timeout).wait();
        let decode = |answer: Result<Option<Data>, ca::Error>| match answer {
            Ok(data) => data.as_ref().map_or(Err(Eca::GETFAIL), reply),
            Err(error) => Err(status(&error)),
        };
        answers.into_iter().map(decode).collect()
    }

    fn put(&mut self, puts: &[PutRequest<usize>], notify: bool, timeout: Duration) -> Vec<Result<(), Eca>> {
        let mut batch = Batch::default();
        for put in puts {
            let channel = &self.channels[put.channel].channel;
            let payload = put.payload.clone().into();
            if notify {
                batch.put_notify(channel, put.data_type, put.count, payload);
            } else {
                batch.put(channel, put.data_type, put.count, payload);
            }
        }
        let answers = batch.send(timeout).wait();
        answers.into_iter().map(|answer| answer.map(|_| ()).map_err(|error| status(&error))).collect()
    }

    fn write_errors(&mut self) -> Vec<WriteError> {
        let failed = self.context.failed_puts().into_iter();
        failed
            .map(|put| WriteError {
                status: put.status,
                data_type: put.data_type,
                count: put.count,
                context: put.text,
            })
            .collect()
    }

    fn subscribe(&mut self, requests: &[SubscribeRequest<usize>]) {
        for request in requests {
            let (index, sender) = (request.channel, self.sender.clone());
            let open = &mut self.channels[index];
            open.monitor = None;
            let mask = EventMask::from_bits_truncate(request.mask);
            let on_event = move |event| {
                // The loss of the channel is told by its state.
                if let MonitorEvent::Update(data) = event {
                    let _ = sender.send(Event::Update(index, Box::new(reply(&data))));
                }
            };
            open.monitor = Some(open.channel.on_update(request.data_type, request.count, mask, on_event));
        }
    }

    fn next_event(&mut self, deadline: Option<Instant>) -> Option<Event<usize>> {
        match deadline {
            None => self.events.recv().ok(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.events.recv_timeout(left).ok()
            }
        }
    }

    fn report(&self, level: u32) -> String {
        if level > 1 { format!("{:#?}\n", self.context.report()) } else { format!("{}\n", self.context) }
    }
}

/// `host:port` with the host's name, or its address when no name is found in time.
fn host_name(server: SocketAddrV4) -> String {
    let (found, name) = sync_channel(1);
    let ip = IpAddr::V4(*server.ip());
    std::thread::spawn(move || {
        if let Ok(name) = dns_lookup::lookup_addr(&ip) {
            // Too late is no error.
            let _: Result<(), TrySendError<String>> = found.try_send(name);
        }
    });
    match name.recv_timeout(NAME) {
        Ok(name) => format!("{name}:{}", server.port()),
        Err(_) => server.to_string(),
    }
}
