//! The devices in the box.

use anyhow::{Context, Result, bail};
use wrapper::launch::RunOptions;
use wrapper::{IocBuilder, SystemDevice};

/// A kind of device.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) about: &'static str,
    make: fn() -> Box<dyn SystemDevice>,
}

/// All kinds, in the order in which they start.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "clock",
        prefix: clock::PREFIX,
        about: "tells the time after a delay",
        make: || Box::new(clock::Clock::new()),
    },
    Kind {
        name: "example",
        prefix: example::PREFIX,
        about: "stores trajectories, moves, fails when told to",
        make: || Box::new(example::Example::new()),
    },
];

/// The kinds of these names; all without names.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Kind>> {
    if names.is_empty() {
        return Ok(KINDS.iter().collect());
    }
    let mut selected: Vec<&'static Kind> = Vec::new();
    for name in names {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
            bail!("no device {name:?}; there are: {}", known.join(", "));
        };
        if selected.iter().any(|other| other.name == kind.name) {
            bail!("device {name:?} is named twice");
        }
        selected.push(kind);
    }
    Ok(selected)
}

/// An IOC of these kinds, and each with its prefix.
pub(crate) fn build(
    kinds: &[&'static Kind],
    options: Option<&RunOptions>,
) -> Result<(IocBuilder, Vec<(&'static Kind, String)>)> {
    let mut builder = IocBuilder::new();
    let mut prefixes = Vec::new();
    for kind in kinds {
        let prefix = options.map_or_else(
            || kind.prefix.to_owned(),
            |options| options.prefix_of(kind.prefix, kinds.len() == 1),
        );
        builder = builder
            .device(kind.name, &prefix, (kind.make)())
            .with_context(|| format!("device {:?}", kind.name))?;
        prefixes.push((*kind, prefix));
    }
    Ok((builder, prefixes))
}
