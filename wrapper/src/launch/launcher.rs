//! The command line of an author's own IOC binary.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::{RunOptions, Service, hints, start_log};
use crate::autosave::program;
use crate::device::{RestartPolicy, SystemDevice};
use crate::group::{GroupBuilder, GroupError};
use crate::handle::IocHandle;
use crate::ioc::{IocBuilder, IocError};

type BuildGroup = Box<dyn FnOnce(&mut GroupBuilder) -> Result<(), GroupError>>;
pub(super) type Started = Box<dyn FnOnce(IocHandle)>;
type Check = fn(&str) -> Result<(), String>;
type MakePv = Box<dyn Fn(&str, &mut GroupBuilder) -> Result<(), GroupError> + Send + Sync>;
type MakeDevice = Box<dyn FnOnce() -> Box<dyn SystemDevice>>;

/// A flag of the author's own; its value is a macro of the groups.
struct OwnOption {
    name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
    check: Option<Check>,
}

/// An IOC binary: what it serves, and its command line, with the flags that every IOC has.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     wrapper::Launcher::new("A thermometer")
///         .prefix("lab:{room}:")
///         .option("room", Some("101"), "Room number")
///         .group(|group| group.pv("temperature", 21.5).units("C").add())
///         .run()
/// }
/// ```
#[must_use = "it runs with run()"]
pub struct Launcher {
    about: &'static str,
    prefix: String,
    options: Vec<OwnOption>,
    groups: Vec<BuildGroup>,
    devices: Vec<OwnDevice>,
    name: Option<&'static str>,
    started: Option<Started>,
    fallback: Option<(usize, MakePv)>,
    local_only: bool,
    services: Vec<OwnService>,
}

/// A device, and what is its own where there are several.
struct OwnDevice {
    own: Option<(&'static str, String)>,
    make: MakeDevice,
}

/// A service and its flags.
struct OwnService {
    augment: fn(Command) -> Command,
    make: fn(&ArgMatches) -> Result<Box<dyn Service>, clap::Error>,
}

impl Launcher {
    /// An IOC without PVs; `about` is the first line of `--help`.
    pub fn new(about: &'static str) -> Self {
        Self {
            about,
            prefix: String::new(),
            options: Vec::new(),
            groups: Vec::new(),
            devices: Vec::new(),
            name: None,
            started: None,
            services: Vec::new(),
            fallback: None,
            local_only: false,
        }
    }

    /// The default of `--prefix`; it may have macros.
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// A flag `--name VALUE`, required when it has no default; groups, and a device in
    /// [`pvs`](SystemDevice::pvs), see it as the macro `{name}` and by [`GroupBuilder::macro_value`].
    pub fn option(mut self, name: &'static str, default: Option<&'static str>, help: &'static str) -> Self {
        self.options.push(OwnOption { name, default, help, check: None });
        self
    }

    /// As [`Launcher::option`]; a value for which `check` returns an error is refused with that reason.
    ///
    /// ```no_run
    /// fn check(text: &str) -> Result<(), String> {
    ///     text.parse::<u16>().map(drop).map_err(|error| error.to_string())
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     wrapper::Launcher::new("Rooms")
    ///         .checked_option("room", Some("101"), "Room number", check)
    ///         .group(|group| group.pv("{room}:temperature", 21.5).add())
    ///         .run()
    /// }
    /// ```
    pub fn checked_option(
        mut self,
        name: &'static str,
        default: Option<&'static str>,
        help: &'static str,
        check: fn(&str) -> Result<(), String>,
    ) -> Self {
        self.options.push(OwnOption { name, default, help, check: Some(check) });
        self
    }

    /// Serves the PVs that `build` declares; its hooks have a thread of their own.
    pub fn group<R>(
        mut self,
        build: impl FnOnce(&mut GroupBuilder) -> Result<R, GroupError> + 'static,
    ) -> Self {
        self.groups.push(Box::new(|group| build(group).map(drop)));
        self
    }

    /// Serves a device, with the template behind `<prefix>seq.`.
    ///
    /// It is called as the IOC is; several devices of one IOC need [`Launcher::device_at`].
    pub fn device(mut self, device: impl FnOnce() -> Box<dyn SystemDevice> + 'static) -> Self {
        self.devices.push(OwnDevice { own: None, make: Box::new(device) });
        self
    }

