//! What a run prints and writes: tables for people, figures for machines, checks for the exit status.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// The result of one run.
#[derive(Debug)]
pub struct Report {
    strict: bool,
    figures: Map<String, Value>,
    checks: Vec<Value>,
    failed: usize,
}

impl Report {
    /// An empty report; with `strict` a missed target fails like a check.
    pub fn new(strict: bool) -> Self {
        Self { strict, figures: Map::new(), checks: Vec::new(), failed: 0 }
    }

    /// Keeps a figure for the JSON file.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Prints and keeps a check; a bad one makes the run fail.
    pub fn check(&mut self, name: &str, good: bool, found: &str) {
        self.judge("check", name, good, found, true);
    }

    /// Prints and keeps a number to reach, `value` at most `limit`; it fails the run only when strict.
    pub fn target(&mut self, name: &str, value: f64, limit: f64) {
        self.judge("target", name, value <= limit, &format!("{value:.3}, to reach {limit:.3}"), self.strict);
    }

    /// Prints and keeps a target that was not reached; it fails the run only when strict.
    pub fn missed(&mut self, name: &str, found: &str) {
        self.judge("target", name, false, found, self.strict);
    }

    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.failed == 0
    }

    /// The machine-readable form.
    pub fn to_json(&self, command: &str, error: Option<&anyhow::Error>) -> Value {
        json!({
            "command": command,
            "passed": self.passed() && error.is_none(),
            "error": error.map(|e| format!("{e:#}")),
            "figures": self.figures,
            "checks": self.checks,
        })
    }

    fn judge(&mut self, kind: &str, name: &str, good: bool, found: &str, counts: bool) {
        let word = match (good, counts) {
            (true, _) => "ok",
            (false, true) => "FAILED",
            (false, false) => "missed",
        };
        println!("{kind:6} {word:6} {name}: {found}");
        self.checks.push(json!({"kind": kind, "name": name, "result": word, "found": found}));
        self.failed += usize::from(!good && counts);
    }
}

/// A plain text table; the first column is left-aligned, the others right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its head line.
    pub fn new<const N: usize>(head: [&str; N]) -> Self {
        let mut table = Self::default();
        table.row(head);
        table
    }

    /// Adds a line.
    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|c| c.to_string()).collect());
    }

    /// Prints it with an empty line behind.
    pub fn print(&self) {
        println!("{}", self.text());
    }

    fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| {
            self.rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // writing to a String cannot fail
                let _ = match at {
                    0 => write!(out, "{cell:<width$}"),
                    _ => write!(out, "  {cell:>width$}"),
                };
            }
            out.push('\n');
        }
        out
    }
}

/// A number with three decimals, for table cells.
pub fn f3(value: f64) -> String {
    format!("{value:.3}")
}

/// A number with one decimal, for table cells.
pub fn f1(value: f64) -> String {
    format!("{value:.1}")
}
