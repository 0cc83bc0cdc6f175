//! What all connections of a panel share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use serde_json::Value as Json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wrapper::view::View;

use crate::counters::Counters;
use crate::pictures::Pictures;
use crate::put::{self, Audit, Failure};
use crate::rates::Rates;
use crate::remote::{self, Client};
use crate::settings::Names;
use crate::token::Token;

/// Pages and event streams at once.
pub(crate) const PAGES: usize = 64;
/// Puts under way, of all pages.
const PUTS: usize = 1024;
/// Wrong tokens that end a connection.
pub(crate) const WRONG_TOKENS: u32 = 10;

pub(crate) struct Shared {
    pub(crate) view: View,
    pub(crate) names: Names,
    pub(crate) token: Option<Token>,
    pub(crate) client: Client,
    pub(crate) counters: Counters,
    pub(crate) rates: Rates,
    pub(crate) pictures: Pictures,
    /// Another one after each start.
    pub(crate) instance: String,
    pub(crate) started: Instant,
    pub(crate) pages: Arc<Semaphore>,
    puts: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    pub(crate) fn new(
        view: View,
        names: Names,
        token: Option<Token>,
        client: Client,
        instance: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            view,
            names,
            token,
            client,
            instance,
            counters: Counters::default(),
            rates: Rates::default(),
            pictures: Pictures::default(),
            started: Instant::now(),
            pages: Arc::new(Semaphore::new(PAGES)),
            puts: Arc::new(Semaphore::new(PUTS)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Room for a page; none when there are too many.
    pub(crate) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let seat = self.pages.clone().try_acquire_owned().ok();
        if seat.is_none() {
            self.counters.too_many.add(1);
        }
        seat
    }

    /// Puts a value; what is returned ends with the put, and the put does not end with it. The audit log has both.
    pub(crate) fn put(
        self: &Arc<Self>,
        request: Put<'_>,
    ) -> impl Future<Output = Result<(), Failure>> + use<> {
        let audit = Audit::new(request.by, request.pv, request.value);
        let room = self.puts.clone().try_acquire_owned();
        let begun = match &room {
            Err(_) => {
                self.counters.too_many.add(1);
                Err(Failure::Busy(format!("{PUTS} puts are under way, the limit of the panel")))
            }
            Ok(_) => self.begin(&request),
        };
        let shared = self.clone();
        let task = self.tasks.spawn(async move {
            let result = match begun {
                Ok(outcome) => outcome.await,
                Err(failure) => Err(failure),
            };
            let counters = &shared.counters;
            if result.is_ok() { &counters.puts_done } else { &counters.puts_failed }.add(1);
            audit.end(&result);
            drop(room);
            result
        });
        async { task.await.unwrap_or_else(|_| Err(Failure::Refused("the panel stops".to_owned()))) }
    }

    fn begin(&self, request: &Put<'_>) -> Result<put::Outcome, Failure> {
        if request.remote {
            let channel = self.client.channel(request.pv).map_err(Failure::Refused)?;
            let value: Json = request.value.clone();
            return Ok(Box::pin(async move { remote::put(channel, &value).await }));
        }
        let channel = self.view.open(request.pv).ok_or(Failure::Unknown)?;
        Ok(put::local(&channel, request.value, &format!("panel {}", request.by)))
    }
}

/// A put that somebody asks for.
pub(crate) struct Put<'a> {
    pub(crate) pv: &'a str,
    pub(crate) value: &'a Json,
    pub(crate) remote: bool,
    pub(crate) by: &'a str,
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    wrong: AtomicU32,
}

impl Peer {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, wrong: AtomicU32::new(0) }
    }

    /// Compares a token; a reason when puts are not allowed with it.
    pub(crate) fn check(&self, shared: &Shared, given: &str) -> Result<(), &'static str> {
        let Some(token) = &shared.token else {
            return Err("this panel is read-only: --panel-write allows to put");
        };
        if !self.is_trusted() {
            return Err("too many wrong tokens");
        }
        if token.is(given) {
            return Ok(());
        }
        self.wrong.fetch_add(1, Relaxed);
        shared.counters.wrong_tokens.add(1);
        Err("the token is wrong")
    }

    /// False once too many wrong tokens have come.
    pub(crate) fn is_trusted(&self) -> bool {
        self.wrong.load(Relaxed) < WRONG_TOKENS
    }
}
