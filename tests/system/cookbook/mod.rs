//! The recipes of the cookbook, each run as its reader runs it: the example, what it talks to, and a client.

mod devices;
mod instruments;
#[path = "../../docs/markdown.rs"]
mod markdown;
mod pages;
mod python;
mod weather;

use std::net::Ipv4Addr;
use std::thread::{self, JoinHandle};

use wrapper::client::{Channel, ClientConfig, Context, Error, FromData, Reading};
use wrapper::{Alarm, PvType};

use crate::gallery::examples;
use crate::launch::{SOON, Server, free_port, seqioc_of, wait_for};

/// A running example, and a client of it.
struct Recipe {
    server: Server,
    client: Context,
    prefix: &'static str,
}

impl Recipe {
    fn start(name: &str, prefix: &'static str, flags: &[&str]) -> Self {
        Self::beside(name, prefix, flags, None)
    }

    /// With an IOC of which it is a client, on this port.
    fn beside(name: &str, prefix: &'static str, flags: &[&str], port: Option<u16>) -> Self {
        let program = examples().join(name);
        let all = [flags, &["--ready", "json", "--interfaces", "127.0.0.1"]].concat();
        let mut command = seqioc_of(program.to_str().expect("UTF-8"), &all);
        command.env("EPICS_CA_AUTO_ADDR_LIST", "NO").env("EPICS_CA_REPEATER_PORT", free_port().to_string());
        if let Some(port) = port {
            command.env("EPICS_CA_ADDR_LIST", format!("{}:{port}", Ipv4Addr::LOCALHOST));
        }
        let mut server = Server::spawn(command);
        server.ready();
        let client = Context::new(ClientConfig::isolated(server.udp)).expect("a socket").within(SOON);
        Self { server, client, prefix }
    }

    fn pv(&self, name: &str) -> Channel {
        self.client.pv(&format!("{}{name}", self.prefix))
    }

    fn get<T: FromData>(&self, name: &str) -> T {
        self.pv(name).get_as().wait().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Puts, and waits until the device is done.
    fn put(&self, name: &str, value: impl wrapper::client::IntoPut) {
        self.pv(name).put_notify(value).wait().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts a put; its end, from a thread that waits for it.
    fn begin(&self, name: &str, value: f64) -> JoinHandle<Result<(), Error>> {
        let channel = self.pv(name);
        thread::spawn(move || channel.put_notify(value).wait())
    }

    /// A put that fails, and why.
    fn refused(&self, name: &str, value: impl wrapper::client::IntoPut) -> String {
        self.pv(name).put_notify(value).wait().expect_err("it is refused");
        self.get("seq.ERROR")
    }

    /// A command that is begun, and not waited for.
    fn command(&self, text: &'static str) -> JoinHandle<Result<(), Error>> {
        let channel = self.pv("seq.CMD");
        thread::spawn(move || channel.put_notify(text).wait())
    }

    fn alarm(&self, name: &str) -> Alarm {
        self.get::<Reading<String>>(name).alarm
    }

    fn until_alarm(&self, name: &str, alarm: Alarm) {
        let channel = self.pv(name);
        wait_for(&format!("{name} with {alarm:?}"), SOON, || {
            let reading = channel.get_as::<Reading<String>>().wait().ok()?;
            (reading.alarm == alarm).then_some(())
        });
    }

    fn until<T: FromData + PvType + PartialEq + std::fmt::Debug>(&self, name: &str, wanted: &T) {
        let channel = self.pv(name);
        wait_for(&format!("{name} = {wanted:?}"), SOON, || {
            (channel.get_as::<T>().wait().ok()? == *wanted).then_some(())
        });
    }
}
