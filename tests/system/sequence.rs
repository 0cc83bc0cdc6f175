//! A sequencer and those who follow it, in processes of their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wrapper::client::{ClientConfig, Context, Monitor};

use crate::config::File;
use crate::launch::{SOON, Server, free_port, run_to_end, seqioc, wait_for};

/// Followers in each process.
const FOLLOWERS: [usize; 3] = [2, 3, 3];

/// IOCs that find each other, and nobody else.
pub(crate) struct Lab {
    /// Where they are; the last one is spare.
    pub(crate) ports: Vec<u16>,
    servers: Vec<Option<Server>>,
    files: Vec<File>,
    client: Context,
}

impl Lab {
    /// One process for each config file.
    pub(crate) fn start(name: &str, texts: &[String]) -> Self {
        let ports: Vec<_> = (0..=texts.len()).map(|_| free_port()).collect();
        let files: Vec<_> =
            texts.iter().enumerate().map(|(i, text)| File::new(&format!("{name}{i}"), text)).collect();
        let addresses = ports.iter().map(|port| ([127, 0, 0, 1], *port));
        let addresses = addresses.map(|(ip, port)| std::net::SocketAddrV4::new(ip.into(), port)).collect();
        let config = ClientConfig { addresses, ..ClientConfig::isolated(ports[0]) };
        let client = Context::new(config).expect("a socket").within(SOON);
        let mut lab = Self { ports, servers: texts.iter().map(|_| None).collect(), files, client };
        (0..texts.len()).for_each(|place| lab.launch(place));
        lab
    }

    fn launch(&mut self, place: usize) {
        let addresses: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let config = self.files[place].path().to_owned();
        let mut command =
            seqioc(&["run", "--config", &config, "--ready", "json", "--interfaces", "127.0.0.1"]);
        command
            .env("EPICS_CAS_SERVER_PORT", self.ports[place].to_string())
            .env("EPICS_CA_ADDR_LIST", addresses.join(" "));
        let mut server = Server::spawn(command);
        server.ready();
        self.servers[place] = Some(server);
    }

    /// A client of all of them.
    pub(crate) fn client(&self) -> &Context {
        &self.client
    }

    fn kill(&mut self, place: usize) {
        let (status, ..) = self.servers[place].take().expect("it runs").stop("KILL");
        assert_eq!(status.code(), None, "a signal ended it");
    }

    fn number(&self, name: &str) -> f64 {
        self.client.pv(name).get_as().wait().expect("a number")
    }

    fn text(&self, name: &str) -> String {
        self.client.pv(name).get_as().wait().expect("a text")
    }

    fn put(&self, name: &str, value: impl wrapper::client::IntoPut) {
        self.client.pv(name).put_notify(value).wait().expect("it is taken");
    }

    fn until_text(&self, name: &str, part: &str) {
        wait_for(&format!("{name} with {part:?}"), SOON, || self.text(name).contains(part).then_some(()));
    }

    fn until_number(&self, name: &str, wanted: f64) {
        wait_for(&format!("{name} {wanted}"), SOON, || (self.number(name) == wanted).then_some(()));
    }
}

fn sequencer(followers: &[String]) -> String {
    format!("[device.sequencer]\narguments = {{ followers = {followers:?} }}\n")
}

fn follower(name: &str) -> String {
    format!("[device.{name}]\nkind = \"example\"\nprefix = \"{name}:\"\n")
}

type Seen = Arc<Mutex<HashMap<String, Vec<i32>>>>;

/// Every INDEX that the followers show, in order.
fn indices(lab: &Lab, names: &[String]) -> (Seen, Vec<Monitor<i32>>) {
    let seen = Seen::default();
    let monitors = names.iter().map(|name| {
        let (seen, name) = (seen.clone(), name.clone());
        lab.client.pv(&format!("{name}INDEX")).on_update(move |index: Result<i32, _>| {
            if let Ok(index) = index {
                let mut seen = seen.lock().expect("no holder panics");
                let all = seen.entry(name.clone()).or_default();
                // An alarm alone is an update too.
                if all.last() != Some(&index) {
                    all.push(index);
                }
            }
        })
    });
    let monitors = monitors.collect();
    (seen, monitors)
}

