//! Every captured call of base's tools, byte for byte.

use serde_json::Value;

use super::fake::Fake;
use super::{Said, run_in};
use crate::tools::Tool;
use crate::tools::options::OURS;

/// The captured calls, in the order in which they were made; see the note in the file.
const CASES: &str = include_str!("../../../../tests/golden/tools/cases.json");
/// More calls, against one server; see the note in the file.
const MORE: &str = include_str!("../../../../tests/golden/tools/more.json");
/// Failures that base passes over, and `seqioc get` and `seqioc put` do not.
const PASSED_OVER: usize = 17;

struct Case {
    /// The command line, without what only made base's output come at once.
    line: Vec<String>,
    said: Said,
    /// It was stopped after a while, so it has no exit status.
    stopped: bool,
}

fn cases(file: &str) -> Vec<Case> {
    let file: Value = serde_json::from_str(file).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    cases
        .iter()
        .map(|case| {
            let text = |key: &str| case[key].as_str().expect("text").to_owned();
            let words = case["cmd"].as_array().expect("a command line").iter();
            let words = words.map(|word| word.as_str().expect("a word").to_owned());
            let status = case["rc"].as_u64();
            Case {
                line: words.skip_while(|word| word == "stdbuf" || word == "-oL").collect(),
                said: Said { out: text("out"), err: text("err"), status: status.unwrap_or(0) as u8 },
                stopped: status.is_none(),
            }
        })
        .collect()
}

/// The text with the moments of exceptions taken out.
fn without_time(text: &str) -> String {
    let line = |line: &str| match line.split_once("Current Time: ") {
        Some((before, _)) => format!("{before}Current Time: *\n"),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Base colours whether or not a terminal shows it.
fn without_colour(text: &str) -> String {
    text.replace("\x1b[31;1mERROR\x1b[0m", "ERROR")
}

fn tool(name: &str) -> Tool {
    Tool::ALL.into_iter().find(|tool| tool.base_name() == name).expect("a tool")
}

/// Runs all cases and returns those that differ; with `strict`, as subcommands of `seqioc`.
fn differences(file: &str, strict: bool) -> Vec<String> {
    let mut fake = Fake::new();
    let mut different = Vec::new();
    let mut passed_over = 0;
    for mut case in cases(file) {
        let base = case.line[0].clone();
        if base == "camonitor" && file == CASES {
            // they were made on a fresh server
            fake = Fake::new();
        }
        let mut line: Vec<_> = case.line.iter().map(String::as_str).collect();
        if strict {
            let subcommand = tool(&base).subcommand();
            line.splice(..1, ["seqioc", subcommand]);
            case.said.err = without_colour(&case.said.err.replace(&base, &format!("seqioc {subcommand}")));
            if case.said.status == 0 && case.said.err.contains("Exception") {
                passed_over += 1;
                case.said.status = 1;
            }
        }
        let mut said = run_in(&mut fake, &line, None);
        said.err = without_time(&said.err);
        case.said.err = without_time(&case.said.err);
        if said != case.said {
            different.push(format!("{line:?}\n  base {:?}\n  ours {said:?}", case.said));
        }
        assert!(!case.stopped || said.status == 0);
    }
    assert_eq!(passed_over, if strict && file == CASES { PASSED_OVER } else { 0 });
    different
}

#[test]
fn every_captured_call_gives_the_same_bytes_and_exit_status() {
    let all = cases(CASES).len();
    let different = differences(CASES, false);
    println!("{} of {all} captured calls are equal", all - different.len());
    assert_eq!(all, 686);
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn as_subcommands_they_print_the_same_and_fail_where_base_passes_over() {
    let different = differences(CASES, true);
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn odd_calls_give_the_same_bytes_and_exit_status() {
    let different = differences(MORE, false);
    assert_eq!(cases(MORE).len(), 383);
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn help_is_that_of_base_with_our_name() {
    for tool in Tool::ALL {
        let base = run_in(&mut Fake::new(), &[tool.base_name(), "-h"], None);
        assert_eq!((base.status, &base.out[..]), (0, ""));
        assert!(base.err.starts_with(&format!("\nUsage: {} [options] <PV name>", tool.base_name())));
        assert!(base.err.contains("default is 1.000000 second(s)"));
        let ours = run_in(&mut Fake::new(), &["seqioc", tool.subcommand(), "-h"], None);
        let program = format!("seqioc {}", tool.subcommand());
        assert!(ours.err.contains(OURS) && !base.err.contains("-v"), "{}", ours.err);
        assert_eq!(ours.err.replace(OURS, ""), base.err.replace(tool.base_name(), &program));
        let long = run_in(&mut Fake::new(), &["seqioc", tool.subcommand(), "--help"], None);
        assert!(long.status == 0 && long.err.is_empty() && ours.err.starts_with(&long.out), "{long:?}");
        let refused = run_in(&mut Fake::new(), &[tool.base_name(), "-v", "g:ao"], None);
        let hint = format!("Unrecognized option: '-v'. ('{} -h' for help.)\n", tool.base_name());
        assert_eq!((refused.status, refused.err), (1, hint));
    }
    let version = "\nEPICS Version seqioc 0.1.0, CA Protocol version 4.13\n";
    assert!(run_in(&mut Fake::new(), &["cainfo", "-h"], None).err.ends_with(version));
    let said = run_in(&mut Fake::new(), &["caput", "-V"], None);
    assert_eq!((&said.out[..], &said.err[..], said.status), (version, "", 0));
}
