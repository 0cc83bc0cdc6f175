//! `restart` of the config file, and the PV RESTART, at a process whose device panics when it is told to.

use crate::config::File;
use crate::launch::{SOON, Server, free_port, run_to_end, wait_for};
use crate::raw::{Circuit, DBR_CHAR, DBR_ENUM, DBR_LONG, DBR_STRING, NORMAL, PUTFAIL};

struct Lab {
    server: Server,
    circuit: Circuit,
    _file: File,
}

impl Lab {
    /// An example whose restarts are these.
    fn start(name: &str, restart: &str) -> Self {
        let text = format!("[device.x]\nkind = \"example\"\nprefix = \"x:\"\nrestart = {restart}\n");
        let file = File::new(name, &text);
        let server = Server::with(&["--config", file.path()], free_port());
        let circuit = server.circuit();
        Self { server, circuit, _file: file }
    }

    fn command(&mut self, text: &str) -> u32 {
        let cmd = self.circuit.create("x:seq.CMD");
        self.circuit.command(cmd, text)
    }

    fn text(&mut self, name: &str) -> String {
        let channel = self.circuit.create(&format!("x:{name}"));
        self.circuit.get(channel, DBR_STRING, 1).text()
    }

    fn error(&mut self) -> String {
        let channel = self.circuit.create("x:seq.ERROR");
        self.circuit.get(channel, DBR_CHAR, 0).text()
    }

    fn restarts(&mut self) -> i32 {
        let channel = self.circuit.create("x:health.RESTARTS");
        self.circuit.get(channel, DBR_LONG, 1).long()
    }

    fn until(&mut self, name: &str, wanted: &str) {
        wait_for(&format!("{name} {wanted}"), SOON, || (self.text(name) == wanted).then_some(()));
    }

    /// Puts RESTART; its status, when it has completed.
    fn restart(&mut self) -> u32 {
        let channel = self.circuit.create("x:health.RESTART");
        let put = self.circuit.push_put_notify(channel, DBR_ENUM, 1, &1_u16.to_be_bytes());
        self.circuit.flush();
        let (ioid, status) = self.circuit.completion();
        assert_eq!(ioid, put);
        status
    }

    /// Up and idle, with no wait for it.
    fn is_up(&mut self) {
        assert_eq!((self.text("health.ALIVE"), self.text("seq.STATE")), ("Up".into(), "Idle".into()));
        assert_eq!(self.command("[1]"), NORMAL);
    }
}

#[test]
fn a_device_of_the_config_file_is_started_again_as_often_as_its_limit_says() {
    let mut lab = Lab::start("limit", "{ limit = 2, back_off = 0.01 }");
    for restarts in 1..=2 {
        assert_eq!(lab.command("panic"), PUTFAIL);
        lab.until("seq.STATE", "Idle");
        assert_eq!((lab.text("health.ALIVE"), lab.restarts()), ("Up".into(), restarts));
    }
    assert_eq!(lab.command("panic"), PUTFAIL);
    lab.until("seq.STATE", "Offline");
    let told = "stays down until RESTART is put";
    wait_for("the end of the tries", SOON, || lab.server.log().contains(told).then_some(()));
    assert_eq!((lab.text("health.ALIVE"), lab.error()), ("Down".into(), "panicked: told to panic".into()));
    assert_eq!(lab.command("[1]"), PUTFAIL, "it is down");
    assert_eq!((lab.restarts(), lab.restart()), (2, NORMAL));
    lab.is_up();
    assert_eq!(lab.restarts(), 3);
    // Whoever asks for a restart starts to count anew.
    assert_eq!(lab.command("panic"), PUTFAIL);
    lab.until("seq.STATE", "Idle");
}

#[test]
fn a_device_of_the_config_file_waits_for_its_back_off_unless_somebody_asks_for_a_restart() {
    let mut lab = Lab::start("back-off", "{ back_off = 3600 }");
    assert_eq!(lab.command("panic"), PUTFAIL);
    lab.until("seq.STATE", "Offline");
    wait_for("the time that is told", SOON, || {
        lab.server.log().contains("told to panic; it is tried again in 3600s").then_some(())
    });
    assert_eq!((lab.text("health.ALIVE"), lab.restarts()), ("Down".into(), 0));
    assert_eq!(lab.restart(), NORMAL);
    lab.is_up();
}

#[test]
fn a_restart_of_a_device_that_is_up_ends_its_command_and_completes_when_it_is_up_again() {
    let mut lab = Lab::start("up", "{}");
    let mut other = lab.server.circuit();
    let cmd = other.create("x:seq.CMD");
    let running = other.push_command(cmd, "move(1000)");
    other.flush();
    lab.until("seq.STATE", "Busy");
    assert_eq!(lab.restart(), NORMAL);
    lab.is_up();
    assert_eq!((other.completion(), lab.restarts()), ((running, PUTFAIL), 1));
}

#[test]
fn a_restart_table_that_is_none_is_refused_with_its_rule() {
    for (restart, rule) in [
        ("{ back_off = 0 }", "back_off 0 is outside 0.001..=86400 s"),
        ("{ limit = -1 }", "invalid value"),
        ("{ times = 3 }", "unknown field `times`, expected `limit` or `back_off`"),
    ] {
        let file = File::new("wrong-restart", &format!("[device.clock]\nrestart = {restart}\n"));
        let output = run_to_end(&["run", "--config", file.path()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(rule) && said.contains(&format!("{}:", file.path())), "{said}");
    }
}
