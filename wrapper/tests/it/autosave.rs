//! What outlives an IOC: all types, fields, hooks that do not run, values that do not fit, PVs that come later.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wrapper::{
    Alarm, AlarmSeverity, Autosave, Choice, Command, Config, DeviceError, DeviceIo, FixedString,
    GroupBuilder, Ioc, IocBuilder, Pv, Reply, Status, SystemDevice,
};

use crate::raw::{Raw, eventually};

/// A folder that goes when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("autosave-{name}-{}", std::process::id()));
        // It is there only when a run was killed whose process had this number.
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("lab.json")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).expect("it was written")
    }

    pub(crate) fn settings(&self) -> Autosave {
        Autosave::new(&self.0).name("lab").period(Duration::from_millis(100))
    }

    /// Files whose names have this in them.
    pub(crate) fn with(&self, part: &str) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        let mut found: Vec<_> = names.filter(|name| name.contains(part)).collect();
        found.sort();
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn start(folder: &Folder, group: GroupBuilder) -> Ioc {
    start_with(folder.settings(), group)
}

pub(crate) fn start_with(settings: Autosave, group: GroupBuilder) -> Ioc {
    let builder =
        Ioc::builder().group(group).autosave(settings).status(Status::new("lab:")).expect("good names");
    builder.start(Config::isolated()).expect("an IOC")
}

pub(crate) fn client(ioc: &Ioc) -> Raw {
    Raw::connect(ioc.tcp_addresses()[0])
}

pub(crate) fn double(raw: &mut Raw, name: &str) -> f64 {
    let channel = raw.channel(name);
    raw.get(channel, 6, 1).double()
}

pub(crate) fn text(raw: &mut Raw, name: &str) -> String {
    let channel = raw.channel(name);
    raw.get_text(channel)
}

/// Saves now, as clients do.
pub(crate) fn save(raw: &mut Raw) -> u32 {
    let now = raw.channel("lab:SAVE_NOW");
    raw.put(now, 1.0)
}

/// One PV with value 1, saved.
pub(crate) fn one(folder: &Folder) -> (Ioc, Pv<f64>) {
    let mut group = GroupBuilder::new("lab:");
    let pv = group.pv("x", 1.0).autosave().add().expect("a good PV");
    (start(folder, group), pv)
}

struct All {
    double: Pv<f64>,
    float: Pv<f32>,
    long: Pv<i32>,
    short: Pv<i16>,
    on: Pv<bool>,
    choice: Pv<Choice>,
    fixed: Pv<FixedString>,
    text: Pv<String>,
    latin: Pv<String>,
    doubles: Pv<Vec<f64>>,
    bytes: Pv<Vec<u8>>,
    texts: Pv<Vec<FixedString>>,
    unset: Pv<f64>,
}

fn all(group: &mut GroupBuilder) -> Result<All, wrapper::GroupError> {
    Ok(All {
        double: group.pv("double", 0.0).autosave().add()?,
        float: group.pv("float", 0.0_f32).autosave().add()?,
        long: group.pv("long", 0).autosave().add()?,
        short: group.pv("short", 0_i16).autosave().add()?,
        on: group.pv("on", false).autosave().add()?,
        choice: group.pv("choice", Choice(0)).labels(&["a", "b", "c"]).autosave().add()?,
        fixed: group.pv("fixed", FixedString::EMPTY).autosave().add()?,
        text: group.pv("text", String::new()).autosave().add()?,
        latin: group.pv("latin", String::new()).latin1().autosave().add()?,
        doubles: group.pv("doubles", vec![0.0]).max_length(10).autosave().add()?,
        bytes: group.pv("bytes", vec![0_u8]).max_length(10).autosave().add()?,
        texts: group.pv("texts", vec![FixedString::EMPTY]).max_length(3).autosave().add()?,
        unset: group.pv_undefined::<f64>("unset").autosave().add()?,
    })
}

