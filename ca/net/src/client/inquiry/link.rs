//! The connection of an inquiry to a name server.

use std::io::IoSlice;
use std::net::SocketAddrV4;
use std::time::Instant;

use bytes::BytesMut;
use ca_proto::client::{ClientCircuit, Event, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire_log::{Role, Stream, Way};
use crate::{ClientConfig, identity};

/// The connection to a name server.
pub(super) struct Link {
    stream: TcpStream,
    pub(super) proto: ClientCircuit,
    pub(super) output: Output,
    input: BytesMut,
    heard: Option<Box<Stream>>,
    said: Option<Box<Stream>>,
}

impl Link {
    pub(super) fn new(stream: TcpStream, server: SocketAddrV4, config: &ClientConfig) -> Self {
        let mut output = Output::default();
        let (most, patience) = (config.max_payload, config.connection_timeout);
        let proto = ClientCircuit::new(&identity::own(), 0, most, patience, Instant::now(), &mut output);
        let heard = Stream::open(Role::Client, Way::Received, server);
        let said = Stream::open(Role::Client, Way::Sent, server);
        Self { stream, proto, output, input: BytesMut::new(), heard, said }
    }

    /// Sends what there is and waits for words of the server.
    ///
    /// # Errors
    /// In words, when there will be none.
    pub(super) async fn hear(&mut self) -> Result<Vec<Event>, String> {
        self.flush().await.map_err(|e| e.to_string())?;
        let before = self.input.len();
        if self.stream.read_buf(&mut self.input).await.map_err(|e| e.to_string())? == 0 {
            return Err("closed the connection".to_owned());
        }
        if let Some(heard) = &mut self.heard {
            heard.take(&self.input[before..]);
        }
        let mut events = Vec::new();
        let tell = |event| events.push(event);
        let handled = self.proto.handle_input(Instant::now(), &mut self.input, &mut self.output, tell);
        handled.map_err(|reason| reason.to_string())?;
        Ok(events)
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        while !self.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = self.output.slices(&mut slices);
            let count = self.stream.write_vectored(&slices[..filled]).await?;
            if let Some(said) = &mut self.said {
                said.take_slices(&slices[..filled], count);
            }
            self.output.advance(count);
        }
        Ok(())
    }
}
