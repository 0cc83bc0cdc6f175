//! Subscriptions of a channel: joined or made, begun with every connection, cancelled with the last listener.

use std::sync::Arc;

use ca_proto::EventMask;
use ca_proto::client::Data;
use ca_proto::dbr::NativeType;

use super::circuit::{Circuit, Reply};
use super::core::{ChannelCore, wire_type};
use super::listener::Wakers;
use super::monitor::{Monitor, MonitorCore};

impl ChannelCore {
    /// Joins the subscription of this kind, or makes it.
    pub(super) fn subscribe(
        &self,
        (data_type, count, mask): (u16, u32, EventMask),
        join: impl FnOnce(Arc<MonitorCore>) -> Monitor,
    ) -> Monitor {
        let mut state = self.state.lock();
        let same = |m: &&Arc<MonitorCore>| (m.data_type, m.count, m.mask) == (data_type, count, mask);
        if let Some(known) = state.monitors.iter().find(same).cloned() {
            return join(known);
        }
        let core = MonitorCore::new(self.shared.subscription_id(), data_type, count, mask);
        let monitor = join(core.clone());
        if let (Some(circuit), Some(native), true) =
            (&state.circuit, state.status.native, state.status.connected)
        {
            // Nobody can wait for it yet.
            self.begin(circuit, native, &core, &mut Wakers::default());
        }
        state.monitors.push(core);
        monitor
    }

    /// Cancels a subscription that nobody listens to.
    pub(super) fn cancel_if_unused(&self, monitor: &Arc<MonitorCore>) {
        let mut state = self.state.lock();
        if !monitor.is_unused() {
            return;
        }
        state.monitors.retain(|other| !Arc::ptr_eq(other, monitor));
        if let Some(circuit) = &state.circuit {
            circuit.with(|circuit| {
                circuit.proto.cancel(monitor.id, &mut circuit.output);
                circuit.monitors.remove(&monitor.id);
            });
        }
    }

    pub(super) fn begin(
        &self,
        circuit: &Circuit,
        native: NativeType,
        monitor: &Arc<MonitorCore>,
        wakers: &mut Wakers,
    ) {
        let (data_type, count) = wire_type(monitor.data_type, monitor.count, native);
        let sent = circuit.with(|circuit| {
            let (cid, id, mask) = (self.cid, monitor.id, monitor.mask);
            circuit.proto.subscribe(cid, id, data_type, count, mask, &mut circuit.output)?;
            circuit.monitors.insert(id, monitor.clone());
            Ok(())
        });
        if let Some(Err::<(), ca_proto::client::Refused>(refused)) = sent {
            monitor.push(Data::failure(refused.eca()), wakers);
        }
    }

    /// Gets the value of a subscription; false when the server does not know it.
    pub(super) fn refresh(&self, circuit: &Circuit, monitor: &Arc<MonitorCore>) -> bool {
        let ioid = self.shared.ioid();
        let known = circuit.with(|circuit| {
            if !circuit.monitors.contains_key(&monitor.id) {
                return false;
            }
            if circuit.proto.refresh(monitor.id, ioid, &mut circuit.output).is_ok() {
                circuit.replies.insert(ioid, Reply::Refresh(monitor.clone()));
            }
            true
        });
        known.unwrap_or(true)
    }
}
