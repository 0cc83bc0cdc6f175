//! An IOC with a PV of each kind, for real clients; `tests/peers/kinds.py` says what they must find in it.

use std::sync::{Arc, Mutex};

use wrapper::{
    Alarm, AlarmSeverity, AlarmStatus, ArgType, Command, CommandSpec, Config, DeviceError, DeviceIo,
    FixedString, GroupBuilder, GroupError, Ioc, Post, Pv, PvBuilder, PvType, Reply, SystemDevice,
};

wrapper::pv_enum! {
    /// Three states.
    pub(crate) enum Choice {
        /// The first.
        Zero = "Zero",
        /// The second.
        One = "One",
        /// The third, with a label as long as can be.
        Two = "Two, of twenty-five bytes",
    }
}

/// Capacity of the arrays.
const LONGEST: usize = 10_000_000;
/// Capacity of the array of strings.
const CELLS: usize = 16_384;
/// Capacity of the text.
const TEXT: usize = 10_000;
/// Elements of an array that is posted many times.
const WAVE: usize = 100_000;
/// The PV that comes and goes.
const GONE: &str = "k:gone";

/// The IOC; stopped when dropped.
pub(crate) struct Kinds {
    ioc: Shared,
    /// Where searches are answered.
    pub(crate) udp: u16,
}

type Shared = Arc<Mutex<Option<Ioc>>>;

impl Kinds {
    /// Starts it on free ports of loopback.
    pub(crate) fn start() -> Self {
        let ioc = Shared::default();
        let (group, posted) = group().expect("good PVs");
        let control = Control::new(ioc.clone(), posted);
        let builder = Ioc::builder().group(group).group(gone());
        let builder = builder.device("control", "x:", Box::new(control)).expect("good PVs");
        let running = builder.start(Config::isolated()).expect("loopback");
        let udp = running.udp_addresses()[0].port();
        *ioc.lock().expect("no holder panics") = Some(running);
        Self { ioc, udp }
    }
}

impl Drop for Kinds {
    fn drop(&mut self) {
        let ioc = self.ioc.lock().expect("no holder panics").take();
        if let Some(ioc) = ioc {
            ioc.stop();
        }
    }
}

fn group() -> Result<(GroupBuilder, Posted), GroupError> {
    let mut g = GroupBuilder::new("k:");
    sources(&mut g)?;
    targets(&mut g)?;
    arrays(&mut g)?;
    let posted = Posted::build(&mut g)?;
    g.pv("fixed", 4.5).read_only().add()?;
    g.pv("limited", 1.0).control_limits(-10.0..=10.0).add()?;
    g.pv("slice", (0..10).map(f64::from).collect::<Vec<_>>()).max_length(16).add()?;
    g.pv("filtered", 0.0).add()?;
    described(g.pv("field", 50.25)).doc("a number with fields").add()?;
    described(g.pv("mask", 50.0)).deadbands(1.0, 3.0).add()?;
    Ok((g, posted))
}

/// One PV of each native type, read as each DBR type.
fn sources(g: &mut GroupBuilder) -> Result<(), GroupError> {
    described(g.pv("short", 85i16)).add()?;
    described(g.pv("long", 85i32)).add()?;
    described(g.pv("float", 85.25f32)).add()?;
    described(g.pv("double", 85.25)).add()?;
    described(g.pv("char", vec![85u8, 200, 9])).max_length(8).add()?;
    g.pv("string", FixedString::cut("85.25")).add()?;
    let alarm = Alarm { status: AlarmStatus::State, severity: AlarmSeverity::Minor };
    g.pv("enum", Choice::Two).add()?.post_with(Choice::Two, Post::new().alarm(alarm));
    Ok(())
}

