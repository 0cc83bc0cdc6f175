//! Every point of the client checklist and every row about clients in the table of malformed input has its test.

#[path = "../../../../tests/checklist.rs"]
mod checklist;

use checklist::missing;

/// Points of the client checklist.
const POINTS: usize = 38;
/// Rows of the table of malformed input that say what a client does.
const ROWS: [usize; 19] = [1, 2, 3, 4, 6, 7, 9, 10, 13, 14, 15, 16, 17, 20, 21, 27, 28, 29, 30];

/// The sources of these tests, those with sockets included.
const SOURCES: [&str; 7] = [
    include_str!("client_channel.rs"),
    include_str!("client_data.rs"),
    include_str!("client_life.rs"),
    include_str!("client_search.rs"),
    include_str!("../../../net/tests/it/client_life.rs"),
    include_str!("../../../net/tests/it/client_search.rs"),
    include_str!("../../../net/tests/it/client_server.rs"),
];

#[test]
fn every_point_of_a_client_has_a_test() {
    assert_eq!(missing(&SOURCES, "client", 1..=POINTS), [0usize; 0]);
}

#[test]
fn every_row_about_a_client_has_a_test() {
    assert_eq!(missing(&SOURCES, "malformed_client", ROWS.into_iter()), [0usize; 0]);
}