/// Eight followers in three processes go through `steps` points in lock step.
fn lock_step(name: &str, steps: i32) {
    let names: Vec<String> = (0..FOLLOWERS.iter().sum()).map(|i| format!("f{i}:")).collect();
    let mut texts = Vec::new();
    let mut left = names.iter();
    for count in FOLLOWERS {
        texts.push(
            left.by_ref().take(count).map(|name| follower(name.trim_end_matches(':'))).collect::<String>(),
        );
    }
    texts[0].push_str(&sequencer(&names));
    let lab = Lab::start(name, &texts);
    let trajectory = format!("linear(0, {steps}, 1)");
    for name in &names {
        lab.put(&format!("{name}seq.CMD"), trajectory.as_str());
        lab.put(&format!("{name}seq.CMD"), "[0]");
        lab.put(&format!("{name}seq.CMD"), trajectory.as_str());
    }
    let (seen, _monitors) = indices(&lab, &names);
    wait_for("all followers shown", SOON, || {
        (seen.lock().expect("whole").len() == names.len()).then_some(())
    });
    lab.put("MOCK:steps", steps);
    let started = Instant::now();
    lab.client.pv("MOCK:start").within(Duration::from_secs(600)).put_notify(1).wait().expect("a whole run");
    let took = started.elapsed();
    let rate = f64::from(steps) / took.as_secs_f64();
    println!("{steps} steps of {} followers in 3 processes: {rate:.0} steps per second", names.len());
    let wanted: Vec<i32> = (-1..steps).collect();
    wait_for("the last index everywhere", SOON, || {
        seen.lock().expect("whole").values().all(|all| all.last() == Some(&(steps - 1))).then_some(())
    });
    for name in &names {
        assert_eq!(seen.lock().expect("whole")[name], wanted, "{name} skipped or doubled");
        assert_eq!(lab.number(&format!("{name}MISSED")), 0.0, "{name}");
        let (done, val) = (lab.number(&format!("{name}seq.DONE")), lab.number(&format!("{name}VAL")));
        assert_eq!(
            (done, val),
            (f64::from(steps + 3), f64::from(steps - 1)),
            "{name}: steps and three commands"
        );
    }
    assert_eq!(lab.text("MOCK:status"), "stop");
}

#[test]
fn followers_in_three_processes_go_in_lock_step_and_none_skips_or_doubles() {
    lock_step("lock", 300);
}

/// `cargo test --release -p seqioc --test system ten_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "a demonstration of half a minute"]
fn ten_thousand_steps_of_eight_followers_in_three_processes() {
    lock_step("long", 10_000);
}

#[test]
fn a_killed_sequencer_is_a_link_alarm_and_is_followed_again_from_another_port() {
    let mut lab = Lab::start("kill", &[sequencer(&["a:".to_owned()]), follower("a")]);
    lab.put("a:seq.CMD", "[5, 6, 7]");
    lab.put("MOCK:steps", 3);
    lab.put("MOCK:start", 1);
    assert_eq!((lab.number("a:VAL"), lab.number("a:INDEX")), (7.0, 2.0));
    lab.kill(0);
    let alarm = || {
        let reading: wrapper::client::Reading<i32> =
            lab.client.pv("a:INDEX").get_as().wait().expect("a value");
        reading.alarm
    };
    wait_for("LINK", SOON, || (alarm() == wrapper::Alarm::LINK).then_some(()));
    lab.until_text("a:seq.message", "MOCK:Nested_Indices is lost");
    lab.ports.swap(0, 2);
    lab.launch(0);
    wait_for("no alarm", SOON, || {
        let reading: wrapper::client::Reading<i32> =
            lab.client.pv("a:INDEX").get_as().wait().expect("a value");
        (reading.alarm == wrapper::Alarm::NONE).then_some(())
    });
    lab.put("MOCK:steps", 2);
    lab.put("MOCK:start", 1);
    assert_eq!((lab.number("a:VAL"), lab.number("a:INDEX")), (6.0, 1.0));
}

