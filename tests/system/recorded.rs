//! Every recorded call of base's tools, made again by ours with our client against a real server of base.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::launch::{Lines, SOON, free_port, isolated, wait_exit};
use crate::peers::Script;

const TOOLS: [&str; 4] = ["caget", "caput", "camonitor", "cainfo"];
/// How long a server may run.
const SERVER: Duration = Duration::from_secs(180);
/// How long a call that was recorded without a word is listened to.
const SILENCE: Duration = Duration::from_secs(1);
/// Calls made at once where none changes anything: most of the time of many is spent waiting.
const AT_ONCE: usize = 8;
/// Presets of the arrays, as the note in the file has them.
const PRESETS: [&[&str]; 4] = [
    &["caput", "-w", "20", "-a", "g:wfd", "5", "1", "2.5", "-3", "1e9", "0.001"],
    &["caput", "-w", "20", "-a", "g:wfl", "3", "1", "-2", "65536"],
    &["caput", "-w", "20", "-S", "g:wfc", "a text in a char array"],
    &["caput", "-w", "20", "-a", "g:wfs", "2", "first", "second one"],
];
/// Where the server of base that is here says something else than the recorded one, and why: the call, what was
/// recorded, what is right now.
const NEWER_BASE: [(&str, &str, &str, &str); 1] = [(
    "caput g:long 0x10",
    "New : g:long                         0\n",
    "New : g:long                         16\n",
    "newer base reads hexadecimal numbers",
)];
/// The server in the recorded output.
const RECORDED_HOST: &str = "localhost:5964";

/// What a call printed, and how it ended; `None` when it was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    out: String,
    err: String,
    status: Option<i32>,
}

#[derive(Debug)]
struct Case {
    line: Vec<String>,
    said: Said,
}

/// A file of recorded calls.
struct File {
    path: PathBuf,
    cases: Vec<Case>,
}

impl File {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/tools").join(name);
        let text = std::fs::read_to_string(&path).expect("the recorded calls");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let cases = file["cases"].as_array().expect("cases").iter().map(case).collect();
        Self { path, cases }
    }
}

fn case(case: &Value) -> Case {
    let text = |key: &str| case[key].as_str().expect("text").to_owned();
    let words = case["cmd"].as_array().expect("a command line").iter();
    let words = words.map(|word| word.as_str().expect("a word").to_owned());
    // What only made base's output come at once.
    let line = words.skip_while(|word| word == "stdbuf" || word == "-oL").collect();
    let status = case["rc"].as_i64().map(|status| status as i32);
    Case { line, said: Said { out: text("out"), err: text("err"), status } }
}

/// Links to our binary by the names of base's tools, gone when dropped.
struct Links(PathBuf);

impl Links {
    fn new(name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tools-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in TOOLS {
            symlink(env!("CARGO_BIN_EXE_seqioc"), folder.join(name)).expect("a link");
        }
        Self(folder)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        // What is left is in the folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server of base with the recorded database, and how it is called.
struct Bench<'a> {
    links: &'a Links,
    port: u16,
    _server: Script,
}

impl<'a> Bench<'a> {
    /// `None` when there are no peers.
    fn start(links: &'a Links, database: &Path) -> Option<Self> {
        let port = free_port();
        let file = database.to_str().expect("UTF-8");
        let server = Script::start_with("serve_cases.py", &[file], port, SERVER)?;
        let bench = Self { links, port, _server: server };
        for preset in PRESETS {
            let line: Vec<_> = preset.iter().map(|&word| word.to_owned()).collect();
            let said = bench.run(&line, None);
            assert_eq!(said.status, Some(0), "{preset:?}: {said:?}");
        }
        Some(bench)
    }

