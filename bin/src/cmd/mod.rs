//! `seqioc cmd`: sends a command to a device and shows how it goes.

mod known;
mod words;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use wrapper::client::{Channel, Context, Error, FromData, Monitor};
use wrapper::launch;

use crate::bar;

/// Exit status when the command succeeded, and otherwise.
pub(crate) const STATUS: &str = "Exit status: 0 the command succeeded, 1 it failed, was aborted or refused, or there is no such device, 2 the command line is wrong.";

/// Longer than any command takes.
const EVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most numbers of a result that are printed.
const SHOWN: usize = 20;

#[derive(Args)]
pub(crate) struct Options {
    /// Prefix of the device with its dot or colon, as "TEST:SERVER."
    #[arg(value_name = "PREFIX")]
    prefix: String,
    /// The command, as "move(5)" or "[1, 2, 3]", or its name and arguments: move 5 velocity=2.
    /// Without one the commands of the device are listed
    #[arg(value_name = "COMMAND", allow_negative_numbers = true)]
    words: Vec<String>,
    /// List the commands as JSON
    #[arg(long, conflicts_with = "words")]
    json: bool,
    /// For the shell: what the last of these words can become
    #[arg(long, hide = true)]
    complete: bool,
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
    if options.complete {
        known::complete(&options.prefix, &options.words)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.words.is_empty() {
        return known::list(&options.prefix, options.wait, options.json).map(|()| ExitCode::SUCCESS);
    }
    let text = words::command(&options.words)?;
    let context = Context::from_env()?.within(options.wait);
    let device = Device { context, prefix: options.prefix.clone() };
    let cmd = device.pv("CMD");
    cmd.connected().wait().with_context(|| no_device(&options.prefix))?;
    let (sender, events) = channel();
    let interrupt = sender.clone();
    launch::on_stop(move || _ = interrupt.send(Event::Interrupt))?;
    let _monitors = (
        device.tell("PROGRESS", &sender, Event::Progress),
        device.tell("message", &sender, Event::Message),
        device.tell("STATE", &sender, Event::State),
    );
    // The first values are there, so that what follows is of this command.
    let accepted = device.text("COUNT");
    std::thread::spawn(move || {
        let _nobody_listens = sender.send(Event::Done(cmd.within(EVER).put_notify(text).wait()));
    });
    let result = follow(&device, &events, &mut Screen::new())?;
    finish(&device, result, &accepted)
}

/// What is said when the device is not found.
fn no_device(prefix: &str) -> String {
    let whole = prefix.ends_with(['.', ':']);
    let rule = if whole { "" } else { "; most prefixes end with a dot or a colon, which belongs to them" };
    format!("no device with the prefix {prefix:?}{rule}")
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

/// Prints the outcome; `accepted` is how many commands the device had accepted before.
fn finish(device: &Device, result: Result<(), Error>, accepted: &str) -> Result<ExitCode> {
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
    // STATE is that of the last command that was accepted.
    let state = if device.text("COUNT") == accepted { "Refused".to_owned() } else { device.text("STATE") };
    let told = if reason.eq_ignore_ascii_case(&state) { state } else { format!("{state}: {reason}") };
    eprintln!("seqioc cmd: {told}");
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
        let line = bar::line(self.percent, &format!("{} {}", self.state, self.message));
        bar::redraw(&mut io::stdout().lock(), &line)
    }

    fn clear(&self) -> io::Result<()> {
        if self.terminal { bar::redraw(&mut io::stdout().lock(), "") } else { Ok(()) }
    }
}
