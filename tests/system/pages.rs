//! The pages of `docs/` about single devices: their tables are what the device has, and what they say to try works.

use std::net::Ipv4Addr;
use std::process::Output;

use crate::launch::{Server, isolated, run_to_end};

/// Kind of device, its page.
const PAGES: [(&str, &str); 2] =
    [("clock", include_str!("../../docs/clock.md")), ("example", include_str!("../../docs/example.md"))];

#[test]
fn pages_have_the_tables_of_the_pvs_and_of_the_commands() {
    for (device, page) in PAGES {
        let table = run_to_end(&["run", device, "--list-pvs=markdown"]);
        let table = String::from_utf8(table.stdout).expect("UTF-8");
        assert!(page.contains(&table), "docs/{device}.md must have\n{table}");
        let listed = run_to_end(&["list", device, "--json"]);
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let commands = listed[0]["commands"].as_array().expect("a list");
        let word = |command: &serde_json::Value, key: &str| command[key].as_str().expect("a text").to_owned();
        let rows = commands.iter().map(|c| format!("| `{}` | {} |\n", word(c, "call"), word(c, "doc")));
        let rows: String = rows.collect();
        assert!(!rows.is_empty() && page.contains(&rows), "docs/{device}.md must have\n{rows}");
    }
}

/// The lines of the blocks of shell commands.
fn lines(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sh\n").skip(1).flat_map(|block| block.split("```").next().unwrap_or_default().lines())
}

/// The words of a line of shell, as far as these pages use it: blanks and single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn run(words: &[String], server: &Server) -> Output {
    assert_eq!(words[0], "seqioc");
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .args(&words[1..])
        .env("EPICS_CA_ADDR_LIST", Ipv4Addr::LOCALHOST.to_string())
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_SERVER_PORT", server.udp.to_string())
        .env("EPICS_CA_REPEATER_PORT", crate::launch::free_port().to_string())
        .env("EPICS_CLI_TIMEOUT", "20");
    command.output().expect("the binary starts")
}

#[test]
fn what_pages_say_to_try_works_and_fails_where_they_say_so() {
    let server = Server::start();
    let mut seen = String::new();
    for line in PAGES.iter().flat_map(|(_, page)| lines(page)) {
        let (command, remark) = line.split_once('#').unwrap_or((line, ""));
        let output = run(&words(command), &server);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), remark.trim() != "fails", "{line}\n{said}{told}");
        seen.push_str(&format!("$ {line}\n{said}"));
    }
    println!("{seen}");
    let after = |command: &str, words: &str| {
        let (_, rest) = seen.split_once(command).unwrap_or_else(|| panic!("no {command} in\n{seen}"));
        let answer = rest.split("\n$ ").next().unwrap_or_default();
        assert!(answer.contains(words), "no {words:?} behind {command:?}, but\n{answer}");
    };
    after("get wt:delay", "0.05");
    after("get wt:seq.STATE\n", "Aborted");
    after("get -c TEST:SERVER.seq.values", "3 1 2.5 3");
    after("get -S TEST:SERVER.seq.message", "10 points stored");
    after("get TEST:SERVER.VAL TEST:SERVER.seq.STATE", "Aborted");
    after("get -S TEST:SERVER.seq.ERROR", "mvoe");
    after("get TEST:SERVER.health.ALIVE", "Up");
}
