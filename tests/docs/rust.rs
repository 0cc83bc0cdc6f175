//! Rust in the pages is compiled.

use crate::markdown::{pages, root};

const FIRST_DEVICE: &str = "docs/guide/first-device.md";

/// Where the pages are documentation tests, and the one whose lines are those of a test.
const COMPILED: [&str; 2] = ["wrapper/src/doc_pages.rs", "panel/src/lib.rs"];
const TUTORIAL: &str = "docs/client.md";

#[test]
fn every_page_with_rust_is_a_documentation_test() {
    let lists = COMPILED.map(|file| std::fs::read_to_string(root().join(file)).expect("a list"));
    let mut count = 0;
    for page in pages() {
        let rust: Vec<_> = page.blocks().into_iter().filter(|block| block.language() == "rust").collect();
        count += rust.len();
        if let Some(first) = rust.first().filter(|_| page.name != TUTORIAL) {
            let path = format!("\"../../{}\"", page.name);
            assert!(
                lists.iter().any(|list| list.contains(&path)),
                "{}:{}: its Rust is not compiled, none of {COMPILED:?} names it",
                page.name,
                first.line
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

#[test]
fn the_first_device_of_the_guide_is_the_example_that_is_run() {
    let pages = pages();
    let page = pages.iter().find(|page| page.name == FIRST_DEVICE).expect("the page");
    let example = std::fs::read_to_string(root().join("wrapper/examples/pump.rs")).expect("the example");
    let code: Vec<_> = example.lines().skip(2).map(str::trim).collect();
    let shown = page.blocks().into_iter().find(|block| block.language() == "rust").expect("its code");
    assert_eq!(shown.lines, code);
}