    /// Serves a device under a name and a prefix of its own, which may have macros; as many as are wanted.
    ///
    /// `--prefix` replaces the prefix of a single device, and goes before those of several.
    ///
    /// ```no_run
    /// # use wrapper::{Command, DeviceError, DeviceIo, Reply, SystemDevice};
    /// struct Pump;
    /// # impl SystemDevice for Pump {
    /// #     fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> { Ok(Reply::done()) }
    /// # }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     wrapper::Launcher::new("Two pumps")
    ///         .device_at("water", "pumps:water:", || Box::new(Pump))
    ///         .device_at("oil", "pumps:oil:", || Box::new(Pump))
    ///         .run()
    /// }
    /// ```
    pub fn device_at(
        mut self,
        name: &'static str,
        prefix: &str,
        device: impl FnOnce() -> Box<dyn SystemDevice> + 'static,
    ) -> Self {
        self.devices.push(OwnDevice { own: Some((name, prefix.to_owned())), make: Box::new(device) });
        self
    }

    /// Names the IOC: its device, the file of autosave, its name in `--help` and in messages; without it the name of
    /// the program does.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Calls `hook` once the IOC serves, with a handle to add and remove PVs; it returns soon, and starts a thread for
    /// what takes longer.
    pub fn started(mut self, hook: impl FnOnce(IocHandle) + 'static) -> Self {
        self.started = Some(Box::new(hook));
        self
    }

    /// Runs a service beside the IOC, such as `panel::Options`, the web panel; the command line has its flags.
    pub fn service<S: Service + Args + 'static>(mut self) -> Self {
        let make = |matches: &ArgMatches| Ok(Box::new(S::from_arg_matches(matches)?) as Box<dyn Service>);
        self.services.push(OwnService { augment: S::augment_args, make });
        self
    }

    /// Makes PVs on demand, `most` at most, as [`IocBuilder::fallback`].
    pub fn fallback(
        mut self,
        most: usize,
        make: impl Fn(&str, &mut GroupBuilder) -> Result<(), GroupError> + Send + Sync + 'static,
    ) -> Self {
        self.fallback = Some((most, Box::new(make)));
        self
    }

    /// Serves loopback only, whatever `--interfaces` and the environment say.
    pub fn local_only(mut self) -> Self {
        self.local_only = true;
        self
    }

    /// Parses the command line, serves, and returns when it was told to stop.
    pub fn run(self) -> ExitCode {
        let name = self.name.map_or_else(program, str::to_owned);
        let matches = self.command(&name).get_matches();
        match self.serve(&name, &matches) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{name}: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn command(&self, name: &str) -> Command {
        // One IOC has no positional arguments, so it can take the list with blanks too.
        let command = RunOptions::augment_args(Command::new(name.to_owned()))
            .after_help(super::STATUS)
            .mut_arg("interfaces", |arg| arg.num_args(1..));
        // The words over the flags of a service are not those of the program.
        let command = self.services.iter().fold(command, |command, service| (service.augment)(command));
        let command = command.about(self.about).long_about(None);
        self.options.iter().fold(command, |command, option| {
            let arg = Arg::new(option.name).long(option.name).value_name("VALUE").help(option.help);
            let check = option.check;
            let arg = arg.value_parser(move |text: &str| {
                check.map_or(Ok(()), |check| check(text)).map(|()| text.to_owned())
            });
            command.arg(match option.default {
                Some(default) => arg.default_value(default),
                None => arg.required(true),
            })
        })
    }

    fn serve(self, name: &str, matches: &ArgMatches) -> Result<(), IocError> {
        let mut options = match RunOptions::from_arg_matches(matches) {
            Ok(options) => options,
            Err(error) => error.exit(),
        };
        options.local |= self.local_only;
        let services = self.services.iter().map(|service| (service.make)(matches));
        let services = services.collect::<Result<Vec<_>, _>>().unwrap_or_else(|error| error.exit());
        start_log(&options);
        let macros: Vec<(&str, String)> = self
            .options
            .iter()
            .filter_map(|option| Some((option.name, matches.get_one::<String>(option.name)?.clone())))
            .collect();
        let single = self.devices.len() < 2;
        let group =
            |own: &str| GroupBuilder::with_macros(&options.prefix_of(own, single), macros.iter().cloned());
        let mut builder = IocBuilder::new().name_file(name);
        if let Some((most, make)) = self.fallback {
            builder = builder.fallback(most, make);
        }
        for build in self.groups {
            let mut group = group(&self.prefix)?;
            build(&mut group)?;
            builder = builder.group(group);
        }
        let mut lines = Vec::new();
        for OwnDevice { own, make } in self.devices {
            let (name, prefix) = own.as_ref().map_or((name, &self.prefix), |(name, prefix)| (name, prefix));
            let (group, device) = (group(prefix)?, make());
            if lines.is_empty() {
                lines = hints(group.prefix(), device.commands());
            }
            builder = builder.device_in(group, name, device, RestartPolicy::default())?;
        }
        super::run_with(builder, &options, &lines, self.started, services)
    }
}
