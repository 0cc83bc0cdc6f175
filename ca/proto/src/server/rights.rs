//! Access rights that change while a channel is open, and PVs that go.

use std::collections::HashSet;

use super::{AccessRights, Output, ServerCircuit, Service};
use crate::wire::msg::channel::{access_rights, disconnected};

impl<C> ServerCircuit<C> {
    /// Compares the rights of every channel with what the client was told, and tells it what changed.
    ///
    /// Then [`ServerCircuit::resume`] sends who lost the right to read one update with status 368 per subscription,
    /// who has it back the current value. A channel whose PV is gone is closed, with a SERVER_DISCONN.
    pub fn handle_rights<S: Service<Channel = C>>(&mut self, service: &mut S, out: &mut Output) {
        let mut changed = HashSet::new();
        let mut gone = Vec::new();
        for (sid, channel) in &mut self.channels {
            let Some(now) = service.rights(&channel.handle) else {
                gone.push(*sid);
                continue;
            };
            let before = std::mem::replace(&mut channel.rights, now);
            if before != now {
                out.header(&access_rights(channel.cid, now));
                if (before ^ now).contains(AccessRights::READ) {
                    changed.insert(*sid);
                }
            }
        }
        for sid in gone {
            if let Some(channel) = self.remove_channel(sid, service) {
                out.header(&disconnected(channel.cid));
            }
        }
        self.refresh_channels(&changed);
    }
}
