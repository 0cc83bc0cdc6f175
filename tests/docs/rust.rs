//! Rust in the pages is compiled.

use crate::markdown::{pages, root};

/// Where the pages are documentation tests, and the one whose lines are those of a test.
const COMPILED: &str = "wrapper/src/doc_pages.rs";
const TUTORIAL: &str = "docs/client.md";

#[test]
fn every_page_with_rust_is_a_documentation_test() {
    let list = std::fs::read_to_string(root().join(COMPILED)).expect("the list");
    let mut count = 0;
    for page in pages() {
        let rust: Vec<_> = page.blocks().into_iter().filter(|block| block.language() == "rust").collect();
        count += rust.len();
        if let Some(first) = rust.first().filter(|_| page.name != TUTORIAL) {
            let listed = list.contains(&format!("\"../../{}\"", page.name));
            assert!(
                listed,
                "{}:{}: its Rust is not compiled, {COMPILED} does not name it",
                page.name, first.line
            );
        }
        for block in rust {
            let left_out =
                block.info.split(',').any(|word| matches!(word, "ignore" | "text" | "compile_fail"));
            assert!(!left_out, "{}:{}: {:?} is not compiled", page.name, block.line, block.info);
        }
    }
    assert!(count > 40, "only {count} pieces of Rust were found");
}
