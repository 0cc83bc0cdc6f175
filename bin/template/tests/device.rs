//! The device in process, driven as a client does it.

use std::time::Duration;

use my_device::{Device, Instrument};

use wrapper::client::{ClientConfig, Context};
use wrapper::{Config, Ioc};

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(30);

struct Lab {
    client: Context,
    _ioc: Ioc,
}

impl Lab {
    fn start() -> Self {
        let device = Box::new(Device::new(Instrument::new()));
        let builder = Ioc::builder()
            .device("my_device", "d:", device)
            .expect("good PVs");
        let ioc = builder.start(Config::isolated()).expect("loopback");
        let port = ioc.udp_addresses()[0].port();
        let client = Context::new(ClientConfig::isolated(port))
            .expect("a client")
            .within(LIMIT);
        Self { client, _ioc: ioc }
    }

    /// Sends a command and waits until the device is done.
    fn command(&self, text: &str) -> Result<(), String> {
        let done = self.client.pv("d:seq.CMD").put_notify(text).wait();
        done.map_err(|_| self.text("seq.ERROR"))
    }

    fn text(&self, name: &str) -> String {
        self.client
            .pv(&format!("d:{name}"))
            .get_as()
            .wait()
            .expect("it is served")
    }

    fn number(&self, name: &str) -> f64 {
        self.client
            .pv(&format!("d:{name}"))
            .get_as()
            .wait()
            .expect("it is served")
    }

    fn values(&self) -> Vec<f64> {
        self.client
            .pv("d:seq.values")
            .get_as()
            .wait()
            .expect("it is served")
    }
}

#[test]
fn a_command_with_arguments_is_done_and_answers() {
    let lab = Lab::start();
    assert_eq!(lab.command("heat(to=40, rate=1000)"), Ok(()));
    assert_eq!(
        (lab.text("seq.ACK"), lab.text("seq.message")),
        ("1".to_owned(), "at 40 C".to_owned())
    );
    assert_eq!(
        (lab.values(), lab.number("temperature")),
        (vec![40.0], 40.0)
    );
}

#[test]
fn a_measurement_gives_its_values() {
    let lab = Lab::start();
    assert_eq!(lab.command("measure(3, time=0)"), Ok(()));
    assert_eq!(
        (lab.values(), lab.text("seq.message")),
        (vec![20.0; 3], "mean 20.000 C".to_owned())
    );
    assert_eq!(lab.number("seq.PROGRESS"), 100.0);
}

#[test]
fn an_abort_ends_a_long_command() {
    let lab = Lab::start();
    let cmd = lab.client.pv("d:seq.CMD");
    // What nobody waits for leaves at once only when the channel is connected.
    cmd.connected().wait().expect("it is served");
    let running = cmd.put_notify("measure(10000, time=3600)");
    let mut state = lab.client.pv("d:seq.STATE").monitor::<String>();
    let busy = state
        .updates(LIMIT)
        .map_while(Result::ok)
        .find(|state| state == "Busy");
    assert!(busy.is_some(), "it does not begin");
    lab.client
        .pv("d:seq.ABORT")
        .put_notify(1)
        .wait()
        .expect("it ends");
    assert!(running.wait().is_err());
    assert_eq!(lab.text("seq.STATE"), "Aborted");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let lab = Lab::start();
    let refused = lab.command("heat(to=1000)").expect_err("it is too hot");
    assert_eq!(refused, "1000 C is outside 0..=200 C");
    let refused = lab.command("heat('up')").expect_err("it is no number");
    assert!(refused.contains("must be a number"), "{refused}");
    assert_eq!(lab.number("temperature"), 20.0);
}

#[test]
fn the_hook_of_the_offset_rounds_and_refuses() {
    let lab = Lab::start();
    let offset = lab.client.pv("d:offset");
    offset.put_notify(0.26).wait().expect("it is taken");
    assert_eq!(lab.number("offset"), 0.3);
    assert!(offset.put_notify(6.0).wait().is_err());
    assert_eq!(lab.number("offset"), 0.3);
    assert_eq!(lab.command("measure(1, time=0)"), Ok(()));
    assert_eq!(lab.values(), [20.3]);
}

#[test]
fn a_put_to_the_target_heats() {
    let lab = Lab::start();
    lab.client
        .pv("d:target")
        .put_notify(21.0)
        .wait()
        .expect("it is done");
    assert_eq!(lab.number("temperature"), 21.0);
    assert!(
        lab.client.pv("d:target").put_notify(500.0).wait().is_err(),
        "it has limits"
    );
}
