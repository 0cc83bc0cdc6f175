//! Following a sequencer: a device that goes to the points of its trajectory at the pace of another IOC.

use std::sync::Arc;

use ca::proto::Alarm;
use parking_lot::Mutex;
use serde::Deserialize;

use super::arg::Arg;
use super::text;
use crate::device::{Command, DeviceError, DeviceIo, Reply, Watch};
use crate::group::{GroupBuilder, GroupError};
use crate::pv::{Post, Pv};

/// Where a device goes that is told to step and has no trajectory.
const IDLE: f64 = 0.0;
/// Name of the commands that the sequencer causes.
const STEP: &str = "step";
/// Nothing done yet.
const NONE: i32 = -1;

/// Whom a device follows; part of the `arguments` of devices that can.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FollowSettings {
    /// PV with the mapping of keys to indices, as `{'test.server': 3}`; empty for none.
    pub sequencer: String,
    /// The device's key in it; by default the prefix in lower case, with dots for colons and without the last one.
    pub key: Option<String>,
}

impl Default for FollowSettings {
    fn default() -> Self {
        Self { sequencer: "MOCK:Nested_Indices".to_owned(), key: None }
    }
}

/// The key of a device that has none of its own: its prefix in lower case, with dots for colons and without the last one.
///
/// ```
/// assert_eq!(wrapper::sequence::follow::default_key("TEST:SERVER."), "test.server");
/// ```
pub fn default_key(prefix: &str) -> String {
    prefix.strip_suffix(['.', ':']).unwrap_or(prefix).to_lowercase().replace(':', ".")
}

/// What the sequencer's text says to one follower.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// Go to this point.
    Index(i64),
    /// An empty mapping: a run is about to begin.
    Ready,
    /// Nothing about this follower.
    Nothing,
    /// It is no mapping of indices, and why.
    Fault(String),
}

/// Reads the sequencer's text for one follower.
fn told(text: &str, key: &str) -> Told {
    let call = match text::parse(text) {
        Ok(call) => call,
        Err(error) => return Told::Fault(format!("the sequencer's text: {error}")),
    };
    let Some(map) = call.args.first().filter(|_| call.name.is_empty()).and_then(Arg::as_map) else {
        let kind = call.args.first().filter(|_| call.name.is_empty()).map_or("command", Arg::kind);
        return Told::Fault(format!("the sequencer's text is a {kind}, must be a mapping as {{'{key}': 3}}"));
    };
    match map.iter().find(|(name, _)| name == key) {
        None if map.is_empty() => Told::Ready,
        None => Told::Nothing,
        Some((_, index)) => index.as_i64().map_or_else(
            || {
                Told::Fault(format!(
                    "the sequencer's index {index} of {key} is a {}, must be whole",
                    index.kind()
                ))
            },
            Told::Index,
        ),
    }
}

/// What was asked of a follower, so that the same is not done twice.
#[derive(Debug, Default)]
struct Asked {
    last: Option<Told>,
    /// What of it the device has begun.
    begun: Option<Told>,
    lost: bool,
}

impl Asked {
    /// The command for an update; none when it says what the last one said.
    fn update(&mut self, told: Told) -> Option<Command> {
        let back = std::mem::replace(&mut self.lost, false);
        if told == Told::Nothing || self.last.as_ref() == Some(&told) {
            return back.then(|| Command::new("back"));
        }
        self.last = Some(told.clone());
        Some(match told {
            Told::Index(index) => Command::new(STEP).arg("index", index).shown(),
            Told::Fault(reason) => Command::new("fault").arg("reason", reason).shown(),
            Told::Ready | Told::Nothing => Command::new("ready"),
        })
    }
}

struct Pvs {
    index: Pv<i32>,
    missed: Pv<i32>,
    key: String,
}