/// Units, decimals and limits that fit all native types.
fn described<T: PvType>(pv: PvBuilder<'_, T>) -> PvBuilder<'_, T> {
    let pv = pv.units("mm/s").precision(3).display_limits(0.0..=120.0).control_limits(5.0..=110.0);
    pv.alarm_limits(10.0..=90.0).warning_limits(20.0..=80.0)
}

/// PVs that are put, and keep it.
fn targets(g: &mut GroupBuilder) -> Result<(), GroupError> {
    g.pv("to_short", 0i16).add()?;
    g.pv("to_long", 0i32).add()?;
    g.pv("to_float", 0f32).add()?;
    g.pv("to_double", 0.0).precision(4).add()?;
    g.pv("to_enum", Choice::Zero).add()?;
    g.pv("to_string", FixedString::cut("")).add()?;
    g.pv("to_char", vec![0u8]).max_length(8).add()?;
    g.pv("text", String::from("a text")).max_length(TEXT).add()?;
    Ok(())
}

/// Arrays that are empty at first.
fn arrays(g: &mut GroupBuilder) -> Result<(), GroupError> {
    g.pv("chars", Vec::<u8>::new()).max_length(LONGEST).add()?;
    g.pv("shorts", Vec::<i16>::new()).max_length(LONGEST).add()?;
    g.pv("longs", Vec::<i32>::new()).max_length(LONGEST).add()?;
    g.pv("floats", Vec::<f32>::new()).max_length(LONGEST).add()?;
    g.pv("doubles", Vec::<f64>::new()).max_length(LONGEST).add()?;
    g.pv("strings", Vec::<FixedString>::new()).max_length(CELLS).add()?;
    Ok(())
}

fn gone() -> GroupBuilder {
    let mut g = GroupBuilder::new("");
    g.pv(GONE, 1.5).add().expect("a good PV");
    g
}

/// PVs that are posted when a client asks.
struct Posted {
    burst: Pv<f64>,
    wave: Pv<Vec<f64>>,
    /// Requests on all circuits so far.
    requests: Pv<f64>,
}

impl Posted {
    fn build(g: &mut GroupBuilder) -> Result<Self, GroupError> {
        Ok(Self {
            burst: g.pv("burst", 0.0).every_post().add()?,
            wave: g.pv("wave", Vec::new()).max_length(WAVE).add()?,
            requests: g.pv("requests", 0.0).read_only().add()?,
        })
    }
}

/// Does what a client asks of the server: posts, and takes a PV away and brings it back.
struct Control {
    specs: Vec<CommandSpec>,
    ioc: Shared,
    posted: Posted,
}

impl Control {
    fn new(ioc: Shared, posted: Posted) -> Self {
        let spec = |(name, doc)| CommandSpec::new(name, doc).arg("n", ArgType::Number, "");
        Self { specs: COMMANDS.map(spec).to_vec(), ioc, posted }
    }
}

/// What a client can ask for, by a put of a number.
const COMMANDS: [(&str, &str); 4] = [
    ("post", "posts 1 to n"),
    ("wave", "posts arrays full of 1 to n"),
    ("count", "tells the requests so far"),
    ("serve", "serves the PV that comes and goes, or not"),
];

impl SystemDevice for Control {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        for (name, _) in COMMANDS {
            group.pv(name, 0.0).command(&port, move |n| Command::new(name).arg("n", n)).add()?;
        }
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        let n = command.number("n")? as u32;
        let posted = &self.posted;
        let ioc = self.ioc.lock().map_err(|_| "poisoned")?;
        let ioc = ioc.as_ref().ok_or("no IOC")?;
        match (command.name(), n) {
            ("post", _) => (1..=n).for_each(|value| posted.burst.post(f64::from(value))),
            ("wave", _) => (1..=n).for_each(|value| posted.wave.post(vec![f64::from(value); WAVE])),
            ("count", _) => {
                let requests: u64 = ioc.report().circuits.iter().map(|circuit| circuit.requests).sum();
                posted.requests.post(requests as f64);
            }
            (_, 0) if ioc.remove(GONE) => {}
            (_, 0) => return Err("it is gone already".into()),
            _ => ioc.add(gone()).map_err(|error| DeviceError::new(error.to_string()))?,
        }
        Ok(Reply::done())
    }
}
