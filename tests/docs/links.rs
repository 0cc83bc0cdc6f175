//! Links within the workspace, and the table of contents.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::markdown::{Page, pages, root};

/// Made by `cargo doc`, beside the book.
const API: &str = "target/doc/";

/// Headings and links of a page.
impl Page {
    /// Lines outside of blocks, without code in them, each with its number.
    fn prose(&self) -> Vec<(usize, String)> {
        let mut open = false;
        let mut prose = Vec::new();
        for (at, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                open = !open;
            } else if !open {
                prose.push((at + 1, without_code(line)));
            }
        }
        prose
    }

    /// What `#..` may name: the headings, as they are made ids of.
    fn anchors(&self) -> Vec<String> {
        let mut open = false;
        let mut anchors: Vec<String> = Vec::new();
        for line in self.text.lines() {
            open ^= line.starts_with("```");
            if open || !line.starts_with('#') {
                continue;
            }
            let id = slug(line.trim_start_matches('#').trim());
            let same = anchors.iter().filter(|other| **other == id).count();
            anchors.push(if same == 0 { id } else { format!("{id}-{same}") });
        }
        anchors
    }

    /// Targets of links, each with the number of its line.
    fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            links.extend(targets.map(|(target, _)| (number, target.to_owned())));
        }
        links
    }
}

/// The id that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

/// The path without `..` in it.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
        plain
    })
}

/// Why a link leads nowhere.
fn broken(page: &Page, target: &str, pages: &[Page]) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.name).parent().expect("a page is in a folder");
    let path = if path.is_empty() { PathBuf::from(&page.name) } else { plain(&folder.join(path)) };
    if path.starts_with(API) {
        return None;
    }
    if !root().join(&path).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    if anchor.is_empty() {
        return None;
    }
    let Some(other) = pages.iter().find(|other| Path::new(&other.name) == path) else {
        return Some(format!("{} is no page, so that it has no #{anchor}", path.display()));
    };
    let known = other.anchors();
    (!known.iter().any(|id| id == anchor)).then(|| format!("no heading #{anchor}, only {}", known.join(", ")))
}

#[test]
fn every_link_leads_to_a_file_and_its_heading() {
    let pages = pages();
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in &pages {
        for (line, target) in page.links() {
            count += 1;
            let why = broken(page, &target, &pages);
            wrong.extend(why.map(|why| format!("{}:{line}: {target}: {why}", page.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} links were found");
}

#[test]
fn every_page_stands_once_in_the_contents() {
    let pages = pages();
    let contents = pages.iter().find(|page| page.name == "docs/SUMMARY.md").expect("the contents");
    let listed: Vec<_> = contents.links().into_iter().map(|(_, target)| format!("docs/{target}")).collect();
    let unique: BTreeSet<_> = listed.iter().map(String::as_str).collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice");
    let there: BTreeSet<_> = pages.iter().map(|page| page.name.as_str()).collect();
    let there: BTreeSet<_> =
        there.into_iter().filter(|name| !matches!(*name, "README.md" | "docs/SUMMARY.md")).collect();
    assert_eq!(unique, there);
}

#[test]
fn a_broken_link_is_found() {
    let page = |name: &str, text: &str| Page { name: name.to_owned(), text: text.to_owned() };
    let pages = [page("docs/groups.md", "# Groups"), page("docs/config.md", "# The config file")];
    let why = |target| broken(&pages[0], target, &pages);
    for good in [
        "config.md#the-config-file",
        "../README.md",
        "#groups",
        "https://no.such/host",
        "../target/doc/x.html",
    ] {
        assert_eq!(why(good), None, "{good}");
    }
    assert_eq!(why("no.md").as_deref(), Some("there is no docs/no.md"));
    assert_eq!(why("config.md#x").as_deref(), Some("no heading #x, only the-config-file"));
    assert_eq!(why("../Cargo.toml#x").as_deref(), Some("Cargo.toml is no page, so that it has no #x"));
}

#[test]
fn a_page_is_taken_apart() {
    let text =
        "# A `b` c's d\n\n[x](y.md#z) `[no](link)`\n\n```sh run me\nseqioc get 'a b' # why\n```\n## A b\n";
    let page = Page { name: "x.md".to_owned(), text: text.to_owned() };
    assert_eq!(page.anchors(), ["a-b-cs-d", "a-b"]);
    assert_eq!(page.links(), [(3, "y.md#z".to_owned())]);
    let block = &page.blocks()[0];
    assert_eq!((block.language(), &*block.info, block.line), ("sh", "sh run me", 5));
    assert_eq!(crate::commands::words(&block.lines[0]), ["seqioc", "get", "a b"]);
}
