//! Pages and the blocks of code in them.

use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("it is there")
}

/// A page of the documentation.
pub(crate) struct Page {
    /// Its path from the root of the workspace.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A block of code.
pub(crate) struct Block {
    /// The words behind the fence.
    pub(crate) info: String,
    /// Number of the line with the fence, from 1.
    pub(crate) line: usize,
    pub(crate) lines: Vec<String>,
}

impl Block {
    /// The language, empty when none is named.
    pub(crate) fn language(&self) -> &str {
        self.info.split([' ', ',']).next().unwrap_or_default()
    }
}

/// README.md and all of `docs/`.
pub(crate) fn pages() -> Vec<Page> {
    let root = root();
    let mut paths = vec![root.join("README.md")];
    collect(&root.join("docs"), &mut paths);
    let page = |path: PathBuf| Page {
        name: path.strip_prefix(&root).expect("below the root").to_str().expect("UTF-8").to_owned(),
        text: std::fs::read_to_string(&path).expect("a page"),
    };
    paths.into_iter().map(page).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open = false;
        for (at, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open) {
                (Some(info), false) => {
                    blocks.push(Block { info: info.trim().to_owned(), line: at + 1, lines: Vec::new() });
                    open = true;
                }
                (Some(_), true) => open = false,
                (None, true) => {
                    let block = blocks.last_mut().expect("one is open");
                    block.lines.push(line.trim().to_owned());
                }
                (None, false) => {}
            }
        }
        assert!(!open, "{}: a block of code has no end", self.name);
        blocks
    }
}
