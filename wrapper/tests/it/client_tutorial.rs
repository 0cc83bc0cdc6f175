//! `docs/client.md`: each of its examples stands here word for word, and is run.

use std::sync::mpsc::channel;
use std::time::Duration;

use wrapper::client::{ClientConfig, Context, Error, EventMask, Reading, Reply, Status};
use wrapper::{
    AccessRights, AlarmSeverity, Command, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Meta,
    Pv, SystemDevice,
};

wrapper::pv_enum! {
    /// A shutter.
    pub enum Shutter {
        /// No beam.
        Closed = "Closed",
        /// Beam.
        Open = "Open",
    }
}

/// Says what it did.
struct Stage;

impl SystemDevice for Stage {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        group.pv("move", 0.0).command(&port, |to: f64| Command::new("move").arg("to", to)).add()?;
        Ok(())
    }

    fn execute(&mut self, command: Command, _: &DeviceIo) -> Result<wrapper::Reply, DeviceError> {
        match command.get("to").and_then(wrapper::Arg::as_f64) {
            Some(to) if to < 10.0 => Ok(wrapper::Reply::message("there")),
            _ => Err(DeviceError::new("the stage ends at 10 mm")),
        }
    }
}

struct Lab {
    ioc: Ioc,
    x: Pv<f64>,
}

type Run = Result<(), Box<dyn std::error::Error>>;

fn lab() -> Result<Lab, Box<dyn std::error::Error>> {
    let mut g = GroupBuilder::new("random_walk:");
    g.pv("dt", 3.0).units("s").precision(1).control_limits(0.0..=60.0).add()?;
    let x = g.pv("x", 0.0).alarm_limits(-100.0..=100.0).add()?;
    g.pv("shutter", Shutter::Closed).add()?;
    g.pv("note", "nothing yet".to_owned()).add()?;
    g.pv("wave", vec![1.0, 2.0, 3.0]).max_length(100).add()?;
    g.pv("serial", 4711).read_only().add()?;
    let ioc = Ioc::builder().device("stage", "stage:", Box::new(Stage))?.group(g).start(Config::isolated())?;
    Ok(Lab { ioc, x })
}

impl Lab {
    fn client(&self) -> Result<Context, Error> {
        let udp_port = self.ioc.udp_addresses()[0].port();
        let client = Context::new(ClientConfig::isolated(udp_port))?;
        Ok(client)
    }

    fn clients_of_x(&self, count: usize) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.x.watched() != count {
            assert!(std::time::Instant::now() < deadline, "{} watch, not {count}", self.x.watched());
            std::thread::yield_now();
        }
    }
}

#[test]
fn pvs_and_their_connection() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let [x, dt] = client.pvs(["random_walk:x", "random_walk:dt"]);
    assert!(x.to_string().starts_with("random_walk:x: "));

    dt.connected().wait()?;
    println!("{dt}");
    println!("{client}");
    assert!(dt.to_string().contains("Double[1]"));

    let status = dt.status();
    assert!(status.connected && status.count == 1);
    assert_eq!(status.rights, AccessRights::all());
    x.connected().wait()?;
    assert!(client.to_string().starts_with("2 channels, 2 connected, 0 searched; 1 circuits"));

    let (sender, changes) = channel();
    let watch = dt.raw().on_status(move |status: Status| _ = sender.send(status.connected));
    assert!(changes.recv_timeout(Duration::from_secs(10))?);
    drop(watch);
    Ok(())
}

#[test]
fn values_are_got() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let dt = client.pv("random_walk:dt");
    let period: f64 = dt.get_as().wait()?;
    let wave = client.pv("random_walk:wave").get_as::<Vec<f64>>().wait()?;
    assert_eq!((period, wave), (3.0, vec![1.0, 2.0, 3.0]));

    let response = dt.get_as::<Reply>().wait()?;
    println!("{response:?}");
    assert_eq!(response.as_f64(), Some(3.0));

    use wrapper::client::raw::Channel;
    let data = dt.raw().get(Channel::TIME, 0, Duration::from_secs(5)).wait()?.expect("a get brings data");
    assert_eq!(data.payload.len(), 24);
    assert_eq!(data.payload[16..], 3.0_f64.to_be_bytes());
    Ok(())
}

#[test]
fn values_are_put() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let dt = client.pv("random_walk:dt");
    dt.put(1.0).wait()?;
    assert_eq!(dt.get_as::<f64>().wait()?, 1.0);

    client.pv("stage:move").put_notify(2.5).wait()?;

    let move_ = client.pv("stage:move").within(Duration::from_secs(60));
    move_.put_notify(3.5).wait()?;

    let stage = client.pv("stage:move");
    stage.connected().wait()?;
    let moving = stage.put_notify(1.5); // on its way
    moving.wait()?;
    Ok(())
}

#[test]
fn values_are_monitored() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let x = client.pv("random_walk:x");
    let mut monitor = x.monitor::<f64>();
    assert_eq!(monitor.wait(Duration::from_secs(10)).ok_or("no first value")??, 0.0);
    lab.x.post(1.0);
    lab.x.post(2.0);
    lab.x.post(3.0);

    for update in monitor.updates(Duration::from_secs(5)) {
        let value = update?;
        println!("x is {value}");
        if value >= 3.0 {
            break;
        }
    }

    lab.x.post(4.0);
    tokio::runtime::Runtime::new()?.block_on(async {
        let value = monitor.next().await?;
        assert_eq!(value, 4.0);
        Ok::<_, Error>(())
    })?;
    Ok(())
}

