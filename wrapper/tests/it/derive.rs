//! Groups made by `#[derive(PvGroup)]`: what each attribute does, as a client sees it.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wrapper::{
    Alarm, AnyPv, Config, FixedString, GroupBuilder, GroupError, Ioc, LimitPair, PutDecision, Pv, PvGroup,
    PvPair, PvType, Scan, Value,
};

use crate::raw::{DEADLINE, Raw, eventually};

/// A served group, what its type holds, and a client.
struct Lab<G> {
    ioc: Ioc,
    raw: Raw,
    pvs: Arc<G>,
}

impl<G> Lab<G> {
    fn of(build: impl FnOnce(&mut GroupBuilder) -> Result<Arc<G>, GroupError>) -> Self {
        let mut group = GroupBuilder::with_macros("d:", [("axis", "x")]).expect("a prefix");
        let pvs = build(&mut group).expect("a good group");
        let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
        let raw = Raw::connect(ioc.tcp_addresses()[0]);
        Self { ioc, raw, pvs }
    }

    fn put(&mut self, name: &str, value: f64) -> u32 {
        let channel = self.raw.channel(name);
        self.raw.put(channel, value)
    }

    fn get(&mut self, name: &str) -> f64 {
        let channel = self.raw.channel(name);
        self.raw.get(channel, 6, 1).double()
    }

    fn text(&mut self, name: &str) -> String {
        let channel = self.raw.channel(name);
        self.raw.get(channel, 0, 1).text()
    }
}

wrapper::pv_enum! {
    enum Position { In = "in", Out = "out" }
}

#[derive(PvGroup)]
struct Described {
    /// Where the stage
    /// stands.
    ///
    /// A second paragraph is for readers of the code.
    #[pv(
        name = "VAL",
        value = 2.5,
        units = "mm",
        precision = 3,
        display_limits = -10.0..=10.0,
        control_limits = -3.0..=7.0,
        alarm_limits = -2.0..=6.0,
        warning_limits = -1.0..=5.0,
        deadbands = (0.5, 1.0),
        check(|mm: &f64| if *mm == 5.0 { Err("blocked") } else { Ok(()) }),
    )]
    position: Pv<f64>,
    #[pv(name = "{axis}:text", value = "hello", max_length = 8, read_only)]
    text: Pv<String>,
    #[pv(value = "short")]
    fixed: Pv<FixedString>,
    #[pv(value = [1, 2, 3], max_length = 5)]
    list: Pv<Vec<i32>>,
    #[pv(value = [0.5; 4])]
    flat: Pv<Vec<f64>>,
    #[pv(value = true, labels = ["Shut", "Open"])]
    valve: Pv<bool>,
    #[pv(value = Position::Out)]
    filter: Pv<Position>,
    #[pv(value = 1, every_post, doc = "counts")]
    count: Pv<i32>,
    #[pv]
    undefined: Pv<f32>,
    bare: Pv<i16>,
    r#type: Pv<i16>,
}

