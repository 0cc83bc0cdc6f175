//! What the command line says of itself: completion, manual pages, exit status.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::launch::run_to_end;

/// What `seqioc` prints when it is called so, and all is well.
fn printed(args: &[&str]) -> String {
    let output = run_to_end(args);
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]), "{args:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// All subcommands, as the help has them; those of the tools stand below the others.
fn subcommands() -> BTreeSet<String> {
    let help = printed(&["--help"]);
    let name = |line: &str| {
        let line =
            line.strip_prefix("  ").filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let names: BTreeSet<_> = help.lines().filter_map(name).filter(|name| name != "help").collect();
    for known in ["run", "list", "repeater", "search", "diagnose", "get", "put", "monitor", "info"] {
        assert!(names.contains(known), "no {known} in {names:?}");
    }
    names
}

#[test]
fn every_shell_is_told_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completion", shell]);
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: no {name}");
        }
    }
    let output = run_to_end(&["completion", "sh"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bash"), "the known ones are told");
}

#[test]
#[cfg(unix)]
fn bash_completes_subcommands_and_options() {
    let script = printed(&["completion", "bash"]);
    let complete = |words: &[&str]| {
        let (last, count) = (words.last().expect("a word"), words.len() - 1);
        let before = words[count - 1];
        let line = format!(
            "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={count}\n_seqioc seqioc '{last}' '{before}'\necho \"${{COMPREPLY[@]}}\"",
            words.join(" ")
        );
        let output = Command::new("bash").args(["--norc", "-c", &line]).output().expect("bash runs");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    assert_eq!(complete(&["seqioc", "se"]), "search");
    assert_eq!(complete(&["seqioc", "mon"]), "monitor");
    assert_eq!(complete(&["seqioc", "run", "--inter"]), "--interfaces");
    assert_eq!(complete(&["seqioc", "list", "clo"]), "clock");
}

#[test]
#[cfg(unix)]
fn there_is_a_manual_page_for_every_subcommand_with_its_exit_status() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("man-{}", std::process::id()));
    assert_eq!(printed(&["man", folder.to_str().expect("UTF-8")]), "");
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a page");
    let main = page("seqioc.1");
    assert_eq!(printed(&["man"]), main);
    for name in subcommands() {
        assert!(main.contains(&format!("seqioc\\-{name}(1)")), "no {name} in\n{main}");
        let page = page(&format!("seqioc-{name}.1"));
        assert!(page.contains(".TH ") && page.contains("Exit status: 0 "), "{page}");
    }
    assert!(page("seqioc-get.1").contains("\\fB\\-w\\fR \\fI<sec>\\fR"), "{}", page("seqioc-get.1"));
    std::fs::remove_dir_all(&folder).expect("it can be removed");
    let output = run_to_end(&["man", "/dev/null/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/dev/null/nowhere"), "the folder is named");
}

#[test]
fn every_help_lists_the_exit_status() {
    for name in subcommands() {
        let help = printed(&[&name, "--help"]);
        assert!(help.contains("Exit status: 0 "), "{name}: {help}");
    }
    assert!(printed(&["--help"]).contains("Exit status: 0 "));
}

#[test]
fn nothing_is_coloured_that_goes_to_no_terminal() {
    for args in [&["--help"][..], &["run", "--help"], &["dance"], &["run", "toaster"]] {
        let output = run_to_end(args);
        let all = [output.stdout, output.stderr].concat();
        assert!(!all.is_empty() && !all.contains(&0x1b), "{args:?}: {}", String::from_utf8_lossy(&all));
    }
}