#[test]
fn callbacks_share_a_subscription_that_ends_with_the_last() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let x = client.pv("random_walk:x");
    let (sender, seen) = channel();
    let to_plot = sender.clone();
    let log = x.on_update::<f64>(move |update| _ = sender.send(("log", update.ok())));
    let plot = x.on_update::<f64>(move |update| _ = to_plot.send(("plot", update.ok())));
    let both = [seen.recv_timeout(Duration::from_secs(10))?, seen.recv_timeout(Duration::from_secs(10))?];
    assert!(both.contains(&("log", Some(0.0))) && both.contains(&("plot", Some(0.0))));
    assert_eq!(client.raw().report().circuits[0].subscriptions, 1);
    lab.clients_of_x(1);

    drop(log);
    drop(plot);
    lab.clients_of_x(0);
    Ok(())
}

#[test]
fn many_requests_leave_together() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let channels = client.pvs(["random_walk:dt", "random_walk:x", "random_walk:serial"]);
    let values = client.get_all::<f64>(&channels).wait();
    let values: Vec<f64> = values.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(values, [3.0, 0.0, 4711.0]);

    let [dt, x, _] = &channels;
    for done in client.put_all([(dt, 2.0), (x, 5.0)]).wait() {
        done?;
    }
    assert_eq!(x.get_as::<f64>().wait()?, 5.0);
    Ok(())
}

#[test]
fn alarm_time_and_metadata_come_with_the_value() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let (x, dt) = (client.pv("random_walk:x"), client.pv("random_walk:dt"));
    lab.x.post(120.0);
    let reading = x.get_as::<Reading<f64>>().wait()?;
    assert_eq!(reading.value, 120.0);
    assert_eq!(reading.alarm.severity, AlarmSeverity::Major);
    assert!(reading.time.is_some());

    let meta = dt.get_as::<Meta>().wait()?;
    assert_eq!((&*meta.units, meta.precision), ("s", 1));
    assert_eq!((meta.control.low, meta.control.high), (0.0, 60.0));

    let mut alarms = x.monitor_for::<Reading<f64>>(EventMask::ALARM);
    let first = alarms.wait(Duration::from_secs(10)).ok_or("no first value")??;
    assert_eq!(first.alarm.severity, AlarmSeverity::Major);
    Ok(())
}

#[test]
fn enumerations_and_texts() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let shutter = client.pv("random_walk:shutter");
    shutter.put_notify(Shutter::Open).wait()?;
    assert_eq!(shutter.get_as::<Shutter>().wait()?, Shutter::Open);
    assert_eq!(shutter.get_as::<String>().wait()?, "Open");

    shutter.put_notify("Closed").wait()?;
    assert_eq!(shutter.get_as::<i16>().wait()?, 0);
    let labels = shutter.get_as::<Meta>().wait()?.labels;
    assert_eq!(labels, ["Closed", "Open"].map(Box::from));

    let note = client.pv("random_walk:note");
    note.put_notify("a text of more than forty bytes, which is no STRING any more").wait()?;
    assert_eq!(note.get_as::<String>().wait()?.len(), 60);
    Ok(())
}

#[test]
fn errors_say_what_and_why() -> Run {
    let lab = lab()?;
    let client = lab.client()?;
    let absent = client.pv("random_walk:y").within(Duration::from_millis(200));
    let error = absent.get_as::<f64>().wait().expect_err("nobody has it");
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "random_walk:y: not connected in time");

    let error = client.pv("random_walk:serial").put_notify(1).wait().expect_err("it is read-only");
    assert!(error.is_access_denied());

    let error = client.pv("stage:move").put_notify(11.0).wait().expect_err("the stage ends there");
    println!("{error}");
    assert_eq!(error.eca(), Some(wrapper::client::Eca::PUTFAIL));

    let error = client.pv("random_walk:dt").get_as::<Shutter>().wait().expect_err("3 is no shutter");
    assert!(error.is_unfit());
    assert_eq!(error.to_string(), "random_walk:dt: 3 is no index of the labels Closed, Open");
    Ok(())
}

#[test]
fn settings_come_from_the_environment() {
    let lookup = |name| match name {
        "EPICS_CA_ADDR_LIST" => Some("10.0.0.255 server.lab.example:5070".to_owned()),
        "EPICS_CA_CONN_TMO" => Some("10".to_owned()),
        _ => None,
    };
    let (config, warnings) = ClientConfig::from_lookup(lookup);
    assert_eq!(config.connection_timeout, Duration::from_secs(10));
    assert_eq!(config.addresses[0].to_string(), "10.0.0.255:5064");
    warnings.iter().for_each(|warning| println!("{warning}"));
}

/// The lines of a text without what stands in front of them.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_example_of_the_tutorial_is_one_of_these() {
    let (page, here) = (include_str!("../../../docs/client.md"), lines(include_str!("client_tutorial.rs")));
    let examples: Vec<_> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 10, "{} examples", examples.len());
    for example in examples {
        let wanted = lines(example);
        assert!(here.windows(wanted.len()).any(|part| part == wanted), "is not run:\n{example}");
    }
}
