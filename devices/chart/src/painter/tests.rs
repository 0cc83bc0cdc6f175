//! Updates that come late.

use std::sync::mpsc::{Sender, channel};

use wrapper::{Command, GroupBuilder, GroupError, IocBuilder, Reply, SystemDevice};

use super::*;

/// Hands out the painter of its PVs.
struct Tap(Sender<Painter>);

impl SystemDevice for Tap {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let (settings, signal) = (Settings::new((800, 600)), Signal::new());
        let pvs = Pvs::build(group, &settings, &signal)?;
        self.0.send(Painter::new(pvs, signal, settings)).expect("the test listens");
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::done())
    }
}

#[test]
fn an_update_of_traces_that_are_gone_is_ignored() {
    let (sender, painters) = channel();
    let _ioc = IocBuilder::new().device("tap", "tap:", Box::new(Tap(sender))).expect("good PVs");
    let painter = painters.recv().expect("it was made");
    let old = painter.set(painter.settings(), Some(vec![Series::new(true), Series::new(true)]));
    let new = painter.set(painter.settings(), Some(vec![Series::new(true)]));
    painter.update(old, 0, Some(vec![5.0]));
    painter.update(old, 1, Some(vec![5.0]));
    let state =
        || lock(&painter.scene).data.iter().map(|series| (series.latest(), series.lost)).collect::<Vec<_>>();
    assert_eq!(state(), [(None, true)]);
    painter.update(new, 0, Some(vec![5.0]));
    assert_eq!(state(), [(Some(5.0), false)]);
    painter.update(new, 0, None);
    assert_eq!(state(), [(Some(5.0), true)]);
}
