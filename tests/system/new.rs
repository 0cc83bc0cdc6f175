//! `seqioc new`: the crate that it writes builds, is tested, and runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::launch::{Server, isolated, run_to_end, seqioc_of};

const NAME: &str = "hot-plate";

/// A new folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("new-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder")
}

/// Cargo in the new crate, without a network, with what is built already.
fn cargo(home: &Path, args: &[&str]) {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(home).env("CARGO_TARGET_DIR", target());
    let Output { status, stdout, stderr } = command.output().expect("cargo runs");
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(status.success(), "cargo {args:?}: {text}");
    if args[0] == "test" {
        assert!(text.contains("test an_abort_ends_a_long_command ... ok"), "{text}");
    }
}

/// `seqioc` as a client of this server.
fn client(server: &Server, args: &[&str]) -> (Option<i32>, String) {
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .args(args)
        .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{}", server.udp))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", "0");
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    (status.code(), String::from_utf8([stdout, stderr].concat()).expect("UTF-8"))
}

#[test]
fn a_new_device_is_tested_has_no_lints_and_runs() {
    let folder = Folder::new("device");
    let output = run_to_end(&["new", NAME, "--path", folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        said.contains("cargo run -- --local") && said.contains("seqioc cmd hot-plate: heat 40"),
        "{said}"
    );
    let home = folder.0.join(NAME);
    cargo(&home, &["test", "--offline"]);
    cargo(&home, &["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
    cargo(&home, &["build", "--offline"]);

    let binary = target().join("debug").join(NAME);
    let mut command = seqioc_of(binary.to_str().expect("UTF-8"), &["--local", "--ready", "json"]);
    command.env("EPICS_CA_REPEATER_PORT", "0");
    let mut server = Server::spawn(command);
    server.ready();
    let (status, said) = client(&server, &["cmd", "hot-plate:"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("heat(to: number C, rate: number C/s = 10.0)"), "{said}");
    let (status, said) = client(&server, &["cmd", "hot-plate:", "heat", "40", "rate=1000"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.ends_with("Done: at 40 C\nvalues: [40]\n"), "{said}");
    assert_eq!(
        client(&server, &["get", "-t", "hot-plate:temperature", "hot-plate:seq.ACK"]),
        (Some(0), "40\n1\n".to_owned())
    );
    let (status, said) = client(&server, &["cmd", "hot-plate:", "heat", "1000"]);
    assert_eq!((status, said.as_str()), (Some(1), "seqioc cmd: Failed: 1000 C is outside 0..=200 C\n"));
    // What its own page says.
    let (status, said) = client(&server, &["put", "-c", "hot-plate:offset", "0.25"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(client(&server, &["get", "-t", "hot-plate:offset"]).1, "0.3\n");
    let page = std::fs::read_to_string(home.join("README.md")).expect("a page");
    assert!(
        page.contains("seqioc put hot-plate:offset 0.25            # becomes 0.3")
            && !page.contains("my_device")
    );
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = Folder::new("taken");
    std::fs::create_dir(folder.0.join("oven")).expect("a folder");
    std::fs::write(folder.0.join("oven/mine"), "mine").expect("a file");
    let output = run_to_end(&["new", "oven", "--path", folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.ends_with("oven: it exists, a new device needs a folder of its own\n"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.0.join("oven")).expect("a folder").collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_name_that_no_crate_can_have_is_refused_with_the_rule() {
    for (name, rule) in
        [("move", "a word of Rust"), ("Oven", "starts with a letter a to z"), ("a/b", "not '/'")]
    {
        let output = run_to_end(&["new", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(said.contains(rule) && said.contains(name), "{said}");
    }
}

#[test]
fn a_wrapper_that_is_none_is_refused_and_nothing_is_left() {
    let folder = Folder::new("wrapper");
    let nowhere = folder.0.join("nowhere");
    let nowhere = nowhere.to_str().expect("UTF-8");
    let output = run_to_end(&["new", "oven", "--path", folder.path(), "--wrapper", nowhere]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains(nowhere) && said.contains("no crate \"wrapper\""), "{said}");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../devices/clock");
    let output = run_to_end(&["new", "oven", "--path", folder.path(), "--wrapper", other]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("it is not the crate \"wrapper\""), "{said}");
    assert!(!folder.0.join("oven").exists());
}
