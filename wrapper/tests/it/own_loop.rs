//! A device with a loop of its own, and with checks that post.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use wrapper::{
    Command, CommandInbox, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Interrupted, Ioc, Next,
    Reply, SystemDevice,
};

use crate::raw::{Raw, eventually};

/// Keeps its commands until it is told to let go; posts without end while it is `noisy`.
struct Keeper {
    noisy: Arc<AtomicBool>,
}

impl SystemDevice for Keeper {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let refused = group.pv("refused", 0.0).read_only().add()?;
        let check = move |value: &f64| {
            refused.post(*value);
            Err::<(), _>("never good")
        };
        group.pv("picky", 0.0).check(check).command(&port, |_| Command::new("picky")).add()?;
        let noise = group.pv("noise", 0).read_only().add()?;
        let noisy = self.noisy.clone();
        std::thread::spawn(move || {
            let mut count = 0;
            while noisy.load(SeqCst) {
                count += 1;
                noise.post(count);
            }
        });
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Err("it has its own loop".into())
    }

    fn run(&mut self, inbox: &CommandInbox, io: &DeviceIo) {
        let mut kept = Vec::new();
        loop {
            match inbox.next(None) {
                Next::Command(command) => {
                    io.message(format!("kept {}", command.count()));
                    kept.push(command);
                }
                Next::Idle => {
                    assert_eq!(io.interrupted(), Some(Interrupted::Abort));
                    kept.drain(..).for_each(|command| command.finish(Err(Interrupted::Abort.into())));
                }
                Next::Stop => return,
            }
        }
    }
}

fn keeper(noisy: bool) -> (Ioc, Arc<AtomicBool>, Raw) {
    let noisy = Arc::new(AtomicBool::new(noisy));
    let device = Box::new(Keeper { noisy: noisy.clone() });
    let builder = Ioc::builder().device("keeper", "k:", device).expect("good PVs");
    let ioc = builder.start(Config::isolated()).expect("loopback");
    let raw = Raw::connect(ioc.tcp_addresses()[0]);
    (ioc, noisy, raw)
}

#[test]
fn abort_wakes_a_loop_that_waits_for_commands() {
    let (_ioc, _noisy, mut raw) = keeper(false);
    let (cmd, abort) = (raw.channel("k:seq.CMD"), raw.channel("k:seq.ABORT"));
    let message = raw.channel("k:seq.message");
    for number in 1..=20 {
        let kept = raw.start_put_text(cmd, "keep");
        let taken = format!("kept {number}");
        eventually("it is taken", || (raw.get_text(message) == taken).then_some(()));
        let start = Instant::now();
        let aborted = raw.start_put(abort, 1.0);
        assert_eq!(raw.completion(kept).0, 160);
        assert_eq!(raw.completion(aborted).0, 1);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_refusal_is_answered_behind_what_its_check_has_posted() {
    let (_ioc, noisy, mut raw) = keeper(true);
    let (picky, refused) = (raw.channel("k:picky"), raw.channel("k:refused"));
    for number in 1..=300 {
        let value = f64::from(number);
        assert_eq!(raw.put(picky, value), 160);
        assert_eq!(raw.get(refused, 6, 1).payload[..8], value.to_be_bytes(), "put {number}");
    }
    noisy.store(false, SeqCst);
}
