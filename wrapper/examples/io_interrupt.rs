//! Each key that is typed becomes the value of a PV; `stty -icanon` first, else they come line by line.

use std::io::{Read, stdin};
use std::process::ExitCode;
use std::thread;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct IoInterrupt {
    /// Latest key
    #[pv(value = "", max_length = 10, read_only, startup = Self::listen)]
    keypress: Pv<String>,
}

impl IoInterrupt {
    fn listen(&self, pv: &Pv<String>) {
        let pv = pv.clone();
        thread::spawn(move || {
            for key in stdin().lock().bytes().map_while(Result::ok) {
                let key = char::from(key);
                println!("new key: {key:?}");
                pv.post(key.to_string());
            }
        });
    }
}

fn main() -> ExitCode {
    Launcher::new("Shows what is typed here").prefix("io:").group(IoInterrupt::build).run()
}
