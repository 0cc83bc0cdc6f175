//! What is said between a page and the panel.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use serde_json::{Value as Json, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval};
use wrapper::view::host_name;

use super::batches::Batches;
use super::messages::Message;
use crate::api;
use crate::json::{self, Depth};
use crate::reader::{Notice, Reader};
use crate::remote::Follow;
use crate::shared::{Peer, Put, Shared};

/// Time between signs of life.
const BEAT: Duration = Duration::from_millis(500);
/// Beats between reports of the server.
const REPORT: u64 = 2;
/// Subscriptions of a page.
const SUBSCRIPTIONS: usize = 4096;
/// Those of them that are to PVs of other IOCs.
const REMOTE: usize = 256;
/// Puts of a page under way.
const PUTS: usize = 64;
/// Longest name of a PV of another IOC.
const NAME: usize = 500;

/// The page is gone, or has to go.
struct End;

/// What a page does next.
enum Event {
    Stop,
    Beat,
    Heard(Option<Result<Frame, axum::Error>>),
    Put(u64, Result<(), String>),
    Ready,
}

/// Serves a page until it goes or the panel stops.
pub(super) async fn run(socket: WebSocket, shared: &Arc<Shared>, peer: &Arc<Peer>, by: String) {
    let _page = shared.counters.pages.enter();
    let (answers, answered) = mpsc::channel(PUTS);
    let mut session = Session {
        socket,
        shared: shared.clone(),
        peer: peer.clone(),
        by,
        reader: Reader::new(&shared.view),
        counted: 0,
        batches: Batches::new(),
        granted: false,
        log: None,
        report: false,
        beats: 0,
        room: Arc::new(Semaphore::new(PUTS)),
        answers,
    };
    tokio::select! {
        () = shared.stop.cancelled() => {}
        _ = session.serve(answered) => {}
    }
}

struct Session {
    socket: WebSocket,
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    by: String,
    reader: Reader,
    /// Subscriptions that the counters know of.
    counted: usize,
    batches: Batches,
    granted: bool,
    /// The last line of the log that was sent, while it is wanted.
    log: Option<u64>,
    report: bool,
    beats: u64,
    room: Arc<Semaphore>,
    answers: mpsc::Sender<(u64, Result<(), String>)>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.counters.subscriptions.set(self.counted, 0);
        self.shared.counters.squashed.add(self.reader.squashed());
    }
}

impl Session {
    async fn serve(&mut self, mut answered: mpsc::Receiver<(u64, Result<(), String>)>) -> Result<(), End> {
        self.hello().await?;
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        loop {
            match self.next(&mut beat, &mut answered).await {
                Event::Stop | Event::Heard(None | Some(Err(_))) => return Ok(()),
                Event::Beat => self.beat().await?,
                Event::Heard(Some(Ok(frame))) => self.hear(frame).await?,
                Event::Put(id, result) => self.put_answer(id, result).await?,
                Event::Ready => self.send_updates().await?,
            }
        }
    }

    async fn next(
        &mut self,
        beat: &mut Interval,
        answered: &mut mpsc::Receiver<(u64, Result<(), String>)>,
    ) -> Event {
        let Self { reader, batches, socket, .. } = self;
        let ready = async {
            batches.due().await;
            reader.ready().await;
        };
        tokio::select! {
            biased;
            _ = beat.tick() => Event::Beat,
            answer = answered.recv() => answer.map_or(Event::Stop, |(id, result)| Event::Put(id, result)),
            heard = socket.recv() => Event::Heard(heard),
            () = ready, if batches.may_send() => Event::Ready,
        }
    }

    async fn say(&mut self, message: &Json) -> Result<(), End> {
        self.send(message.to_string()).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        self.socket.send(Frame::Text(text.into())).await.map_err(|_| End)
    }

    async fn hello(&mut self) -> Result<(), End> {
        let write = match &self.shared.token {
            None => "off",
            Some(_) => "token",
        };
        let (name, instance) = (host_name(), &self.shared.instance);
        let time = json::seconds(std::time::SystemTime::now());
        let hello = json!({
            "type": "hello", "version": 1, "name": name, "instance": instance, "write": write, "time": time,
        });
        self.say(&hello).await
    }

    async fn hear(&mut self, frame: Frame) -> Result<(), End> {
        let text = match &frame {
            Frame::Text(text) => text.as_str(),
            Frame::Binary(_) => return self.error("binary messages mean nothing here").await,
            Frame::Close(_) => return Err(End),
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
        };
        match serde_json::from_str(text) {
            Ok(message) => self.take(message).await,
            Err(error) => self.error(&format!("not understood: {error}")).await,
        }
    }

    async fn error(&mut self, reason: &str) -> Result<(), End> {
        self.say(&json!({ "type": "error", "reason": reason })).await
    }

