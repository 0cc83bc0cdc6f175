//! The task of a TCP circuit: connects, moves the bytes, and tells who is meant by what comes.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ca_proto::client::Health;
use ca_proto::{Cid, CloseReason, Eca};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;
use tracing::{debug, info};

use super::circuit::{Circuit, Reply, Said, State};
use super::listener::Wakers;
use super::pool::Room;
use super::shared::Shared;
use crate::Error;

/// How long a server may take to close its side when we have closed ours.
const LINGER: Duration = Duration::from_millis(300);

/// Connects and serves the circuit until it ends; its channels are searched again.
pub(super) async fn run(circuit: Arc<Circuit>, shared: Arc<Shared>) {
    let reason = match connect(&circuit, &shared).await {
        Ok(stream) => {
            circuit.state.lock().connected = true;
            (drive(&circuit, &shared, stream).await, false)
        }
        Err(reason) => (reason, true),
    };
    let (reason, unreachable) = reason;
    debug!("{}: circuit closed: {reason}", circuit.server);
    lose(&circuit, &shared, unreachable);
}

async fn connect(circuit: &Circuit, shared: &Shared) -> Result<TcpStream, CloseReason> {
    let socket = |error: std::io::Error| CloseReason::Socket(error.to_string());
    let connected = tokio::select! {
        () = shared.stop.cancelled() => return Err(CloseReason::Stopped),
        connected = tokio::time::timeout(
            shared.config.connection_timeout,
            TcpStream::connect(std::net::SocketAddr::V4(circuit.server)),
        ) => connected,
    };
    let stream = match connected {
        Ok(stream) => stream.map_err(socket)?,
        Err(_) => return Err(CloseReason::Socket("no answer".to_owned())),
    };
    stream.set_nodelay(true).map_err(socket)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive).map_err(socket)?;
    Ok(stream)
}

async fn drive(circuit: &Arc<Circuit>, shared: &Arc<Shared>, mut stream: TcpStream) -> CloseReason {
    let mut begun = BytesMut::new();
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    let mut last_call = None;
    loop {
        let flushed = match circuit.flush(&stream) {
            Ok((flushed, again)) => {
                if again {
                    shared.channels_on(circuit).iter().for_each(|channel| channel.change(|_, _| ()));
                }
                flushed
            }
            Err(error) => return CloseReason::Socket(error.to_string()),
        };
        if circuit.is_over(flushed, last_call) {
            linger(&stream).await;
            return CloseReason::Stopped;
        }
        tokio::select! {
            () = shared.stop.cancelled(), if last_call.is_none() => {
                last_call = Some(Instant::now() + LINGER / 2);
                timer.as_mut().reset((Instant::now() + LINGER / 2).into());
            }
            ready = stream.readable() => {
                if let Err(error) = ready {
                    return CloseReason::Socket(error.to_string());
                }
                let received = poll_fn(|context| {
                    Poll::Ready(receive(circuit, shared, &mut stream, &mut begun, context))
                });
                if let Err(reason) = received.await {
                    return reason;
                }
            }
            ready = stream.writable(), if !flushed => {
                if let Err(error) = ready {
                    return CloseReason::Socket(error.to_string());
                }
            }
            () = circuit.wake.notified() => {}
            () = timer.as_mut() => {
                let due = watch(circuit, shared);
                timer.as_mut().reset(due.into());
            }
        }
    }
}

/// Reads and handles what has come; at most a few rounds, so that what waits to be sent gets its turn.
///
/// A read that fills less than there is room for says that nothing more is there: no second one is tried.
fn receive(
    circuit: &Arc<Circuit>,
    shared: &Arc<Shared>,
    stream: &mut TcpStream,
    begun: &mut BytesMut,
    context: &mut Context<'_>,
) -> Result<(), CloseReason> {
    for _ in 0..16 {
        let Room { mut bytes, mut said } = shared.pool.take(std::mem::take(begun));
        let room = bytes.capacity() - bytes.len();
        let count = match poll_read_buf(Pin::new(&mut *stream), context, &mut bytes) {
            Poll::Ready(Ok(0)) => return Err(CloseReason::Peer),
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Err(CloseReason::Socket(error.to_string())),
            Poll::Pending => 0,
        };
        let result = circuit.handle_input(&mut bytes, &mut said);
        tell(circuit, shared, said.drain(..));
        *begun = shared.pool.give(Room { bytes, said });
        result?;
        if count < room {
            break;
        }
    }
    Ok(())
}

/// Tells each who is meant what the server said.
fn tell(circuit: &Arc<Circuit>, shared: &Arc<Shared>, said: impl Iterator<Item = Said>) {
    let mut wakers = Wakers::default();
    for said in said {
        match said {
            Said::Answer(Reply::To(slot), answer) => slot.fill(answer),
            Said::Answer(Reply::Refresh(monitor), Ok(Some(data))) => monitor.push(data, &mut wakers),
            Said::Answer(Reply::Refresh(_), _) => {}
            Said::Update(monitor, data) => monitor.push(data, &mut wakers),
            Said::Event(event) => shared.handle(circuit, event),
        }
    }
}

/// Asks a silent server for a sign of life; returns when to look again.
fn watch(circuit: &Arc<Circuit>, shared: &Arc<Shared>) -> Instant {
    let (now, patience) = (Instant::now(), shared.config.connection_timeout);
    let (due, lost) = {
        let mut state = circuit.state.lock();
        let stuck = state.stuck.map(|since| since + patience);
        let State { proto, output, .. } = &mut *state;
        let before = proto.health();
        if stuck.is_some_and(|at| at <= now) {
            proto.handle_stuck(now, output);
        }
        let lost = proto.handle_timeout(now, output) == Health::Unresponsive && before == Health::Responsive;
        let due = stuck.filter(|at| *at > now).map_or(proto.timeout(), |at| at.min(proto.timeout()));
        (due, lost.then(|| state.take_replies()))
    };
    if let Some(replies) = lost {
        info!("{}: the server does not answer", circuit.server);
        fail(replies);
        shared.unresponsive(circuit);
    }
    // A silence that began meanwhile is noticed no later than this.
    due.min(now + patience)
}

fn fail(replies: Vec<Reply>) {
    for reply in replies {
        if let Reply::To(slot) = reply {
            slot.fill(Err(Error::status("the server is disconnected", Eca::DISCONN)));
        }
    }
}

/// Half-closes and waits for the server to do the same: then it has taken everything that was sent.
async fn linger(stream: &TcpStream) {
    // The socket is closed in any case.
    let _ = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
    let gone = async {
        let mut rest = [0; 4096];
        loop {
            match stream.try_read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stream.readable().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, gone).await;
}

/// The circuit is no more: what waits for it fails, its channels are searched again.
fn lose(circuit: &Arc<Circuit>, shared: &Arc<Shared>, unreachable: bool) {
    let (replies, cids) = {
        let mut state = circuit.state.lock();
        state.closed = true;
        state.monitors.clear();
        (state.take_replies(), state.proto.channels().collect::<Vec<Cid>>())
    };
    shared.forget(circuit);
    fail(replies);
    shared.lost(circuit, &cids, unreachable);
}