#[test]
fn keys_describe_a_pv() {
    let mut lab = Lab::of(Described::build);
    let pvs = lab.pvs.clone();
    let meta = pvs.position.any().meta();
    assert_eq!((&*meta.units, meta.precision), ("mm", 3));
    assert_eq!(meta.display, LimitPair::new(-10.0, 10.0));
    assert_eq!(meta.control, LimitPair::new(-3.0, 7.0));
    assert_eq!(meta.alarm, LimitPair::new(-2.0, 6.0));
    assert_eq!(meta.warning, LimitPair::new(-1.0, 5.0));
    assert_eq!((pvs.position.name(), pvs.position.get()), ("d:VAL", 2.5));
    assert_eq!(
        (lab.text("d:VAL.DESC"), lab.text("d:count.DESC")),
        ("Where the stage stands.".into(), "counts".into())
    );
    assert_eq!((lab.get("d:VAL.MDEL"), lab.get("d:VAL.ADEL")), (0.5, 1.0));
    assert_eq!((lab.put("d:VAL", 5.0), lab.put("d:VAL", 8.0), lab.put("d:VAL", 4.0)), (160, 160, 1));
    assert_eq!(lab.text("d:x:text"), "hello");
    let text = lab.raw.channel("d:x:text");
    assert_eq!((text.count, text.rights), (8, 1), "8 bytes, read-only");
    assert_eq!((pvs.fixed.get(), pvs.text.get()), ("short".into(), "hello".to_owned()));
    assert_eq!((pvs.list.get(), lab.raw.channel("d:list").count), (vec![1, 2, 3], 5));
    assert_eq!(pvs.flat.get(), [0.5; 4]);
    assert_eq!((lab.text("d:valve"), lab.text("d:filter")), ("Open".to_owned(), "out".to_owned()));
    assert_eq!(pvs.filter.get(), Position::Out);
    assert_eq!((pvs.undefined.alarm(), pvs.bare.alarm()), (Alarm::UDF, Alarm::UDF));
    assert_eq!(pvs.r#type.name(), "d:type");
}

#[test]
fn every_post_is_a_key_without_a_value() {
    let mut lab = Lab::of(Described::build);
    let (every, changed) = (lab.raw.channel("d:count"), lab.raw.channel("d:bare"));
    let (every, changed) = (lab.raw.monitor(every, 5, 1, 1), lab.raw.monitor(changed, 5, 1, 1));
    lab.raw.until(|m| m.header.p2 == changed);
    lab.pvs.count.post(1);
    let seen = lab.raw.until(|m| m.header.p2 == every);
    assert_eq!(seen.last().expect("an update").long(), 1, "an equal value is told");
}

/// Hooks of PVs, each as a method.
#[derive(PvGroup)]
struct Hooked {
    #[arg]
    low: i32,
    #[pv(value = 0, put = Self::set)]
    put: Pv<i32>,
    #[pv(value = 0, put_async = Self::set_later)]
    put_later: Pv<i32>,
    #[pv(value = 0, get = Self::count)]
    get: Pv<i32>,
    #[pv(value = 0, get_async = Self::count_later)]
    get_later: Pv<i32>,
    #[pv(value = 0, scan(Scan::every(Duration::from_millis(1)), Self::tick))]
    scan: Pv<i32>,
    #[pv(value = 0, scan_async(Scan::every(Duration::from_millis(1)), Self::tick_later))]
    scan_later: Pv<i32>,
    #[pv(value = 0, startup = Self::start)]
    startup: Pv<i32>,
    #[pv(value = 0, startup_async = Self::start_later)]
    startup_later: Pv<i32>,
    counted: Mutex<i32>,
    #[init(100 + low)]
    base: i32,
}

impl Hooked {
    fn set(&self, pv: &Pv<i32>, value: i32) -> Result<PutDecision<i32>, String> {
        if value < self.low {
            return Err(format!("{} starts at {}", pv.name(), self.low));
        }
        Ok(PutDecision::Replace(self.base + value))
    }

    async fn set_later(self: Arc<Self>, pv: Pv<i32>, value: i32) -> PutDecision<i32> {
        wrapper::sleep(Duration::from_millis(1)).await;
        PutDecision::Replace(pv.get() - self.base - value)
    }

    fn count(&self, _pv: &Pv<i32>) -> Option<i32> {
        let mut counted = self.counted.lock().expect("a lock");
        *counted += 1;
        Some(*counted)
    }

    async fn count_later(self: Arc<Self>, pv: Pv<i32>) -> Option<i32> {
        wrapper::sleep(Duration::from_millis(1)).await;
        Some(pv.get() + 10)
    }

    fn tick(&self, pv: &Pv<i32>) {
        pv.post(pv.get() + 1);
    }

    async fn tick_later(self: Arc<Self>, pv: Pv<i32>) {
        pv.post(pv.get() + self.base);
    }

    fn start(&self, pv: &Pv<i32>) {
        pv.post(self.low);
    }

    async fn start_later(self: Arc<Self>, pv: Pv<i32>) -> Result<(), String> {
        pv.post(self.base);
        Err("no equipment".to_owned())
    }
}

#[test]
fn hooks_are_methods() {
    let mut lab = Lab::of(|group| Hooked::build(group, 3));
    assert_eq!((lab.put("d:put", 2.0), lab.put("d:put", 3.0), lab.get("d:put")), (160, 1, 106.0));
    assert_eq!((lab.put("d:put_later", 7.0), lab.get("d:put_later")), (1, -110.0));
    assert_eq!((lab.get("d:get"), lab.get("d:get")), (1.0, 2.0));
    assert_eq!((lab.get("d:get_later"), lab.get("d:get_later")), (10.0, 20.0));
    let pvs = lab.pvs.clone();
    eventually("the scans run", || (pvs.scan.get() > 2 && pvs.scan_later.get() > 206).then_some(()));
    eventually("the startup hooks run", || {
        (pvs.startup.get() == 3 && pvs.startup_later.get() == 103).then_some(())
    });
    eventually("a failure shows", || (pvs.startup_later.alarm() != Alarm::NONE).then_some(()));
}

/// A group that others are made of.
#[derive(PvGroup)]
struct Channel {
    #[arg]
    number: usize,
    #[arg]
    top: f64,
    #[pv(name = format!("v{number}"), value = top / 2.0, control_limits = 0.0..=top)]
    level: Pv<f64>,
}

#[derive(PvGroup)]
struct Plain {
    #[pv(value = 1)]
    v: Pv<i32>,
}

#[derive(PvGroup)]
struct Nested {
    #[arg]
    channels: usize,
    #[group]
    plain: Arc<Plain>,
    #[group(prefix = "{axis}-", args(9, 4.0))]
    one: Arc<Channel>,
    #[group(with = |group| (0..channels).map(|n| Channel::build(group, n, 1.0)).collect())]
    many: Vec<Arc<Channel>>,
    #[group(prefix = format!("{channels}:"), with = |group| group.pv("last", 0).add())]
    last: Pv<i32>,
    #[group(with = |group| Ok(group.macro_value("axis").unwrap_or("none").to_owned()))]
    axis: String,
}

#[test]
fn groups_are_made_of_groups() {
    let mut lab = Lab::of(|group| Nested::build(group, 2));
    let pvs = lab.pvs.clone();
    assert_eq!((pvs.channels, pvs.axis.as_str(), pvs.plain.v.name()), (2, "x", "d:plain:v"));
    assert_eq!((pvs.one.number, pvs.one.top, pvs.one.level.name()), (9, 4.0, "d:x-v9"));
    let names: Vec<_> = pvs.many.iter().map(|channel| channel.level.name()).collect();
    assert_eq!((names, pvs.last.name()), (vec!["d:v0", "d:v1"], "d:2:last"));
    assert_eq!((lab.put("d:v1", 1.5), lab.put("d:v1", 0.75), pvs.many[1].level.get()), (160, 1, 0.75));
    assert_eq!(lab.get("d:x-v9"), 2.0);
}

#[test]
fn a_group_without_arguments_is_added_by_its_type() {
    let mut group = GroupBuilder::new("t:");
    assert_eq!(group.add::<Plain>().expect("a good group").v.name(), "t:v");
    assert_eq!(group.group("sub:", Plain::build).expect("a good group").v.name(), "t:sub:v");
    let twice = group.add::<Plain>().map(|_| ()).expect_err("twice").to_string();
    assert_eq!(twice, r#"PV "t:v": the name is taken"#);
}

/// Two PVs of any type.
#[derive(PvGroup)]
struct Twins<T: PvType + Clone> {
    #[arg]
    first: T,
    /**
    A comment
    as a block.
    */
    #[pv(value = first.clone())]
    a: Pv<T>,
    #[pv(value = first.clone())]
    b: Pv<T>,
}

#[test]
fn a_group_may_have_type_parameters() {
    let mut lab = Lab::of(|group| Twins::build(group, 2.5));
    let pvs = lab.pvs.clone();
    assert_eq!((pvs.first, pvs.a.get(), pvs.b.get()), (2.5, 2.5, 2.5));
    assert_eq!(lab.text("d:a.DESC"), "A comment as a block.");
    let mut group = GroupBuilder::new("t:");
    let words = Twins::build(&mut group, vec![FixedString::from("x")]).expect("a good group");
    assert_eq!(words.b.get(), words.first);
}

/// Hooks of the whole group.
#[derive(PvGroup)]
#[group(put = Self::any_put, get = Self::any_get, startup = Self::start, startup_async = Self::start_later)]
#[group(shutdown = Self::stop, shutdown_async = Self::stop_later)]
struct Whole {
    #[arg]
    log: Sender<String>,
    #[pv(value = 1)]
    a: Pv<i32>,
    #[pv(value = 2, put = Self::own)]
    b: Pv<i32>,
}

impl Whole {
    fn say(&self, text: impl Into<String>) {
        _ = self.log.send(text.into());
    }

    fn any_put(&self, pv: &AnyPv, _value: &Value) {
        self.say(format!("put {}", pv.name()));
    }

    fn any_get(&self, pv: &AnyPv) {
        self.say(format!("get {}", pv.name()));
    }

    fn own(&self, _pv: &Pv<i32>, value: i32) {
        self.say(format!("own {value}"));
    }

    fn start(&self) {
        self.say(format!("start {}", self.a.get()));
    }

    async fn start_later(self: Arc<Self>) {
        self.say(format!("start later {}", self.b.get()));
    }

    fn stop(&self) {
        self.say("stop");
    }

    async fn stop_later(self: Arc<Self>) {
        self.say("stop later");
    }
}

#[test]
fn a_struct_has_hooks_of_the_whole_group() {
    let (log, said) = channel();
    let mut lab = Lab::of(|group| Whole::build(group, log));
    assert_eq!((lab.put("d:a", 5.0), lab.put("d:b", 6.0), lab.get("d:a")), (1, 1, 5.0));
    lab.ioc.stop();
    let said: Vec<_> = (0..7).map(|_| said.recv_timeout(DEADLINE).expect("a line")).collect();
    let (start, rest) = said.split_at(5);
    assert_eq!(start, ["start 1", "start later 2", "put d:a", "own 6", "get d:a"]);
    assert!(rest.contains(&"stop".to_owned()) && rest.contains(&"stop later".to_owned()), "{rest:?}");
}

#[derive(PvGroup)]
struct Pairs {
    /// Power of the heater.
    #[pair(
        value = 1.0,
        units = "W",
        setpoint(control_limits = 0.0..=50.0),
        readback(precision = 2, alarm_limits = 0.0..=40.0),
    )]
    power: PvPair<f64>,
    #[pair(name = "T", value = 20, setpoint_suffix = "_SP", readback_suffix = ":RB", put = Self::heat)]
    temperature: PvPair<i32>,
    #[pair(value = 0, put_async = Self::heat_later, scan(Scan::every(Duration::from_millis(1)), Self::drift))]
    drifting: PvPair<i32>,
    bare: PvPair<bool>,
}

