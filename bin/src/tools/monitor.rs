//! `camonitor`: prints updates as they come.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use ca_proto::Eca;
use ca_proto::dbr::Reply;

use super::Verdict;
use super::access::{Access, Event, SubscribeRequest};
use super::connect::{names, names_are_good};
use super::console::Console;
use super::options::Options;
use super::pv::{Marks, Pv};

/// Runs the tool; it ends only when nothing can happen any more.
pub(crate) fn run<A: Access>(
    options: &Options,
    access: &mut A,
    console: &mut Console<'_>,
) -> io::Result<Verdict> {
    let names = names(options, usize::MAX);
    let marks = Marks::new(console.now());
    if !names_are_good(&names, console)? {
        return Ok(Verdict::FAILED);
    }
    let borrowed: Vec<_> = names.iter().map(String::as_str).collect();
    let channels = access.connect(&borrowed, options.priority, Duration::ZERO);
    let pvs = channels.iter().copied().zip(options.operands.iter().map(|name| Pv::new(name))).collect();
    let mut watch = Watch { options, access, console, pvs, marks };
    watch.until(Some(Instant::now() + options.wait()))?;
    for channel in channels {
        if watch.pvs.get(&channel).is_some_and(|pv| !pv.once_connected) {
            watch.show(channel)?;
        }
    }
    watch.until(None)?;
    Ok(Verdict::DONE)
}

struct Watch<'a, 'b, A: Access> {
    options: &'a Options,
    access: &'a mut A,
    console: &'a mut Console<'b>,
    pvs: HashMap<A::Channel, Pv>,
    marks: Marks,
}

impl<A: Access> Watch<'_, '_, A> {
    /// Shows what happens until the deadline, or for ever.
    fn until(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        while let Some(event) = self.access.next_event(deadline) {
            match event {
                Event::Connected(channel) => self.connected(channel),
                Event::Disconnected(channel) => {
                    if let Some(pv) = self.pvs.get_mut(&channel) {
                        pv.status = Eca::DISCONN;
                        self.show(channel)?;
                    }
                }
                Event::Update(channel, update) => self.update(channel, *update)?,
            }
        }
        Ok(())
    }

    /// Subscribes at the first connection, and at a later one if the type has changed.
    fn connected(&mut self, channel: A::Channel) {
        let Some(pv) = self.pvs.get_mut(&channel) else { return };
        let info = self.access.info(channel);
        if pv.once_connected && pv.native == info.native {
            return;
        }
        pv.once_connected = true;
        pv.prepare(&info, self.options);
        let count = u32::try_from(self.options.count).unwrap_or(u32::MAX).min(info.count);
        let mask = self.options.mask.bits();
        if mask == 0 {
            // libca refuses it, and base does not say so
            return;
        }
        self.access.subscribe(&[SubscribeRequest { channel, data_type: pv.data_type, count, mask }]);
    }

    /// Shows an update; base is silent about one that failed.
    fn update(&mut self, channel: A::Channel, update: Result<Reply, Eca>) -> io::Result<()> {
        let Some(pv) = self.pvs.get_mut(&channel) else { return Ok(()) };
        match update {
            Err(status) => pv.status = status,
            Ok(reply) => {
                (pv.status, pv.elements) = (Eca::NORMAL, reply.count);
                pv.value = Some(reply);
                self.show(channel)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, channel: A::Channel) -> io::Result<()> {
        let Some(pv) = self.pvs.get_mut(&channel) else { return Ok(()) };
        let line = pv.wide_line(&mut self.marks, self.options.count, self.options, self.console);
        self.console.print(&line)
    }
}