#[test]
fn values_of_all_types_come_back_and_no_hook_runs() {
    let folder = Folder::new("types");
    let runs = Arc::new(AtomicUsize::new(0));
    let serve = || {
        let mut group = GroupBuilder::new("lab:");
        let pvs = all(&mut group).expect("good PVs");
        let runs = runs.clone();
        group.on_put(&pvs.long, move |_, _: i32| _ = runs.fetch_add(1, SeqCst)).expect("a hook");
        (start(&folder, group), pvs)
    };
    let (ioc, pvs) = serve();
    pvs.double.post(f64::NEG_INFINITY);
    pvs.float.post(0.1);
    pvs.long.put(i32::MIN).wait().expect("any number");
    pvs.short.post(-7);
    pvs.on.post(true);
    pvs.choice.post(Choice(2));
    pvs.fixed.post("µ \"x\"\\".into());
    pvs.text.post("two\nlines, é".repeat(20));
    // In latin-1 these bytes are UTF-8 too, for another text.
    pvs.latin.post("Ã©".to_owned());
    pvs.doubles.post(vec![f64::NAN, 0.1 + 0.2, f64::INFINITY]);
    pvs.bytes.post(vec![0, 255]);
    pvs.texts.post(vec!["a".into(), "".into()]);
    let mut raw = client(&ioc);
    let latin = raw.channel("lab:latin");
    let latin_bytes = raw.get(latin, 4, 0).payload;
    ioc.stop();
    assert_eq!(runs.swap(0, SeqCst), 1);

    let (ioc, pvs) = serve();
    assert_eq!(pvs.double.get(), f64::NEG_INFINITY);
    assert_eq!(pvs.float.get(), 0.1);
    assert_eq!((pvs.long.get(), pvs.short.get(), pvs.on.get()), (i32::MIN, -7, true));
    assert_eq!((pvs.choice.get(), pvs.fixed.get()), (Choice(2), "µ \"x\"\\".into()));
    assert_eq!(pvs.text.get(), "two\nlines, é".repeat(20));
    let doubles = pvs.doubles.get();
    assert!(doubles[0].is_nan() && doubles[1..] == [0.1 + 0.2, f64::INFINITY], "{doubles:?}");
    assert_eq!(pvs.bytes.get(), [0, 255]);
    assert_eq!(pvs.texts.get(), ["a".into(), "".into()]);
    assert_eq!(pvs.unset.alarm(), Alarm::UDF, "what never had a value has none");
    let mut raw = client(&ioc);
    let latin = raw.channel("lab:latin");
    assert_eq!(raw.get(latin, 4, 0).payload, latin_bytes);
    assert_eq!(double(&mut raw, "lab:SAVE_RESTORED"), 16.0, "the PVs of the status group too");
    assert_eq!(double(&mut raw, "lab:SAVE_MISFITS"), 0.0);
    assert_eq!(runs.load(SeqCst), 0, "restoring runs no hook");
    ioc.stop();
}

#[test]
fn a_value_restored_by_put_meets_its_hook_which_may_refuse_it() {
    let folder = Folder::new("by-put");
    let serve = |refuse: bool, all: bool| {
        let seen = Arc::new(AtomicI32::new(0));
        let mut group = GroupBuilder::new("lab:");
        let pv = group.pv("units", 1);
        let pv = if all { pv.autosave() } else { pv.autosave_by_put() }.add().expect("a good PV");
        let hook = seen.clone();
        let put = move |_: &Pv<i32>, value: i32| {
            hook.store(value, SeqCst);
            if refuse { Err("not now") } else { Ok(()) }
        };
        group.on_put(&pv, put).expect("a hook");
        let settings = if all { folder.settings().run_hooks() } else { folder.settings() };
        (start_with(settings, group), pv, seen)
    };
    let (ioc, pv, _) = serve(false, false);
    pv.put(5).wait().expect("the hook takes it");
    ioc.stop();
    for all in [false, true] {
        let (ioc, pv, seen) = serve(false, all);
        eventually("the hook has run", || (seen.load(SeqCst) == 5).then_some(()));
        eventually("the value is there", || (pv.get() == 5).then_some(()));
        ioc.stop();
    }
    let (ioc, pv, seen) = serve(true, false);
    eventually("the hook has run", || (seen.load(SeqCst) == 5).then_some(()));
    eventually("the refusal shows", || (pv.alarm() == Alarm::WRITE).then_some(()));
    assert_eq!(pv.get(), 1);
    ioc.stop();
}