/// The part of a device that follows a sequencer: the PVs INDEX and MISSED, and a step for each new index.
///
/// INDEX is the last index done, -1 for none; MISSED counts the indices that were skipped. While the sequencer is not there
/// they have the alarm LINK. An index that the trajectory has not is a failed command: ACK and ERROR say why, INDEX stays.
///
/// ```
/// use wrapper::sequence::follow::Follower;
/// use wrapper::{Command, DeviceError, DeviceIo, GroupBuilder, GroupError, Pv, Reply, SystemDevice};
///
/// struct Stage {
///     follower: Follower,
///     trajectory: Vec<f64>,
///     val: Option<Pv<f64>>,
/// }
///
/// impl SystemDevice for Stage {
///     fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
///         self.val = Some(group.pv("VAL", 0.0).read_only().add()?);
///         self.follower.pvs(group)
///     }
///     fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
///         self.follower.startup(io)
///     }
///     fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
///         if command.is_watched() {
///             let val = self.val.clone().ok_or("no PVs")?;
///             return self.follower.execute(&command, &self.trajectory, io, |to| Ok(val.post(to)));
///         }
///         Err("this stage takes no commands".into())
///     }
/// }
/// # let stage = Stage { follower: Follower::default(), trajectory: Vec::new(), val: None };
/// # wrapper::Ioc::builder().device("stage", "s:", Box::new(stage))?;
/// # Ok::<(), wrapper::GroupError>(())
/// ```
#[derive(Default)]
pub struct Follower {
    settings: FollowSettings,
    pvs: Option<Pvs>,
    asked: Arc<Mutex<Asked>>,
    watch: Option<Watch>,
}

impl Follower {
    /// Follows whom the settings name.
    pub fn new(settings: FollowSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds INDEX and MISSED to the device's group.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let key = self.settings.key.clone().unwrap_or_else(|| default_key(group.prefix()));
        let index = group.pv("INDEX", NONE).read_only().doc("last index of the sequence done, -1 for none");
        let index = index.add()?;
        let missed =
            group.pv("MISSED", 0).read_only().doc("indices of the sequence that were skipped").add()?;
        self.pvs = Some(Pvs { index, missed, key });
        Ok(())
    }

    /// Starts to follow; for [`SystemDevice::startup`](crate::SystemDevice::startup).
    ///
    /// # Errors
    /// When no client can be had.
    pub fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("a follower needs its PVs")?;
        let name = self.settings.sequencer.clone();
        if name.is_empty() {
            return Ok(());
        }
        self.watch = None;
        pvs.lost();
        {
            let mut asked = self.asked.lock();
            // It is back with the next update, also with one that says what the last one said.
            asked.lost = true;
            // What waited when the device went down is asked again, what it had begun is not.
            asked.last = asked.begun.clone();
        }
        let (asked, key) = (self.asked.clone(), pvs.key.clone());
        self.watch = Some(io.watch(&name, move |update: Result<String, _>| match update {
            Ok(text) => asked.lock().update(told(&text, &key)),
            Err(_) => {
                asked.lock().lost = true;
                Some(Command::new("lost"))
            }
        })?);
        Ok(())
    }

    /// Executes a command that the sequencer has caused: one that [`Command::is_watched`]; `go` moves the device.
    ///
    /// # Errors
    /// When the index is outside the trajectory, the sequencer's text is none, or `go` fails.
    pub fn execute(
        &self,
        command: &Command,
        trajectory: &[f64],
        io: &DeviceIo,
        go: impl FnOnce(f64) -> Result<(), DeviceError>,
    ) -> Result<Reply, DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("a follower needs its PVs")?;
        match command.name() {
            "lost" => {
                pvs.lost();
                io.message(format!("{} is lost", self.settings.sequencer));
                return Ok(Reply::done());
            }
            "ready" => {
                self.asked.lock().begun = Some(Told::Ready);
                pvs.ready();
            }
            "fault" => {
                pvs.back();
                let reason = command.get("reason").and_then(Arg::as_text).unwrap_or_default();
                return Err(DeviceError::new(reason));
            }
            STEP => {
                pvs.back();
                let index = command.get("index").and_then(Arg::as_i64);
                self.asked.lock().begun = index.map(Told::Index);
                return pvs.step(index, trajectory, go);
            }
            _ => pvs.back(),
        }
        Ok(Reply::done())
    }
}

