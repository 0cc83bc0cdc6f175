//! A put hands work to a thread and is done at once; the thread posts when it has finished.

use std::process::ExitCode;
use std::sync::mpsc::{SendError, Sender, channel};
use std::thread;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Worker {
    /// Seconds of work
    #[pv(value = 0, control_limits = 0.0..=3600.0, put = Self::ask)]
    request: Pv<i32>,
    /// Number of requests that are done
    #[pv(value = 0)]
    response: Pv<i32>,
    #[init(start(response.clone()))]
    queue: Sender<i32>,
}

impl Worker {
    fn ask(&self, _pv: &Pv<i32>, seconds: i32) -> Result<(), SendError<i32>> {
        self.queue.send(seconds)
    }
}

fn start(response: Pv<i32>) -> Sender<i32> {
    let (queue, requests) = channel();
    thread::spawn(move || {
        for (done, seconds) in (1..).zip(requests) {
            println!("sleeping for {seconds} s");
            thread::sleep(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
            response.post(done);
        }
    });
    queue
}

fn main() -> ExitCode {
    Launcher::new("Blocking work on a thread").prefix("wt:").group(Worker::build).run()
}
