//! Every point of the checklist has its test.

/// Points of the server checklist.
const POINTS: usize = 75;

/// The sources of these tests.
const SOURCES: [&str; 6] = [
    include_str!("channel.rs"),
    include_str!("circuit.rs"),
    include_str!("get.rs"),
    include_str!("monitor.rs"),
    include_str!("put.rs"),
    include_str!("search.rs"),
];

#[test]
fn every_point_has_a_test() {
    let has_test = |point: usize| {
        let name = format!("#[test]\nfn server_{point:02}_");
        SOURCES.iter().any(|source| source.contains(&name))
    };
    let missing: Vec<_> = (1..=POINTS).filter(|point| !has_test(*point)).collect();
    assert!(missing.is_empty(), "points without a test: {missing:?}");
}
