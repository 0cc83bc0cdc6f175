//! Many requests at once, under one deadline.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use ca_proto::client::Data;

use super::channel::Channel;
use super::request::{Pending, Request};
use crate::Error;

/// Requests that are sent together.
///
/// ```no_run
/// use std::time::Duration;
/// use ca::client::{Batch, Channel, Context};
/// let context = Context::new(ca::ClientConfig::from_env().0)?;
/// let mut batch = Batch::default();
/// for channel in context.channels(["wt:delay", "TEST:SERVER.VAL"]) {
///     batch.get(&channel, Channel::TIME, 0);
/// }
/// for result in batch.send(Duration::from_secs(5)).wait() {
///     println!("{result:?}");
/// }
/// # Ok::<(), ca::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Batch {
    requests: Vec<(Channel, Request)>,
}

impl Batch {
    /// Adds a get; see [`Channel::get`].
    pub fn get(&mut self, channel: &Channel, data_type: u16, count: u32) -> &mut Self {
        self.add(channel, Request::Get { data_type, count })
    }

    /// Adds a put; see [`Channel::put`].
    pub fn put(&mut self, channel: &Channel, data_type: u16, count: u32, payload: Bytes) -> &mut Self {
        self.add(channel, Request::Put { data_type, count, payload, notify: false })
    }

    /// Adds a put that is done when the server is; see [`Channel::put_notify`].
    pub fn put_notify(&mut self, channel: &Channel, data_type: u16, count: u32, payload: Bytes) -> &mut Self {
        self.add(channel, Request::Put { data_type, count, payload, notify: true })
    }

    fn add(&mut self, channel: &Channel, request: Request) -> &mut Self {
        self.requests.push((channel.clone(), request));
        self
    }

    /// Sends all of it, what is not connected as soon as it is.
    pub fn send(self, timeout: Duration) -> PendingBatch {
        let pending: Vec<_> = self
            .requests
            .into_iter()
            .map(|(channel, request)| Pending::new(channel, request, timeout))
            .collect();
        let unsent = (0..pending.len()).filter(|at| pending[*at].is_unsent()).collect();
        PendingBatch { results: Vec::with_capacity(pending.len()), pending, unsent }
    }
}

/// A batch on its way: a future of all results, or something to block for.
#[derive(Debug)]
#[must_use = "a batch that is dropped is given up"]
pub struct PendingBatch {
    pending: Vec<Pending>,
    /// Those that wait for their channel.
    unsent: Vec<usize>,
    results: Vec<Result<Option<Data>, Error>>,
}

impl PendingBatch {
    /// Blocks until all is answered or the time is over; the results are in the order of the requests.
    pub fn wait(self) -> Vec<Result<Option<Data>, Error>> {
        block_on(self)
    }
}

impl Future for PendingBatch {
    type Output = Vec<Result<Option<Data>, Error>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Self { pending, unsent, results } = &mut *self;
        unsent.retain(|at| {
            pending[*at].try_send(Some(context.waker()));
            pending[*at].is_unsent()
        });
        // What comes behind the first that is not answered is sent already and keeps its answer.
        while let Some(next) = pending.get_mut(results.len()) {
            match Pin::new(next).poll(context) {
                Poll::Ready(result) => results.push(result),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(std::mem::take(results))
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks the thread until a future is done.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