#[test]
fn who_is_late_is_named_and_the_run_goes_on_when_it_is_there() {
    let names = ["a:".to_owned(), "b:".to_owned()];
    let mut lab = Lab::start("late", &[sequencer(&names) + &follower("a"), follower("b")]);
    lab.put("a:seq.CMD", "[1, 2, 3]");
    lab.put("b:seq.CMD", "[1, 2]");
    lab.put("MOCK:steps", 3);
    let start = lab.client.pv("MOCK:start");
    start.put(1).wait().expect("it is sent");
    lab.until_text("MOCK:status", "wait: b: at 1 of 2");
    assert_eq!(lab.text("MOCK:late"), "b: at 1 of 2");
    assert_eq!(lab.number("MOCK:behind"), 1.0);
    lab.until_text("b:seq.ACK", "0: index 2 is outside the trajectory, 0");
    lab.kill(1);
    lab.until_text("MOCK:status", "wait: b: not connected");
    assert!(start.put_notify(1).wait().is_err(), "a run is on");
    lab.put("MOCK:start", 0);
    lab.until_text("MOCK:status", "stop");
    assert_eq!((lab.text("MOCK:late"), lab.number("MOCK:behind")), (String::new(), 0.0));
    lab.launch(1);
    lab.put("b:seq.CMD", "[1, 2, 3]");
    start.within(SOON).put_notify(1).wait().expect("a whole run");
    assert_eq!((lab.number("a:VAL"), lab.number("b:VAL")), (3.0, 3.0));
}

#[test]
fn a_run_is_paused_stepped_and_repeated() {
    let lab = Lab::start("pause", &[sequencer(&["a:".to_owned()]) + &follower("a")]);
    lab.put("a:seq.CMD", "[1, 2, 3]");
    lab.put("MOCK:steps", 3);
    lab.put("MOCK:pause", true);
    lab.client.pv("MOCK:start").put(1).wait().expect("it is sent");
    // Held before the first index: all are ready.
    lab.until_text("MOCK:status", "pause");
    assert_eq!(lab.number("MOCK:index"), -1.0);
    lab.put("MOCK:step", 1);
    lab.until_number("a:INDEX", 0.0);
    lab.put("MOCK:step", 1);
    lab.until_number("a:INDEX", 1.0);
    lab.put("MOCK:pause", false);
    lab.until_text("MOCK:status", "stop");
    assert_eq!(lab.number("a:VAL"), 3.0);
    lab.put("MOCK:repeat", 2);
    lab.put("MOCK:start", 1);
    let values: Vec<f64> = lab.client.pv("MOCK:seq.values").get_as().wait().expect("numbers");
    assert_eq!(values, [6.0], "two runs of three steps");
    let refused = lab.client.pv("MOCK:step").put_notify(1).wait().expect_err("no run is on");
    assert!(refused.to_string().contains("MOCK:step"), "{refused}");
    lab.until_text("MOCK:seq.ERROR", "no run is on");
}

#[test]
fn a_period_is_the_time_of_a_step_and_followers_are_not_waited_for() {
    let lab = Lab::start("period", &[sequencer(&["nobody:".to_owned()])]);
    lab.put("MOCK:period", 0.05);
    lab.put("MOCK:steps", 6);
    let begun = Instant::now();
    lab.put("MOCK:start", 1);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(lab.text("MOCK:Nested_Indices"), "{'nobody': 5}");
}

#[test]
fn a_mapping_that_does_not_fit_is_a_fault_that_is_shown() {
    let names: Vec<_> = (0..1000).map(|i| format!("follower{i}:")).collect();
    let lab = Lab::start("many", &[sequencer(&names)]);
    lab.put("MOCK:period", 0.001);
    assert!(lab.client.pv("MOCK:start").put_notify(1).wait().is_err());
    lab.until_text("MOCK:status", "fault: the mapping has ");
    assert_eq!((lab.text("MOCK:Nested_Indices"), lab.number("MOCK:start")), ("{}".to_owned(), 0.0));
}

#[test]
fn the_page_of_the_sequencer_has_the_table_of_its_pvs() {
    let output = run_to_end(&["run", "sequencer", "--list-pvs=markdown"]);
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let page = include_str!("../../docs/sequencer.md");
    assert!(page.contains(&table), "docs/sequencer.md must have\n{table}");
}
