//! A stream that waits for its reader only so long.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream whose writes fail when the peer takes nothing for a while: it keeps no memory for ever.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, patience: PATIENCE, waiting: None }
    }

    /// Passes on what a write said, unless it has been pending for too long.
    fn bounded<T>(&mut self, polled: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            return polled;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => {
                let reason = format!("the peer took nothing for {patience:?}");
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, reason)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(polled, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up_and_one_that_does_is_not() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut stream = Patient { patience: Duration::from_millis(50), ..Patient::new(near) };
        let error = stream.write_all(&[0; 5]).await.expect_err("nobody reads");
        assert!(error.kind() == ErrorKind::TimedOut && error.to_string().contains("50ms"), "{error}");

        let mut taken = [0; 4];
        far.read_exact(&mut taken).await.expect("what fitted");
        let mut stream = Patient { patience: Duration::from_secs(60), ..stream };
        stream.waiting = None;
        let (written, read) = tokio::join!(stream.write_all(&[1; 5]), async {
            let mut taken = [0; 5];
            far.read_exact(&mut taken).await.map(|_| taken)
        });
        assert!(written.is_ok() && read.is_ok_and(|taken| taken == [1; 5]));
    }
}
