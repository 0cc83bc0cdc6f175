//! The thread that looks after all devices of an IOC: how long they show no sign of life, which commands take too long.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use super::port::Port;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks at idle devices before it sleeps, so that devices which are busy now and then do not wake it with each command.
const PATIENCE: u32 = 10;

/// Wakes the watchdog, which sleeps while all devices are idle.
#[derive(Debug, Default)]
pub(crate) struct WakeUp {
    asleep: AtomicBool,
    ended: AtomicBool,
    thread: OnceLock<Thread>,
}

impl WakeUp {
    /// A device has become busy.
    pub(super) fn call(&self) {
        if self.asleep.load(SeqCst) && self.asleep.swap(false, SeqCst) {
            self.thread.get().into_iter().for_each(Thread::unpark);
        }
    }
}

/// The thread ends when this is dropped.
pub(crate) struct Watchdog(Arc<WakeUp>);

impl Watchdog {
    pub(crate) fn spawn(ports: Vec<Weak<Port>>) -> std::io::Result<Self> {
        let own = Arc::new(WakeUp::default());
        ports.iter().filter_map(Weak::upgrade).for_each(|port| port.wake_up(&own));
        let seen = own.clone();
        let watch = move || watch(&ports, &seen, LOOK);
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(watch)?;
        // It is set here only.
        let _ = own.thread.set(thread.thread().clone());
        Ok(Self(own))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
        self.0.thread.get().into_iter().for_each(Thread::unpark);
    }
}

fn watch(ports: &[Weak<Port>], own: &WakeUp, look: Duration) {
    let mut idle = 0;
    loop {
        if idle < PATIENCE {
            thread::park_timeout(look);
        } else {
            own.asleep.store(true, SeqCst);
            // Who became busy before this was set has not called.
            if ports.iter().filter_map(Weak::upgrade).all(|port| port.is_idle()) && !own.ended.load(SeqCst) {
                thread::park();
            }
            own.asleep.store(false, SeqCst);
            idle = 0;
        }
        let ports: Vec<Arc<Port>> = ports.iter().filter_map(Weak::upgrade).collect();
        if own.ended.load(SeqCst) || ports.is_empty() {
            return;
        }
        idle = if ports.iter().all(|port| port.is_idle()) { idle + 1 } else { 0 };
        // Behind the question, so that the last look at an idle device shows it idle.
        ports.iter().for_each(|port| port.look_after());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::device::{Command, Remote};

    fn until_asleep(own: &WakeUp) {
        let end = Instant::now() + Duration::from_secs(10);
        while !own.asleep.load(SeqCst) {
            assert!(Instant::now() < end, "it looks on at an idle device");
            thread::yield_now();
        }
    }

    #[test]
    fn it_sleeps_while_all_is_idle_and_looks_again_when_a_command_comes() {
        let port = Port::new("p", &Arc::new(Remote::default()));
        let own = Arc::new(WakeUp::default());
        port.wake_up(&own);
        let (ports, seen) = (vec![Arc::downgrade(&port)], own.clone());
        let thread = thread::spawn(move || watch(&ports, &seen, Duration::from_millis(1)));
        own.thread.set(thread.thread().clone()).expect("it is set here only");
        let watchdog = Watchdog(own.clone());
        for _ in 0..3 {
            until_asleep(&own);
            let slot = Arc::default();
            port.submit_watched(Command::new("go").shown(), &slot);
            assert!(!own.asleep.load(SeqCst), "it was called");
            port.forget_watched(&slot);
        }
        until_asleep(&own);
        drop(watchdog);
        thread.join().expect("it ends");
    }
}
