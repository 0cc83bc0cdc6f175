//! A power supply that is none: lines of SCPI over TCP, for the example `supply` to talk to. It drives 10 ohm.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const LOAD: f64 = 10.0;
const MOST_VOLTS: f64 = 30.0;

/// What the front panel would show.
#[derive(Default)]
struct Panel {
    volts: f64,
    on: bool,
    error: Option<&'static str>,
}

impl Panel {
    /// The answer to a line, if it is a question.
    fn line(&mut self, line: &str) -> Option<String> {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        let volts = if self.on { self.volts } else { 0.0 };
        match word {
            "*IDN?" => Some("Simulated,Supply,0,1.0".to_owned()),
            "VOLT?" => Some(self.volts.to_string()),
            "OUTP?" => Some(i32::from(self.on).to_string()),
            "MEAS:VOLT?" => Some(volts.to_string()),
            "MEAS:CURR?" => Some((volts / LOAD).to_string()),
            "SYST:ERR?" => Some(self.error.take().unwrap_or("0,\"No error\"").to_owned()),
            _ => {
                self.error = self.order(word, value).err();
                None
            }
        }
    }

    fn order(&mut self, word: &str, value: &str) -> std::result::Result<(), &'static str> {
        match (word, value) {
            ("OUTP", "ON" | "1") => self.on = true,
            ("OUTP", "OFF" | "0") => self.on = false,
            ("VOLT", volts) => match volts.parse() {
                Ok(volts) if (0.0..=MOST_VOLTS).contains(&volts) => self.volts = volts,
                Ok(_) => return Err("-222,\"Data out of range\""),
                Err(_) => return Err("-104,\"Data type error\""),
            },
            _ => return Err("-113,\"Undefined header\""),
        }
        Ok(())
    }
}

fn serve(panel: &Mutex<Panel>, socket: &TcpStream) -> Result<()> {
    let mut to = socket.try_clone()?;
    for line in BufReader::new(socket).lines() {
        let answer = panel.lock().unwrap_or_else(PoisonError::into_inner).line(line?.trim());
        if let Some(answer) = answer {
            to.write_all(format!("{answer}\n").as_bytes())?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5025".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let panel = Arc::new(Mutex::new(Panel::default()));
    for socket in listener.incoming() {
        let (panel, socket) = (panel.clone(), socket?);
        thread::spawn(move || serve(&panel, &socket));
    }
    Ok(())
}
