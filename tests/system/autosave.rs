//! Autosave of launched processes: killed at any moment, started twice, set up by a file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::config::File;
use crate::launch::{SOON, Server, run_to_end, wait_for};
use crate::raw::{Channel, Circuit, DBR_DOUBLE, DBR_LONG, DBR_STRING, NORMAL};

/// Elements that make a save take long enough to be hit by a kill.
const WAVE: usize = 50_000;

/// A folder that goes when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        // It is there only when a run was killed whose process had this number.
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64()
}

/// What was put to one run of the server.
#[derive(Default)]
struct Run {
    /// Each number that was acknowledged, and when.
    acknowledged: Vec<(i32, f64)>,
    sent: i32,
    /// The newest SAVE_TIME that was seen.
    saved: f64,
}

impl Run {
    /// Puts numbers as fast as they are acknowledged, until the time is over.
    fn put(&mut self, circuit: &mut Circuit, channels: &Channels, file: &Path, until: Instant) {
        while Instant::now() < until {
            self.sent += 1;
            circuit.push_put_notify(channels.number, DBR_LONG, 1, &self.sent.to_be_bytes());
            circuit.push_put_notify(channels.text, DBR_STRING, 1, format!("number {}", self.sent).as_bytes());
            circuit.flush();
            assert_eq!((circuit.completion().1, circuit.completion().1), (NORMAL, NORMAL));
            self.acknowledged.push((self.sent, now()));
            self.saved = circuit.get(channels.time, DBR_DOUBLE, 1).double(0);
            // Whoever looks sees a whole file, whenever that is.
            let length = file.metadata().map_or(u64::MAX, |data| data.len());
            assert!(length > 9 * WAVE as u64, "a file of {length} bytes");
        }
    }

    /// The newest number that must have been saved; a save time is a double, so it may be a microsecond late.
    fn promised(&self) -> Option<i32> {
        let before = |at: f64| at < self.saved - 1e-3;
        self.acknowledged.iter().rev().find(|(_, at)| before(*at)).map(|(number, _)| *number)
    }
}

struct Channels {
    number: Channel,
    text: Channel,
    time: Channel,
}

fn open(server: &Server) -> (Circuit, Channels) {
    let mut circuit = server.circuit();
    let [number, text, time] = ["k:number", "k:text", "k:SAVE_TIME"].map(|name| circuit.create(name));
    (circuit, Channels { number, text, time })
}

/// The file of the folder, which must be whole.
fn number_in(file: &Path) -> i32 {
    let text = std::fs::read_to_string(file).expect("there is a file");
    let json: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    let number = json["pvs"]["k:number"]["value"].as_i64().expect("a number");
    assert_eq!(json["pvs"]["k:wave"]["value"].as_array().map(Vec::len), Some(WAVE), "the array is whole");
    i32::try_from(number).expect("it was one")
}

/// Kills the server in the midst of saving, again and again.
fn kill_again_and_again(rounds: u32) {
    let folder = Folder::new("kill");
    let dir = folder.path();
    let config = File::new(
        "kill",
        &format!(
            "[autosave]\ndir = {dir:?}\nperiod = 0.1\n[status]\nprefix = \"k:\"\n[[pv]]\nname = \"k:number\"\n\
             value = 0\nautosave = true\n[[pv]]\nname = \"k:text\"\nvalue = \"number 0\"\nautosave = true\n\
             [[pv]]\nname = \"k:wave\"\nvalue = [{}]\nautosave = true\n",
            ["0.1234567"; WAVE].join(", ")
        ),
    );
    let stem = Path::new(config.path()).file_stem().expect("a name").to_string_lossy().into_owned();
    let file = folder.file(&format!("{stem}.json"));
    let mut last = Run::default();
    let (mut promises, mut files, mut puts) = (0, 0, 0);
    for round in 0..rounds {
        let server = Server::with(&["--config", config.path()], 0);
        let (mut circuit, channels) = open(&server);
        let restored = circuit.get(channels.number, DBR_LONG, 1).long();
        let text = circuit.get(channels.text, DBR_STRING, 1).text();
        let promised = last.promised().unwrap_or_default();
        assert!(
            (promised..=last.sent).contains(&restored),
            "round {round}: {restored}, not {promised}..={}",
            last.sent
        );
        let number: i32 = text["number ".len()..].parse().expect("a number");
        assert!(
            (promised..=last.sent).contains(&number),
            "round {round}: {text:?}, not {promised}..={}",
            last.sent
        );
        let mut run = Run { sent: last.sent, ..Run::default() };
        let until = Instant::now() + Duration::from_millis(20 + u64::from(round * 37 % 400));
        run.put(&mut circuit, &channels, &file, until);
        promises += u32::from(run.promised().is_some());
        puts += run.acknowledged.len();
        let (_, _, log) = server.stop("KILL");
        assert!(!log.contains("damaged") && !log.contains("not restored"), "round {round}: {log}");
        // The first run may be killed before its first file.
        assert!(file.exists() || run.promised().is_none(), "round {round}: SAVE_TIME without a file");
        files += u32::from(file.exists() && number_in(&file) != restored);
        last = run;
    }
    println!(
        "{rounds} rounds: {puts} puts, {files} files written, in {promises} rounds a save was promised, all kept"
    );
    assert!(
        promises > rounds / 4,
        "the server was always killed before it had saved: {promises} of {rounds}"
    );
}

#[test]
fn what_was_saved_before_a_kill_is_there_after_it() {
    kill_again_and_again(20);
}

/// `cargo test -p seqioc --test system two_hundred_kills -- --ignored --nocapture`
#[test]
#[ignore = "200 processes"]
fn two_hundred_kills_lose_nothing_that_was_saved() {
    kill_again_and_again(200);
}

