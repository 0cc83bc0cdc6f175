//! Every point of the server checklist and every row of the table of malformed input has its test.

#[path = "../../../tests/checklist.rs"]
mod checklist;

use checklist::missing;

/// Points of the server checklist.
const POINTS: usize = 75;
/// Rows of the table of malformed input.
const ROWS: usize = 32;
/// Rows that concern what a client receives.
const OF_CLIENTS: [usize; 3] = [9, 13, 28];

/// The sources of these tests.
const SOURCES: [&str; 7] = [
    include_str!("channel.rs"),
    include_str!("circuit.rs"),
    include_str!("get.rs"),
    include_str!("malformed.rs"),
    include_str!("monitor.rs"),
    include_str!("put.rs"),
    include_str!("search.rs"),
];

#[test]
fn every_point_has_a_test() {
    assert_eq!(missing(&SOURCES, "server", 1..=POINTS), [0usize; 0]);
}

#[test]
fn every_row_has_a_test() {
    assert_eq!(missing(&SOURCES, "malformed", 1..=ROWS), OF_CLIENTS);
}
