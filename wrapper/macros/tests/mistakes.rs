//! Mistakes that the compiler names, at the attribute that has them.

#[test]
fn mistakes_are_errors_at_their_attribute() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