/// Reads its setting when it starts.
struct Heater {
    power: Option<Pv<f64>>,
    at_startup: Arc<Mutex<Vec<f64>>>,
}

impl SystemDevice for Heater {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), wrapper::GroupError> {
        let port = group.port()?;
        let power = group.pv("power", 1.0).autosave();
        self.power = Some(power.command(&port, |watts| Command::new("power").arg("watts", watts)).add()?);
        Ok(())
    }

    fn startup(&mut self, _io: &DeviceIo) -> Result<(), DeviceError> {
        let found = self.power.as_ref().ok_or("no PVs")?.get();
        self.at_startup.lock().expect("no holder panics").push(found);
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        if command.number("watts")? > 100.0 { Err("too hot".into()) } else { Ok(Reply::done()) }
    }
}

#[test]
fn a_device_finds_its_restored_values_when_it_starts() {
    let folder = Folder::new("device");
    let found = Arc::new(Mutex::new(Vec::new()));
    for (put, wanted) in [(2.5, 1.0), (3.5, 2.5)] {
        let heater = Heater { power: None, at_startup: found.clone() };
        let builder = IocBuilder::new().device("heater", "h:", Box::new(heater)).expect("good PVs");
        let ioc = builder.autosave(folder.settings()).start(Config::isolated()).expect("an IOC");
        eventually("it has started", || {
            (found.lock().expect("no holder panics").last() == Some(&wanted)).then_some(())
        });
        let mut raw = client(&ioc);
        let power = raw.channel("h:power");
        assert_eq!(raw.put(power, put), 1);
        ioc.stop();
    }
}

#[test]
fn the_value_of_a_put_that_failed_comes_back_in_alarm_until_the_next_good_one() {
    let folder = Folder::new("failed");
    let serve = || {
        let heater = Heater { power: None, at_startup: Arc::default() };
        let builder = IocBuilder::new().device("heater", "h:", Box::new(heater)).expect("good PVs");
        let ioc = builder.autosave(folder.settings()).start(Config::isolated()).expect("an IOC");
        (client(&ioc), ioc)
    };
    let state = |raw: &mut Raw| {
        let channel = raw.channel("h:power");
        let payload = raw.get(channel, 20, 1).payload;
        (payload[1], payload[3], double(raw, "h:power"))
    };
    let (mut raw, ioc) = serve();
    let power = raw.channel("h:power");
    assert_eq!(raw.put(power, 150.0), 160, "the device refuses it");
    assert_eq!(state(&mut raw), (2, 2, 150.0), "WRITE, MAJOR");
    ioc.stop();
    let (mut raw, ioc) = serve();
    assert_eq!(state(&mut raw), (2, 2, 150.0), "as it was");
    assert_eq!(text(&mut raw, "h:power.AMSG"), "the put of this value failed before the");
    let power = raw.channel("h:power");
    assert_eq!(raw.put(power, 50.0), 1);
    ioc.stop();
    let (mut raw, ioc) = serve();
    assert_eq!(state(&mut raw), (0, 0, 50.0));
    ioc.stop();
}

#[test]
fn limits_changed_at_run_time_come_back_before_the_value_meets_them() {
    let folder = Folder::new("fields");
    let serve = || {
        let mut group = GroupBuilder::new("lab:");
        let pv = group.pv("t", 20.0).control_limits(0.0..=100.0).alarm_limits(0.0..=90.0).doc("A block");
        let pv = pv.autosave_fields(["VAL", "HIHI", "LOLO", "DESC", "DRVH"]).add().expect("a good PV");
        (start(&folder, group), pv)
    };
    let (ioc, _) = serve();
    let mut raw = client(&ioc);
    for (field, value) in [("HIHI", 50.0), ("DRVH", 70.0), ("VAL", 60.0)] {
        let channel = raw.channel(&format!("lab:t.{field}"));
        assert_eq!(raw.put(channel, value), 1, "{field}");
    }
    let desc = raw.channel("lab:t.DESC$");
    assert_eq!(raw.put_text(desc, "Block no. 7"), 1);
    ioc.stop();
    let (ioc, pv) = serve();
    assert_eq!((pv.get(), pv.alarm().severity), (60.0, AlarmSeverity::Major), "above HIHI");
    let mut raw = client(&ioc);
    assert_eq!(double(&mut raw, "lab:t.HIHI"), 50.0);
    assert_eq!(double(&mut raw, "lab:t.LOLO"), 0.0);
    assert_eq!(text(&mut raw, "lab:t.DESC$"), "Block no. 7");
    let val = raw.channel("lab:t");
    assert_eq!(raw.put(val, 71.0), 160, "above DRVH");
    ioc.stop();
}

