//! `seqioc cmd`: sends a command to a device and shows how it goes.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use wrapper::client::{Channel, Context, Error, FromData, Monitor};
use wrapper::launch;

/// Exit status when the command succeeded, and otherwise.
pub(crate) const STATUS: &str = "Exit status: 0 the command succeeded, 1 it failed, was aborted or refused, or there is no such device, 2 the command line is wrong.";

/// Longer than any command takes.
const EVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// Characters of the bar.
const BAR: usize = 30;
/// Most numbers of a result that are printed.
const SHOWN: usize = 20;

#[derive(Args)]
pub(crate) struct Options {
    /// Prefix of the device, as TEST:SERVER.
    #[arg(value_name = "PREFIX")]
    prefix: String,
    /// The command, as "move(5)" or "[1, 2, 3]"
    #[arg(value_name = "COMMAND")]
    text: String,
    /// Time to wait for the device to be found
    #[arg(short, long, value_name = "SEC", default_value = "3", value_parser = crate::search::seconds)]
    wait: Duration,
}

/// What happens while the command runs.
enum Event {
    Progress(f64),
    Message(String),
    State(String),
    Interrupt,
    Done(Result<(), Error>),
}

/// The template's PVs of a device.
struct Device {
    context: Context,
    prefix: String,
}

impl Device {
    fn pv(&self, name: &str) -> Channel {
        self.context.pv(&format!("{}seq.{name}", self.prefix))
    }

    fn text(&self, name: &str) -> String {
        self.pv(name).get_as().wait().unwrap_or_default()
    }

    /// Tells changes of a PV, without the value that it has now.
    fn tell<T: FromData>(&self, name: &str, to: &Sender<Event>, event: fn(T) -> Event) -> Monitor<T> {
        let (to, mut first) = (to.clone(), true);
        self.pv(name).on_update(move |update| {
            let new = !std::mem::replace(&mut first, false);
            if let Ok(value) = update
                && new
            {
                let _nobody_listens = to.send(event(value));
            }
        })
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let context = Context::from_env()?.within(options.wait);
    let device = Device { context, prefix: options.prefix.clone() };
    let cmd = device.pv("CMD");
    cmd.connected().wait().with_context(|| format!("no device with the prefix {:?}", options.prefix))?;
    let (sender, events) = channel();
    let interrupt = sender.clone();
    launch::on_stop(move || _ = interrupt.send(Event::Interrupt))?;
    let _monitors = (
        device.tell("PROGRESS", &sender, Event::Progress),
        device.tell("message", &sender, Event::Message),
        device.tell("STATE", &sender, Event::State),
    );
    // The first values are there, so that what follows is of this command.
    device.text("STATE");
    let text = options.text.clone();
    std::thread::spawn(move || {
        let _nobody_listens = sender.send(Event::Done(cmd.within(EVER).put_notify(text).wait()));
    });
    let result = follow(&device, &events, &mut Screen::new())?;
    finish(&device, result)
}

/// Shows what happens until the command has ended.
fn follow(device: &Device, events: &Receiver<Event>, screen: &mut Screen) -> Result<Result<(), Error>> {
    loop {
        match events.recv()? {
            Event::Progress(percent) => screen.progress(percent)?,
            Event::Message(text) => screen.message(text)?,
            Event::State(state) => screen.state(state)?,
            Event::Interrupt => {
                screen.message("aborting".to_owned())?;
                device.pv("ABORT").put("Abort").wait()?;
            }
            Event::Done(result) => {
                screen.clear()?;
                return Ok(result);
            }
        }
    }
}

/// Prints the outcome.
fn finish(device: &Device, result: Result<(), Error>) -> Result<ExitCode> {
    let Err(error) = result else {
        let values: Vec<f64> = device.pv("values").get_as().wait().unwrap_or_default();
        let shown: Vec<_> = values.iter().take(SHOWN).map(f64::to_string).collect();
        let more = if values.len() > SHOWN { ", ..." } else { "" };
        let message = device.text("message");
        let text = format!("{}: {message}\nvalues: [{}{more}]\n", device.text("STATE"), shown.join(", "));
        crate::output::write(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    let reason = device.text("ERROR");
    let reason = if reason.is_empty() { error.to_string() } else { reason };
    eprintln!("seqioc cmd: {}: {reason}", device.text("STATE"));
    Ok(ExitCode::FAILURE)
}

/// Where it is shown: a line that changes on a terminal, else a line for each message.
struct Screen {
    terminal: bool,
    percent: f64,
    message: String,
    state: String,
}

impl Screen {
    fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { terminal, percent: 0.0, message: String::new(), state: String::new() }
    }

    fn progress(&mut self, percent: f64) -> io::Result<()> {
        self.percent = percent;
        self.draw()
    }

    fn state(&mut self, state: String) -> io::Result<()> {
        self.state = state;
        self.draw()
    }

    fn message(&mut self, text: String) -> io::Result<()> {
        if !self.terminal {
            return crate::output::write(&format!("{text}\n"));
        }
        self.message = text;
        self.draw()
    }

    fn draw(&self) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let line = line(self.percent, &self.state, &self.message);
        write_now(&format!("\r\x1b[K{line}"))
    }

    fn clear(&self) -> io::Result<()> {
        if self.terminal { write_now("\r\x1b[K") } else { Ok(()) }
    }
}

fn write_now(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// One line of a terminal: the bar, the state, the first words of the message.
fn line(percent: f64, state: &str, message: &str) -> String {
    let part = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
    let full = (part / 100.0 * BAR as f64).round() as usize;
    let bar = "#".repeat(full) + &" ".repeat(BAR - full);
    let words: String = message.chars().filter(|c| !c.is_control()).take(30).collect();
    format!("[{bar}] {part:5.1} % {state} {words}")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_has_a_bar_as_long_as_the_progress() {
        assert_eq!(
            line(50.0, "Busy", "go\x1b[2J"),
            format!("[{}{}]  50.0 % Busy go[2J", "#".repeat(15), " ".repeat(15))
        );
        assert!(line(1e9, "Busy", "").starts_with(&format!("[{}] 100.0", "#".repeat(30))));
        assert!(line(f64::NAN, "Busy", "").contains("  0.0 %"));
    }
}
