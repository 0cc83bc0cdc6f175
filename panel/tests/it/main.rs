//! The panel as browsers and scripts meet it, and as those do who mean no good.

mod api;
mod foreign;
mod hostile;
mod lab;
mod limits;
mod pictures;
mod puts;
mod remote;
mod slow;
mod stop;
mod stream;