    async fn take(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Subscribe { id, pv, depth, remote: false } => self.subscribe(id, &pv, depth).await,
            Message::Subscribe { id, pv, depth, remote: true } => self.follow(id, &pv, depth).await,
            Message::Unsubscribe { id } => {
                self.reader.unsubscribe(id);
                self.count();
                Ok(())
            }
            Message::Ack { n } => {
                self.batches.drawn(n);
                Ok(())
            }
            Message::Token { token } => self.token(&token).await,
            Message::Put { id, pv, value, remote } => self.put(id, &pv, &value, remote).await,
            Message::Log { on } => {
                self.log = on.then_some(0);
                self.send_log().await
            }
            Message::Server { on } => {
                self.report = on;
                if on { self.send_report().await } else { Ok(()) }
            }
        }
    }

    fn count(&mut self) {
        let now = self.reader.len();
        self.shared.counters.subscriptions.set(std::mem::replace(&mut self.counted, now), now);
    }

    async fn refuse(&mut self, id: u64, reason: &str) -> Result<(), End> {
        self.say(&json!({ "type": "refused", "id": id, "reason": reason })).await
    }

    async fn subscribe(&mut self, id: u64, pv: &str, depth: Depth) -> Result<(), End> {
        if self.reader.len() >= SUBSCRIPTIONS {
            self.shared.counters.too_many.add(1);
            return self
                .refuse(id, &format!("{SUBSCRIPTIONS} subscriptions are open, the limit of a page"))
                .await;
        }
        let notice = self.reader.subscribe(id, pv, depth);
        self.count();
        match notice {
            Some(notice) => self.notice(notice).await,
            None => self.refuse(id, "there is no such PV in this IOC").await,
        }
    }

    async fn follow(&mut self, id: u64, pv: &str, depth: Depth) -> Result<(), End> {
        if self.reader.len() >= SUBSCRIPTIONS || self.reader.remotes() >= REMOTE {
            self.shared.counters.too_many.add(1);
            let reason = format!("{REMOTE} PVs of other IOCs are open, the limit of a page");
            return self.refuse(id, &reason).await;
        }
        if pv.is_empty() || pv.len() > NAME {
            return self.refuse(id, &format!("a name of {} bytes, must be 1 to {NAME}", pv.len())).await;
        }
        match self.shared.client.channel(pv) {
            Ok(channel) => {
                let follow = Follow::start(channel, id, self.reader.bell.clone());
                self.reader.follow(id, pv, depth, follow);
                self.count();
                self.notice(Notice::Gone(id, "it is searched for".to_owned())).await
            }
            Err(reason) => self.refuse(id, &reason).await,
        }
    }

    async fn notice(&mut self, notice: Notice) -> Result<(), End> {
        match notice {
            Notice::Meta(id, fields) => {
                self.send(format!("{{\"type\":\"meta\",\"id\":{id},{fields}}}")).await
            }
            Notice::Gone(id, reason) => {
                self.say(&json!({ "type": "gone", "id": id, "reason": reason })).await
            }
        }
    }

    async fn token(&mut self, token: &str) -> Result<(), End> {
        let checked = self.peer.check(&self.shared, token);
        self.granted = checked.is_ok();
        let answer = match checked {
            Ok(()) => json!({ "type": "write", "granted": true }),
            Err(reason) => json!({ "type": "write", "granted": false, "reason": reason }),
        };
        self.say(&answer).await?;
        if self.peer.is_trusted() { Ok(()) } else { Err(End) }
    }

    async fn put(&mut self, id: u64, pv: &str, value: &Json, remote: bool) -> Result<(), End> {
        if !self.granted {
            self.shared.counters.not_granted.add(1);
            let reason = match &self.shared.token {
                Some(_) => "writing needs the token",
                None => "this panel is read-only",
            };
            return self.put_answer(id, Err(reason.to_owned())).await;
        }
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            self.shared.counters.too_many.add(1);
            let reason = format!("{PUTS} puts are under way, the limit of a page");
            return self.put_answer(id, Err(reason)).await;
        };
        let done = self.shared.put(Put { pv, value, remote, by: &self.by });
        let answers = self.answers.clone();
        self.shared.tasks.spawn(async move {
            let result = done.await.map_err(|failure| failure.to_string());
            // The page may be gone.
            let _ = answers.send((id, result)).await;
            drop(room);
        });
        Ok(())
    }

    async fn put_answer(&mut self, id: u64, result: Result<(), String>) -> Result<(), End> {
        let answer = match result {
            Ok(()) => json!({ "type": "put", "id": id, "ok": true }),
            Err(reason) => json!({ "type": "put", "id": id, "ok": false, "reason": reason }),
        };
        self.say(&answer).await
    }

    async fn beat(&mut self) -> Result<(), End> {
        let time = json::seconds(std::time::SystemTime::now());
        self.say(&json!({ "type": "beat", "time": time })).await?;
        for notice in self.reader.check() {
            self.notice(notice).await?;
        }
        self.shared.counters.squashed.add(self.reader.squashed());
        self.send_log().await?;
        self.beats += 1;
        if self.report && self.beats.is_multiple_of(REPORT) { self.send_report().await } else { Ok(()) }
    }

    async fn send_log(&mut self) -> Result<(), End> {
        let Some(after) = self.log else { return Ok(()) };
        let lines = wrapper::launch::log_lines(after);
        let Some(last) = lines.last() else { return Ok(()) };
        self.log = Some(last.number);
        self.say(&json!({ "type": "log", "lines": lines })).await
    }

    async fn send_report(&mut self) -> Result<(), End> {
        let report = api::server::of(&self.shared);
        self.say(&json!({ "type": "server", "report": report })).await
    }

    async fn send_updates(&mut self) -> Result<(), End> {
        for notice in self.reader.take() {
            self.notice(notice).await?;
        }
        let mut list = Vec::new();
        let written = self.reader.write(&mut list);
        if written == 0 {
            return Ok(());
        }
        self.shared.counters.updates.add(written);
        let number = self.batches.send();
        let list = json::text_of(list);
        self.send(format!("{{\"type\":\"updates\",\"n\":{number},\"list\":[{list}]}}")).await
    }
}