    fn tool(&self, line: &[String]) -> Command {
        let mut command = isolated(self.links.0.join(&line[0]));
        command
            .args(&line[1..])
            .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
            .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
            .env("EPICS_CA_SERVER_PORT", self.port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a tool to its end, or until it has printed as many lines as are given, and stays silent if that is none.
    fn run(&self, line: &[String], lines: Option<usize>) -> Said {
        let mut child = self.tool(line).spawn().expect("it starts");
        let mut out = Lines::of(child.stdout.take().expect("a pipe"));
        let mut err = Lines::of(child.stderr.take().expect("a pipe"));
        let status = match lines {
            Some(count) => {
                let patience = if count == 0 { SILENCE } else { SOON };
                let until = Instant::now() + patience;
                (0..count.max(1)).take_while(|_| out.next(until).is_some()).for_each(drop);
                None
            }
            None => wait_exit(&mut child, SOON).and_then(|status| status.code()),
        };
        // Fails only when it has ended already.
        let _ = child.kill();
        child.wait().expect("it can be waited for");
        out.join();
        err.join();
        let here = |name: &str| format!("{name}:{}", self.port);
        let out =
            out.text().replace(&here("localhost"), RECORDED_HOST).replace(&here("127.0.0.1"), RECORDED_HOST);
        Said { out, err: without_time(&err.text()), status }
    }

    /// Makes a call again; what was recorded and what came instead, if that is not the same.
    fn difference(&self, case: &Case) -> Option<String> {
        let Case { line, said } = case;
        let stopped = said.status.is_none().then(|| said.out.lines().count());
        let wanted = Said { err: without_time(&said.err), ..said.clone() };
        let ours = self.run(line, stopped);
        (ours != wanted).then(|| format!("{line:?}\n  base {wanted:?}\n  ours {ours:?}"))
    }

    /// Makes calls again that change nothing, several at once.
    fn differences(&self, cases: &[Case]) -> Vec<String> {
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Relaxed)) {
                        found.lock().expect("no holder panics").extend(self.difference(case));
                    }
                });
            }
        });
        found.into_inner().expect("no holder panics")
    }
}

/// The text with the moments of exceptions taken out.
fn without_time(text: &str) -> String {
    let line = |line: &str| match line.split_once("Current Time: ") {
        Some((before, _)) => format!("{before}Current Time: *\n"),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Calls in a row that may be made at once: puts one by one, all others together.
fn rows(cases: &[Case]) -> impl Iterator<Item = &[Case]> {
    cases.chunk_by(|one, other| one.line[0] != "caput" && other.line[0] != "caput")
}

/// What the server that is here says on purpose otherwise is what is wanted.
fn with_newer_base(mut cases: Vec<Case>) -> Vec<Case> {
    for (line, recorded, now, why) in NEWER_BASE {
        let case = cases.iter_mut().find(|case| case.line.join(" ") == line).expect("it was recorded");
        assert!(case.said.out.contains(recorded), "{line}");
        case.said.out = case.said.out.replace(recorded, now);
        println!("not as recorded: {line}: {now:?} for {recorded:?}: {why}");
    }
    cases
}

fn report(different: &[String], all: usize) {
    println!("{} of {all} recorded calls are equal", all - different.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn all_686_recorded_calls_are_equal_over_the_network() {
    let (links, file) = (Links::new("recorded"), File::read("cases.json"));
    let Some(mut bench) = Bench::start(&links, &file.path) else { return };
    let cases = with_newer_base(file.cases);
    let mut different = Vec::new();
    for row in rows(&cases) {
        if row[0].line[0] == "camonitor" {
            // They were recorded on a fresh server.
            bench = Bench::start(&links, &file.path).expect("there were peers");
        }
        different.extend(bench.differences(row));
    }
    assert_eq!(cases.len(), 686);
    report(&different, cases.len());
}

#[test]
fn all_383_odd_calls_are_equal_over_the_network() {
    let (links, records) = (Links::new("odd"), File::read("cases.json"));
    let Some(bench) = Bench::start(&links, &records.path) else { return };
    let cases = File::read("more.json").cases;
    let different: Vec<_> = rows(&cases).flat_map(|row| bench.differences(row)).collect();
    assert_eq!(cases.len(), 383);
    report(&different, cases.len());
}
