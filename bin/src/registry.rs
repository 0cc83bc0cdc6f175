//! The devices in the box.

use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser};
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
    Kind {
        name: "motor",
        prefix: mock_motor::PREFIX,
        about: "a motor record: moves, jogs, homes, has limits and faults",
        make: || Box::new(mock_motor::MockMotor::new()),
    },
];

impl Kind {
    /// A device of this kind.
    pub(crate) fn device(&self) -> Box<dyn SystemDevice> {
        (self.make)()
    }
}

/// What the command line takes as device.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(KINDS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.about)))
}

/// The kinds of these names, each once; all without names.
pub(crate) fn select(names: &[String]) -> Vec<&'static Kind> {
    KINDS.iter().filter(|kind| names.is_empty() || names.iter().any(|name| name == kind.name)).collect()
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
            .device(kind.name, &prefix, kind.device())
            .with_context(|| format!("device {:?}", kind.name))?;
        prefixes.push((*kind, prefix));
    }
    Ok((builder, prefixes))
}
