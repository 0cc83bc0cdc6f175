//! The chart in an IOC of this process, met by our client over loopback.

mod images;
mod lab;
mod traces;
