//! The middle man in a process of its own, and a motor in this one.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use wrapper::client::{ClientConfig, Context, Reading};
use wrapper::{
    Alarm, Command, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Pv, Reply, SystemDevice,
};

use crate::launch::{SOON, Server, free_port, run_to_end, seqioc, wait_for};

/// What the middle man knows of a motor: moves that complete when they are done.
#[derive(Default)]
struct Motor {
    val: Option<Pv<f64>>,
    went: Arc<Mutex<Vec<f64>>>,
    moves: Arc<AtomicU32>,
}

impl SystemDevice for Motor {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let go = |to| Command::new("move").arg("to", to);
        self.val = Some(group.pv("VAL", 3.0).command(&port, go).add()?);
        group.pv("RBV", 3.0).read_only().add()?;
        group.pv("running", 1).read_only().add()?;
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        self.went.lock().expect("whole").push(command.number("to")?);
        self.moves.fetch_add(1, SeqCst);
        Ok(Reply::done())
    }
}

fn motor(port: u16) -> (Ioc, Arc<Mutex<Vec<f64>>>) {
    let motor = Motor::default();
    let went = motor.went.clone();
    let builder = Ioc::builder().device("motor", "BEAMLINE:motor.", Box::new(motor)).expect("good PVs");
    let ioc = builder.start(Config { server_port: port, ..Config::isolated() }).expect("loopback");
    (ioc, went)
}

struct Lab {
    port: u16,
    _server: Server,
    client: Context,
}

impl Lab {
    fn start() -> Self {
        let port = free_port();
        let mut command = seqioc(&["run", "beamline", "--ready", "json", "--interfaces", "127.0.0.1"]);
        command.env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{port}"));
        let mut server = Server::spawn(command);
        server.ready();
        let client = Context::new(ClientConfig::isolated(server.udp)).expect("a socket").within(SOON);
        Self { port, _server: server, client }
    }

    fn pv(&self, name: &str) -> wrapper::client::Channel {
        self.client.pv(&format!("BEAMLINE:SERVER.{name}"))
    }

    fn choice(&self) -> Reading<String> {
        self.pv("choices").get_as().wait().expect("a label")
    }

    fn until(&self, label: &str, alarm: Alarm) {
        wait_for(&format!("{label} with {alarm:?}"), SOON, || {
            let reading = self.choice();
            (reading.value == label && reading.alarm == alarm).then_some(())
        });
    }
}

#[test]
fn choices_follow_the_motor_and_move_it_and_a_jog_goes_up_and_back() {
    let lab = Lab::start();
    let (motor, went) = motor(lab.port);
    lab.until(" ", Alarm::NONE);
    lab.pv("choices").put_notify("Insert").wait().expect("it moves");
    assert_eq!(*went.lock().expect("whole"), [0.0]);
    lab.until("Insert", Alarm::NONE);
    lab.pv("jog").put_notify(1.0).wait().expect("it jogs");
    assert_eq!(*went.lock().expect("whole"), [0.0, 0.5, 0.0]);
    assert_eq!(lab.pv("jog").get_as::<f64>().wait().expect("a number"), 0.0, "it resets itself");
    lab.pv("jog").put_notify(2.0).wait().expect("nothing happens");
    lab.pv("choices").put_notify(" ").wait().expect("nothing happens");
    assert_eq!(went.lock().expect("whole").len(), 3, "1 is the only jog, ' ' no place");
    lab.until("Insert", Alarm::NONE);
    let other = Context::new(ClientConfig::isolated(lab.port)).expect("a socket");
    other.pv("BEAMLINE:motor.VAL").put_notify(4.999).wait().expect("it moves");
    lab.until("Retract", Alarm::NONE);
    assert_eq!(lab.pv("running").get_as::<i32>().wait().expect("a number"), 1);
    motor.stop();
}

#[test]
fn without_the_motor_puts_are_refused_with_link_and_it_resumes_unaided() {
    let lab = Lab::start();
    let refused = || {
        let error = lab.pv("choices").put_notify("Insert").wait().expect_err("no motor");
        assert!(error.to_string().contains("choices"), "{error}");
        let command = lab.pv("seq.CMD").put_notify("insert()").wait();
        assert!(command.is_err());
        let why: String = lab.pv("seq.ERROR").get_as().wait().expect("a text");
        assert_eq!(why, "BEAMLINE:motor.VAL is not there");
    };
    lab.until(" ", Alarm::LINK);
    refused();
    let (first, _) = motor(lab.port);
    lab.until(" ", Alarm::NONE);
    lab.pv("choices").put_notify("Retract").wait().expect("it moves");
    lab.until("Retract", Alarm::NONE);
    first.stop();
    lab.until("Retract", Alarm::LINK);
    refused();
    let (second, went) = motor(lab.port);
    lab.until(" ", Alarm::NONE);
    lab.pv("choices").put_notify("Insert").wait().expect("it moves");
    assert_eq!(*went.lock().expect("whole"), [0.0]);
    second.stop();
}

#[test]
fn the_page_of_the_middle_man_has_the_table_of_its_pvs() {
    let output = run_to_end(&["run", "beamline", "--list-pvs=markdown"]);
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let page = include_str!("../../docs/beamline.md");
    assert!(page.contains(&table), "docs/beamline.md must have\n{table}");
}
