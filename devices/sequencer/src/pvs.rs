//! The sequencer's PVs.

use wrapper::{Command, DevicePort, GroupBuilder, GroupError, Policy, Pv};

/// Bytes of the published mapping.
pub(crate) const MAPPING: usize = 10_000;
/// Bytes of `status`.
pub(crate) const STATUS: usize = 1000;

/// What the sequencer publishes, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Pvs {
    pub(crate) start: Pv<i32>,
    pub(crate) status: Pv<String>,
    pub(crate) period: Pv<f64>,
    pub(crate) indices: Pv<String>,
    pub(crate) steps: Pv<i32>,
    pub(crate) repeat: Pv<i32>,
    pub(crate) pause: Pv<bool>,
    pub(crate) index: Pv<i32>,
    pub(crate) late: Pv<String>,
    pub(crate) behind: Pv<i32>,
}

impl Pvs {
    pub(crate) fn build(group: &mut GroupBuilder) -> Result<Self, GroupError> {
        let port = group.port()?;
        let start = group.pv("start", 0).control_limits(0.0..=1.0);
        let start = start.doc("1 starts a run and completes when it has ended, 0 stops it");
        let start = urgent(start, &port, |on| Command::new(if on == 0 { "stop" } else { "start" })).add()?;
        let status = group.pv("status", "stop".to_owned()).max_length(STATUS).read_only();
        let status = status.doc("stop, run, pause, wait: who for, fault: why").add()?;
        let period = group.pv("period", 0.0).units("s").precision(3).control_limits(0.0..=86400.0);
        let period = period
            .doc("time of a step; 0 for lock step: as soon as all followers are done")
            .autosave()
            .add()?;
        let indices = group.pv("Nested_Indices", "{}".to_owned()).max_length(MAPPING).read_only();
        let indices = indices.doc("index of each follower, as a Python mapping").add()?;
        let steps = group.pv("steps", 10).control_limits(1.0..=f64::from(i32::MAX));
        let steps = steps.doc("indices of a run: from 0 to one less").autosave().add()?;
        let repeat = group.pv("repeat", 1).control_limits(0.0..=f64::from(i32::MAX));
        let repeat = repeat.doc("runs that one start makes, 0 for no end").autosave().add()?;
        let pause = group.pv("pause", false).doc("On holds the run where it is");
        let pause = urgent(pause, &port, |_| Command::new("pause")).add()?;
        let step = group.pv("step", 0).doc("a put goes one index on while the run is paused");
        urgent(step, &port, |_| Command::new("step")).add()?;
        let index = group.pv("index", -1).read_only().doc("the published index, -1 for none").add()?;
        let late = group.pv("late", String::new()).max_length(MAPPING).read_only();
        let late =
            late.doc("in lock step: followers that are not done, each with what is the matter").add()?;
        let behind = group.pv("behind", 0).read_only();
        let behind = behind.doc("in lock step: by how many indices the last of them is late").add()?;
        Ok(Self { start, status, period, indices, steps, repeat, pause, index, late, behind })
    }
}

type Builder<'a, T> = wrapper::PvBuilder<'a, T>;

fn urgent<'a, T: wrapper::PvType>(
    pv: Builder<'a, T>,
    port: &DevicePort,
    command: impl Fn(T) -> Command + Send + Sync + 'static,
) -> Builder<'a, T> {
    pv.command_with(port, Policy::Urgent, command)
}
