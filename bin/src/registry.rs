//! The devices in the box.

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser};
use wrapper::config::{Arguments, ConfigFile};
use wrapper::launch::prefix_of;
use wrapper::{GroupBuilder, IocBuilder, RestartPolicy, SystemDevice};

/// A kind of device.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) about: &'static str,
    make: fn(Arguments) -> Result<Box<dyn SystemDevice>, String>,
}

/// All kinds, in the order in which they start.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "beamline",
        prefix: beamline::PREFIX,
        about: "inserts and retracts by a motor of any IOC",
        make: |arguments| Ok(Box::new(beamline::Beamline::with(arguments.parse()?))),
    },
    Kind {
        name: "chart",
        prefix: chart::PREFIX,
        about: "draws live charts, of its own data or of any PVs, as images",
        make: |arguments| Ok(Box::new(chart::Chart::with(arguments.parse()?)?)),
    },
    Kind {
        name: "clock",
        prefix: clock::PREFIX,
        about: "tells the time after a delay",
        make: |arguments| Ok(Box::new(clock::Clock::with(arguments.parse()?))),
    },
    Kind {
        name: "example",
        prefix: example::PREFIX,
        about: "stores trajectories, follows a sequencer, moves, fails when told to",
        make: |arguments| Ok(Box::new(example::Example::with(arguments.parse()?))),
    },
    Kind {
        name: "motor",
        prefix: mock_motor::PREFIX,
        about: "a motor record: moves, jogs, homes, has limits and faults",
        make: |arguments| arguments.none().map(|()| Box::new(mock_motor::MockMotor::new()) as _),
    },
    Kind {
        name: "sequencer",
        prefix: sequencer::PREFIX,
        about: "steps all that follow it, by the clock or in lock step",
        make: |arguments| Ok(Box::new(sequencer::Sequencer::with(arguments.parse()?))),
    },
];

impl Kind {
    /// A device of this kind with what it takes by default.
    pub(crate) fn device(&self) -> Result<Box<dyn SystemDevice>> {
        (self.make)(Arguments::default()).map_err(anyhow::Error::msg)
    }
}

/// A device to serve.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) kind: &'static Kind,
    pub(crate) prefix: String,
    device: Box<dyn SystemDevice>,
    policy: RestartPolicy,
}

/// What the command line takes as device.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(KINDS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.about)))
}

/// The kinds of these names, each once; all without names.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Kind>> {
    if let Some(unknown) = names.iter().find(|name| KINDS.iter().all(|kind| kind.name != **name)) {
        let reason = format!("there is no device {unknown:?}, only {}\n", known());
        return Err(clap::Error::raw(clap::error::ErrorKind::InvalidValue, reason).into());
    }
    Ok(KINDS.iter().filter(|kind| names.is_empty() || names.iter().any(|name| name == kind.name)).collect())
}

fn known() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// Devices of these kinds as they come in the box.
pub(crate) fn in_the_box(kinds: &[&'static Kind], prefix: Option<&str>) -> Result<Vec<Served>> {
    kinds
        .iter()
        .map(|kind| {
            let prefix = prefix_of(prefix, kind.prefix, kinds.len() == 1);
            Ok(Served {
                name: kind.name.to_owned(),
                kind,
                prefix,
                device: kind.device()?,
                policy: RestartPolicy::default(),
            })
        })
        .collect()
}

/// The devices of a config file: all, or those of these names.
pub(crate) fn of_file(file: &ConfigFile, names: &[String], prefix: Option<&str>) -> Result<Vec<Served>> {
    for name in names {
        if !file.devices().any(|(known, _)| known == name) {
            bail!("the config file has no device {name:?}");
        }
    }
    let wanted: Vec<_> = file
        .devices()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name))
        .collect();
    let single = wanted.len() == 1;
    wanted
        .into_iter()
        .map(|(name, table)| {
            let wrong = |reason: String| file.device_error(name, reason);
            let kind_name = table.kind.as_deref().unwrap_or(name);
            let kind = KINDS
                .iter()
                .find(|kind| kind.name == kind_name)
                .ok_or_else(|| wrong(format!("there is no kind {kind_name:?}, only {}", known())))?;
            let device = (kind.make)(table.arguments.clone().into()).map_err(wrong)?;
            let prefix = prefix_of(prefix, table.prefix.as_deref().unwrap_or(kind.prefix), single);
            let policy = table.restart.policy().map_err(wrong)?;
            Ok(Served { name: name.to_owned(), kind, prefix, device, policy })
        })
        .collect()
}

/// An IOC of these devices.
pub(crate) fn build(devices: Vec<Served>) -> Result<IocBuilder> {
    devices.into_iter().try_fold(IocBuilder::new(), |builder, served| {
        let Served { name, prefix, device, policy, .. } = served;
        builder.device_with(&name, &prefix, device, policy).with_context(|| format!("device {name:?}"))
    })
}

/// The table of these devices, and of PVs without one, for programs.
pub(crate) fn table(devices: Vec<Served>, plain: Option<GroupBuilder>) -> Result<serde_json::Value> {
    let about: Vec<_> = devices.iter().map(|served| served.kind.about).collect();
    let mut builder = build(devices)?;
    if let Some(plain) = plain {
        builder = builder.group(plain);
    }
    let mut table = Vec::new();
    for (index, device) in builder.describe_devices().iter().enumerate() {
        let mut device = serde_json::to_value(device)?;
        device["about"] = about.get(index).copied().unwrap_or_default().into();
        table.push(device);
    }
    Ok(table.into())
}
