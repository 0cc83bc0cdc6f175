//! Which numbers of a checklist have no test.

/// The numbers for which no source has a test named `<prefix>_<number>_...`.
pub(super) fn missing(sources: &[&str], prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let has_test = |number: &usize| {
        let name = format!("#[test]\nfn {prefix}_{number:02}_");
        sources.iter().any(|source| source.contains(&name))
    };
    numbers.filter(|number| !has_test(number)).collect()
}
