//! Command lines in the pages: subcommands, flags and examples that exist.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;

use crate::markdown::{pages, root};

const TOOLS: [&str; 4] = ["get", "put", "monitor", "info"];
/// The tools of base, which are ours under another name.
const BASE: [(&str, &str); 4] =
    [("caget", "get"), ("caput", "put"), ("camonitor", "monitor"), ("cainfo", "info")];

/// What `seqioc` says of itself.
#[derive(Default)]
struct Help(HashMap<String, String>);

impl Help {
    fn of(&mut self, subcommand: &str) -> Option<&str> {
        let help = self.0.entry(subcommand.to_owned()).or_insert_with(|| {
            let flag = if TOOLS.contains(&subcommand) { "-h" } else { "--help" };
            let mut program = Command::new(env!("CARGO_BIN_EXE_seqioc"));
            let output = program.args([subcommand, flag]).output().expect("it starts");
            // The tools print it on standard error, as those of base do.
            let text =
                if output.status.success() { [output.stdout, output.stderr].concat() } else { Vec::new() };
            String::from_utf8(text).expect("UTF-8")
        });
        Some(&**help).filter(|text| !text.is_empty())
    }

    /// Why these words behind `seqioc` are not understood.
    fn refuses(&mut self, words: &[String]) -> Option<String> {
        let Some((subcommand, arguments)) = words.split_first() else {
            return Some("no subcommand".to_owned());
        };
        let Some(help) = self.of(subcommand) else { return Some(format!("no subcommand {subcommand:?}")) };
        arguments.iter().take_while(|word| *word != "|" && *word != ">").find_map(|word| {
            let flag = flag_of(word, TOOLS.contains(&&**subcommand))?;
            (!has_word(help, &flag)).then(|| format!("{subcommand} has no {flag}"))
        })
    }
}

/// The flag in a word: a tool's is a dash and one character, with or without its value behind it.
fn flag_of(word: &str, tool: bool) -> Option<String> {
    let first = word.strip_prefix('-')?.chars().next()?;
    match (first, tool) {
        ('0'..='9', _) => None,
        (_, true) => Some(format!("-{first}")),
        _ => Some(word.split('=').next().unwrap_or(word).to_owned()),
    }
}

fn has_word(text: &str, wanted: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || ",[]<>:=|".contains(c)).any(|word| word == wanted)
}

/// The words of a line of a shell, without its comment.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Why `cargo run ..` does not start anything, or is not understood by what it starts.
fn refused_by_example(name: &str, arguments: &[String], help: &mut Help) -> Option<String> {
    let candidates = ["wrapper", "devices/chart"];
    let source = candidates.iter().find_map(|folder| {
        std::fs::read_to_string(root().join(folder).join("examples").join(format!("{name}.rs"))).ok()
    });
    let Some(source) = source else { return Some(format!("no example {name:?}")) };
    if !source.contains("Launcher") && !source.contains("launch(") {
        return None;
    }
    let own = |flag: &str| source.contains(&format!("option(\"{}\"", flag.trim_start_matches('-')));
    let general = help.of("run").expect("it has a help").to_owned();
    arguments.iter().filter_map(|word| flag_of(word, false)).find_map(|flag| {
        (!own(&flag) && !has_word(&general, &flag)).then(|| format!("the example {name} has no {flag}"))
    })
}

/// Why a line is not understood; only what we deliver is looked at.
fn refused(line: &str, help: &mut Help) -> Option<String> {
    let words = words(line);
    let start = words.iter().position(|word| !is_assignment(word)).unwrap_or(words.len());
    let words = &words[start..];
    let program = words.first()?;
    if program == "cargo" && words.get(1).is_some_and(|word| word == "run") {
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let arguments = words.get(end + 1..).unwrap_or_default();
        let example =
            words[..end].iter().position(|word| word == "--example").and_then(|at| words.get(at + 1));
        return match example {
            Some(example) => refused_by_example(example, arguments, help),
            None if words[..end].iter().any(|word| word == "--manifest-path" || word == "-p") => None,
            // In the crate of a reader it starts that.
            None if arguments.first().is_some_and(|word| word.starts_with('-')) => {
                help.refuses(&[vec!["run".to_owned()], arguments.to_vec()].concat())
            }
            None => help.refuses(arguments),
        };
    }
    if let Some((_, tool)) = BASE.iter().find(|(base, _)| base == program) {
        return help.refuses(&[vec![(*tool).to_owned()], words[1..].to_vec()].concat());
    }
    if program.rsplit('/').next() == Some("seqioc") { help.refuses(&words[1..]) } else { None }
}

fn is_assignment(word: &str) -> bool {
    word == "export"
        || word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

#[test]
fn every_command_line_names_subcommands_flags_and_examples_that_exist() {
    let mut help = Help::default();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for page in pages() {
        let shell = |language: &str| matches!(language, "" | "sh" | "bash" | "shell" | "console");
        for block in page.blocks().into_iter().filter(|block| shell(block.language())) {
            for line in &block.lines {
                seen.extend(words(line).first().cloned());
                let why = refused(line, &mut help);
                wrong.extend(why.map(|why| format!("{}:{}: {line}: {why}", page.name, block.line)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.contains("seqioc") && seen.contains("cargo"), "{seen:?}");
}

#[test]
fn a_line_that_is_not_understood_is_found() {
    let mut help = Help::default();
    let mut why = |line| refused(line, &mut help).unwrap_or_default();
    for good in [
        "seqioc get -c -w 5 X",
        "EPICS_CA_ADDR_LIST=127.0.0.1 target/release/seqioc put -S X '-5'",
        "caput -c -w 60 -S X '[1, 2]'",
        "cargo run --example chirp -- --ramprate 0.5 --local",
        "cargo run --release -- run --list-pvs=markdown",
        "ls -l --nonsense",
    ] {
        assert_eq!(why(good), "", "{good}");
    }
    assert_eq!(why("seqioc gett X"), "no subcommand \"gett\"");
    assert_eq!(why("seqioc get -J X"), "get has no -J");
    assert_eq!(why("seqioc run --locale"), "run has no --locale");
    assert_eq!(why("cargo run --example chirpp"), "no example \"chirpp\"");
    assert_eq!(why("cargo run --example chirp -- --ramp 0.5"), "the example chirp has no --ramp");
}
