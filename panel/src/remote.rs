//! PVs of other IOCs, by our client: one for all pages, made when the first one asks.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value as Json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use wrapper::client::{AccessRights, Channel, ClientConfig, Context, NativeType, Reply};
use wrapper::view::Snapshot;
use wrapper::{Alarm, ArrayData, Meta, Value};

use crate::meta::Told;
use crate::put::Failure;

/// Longest CHAR array that may be taken for a text.
const LONGEST_TEXT: usize = 16 * 1024;

/// The client, from its first use on.
pub(crate) struct Client {
    config: Option<ClientConfig>,
    context: Mutex<Option<Context>>,
}

impl Client {
    pub(crate) const fn new(config: Option<ClientConfig>) -> Self {
        Self { config, context: Mutex::new(None) }
    }

    /// The channel of this name, which is searched for from now on.
    ///
    /// # Errors
    /// When the client cannot be had; the reason.
    pub(crate) fn channel(&self, name: &str) -> Result<Channel, String> {
        let mut context = self.context.lock();
        let context = match &mut *context {
            Some(context) => context,
            empty => {
                let made = match &self.config {
                    Some(config) => Context::new(config.clone()),
                    None => Context::from_env(),
                };
                empty.insert(made.map_err(|error| format!("no client for other IOCs: {error}"))?)
            }
        };
        Ok(context.pv(name))
    }

    /// Ends the client.
    pub(crate) fn close(&self) -> Option<Context> {
        self.context.lock().take()
    }
}

/// Puts to a PV of another IOC, and waits until its server is done.
pub(crate) async fn put(channel: Channel, value: &Json) -> Result<(), Failure> {
    let number = |item: &Json| item.as_f64().ok_or_else(|| Failure::Value(format!("{item} is no number")));
    let pending = match value {
        Json::String(text) => channel.put_notify(text.as_str()),
        Json::Number(_) => channel.put_notify(number(value)?),
        Json::Bool(on) => channel.put_notify(i32::from(*on)),
        Json::Array(items) => channel.put_notify(items.iter().map(number).collect::<Result<Vec<f64>, _>>()?),
        Json::Null | Json::Object(_) => {
            return Err(Failure::Value("a value must be a number, a text or a list of numbers".to_owned()));
        }
    };
    pending.await.map_err(|error| match error {
        error if error.is_access_denied() => Failure::ReadOnly,
        error => Failure::Refused(error.to_string()),
    })
}

/// What has happened since a page last looked: the newest only.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) meta: Option<String>,
    pub(crate) value: Option<Snapshot>,
    pub(crate) gone: Option<String>,
}

/// Which remote subscriptions of a page have news.
#[derive(Default)]
pub(crate) struct Bell {
    ids: Mutex<HashSet<u64>>,
    rung: Notify,
}

impl Bell {
    fn ring(&self, id: u64) {
        self.ids.lock().insert(id);
        self.rung.notify_one();
    }

    /// Waits until there is news. Dropping the future loses nothing.
    pub(crate) async fn rung(&self) {
        loop {
            let rung = self.rung.notified();
            if !self.ids.lock().is_empty() {
                return;
            }
            rung.await;
        }
    }

    pub(crate) fn take(&self) -> HashSet<u64> {
        std::mem::take(&mut self.ids.lock())
    }
}

/// A subscription to a PV of another IOC; dropping it ends it.
pub(crate) struct Follow {
    news: Arc<Mutex<News>>,
    task: JoinHandle<()>,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follow {
    pub(crate) fn start(channel: Channel, id: u64, bell: Arc<Bell>) -> Self {
        let news = Arc::new(Mutex::new(News::default()));
        let task = tokio::spawn(follow(channel, news.clone(), move || bell.ring(id)));
        Self { news, task }
    }

    pub(crate) fn take(&self) -> News {
        std::mem::take(&mut self.news.lock())
    }
}

async fn follow(channel: Channel, news: Arc<Mutex<News>>, ring: impl Fn()) {
    let mut values = channel.monitor::<Reply>();
    let mut metas = channel.monitor::<Meta>();
    let mut changes = channel.raw().changes();
    let mut known = Known::default();
    loop {
        tokio::select! {
            reply = values.next() => match reply {
                Ok(reply) => known.value = Some(reply),
                Err(error) => {
                    known = Known::default();
                    *news.lock() = News { gone: Some(error.to_string()), ..News::default() };
                    ring();
                    continue;
                }
            },
            meta = metas.next() => match meta {
                Ok(meta) => known.meta = Some(meta),
                Err(_) => continue,
            },
            // Rights may change while it is connected.
            _ = changes.changed() => {}
        }
        if known.tell(&channel, &mut news.lock()) {
            ring();
        }
    }
}

/// What has come since the channel was connected.
#[derive(Default)]
struct Known {
    meta: Option<Meta>,
    value: Option<Reply>,
    told: String,
}

impl Known {
    /// Leaves what is new, once value and metadata are there.
    fn tell(&mut self, channel: &Channel, news: &mut News) -> bool {
        let (Some(meta), Some(reply)) = (&self.meta, &self.value) else { return false };
        let status = channel.status();
        let Some(native) = status.native.filter(|_| status.connected) else { return false };
        let as_text = is_text(native, status.count, &reply.elements);
        let told = Told {
            writable: status.rights.contains(AccessRights::WRITE),
            as_text,
            ..Told::new(channel.name(), (native, status.count), meta)
        };
        let told = told.fields();
        if told != self.told {
            self.told.clone_from(&told);
            news.meta = Some(told);
        }
        news.gone = None;
        news.value = Some(snapshot(reply, as_text));
        true
    }
}

/// Whether CHAR elements look like a text: servers do not say.
fn is_text(native: NativeType, count: u32, elements: &ArrayData) -> bool {
    let ArrayData::Char(bytes) = elements else { return false };
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let readable = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r');
    native == NativeType::Char && count > 1 && bytes.len() <= LONGEST_TEXT && bytes.iter().all(readable)
}

fn snapshot(reply: &Reply, as_text: bool) -> Snapshot {
    let value = match &reply.elements {
        ArrayData::Char(bytes) if as_text => Value::array(ArrayData::Text(bytes.clone())),
        elements if elements.len() == 1 => {
            elements.get(0).map_or_else(|| Value::array(elements.clone()), Value::from)
        }
        elements => Value::array(elements.clone()),
    };
    let time = reply.stamp.map_or(std::time::UNIX_EPOCH, |stamp| stamp.to_system());
    Snapshot { value, alarm: Alarm::from_codes(reply.status, reply.severity), time }
}