impl Pvs {
    fn lost(&self) {
        self.index.post_with(self.index.get(), Post::new().alarm(Alarm::LINK));
        self.missed.post_with(self.missed.get(), Post::new().alarm(Alarm::LINK));
    }

    fn back(&self) {
        self.index.post(self.index.get());
        self.missed.post(self.missed.get());
    }

    fn ready(&self) {
        self.index.post(NONE);
        self.missed.post(self.missed.get());
    }

    fn step(
        &self,
        index: Option<i64>,
        trajectory: &[f64],
        go: impl FnOnce(f64) -> Result<(), DeviceError>,
    ) -> Result<Reply, DeviceError> {
        let number = index.and_then(|index| i32::try_from(index).ok());
        let Some(number) = number.filter(|number| *number >= 0) else {
            let index = index.unwrap_or_default();
            return Err(DeviceError::new(format!("index {index} is outside 0..={}", i32::MAX)));
        };
        let last = self.index.get();
        let (to, word) = match (trajectory, trajectory.get(number as usize)) {
            ([], _) => (IDLE, "no trajectory, ".to_owned()),
            (_, Some(to)) => (*to, String::new()),
            (points, None) => {
                let end = points.len() - 1;
                return Err(DeviceError::new(format!("index {number} is outside the trajectory, 0..={end}")));
            }
        };
        go(to)?;
        // A jump back is a new run; who joins late has missed nothing.
        if number > last && last != NONE {
            self.missed.post(self.missed.get().saturating_add(number - last - 1));
        }
        self.index.post(number);
        Ok(Reply::values(vec![to]).with_message(format!("{word}index {number}: at {to}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_sequencer_is_json_or_python() {
        assert_eq!(told("{'test.server': 3, 'b': 4}", "test.server"), Told::Index(3));
        assert_eq!(told(r#"{"test.server": 3.0}"#, "test.server"), Told::Index(3));
        assert_eq!(told("{'a': -2}", "a"), Told::Index(-2));
        assert_eq!(told("{}", "a"), Told::Ready);
        assert_eq!(told("{'b': 1}", "a"), Told::Nothing);
    }

    #[test]
    fn what_is_no_mapping_says_what_it_is_and_the_rule() {
        let fault = |text| match told(text, "a") {
            Told::Fault(reason) => reason,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(fault("[1, 2]"), "the sequencer's text is a list, must be a mapping as {'a': 3}");
        assert_eq!(fault("go(1)"), "the sequencer's text is a command, must be a mapping as {'a': 3}");
        assert_eq!(fault("{'a': 1.5}"), "the sequencer's index 1.5 of a is a number, must be whole");
        assert_eq!(fault("{'a': '1'}"), "the sequencer's index \"1\" of a is a text, must be whole");
        assert!(fault("").contains("expected"));
        assert!(fault("{'a': 1").contains("at character"));
    }

    #[test]
    fn the_same_index_is_asked_once_until_a_run_begins() {
        let mut asked = Asked::default();
        let mut names = |told: Told| asked.update(told).map(|command| command.name().to_owned());
        assert_eq!(names(Told::Index(3)).as_deref(), Some(STEP));
        assert_eq!(names(Told::Index(3)), None);
        assert_eq!(names(Told::Nothing), None);
        assert_eq!(names(Told::Index(3)), None);
        assert_eq!(names(Told::Ready).as_deref(), Some("ready"));
        assert_eq!(names(Told::Index(3)).as_deref(), Some(STEP));
    }

    #[test]
    fn after_a_reconnect_the_same_index_is_not_asked_again() {
        let mut asked = Asked::default();
        assert!(asked.update(Told::Index(3)).is_some());
        asked.lost = true;
        assert_eq!(
            asked.update(Told::Index(3)).map(|command| command.name().to_owned()).as_deref(),
            Some("back")
        );
        assert_eq!(asked.update(Told::Index(3)).map(|_| ()), None);
    }
}
