//! The lines that a reader is told to try, run in their order: blocks marked `sh run`, with the examples they need.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Recipe;
use super::instruments::simulated;
use super::markdown::{Block, Page, pages};
use crate::launch::{Lines, SOON, Server, free_port, isolated, wait_exit};

/// What a block needs to be running; kept until its end.
struct Running {
    udp: u16,
    _servers: Vec<Server>,
}

impl Running {
    /// The example of this name, or all demo devices.
    fn start(example: Option<&str>) -> Self {
        let (mut servers, mut flags) = (Vec::new(), Vec::new());
        let address = format!("127.0.0.1:{}", free_port());
        if example == Some("supply") {
            servers.push(simulated(&address));
            flags = vec!["--address", &address];
        }
        servers.push(match example {
            Some(name) => Recipe::start(name, "", &flags).server,
            None => Server::start(),
        });
        Self { udp: servers.last().map_or(0, |server| server.udp), _servers: servers }
    }

    fn command(&self, line: &str) -> Command {
        let tools = Path::new(env!("CARGO_BIN_EXE_seqioc")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = isolated("sh");
        command
            .args(["-c", line])
            .env("PATH", format!("{}:{path}", tools.display()))
            .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
            .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
            .env("EPICS_CA_SERVER_PORT", self.udp.to_string())
            .env("EPICS_CA_REPEATER_PORT", free_port().to_string())
            .env("EPICS_CLI_TIMEOUT", "20")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Why a line does not do what the page says.
    fn mistake(&self, line: &str) -> Option<String> {
        // Without the shell, so that the signal reaches the tool.
        let mut child = self.command(&format!("exec {line}")).spawn().expect("a shell");
        let out = Lines::of(child.stdout.take().expect("a pipe"));
        let errors = Lines::of(child.stderr.take().expect("a pipe"));
        let endless = line.starts_with("seqioc monitor ");
        let shown = if endless { out.next(Instant::now() + SOON) } else { None };
        let status = wait_exit(&mut child, if endless { Duration::ZERO } else { SOON });
        // Fails only when it has ended already.
        let _ = child.kill();
        child.wait().expect("it can be waited for");
        let should_fail = line.contains("# fails");
        let good = match status {
            None => endless && shown.is_some() && errors.text().is_empty(),
            Some(status) => status.success() != should_fail,
        };
        (!good).then(|| format!("{status:?}, {}{}", out.text(), errors.text()))
    }
}

/// Runs a block; what went wrong.
fn run(page: &Page, block: &Block) -> Vec<String> {
    let running = Running::start(block.info.split(' ').nth(2));
    let lines = block.lines.iter().filter(|line| !line.is_empty());
    let mistakes = lines.filter_map(|line| {
        let why = running.mistake(line)?;
        Some(format!("{}:{}: {line}: {why}", page.name, block.line))
    });
    mistakes.collect()
}

#[test]
fn the_lines_of_the_pages_do_what_they_say() {
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language() == "sh") {
            if block.info.split(' ').nth(1) == Some("run") {
                count += 1;
                wrong.extend(run(&page, block));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 10, "only {count} blocks are run");
}

#[test]
fn a_line_that_does_something_else_is_found() {
    let running = Running::start(Some("axis"));
    let mistake = |line| running.mistake(line);
    assert_eq!(mistake("seqioc get axis:RBV"), None);
    assert_eq!(mistake("seqioc put -c axis:VAL 11  # fails"), None);
    assert_eq!(mistake("seqioc monitor axis:RBV"), None);
    for wrong in ["seqioc put -c axis:VAL 11", "seqioc get axis:RBV # fails", "seqioc get -w 0.1 axis:NONE"] {
        assert!(mistake(wrong).is_some(), "{wrong}");
    }
}