#[test]
fn what_does_not_fit_any_more_is_left_out_and_the_rest_restored() {
    let folder = Folder::new("misfits");
    let mut group = GroupBuilder::new("lab:");
    group.pv("number", 1.5).autosave().add().expect("good");
    group.pv("list", vec![1.0, 2.0, 3.0]).autosave().add().expect("good");
    group.pv("limited", 8.0).autosave_fields(["VAL", "HIHI"]).add().expect("good");
    group.pv("good", 4.0).autosave().add().expect("good");
    start(&folder, group).stop();

    let mut group = GroupBuilder::new("lab:");
    let number = group.pv("number", 7).autosave().add().expect("good");
    let list = group.pv("list", vec![0.0]).max_length(2).autosave().add().expect("good");
    let limited = group.pv("limited", 1.0).control_limits(0.0..=5.0).autosave().add().expect("good");
    let good = group.pv("good", 0.0).autosave().add().expect("good");
    let ioc = start(&folder, group);
    assert_eq!((number.get(), list.get(), limited.get(), good.get()), (7, vec![0.0], 1.0, 4.0));
    let mut raw = client(&ioc);
    assert_eq!(double(&mut raw, "lab:SAVE_MISFITS"), 3.0);
    eventually("the new file", || folder.text().contains(r#""lab:number": {"value":7}"#).then_some(()));
    let backups = folder.with("lab_2");
    assert_eq!(backups.len(), 1, "what did not fit is not lost");
    let old = std::fs::read_to_string(folder.path().join(&backups[0])).expect("a backup");
    assert!(old.contains(r#""lab:number": {"value":1.5}"#), "{old}");
    ioc.stop();
}

#[test]
fn entries_of_other_pvs_are_kept_and_are_for_those_that_come_later() {
    let folder = Folder::new("later");
    let two = |name: &str| {
        let mut group = GroupBuilder::new("two:");
        let pv = group.pv(name, 0.0).autosave().add().expect("good");
        (group, pv)
    };
    let (group, y) = two("y");
    let ioc = start(&folder, group);
    y.post(5.0);
    ioc.stop();
    let (ioc, x) = one(&folder);
    x.post(3.0);
    let mut raw = client(&ioc);
    assert_eq!(save(&mut raw), 1);
    assert!(folder.text().contains(r#""two:y": {"value":5.0}"#), "{}", folder.text());
    let (group, y) = two("y");
    ioc.add(group).expect("a free name");
    assert_eq!(y.get(), 5.0);
    y.post(6.0);
    assert!(ioc.remove("two:y"));
    let (group, y) = two("y");
    ioc.add(group).expect("a free name");
    assert_eq!(y.get(), 6.0, "from the one that was served before");
    y.post(7.0);
    ioc.stop();
    assert!(folder.text().contains(r#""two:y": {"value":7.0}"#), "{}", folder.text());
}

#[test]
fn a_save_is_told_with_its_time_and_what_was_put_before_it_is_in_the_file() {
    let folder = Folder::new("now");
    let (ioc, _x) = one(&folder);
    let mut raw = client(&ioc);
    let x = raw.channel("lab:x");
    for value in [2.0, 3.0, 4.0] {
        let before = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        assert_eq!((raw.put(x, value), save(&mut raw)), (1, 1));
        assert!(folder.text().contains(&format!(r#""lab:x": {{"value":{value:.1}}}"#)), "{}", folder.text());
        assert!(double(&mut raw, "lab:SAVE_TIME") >= before);
    }
    assert_eq!(text(&mut raw, "lab:SAVE_FILE"), folder.file().display().to_string());
    assert_eq!(text(&mut raw, "lab:SAVE_MESSAGE"), "4 PVs saved");
    let count = double(&mut raw, "lab:SAVE_COUNT");
    assert_eq!(save(&mut raw), 1);
    assert_eq!(double(&mut raw, "lab:SAVE_COUNT"), count, "nothing has changed");
    ioc.stop();
}

#[test]
fn many_changes_are_few_files_and_the_last_one_is_in_the_last_of_them() {
    let folder = Folder::new("rate");
    let mut group = GroupBuilder::new("lab:");
    let pv = group.pv("x", 0.0).autosave().add().expect("good");
    let period = Duration::from_millis(200);
    let begin = Instant::now();
    let ioc = start_with(folder.settings().period(period), group);
    for value in 0..200_000 {
        pv.post(f64::from(value));
    }
    let mut raw = client(&ioc);
    eventually("saved without being asked", || {
        folder.text().contains(r#""lab:x": {"value":199999.0}"#).then_some(())
    });
    let files = double(&mut raw, "lab:SAVE_COUNT");
    let most = begin.elapsed().as_secs_f64() / period.as_secs_f64() + 1.0;
    assert!((1.0..=most).contains(&files), "{files} files, {most} at most");
    ioc.stop();
}

#[test]
fn ten_million_numbers_come_back() {
    let folder = Folder::new("large");
    let serve = || {
        let mut group = GroupBuilder::new("lab:");
        let pv = group.pv("wave", vec![0_u8]).max_length(10_000_000).autosave().add().expect("good");
        (start_with(folder.settings().period(Duration::from_secs(3600)), group), pv)
    };
    let wave: Vec<u8> = (0..10_000_000_u32).map(|at| (at * 7) as u8).collect();
    let (ioc, pv) = serve();
    pv.post(wave.clone());
    ioc.stop();
    let (ioc, pv) = serve();
    assert!(pv.get() == wave, "another array");
    ioc.stop();
}

/// A group of a struct that is saved.
#[derive(wrapper::PvGroup)]
struct Oven {
    #[pv(value = 20.0, autosave)]
    setpoint: Pv<f64>,
    #[pv(value = 20.0, alarm_limits = 0.0..=90.0, autosave_fields(["HIHI"]))]
    block: Pv<f64>,
    #[pair(value = false, setpoint(autosave_by_put))]
    fan: wrapper::PvPair<bool>,
}

#[test]
fn a_derived_group_saves_what_its_attributes_say() {
    let folder = Folder::new("derived");
    let serve = || {
        let mut group = GroupBuilder::new("o:");
        let oven = group.add::<Oven>().expect("a good group");
        (start(&folder, group), oven)
    };
    let (ioc, oven) = serve();
    oven.setpoint.post(30.0);
    oven.block.post(31.0);
    oven.fan.setpoint.put(true).wait().expect("it takes both");
    let mut raw = client(&ioc);
    let limit = raw.channel("o:block.HIHI");
    assert_eq!(raw.put(limit, 80.0), 1);
    ioc.stop();
    let (ioc, oven) = serve();
    assert_eq!((oven.setpoint.get(), oven.block.get()), (30.0, 20.0));
    assert_eq!(double(&mut client(&ioc), "o:block.HIHI"), 80.0);
    eventually("the pair has copied", || oven.fan.readback.get().then_some(()));
    ioc.stop();
}

#[test]
fn what_cannot_be_saved_is_refused_where_it_is_declared() {
    let mut group = GroupBuilder::new("lab:");
    let mut rule = |field: &str| {
        group.pv("x", 1.0).autosave_fields([field]).add().expect_err("it cannot be").to_string()
    };
    assert_eq!(rule("NOPE"), "PV \"lab:x\": autosave: there is no field \"NOPE\"");
    assert_eq!(rule("STAT"), "PV \"lab:x\": autosave: field \"STAT\" cannot be written back");
    assert_eq!(rule("PROC"), "PV \"lab:x\": autosave: field \"PROC\" cannot be written back");
}
