//! Commands as text: the template of PVs, the parser, the command lists.

pub mod arg;
pub mod follow;
pub(crate) mod listing;
pub mod spec;
pub(crate) mod template;
pub mod text;