impl Pairs {
    fn heat(&self, _pv: &Pv<i32>, value: i32) {
        self.temperature.readback.post(value - 1);
    }

    async fn heat_later(self: Arc<Self>, _pv: Pv<i32>, value: i32) -> PutDecision<i32> {
        PutDecision::Replace(value * 2)
    }

    fn drift(&self, pv: &Pv<i32>) {
        pv.post(pv.get() + 1);
    }
}

#[test]
fn pairs_copy_unless_they_have_a_hook() {
    let mut lab = Lab::of(Pairs::build);
    let pvs = lab.pvs.clone();
    assert_eq!((lab.put("d:power", 60.0), lab.put("d:power", 45.0)), (160, 1));
    assert_eq!((lab.get("d:power"), lab.get("d:power_RBV")), (45.0, 45.0));
    assert_eq!((pvs.power.setpoint.alarm(), pvs.power.readback.alarm() != Alarm::NONE), (Alarm::NONE, true));
    let (setpoint, readback) = (pvs.power.setpoint.any().meta(), pvs.power.readback.any().meta());
    assert_eq!((&*setpoint.units, &*readback.units), ("W", "W"));
    assert_eq!((setpoint.precision, readback.precision), (6, 2));
    assert_eq!(lab.text("d:power_RBV.DESC"), "Power of the heater.");
    assert_eq!(lab.raw.channel("d:power_RBV").rights, 1, "a readback is read-only");
    assert_eq!((lab.put("d:T_SP", 30.0), lab.get("d:T:RB")), (1, 29.0));
    assert_eq!((lab.put("d:drifting", 4.0), lab.get("d:drifting")), (1, 8.0));
    eventually("the readback drifts", || (pvs.drifting.readback.get() > 2).then_some(()));
    assert_eq!(pvs.bare.readback.alarm(), Alarm::UDF);
    assert_eq!((lab.put("d:bare", 1.0), lab.text("d:bare_RBV")), (1, "On".to_owned()));
}

#[test]
fn mistakes_in_a_pair_name_the_pv() {
    let mut group = GroupBuilder::new("p:");
    group.pv("v_RBV", 0).add().expect("a good PV");
    let taken = group.pair("v", 0).add().expect_err("the readback's name is taken").to_string();
    assert_eq!(taken, r#"PV "p:v_RBV": the name is taken"#);
    let long = group.pair(&"x".repeat(55), 0).add().expect_err("the readback's name is too long").to_string();
    assert!(long.contains("this one has 61"), "{long}");
}