#[test]
fn a_second_ioc_on_the_folder_of_another_is_refused() {
    let folder = Folder::new("twice");
    let first = Server::with(&["clock", "--autosave", folder.path()], 0);
    let output = run_to_end(&["run", "example", "--autosave", folder.path(), "--interfaces", "127.0.0.1"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("process {}", first.id())) && error.contains(folder.path()), "{error}");
    let (status, ..) = first.stop("KILL");
    assert_eq!(status.code(), None);
    drop(Server::with(&["example", "--autosave", folder.path()], 0));
}

#[test]
fn a_motor_keeps_its_settings_and_its_device_knows_them() {
    let folder = Folder::new("motor");
    let args = ["motor", "--prefix", "M:m.", "--autosave", folder.path(), "--status-prefix", "M:"];
    let settings =
        [("VMAX", 40.0), ("VELO", 30.0), ("DHLM", 8.0), ("DLLM", 1.0), ("OFF", 5.0), ("ACCL", 0.01)];
    let server = Server::with(&args, 0);
    let mut circuit = server.circuit();
    for (field, value) in settings {
        let channel = circuit.create(&format!("M:m.{field}"));
        circuit.push_put_notify(channel, DBR_DOUBLE, 1, &f64::to_be_bytes(value));
        circuit.flush();
        assert_eq!(circuit.completion().1, NORMAL, "{field}");
    }
    let units = circuit.create("M:m.EGU");
    circuit.push_put_notify(units, DBR_STRING, 1, b"um\0");
    circuit.flush();
    assert_eq!(circuit.completion().1, NORMAL);
    assert!(server.stop("TERM").0.success());
    let server = Server::with(&args, 0);
    let mut circuit = server.circuit();
    let get = |circuit: &mut Circuit, field: &str| {
        let channel = circuit.create(&format!("M:m.{field}"));
        circuit.get(channel, DBR_DOUBLE, 1).double(0)
    };
    wait_for("the device has started", SOON, || (get(&mut circuit, "HLM") == 13.0).then_some(()));
    for (field, value) in settings {
        assert_eq!(get(&mut circuit, field), value, "{field}");
    }
    // The device moves within the restored limits and by the restored offset.
    for (target, taken) in [(5.5, false), (8.0, true)] {
        let val = circuit.create("M:m.VAL");
        circuit.push_put_notify(val, DBR_DOUBLE, 1, &f64::to_be_bytes(target));
        circuit.flush();
        assert_eq!(circuit.completion().1 == NORMAL, taken, "{target}");
    }
    assert_eq!((get(&mut circuit, "RBV").round(), get(&mut circuit, "DRBV").round()), (8.0, 3.0));
    let units = circuit.create("M:m.EGU");
    assert_eq!(circuit.get(units, DBR_STRING, 1).text(), "um");
}

#[test]
fn the_config_file_says_where_and_what() {
    let folder = Folder::new("config-save");
    let stem = Path::new(folder.path()).file_name().expect("a name").to_string_lossy().into_owned();
    let text = format!(
        "[autosave]\ndir = {stem:?}\nbackups = 3\nkeep_days = 7\n[status]\nprefix = \"c:\"\n\
         [[pv]]\nname = \"c:x\"\nvalue = 1.0\nautosave = true\n\
         [[pv]]\nname = \"c:y\"\nvalue = 1.0\nalarm_limits = [0, 9]\nautosave = [\"HIHI\"]\n\
         [[pv]]\nname = \"c:z\"\nvalue = 1.0\n"
    );
    let config = File::new("config-save", &text);
    let put = |values: [f64; 4]| {
        let server = Server::with(&["--config", config.path()], 0);
        let mut circuit = server.circuit();
        let channels = ["c:x", "c:y", "c:y.HIHI", "c:z"].map(|name| circuit.create(name));
        let before = channels.map(|channel| circuit.get(channel, DBR_DOUBLE, 1).double(0));
        channels.iter().zip(values).for_each(|(channel, value)| circuit.put_double(*channel, value));
        assert!(server.stop("TERM").0.success());
        before
    };
    assert_eq!(put([2.0, 3.0, 4.0, 5.0]), [1.0, 1.0, 9.0, 1.0]);
    assert_eq!(put([0.0; 4]), [2.0, 1.0, 4.0, 1.0]);
    for (from, to, rule) in [
        ("backups = 3", "period = 0", ":1: autosave: period 0 is outside 0.1..=86400 s"),
        ("backups = 3", "backup = 3", ":3: unknown field `backup`"),
        ("[\"HIHI\"]", "[\"HUHU\"]", "there is no field \"HUHU\""),
    ] {
        let wrong = File::new("config-wrong", &text.replace(from, to));
        let output = run_to_end(&["run", "--config", wrong.path()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(rule), "{to}: {error}");
    }
}

#[test]
fn a_file_of_another_name_is_not_read_and_named() {
    let folder = Folder::new("renamed");
    std::fs::create_dir_all(folder.path()).expect("it can be made");
    for name in ["old.json", "old_20260101-000000.json", "seqioc_20260101-000000.txt"] {
        std::fs::write(folder.file(name), "{}").expect("it can be written");
    }
    let warning = "the folder has old.json, old_20260101-000000.json, of an IOC with another name";
    let flags = ["--autosave", folder.path(), "clock"];
    let log = Server::with(&flags, 0).stop("TERM").2;
    assert!(log.contains(warning), "{log}");
    let log = Server::with(&flags, 0).stop("TERM").2;
    assert!(!log.contains("another name"), "it has its own file now: {log}");
}
