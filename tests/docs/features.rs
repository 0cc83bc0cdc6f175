//! The table of features names tests that exist, or a reason.

use std::collections::HashMap;

use crate::markdown::{pages, root};

/// Whether a file has a test of this name.
fn has_test(files: &mut HashMap<String, String>, named: &str) -> Result<(), String> {
    let (path, name) = named.rsplit_once("::").ok_or("it is not of the form path::name")?;
    let text = files
        .entry(path.to_owned())
        .or_insert_with(|| std::fs::read_to_string(root().join(path)).unwrap_or_default());
    let function = format!("fn {name}(");
    let at = text.find(&function).ok_or_else(|| format!("{path} has no function {name}"))?;
    // Attributes stand between the mark of a test and its name.
    let before: Vec<_> = text[..at].lines().rev().take(6).collect();
    let is_test =
        before.iter().take_while(|line| line.trim() != "}").any(|line| line.trim().ends_with("test]"));
    if is_test { Ok(()) } else { Err(format!("{name} in {path} is no test")) }
}

/// Why a row of the table is not good.
fn mistake(cells: &[&str], files: &mut HashMap<String, String>) -> Option<String> {
    let [theirs, ours, shown] = cells else { return Some(format!("{} cells, there are 3", cells.len())) };
    if theirs.is_empty() || ours.is_empty() {
        return Some("a cell is empty".to_owned());
    }
    if let Some(reason) = shown.strip_prefix("none:") {
        return reason.trim().is_empty().then(|| "there is no reason behind none".to_owned());
    }
    let tests: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
    if tests.is_empty() {
        return Some("it names neither a test nor a reason".to_owned());
    }
    tests.iter().find_map(|test| has_test(files, test).err())
}

#[test]
fn every_feature_has_a_test_that_exists_or_a_reason() {
    let pages = pages();
    let page = pages.iter().find(|page| page.name == "docs/features.md").expect("the page");
    let mut files = HashMap::new();
    let (mut rows, mut wrong) = (0, Vec::new());
    let lines = page.text.lines().enumerate().filter(|(_, line)| line.starts_with("| "));
    for (at, line) in lines.filter(|(_, line)| !line.starts_with("| caproto | here |")) {
        rows += 1;
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        wrong.extend(mistake(&cells, &mut files).map(|why| format!("{}:{}: {why}", page.name, at + 1)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 100, "only {rows} rows were found");
}

#[test]
fn a_row_without_a_test_that_exists_is_found() {
    let mut files = HashMap::new();
    let here = "`tests/docs/features.rs::a_row_without_a_test_that_exists_is_found`";
    let mut why = |cells: &[&str]| mistake(cells, &mut files).unwrap_or_default();
    assert_eq!(why(&["x", "y", here]), "");
    assert_eq!(why(&["x", "y", "none: nobody wants it"]), "");
    assert_eq!(why(&["x", "y", "none:"]), "there is no reason behind none");
    assert_eq!(why(&["x", "", here]), "a cell is empty");
    assert_eq!(why(&["x", "y", "soon"]), "it names neither a test nor a reason");
    assert_eq!(why(&["x", "y", "`tests/no.rs::x`"]), "tests/no.rs has no function x");
    assert_eq!(
        why(&["x", "y", "`tests/docs/features.rs::mistake`"]),
        "mistake in tests/docs/features.rs is no test"
    );
}
