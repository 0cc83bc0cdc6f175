//! The panel: its runtime, its sockets, how it stops.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tracing::{debug, warn};
use wrapper::view::View;

use crate::patient::Patient;
use crate::remote::Client;
use crate::routes;
use crate::settings::{Names, Settings};
use crate::shared::{Peer, Shared};
use crate::token;

/// Sockets at once.
pub(crate) const SOCKETS: usize = 256;
/// Time for the head of a request, also for the next one on a socket.
const HEAD: Duration = Duration::from_secs(10);
/// Headers of a request.
const HEADERS: usize = 64;
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 16 * 1024;
/// Time for connections to end when the panel stops.
const STOP: Duration = Duration::from_millis(200);

/// A web panel that is served; dropping it ends it.
pub struct Panel {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Panel").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Panel {
    /// Serves the PVs of a view, on a thread of its own.
    ///
    /// # Errors
    /// When none of the addresses is free, or the system has no thread or random numbers.
    pub fn start(view: View, settings: Settings) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("panel")
            .enable_all()
            .build()?;
        let listener = runtime.block_on(bind(&settings.addresses))?;
        let address = listener.local_addr()?;
        let names = Names::new(address.ip(), &settings.origins);
        let client = Client::new(settings.client);
        let shared = Shared::new(view, names, settings.token, client, token::chance::<8>()?);
        shared.tasks.spawn_on(accept(listener, shared.clone()), runtime.handle());
        Ok(Self { shared, address, runtime: Some(runtime) })
    }

    /// Where it is served.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, in a fraction of a second.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        let Some(runtime) = self.runtime.take() else { return };
        let ended = async { tokio::time::timeout(STOP, self.shared.tasks.wait()).await.is_ok() };
        if !runtime.block_on(ended) {
            debug!("panel: some connections did not end in {STOP:?}");
        }
        drop(self.shared.client.close());
        runtime.shutdown_background();
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.end();
    }
}

async fn bind(addresses: &[SocketAddr]) -> std::io::Result<TcpListener> {
    let mut failure = Error::new(ErrorKind::InvalidInput, "no address to serve");
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(failure)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let sockets = Arc::new(Semaphore::new(SOCKETS));
    let router = routes::router(shared.clone());
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!("panel: {error}");
                // Out of file descriptors, most likely: it goes on when some are free again.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = sockets.clone().try_acquire_owned() else {
            shared.counters.too_many.add(1);
            refuse(stream);
            continue;
        };
        let (own, router) = (shared.clone(), router.clone());
        shared.tasks.spawn(async move {
            let _inside = own.counters.sockets.enter();
            tokio::select! {
                () = own.stop.cancelled() => {}
                () = serve(stream, address, router) => {}
            }
            drop(place);
        });
    }
}

/// Says that there are too many; what the socket does not take at once is dropped.
fn refuse(stream: TcpStream) {
    let body = r#"{"error":"too many connections"}"#;
    let head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.try_write(answer.as_bytes());
}

async fn serve(stream: TcpStream, address: SocketAddr, router: Router) {
    let _ = stream.set_nodelay(true);
    let peer = Arc::new(Peer::new(address));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(HEADERS).max_buf_size(HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream)), service).with_upgrades();
    if let Err(error) = connection.await {
        debug!("panel: {address}: {error}");
    }
}
