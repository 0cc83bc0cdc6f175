//! Messages on the wire: the header, commands, texts, and one file per kind of message.

mod command;
mod describe;
mod header;
pub mod msg;
mod text;

pub use command::Command;
pub use describe::describe;
pub use header::{DecodeError, Header, padded};
pub use text::{put_text, terminated};
