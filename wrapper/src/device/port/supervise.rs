//! What the device's thread tells: it is up, it is down, it is to stop.

use std::sync::atomic::Ordering::SeqCst;

use ca::proto::Alarm;
use ca::server::batch;

use super::Port;
use crate::hooks::PutError;

impl Port {
    /// The device is up: commands are accepted, alarms are those of the values. True when it was down.
    pub(crate) fn up(&self) -> bool {
        // Who waits for a restart finds what the startup has put.
        self.outlet().settle();
        let mut books = self.books.lock();
        if let Some(health) = self.health() {
            health.alive(true);
        }
        if self.is_stopping() || std::mem::replace(&mut books.online, true) {
            return false;
        }
        batch(|| {
            // Alarms that the startup has given stay.
            let ours = self.pvs.get().into_iter().flatten();
            ours.filter(|pv| pv.alarm() == Alarm::COMM).for_each(|pv| pv.reset_alarm());
            if let Some(template) = self.template() {
                template.online();
            }
            let restarts = books.restarts.take_under_way();
            restarts.into_iter().for_each(|answer| answer.send(Ok(())));
        });
        true
    }

    /// The device is down: waiting commands fail, its PVs are INVALID.
    pub(crate) fn down(&self, reason: &str) {
        batch(|| {
            let mut books = self.books.lock();
            books.online = false;
            if let Some(health) = self.health() {
                health.alive(false);
            }
            let failed = self.discard_all(&mut books);
            books.begun = false;
            self.end_abort();
            if let Some(template) = self.template() {
                template.offline(reason, (!failed.is_empty()).then_some(books.discarded));
            }
            self.pvs.get().into_iter().flatten().for_each(|pv| pv.set_alarm(Alarm::COMM));
            failed.into_iter().for_each(|pending| pending.answer.send(Err(PutError::Offline)));
            books.answer_aborts();
        });
    }

    /// Ends the thread's loop as soon as the device lets go; waiting commands fail.
    pub(crate) fn stop(&self) {
        batch(|| {
            let mut books = self.books.lock();
            self.stopping.store(true, SeqCst);
            books.online = false;
            let failed = self.discard_all(&mut books);
            let failed = failed.into_iter().map(|pending| pending.answer).chain(books.restarts.take_all());
            failed.for_each(|answer| answer.send(Err(PutError::Offline)));
        });
        // Dropped, it wakes whoever waits, for good.
        self.open.lock().take();
        self.nudge();
    }
}
