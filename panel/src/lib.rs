//! The web panel of an IOC: a page that shows and drives its PVs, and an API for scripts.
//!
//! It runs beside the IOC on a thread of its own, over [`wrapper::view`]: with the same rights, limits and hooks as
//! Channel Access. It serves loopback and only shows, unless told otherwise. `docs/panel.md` is its guide.
//!
//! ```
//! use panel::{Panel, Settings};
//! use wrapper::{Config, GroupBuilder, Ioc};
//! let mut group = GroupBuilder::new("lab:");
//! group.pv("temperature", 21.5).add()?;
//! let ioc = Ioc::builder().group(group).start(Config::isolated())?;
//! let settings = Settings { addresses: vec![([127, 0, 0, 1], 0).into()], ..Settings::default() };
//! let panel = Panel::start(ioc.handle().view(), settings)?;
//! println!("http://{}/", panel.address());
//! panel.stop();
//! ioc.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod api;
mod counters;
mod guard;
mod json;
mod meta;
mod options;
mod page;
mod patient;
mod pictures;
mod put;
mod rates;
mod reader;
mod remote;
mod routes;
mod server;
mod settings;
mod shared;
mod token;

#[cfg(doctest)]
#[doc = include_str!("../../docs/panel.md")]
struct Guide;

pub use options::{Options, Place};
pub use server::Panel;
pub use settings::{Origin, Settings};
pub use token::Token;
