//! What an IOC does beside serving its devices and groups: it saves values, and tells how it is.

use crate::autosave::{Autosave, Shown, Wiring};
use crate::group::GroupError;
use crate::ioc::IocBuilder;
use crate::status::{Attached, Status};

/// The services of an IOC that is being built.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) autosave: Option<(Autosave, Wiring)>,
    /// The PVs of autosave, in the status group.
    pub(crate) shown: Option<Shown>,
    pub(crate) status: Option<Attached>,
    /// The prefix of the first device or group that has one.
    prefix: Option<String>,
    /// The name of the file, from that of the config file.
    #[cfg(feature = "launch")]
    file_name: Option<String>,
    /// What the config file says of the status PVs.
    #[cfg(feature = "launch")]
    status_prefix: Option<String>,
}

impl Services {
    pub(crate) fn note_prefix(&mut self, prefix: &str) {
        if self.prefix.is_none() && !prefix.is_empty() {
            self.prefix = Some(prefix.to_owned());
        }
    }
}

impl IocBuilder {
    /// Saves and restores the PVs that ask for it.
    ///
    /// See [`Autosave`].
    pub fn autosave(mut self, settings: Autosave) -> Self {
        #[cfg(feature = "launch")]
        let settings = match &self.services.file_name {
            Some(name) => settings.or_name(name),
            None => settings,
        };
        let wiring = self.services.autosave.take().map_or_else(Wiring::new, |(_, wiring)| wiring);
        self.services.autosave = Some((settings, wiring));
        self
    }

    /// Tells in PVs how the IOC is; to be called when its devices are added and [`IocBuilder::autosave`] is said.
    ///
    /// See [`Status`].
    ///
    /// # Errors
    /// When a name is too long.
    pub fn status(mut self, status: Status) -> Result<Self, GroupError> {
        self.add_status(status)?;
        Ok(self)
    }

    fn add_status(&mut self, status: Status) -> Result<(), GroupError> {
        let bell = self.services.autosave.as_ref().map(|(_, wiring)| wiring.bell.clone());
        let built = crate::status::build(status, &self.ports(), bell.as_ref())?;
        self.services.status = Some(built.attached);
        self.services.shown = built.shown;
        self.add_group(built.group);
        Ok(())
    }
}

/// What the command line asks for, over what the config file says.
#[cfg(feature = "launch")]
impl IocBuilder {
    /// Names the status PVs where the command line does not; `off` is for none.
    pub(crate) fn place_status(mut self, prefix: &str) -> Self {
        self.services.status_prefix = Some(prefix.to_owned());
        self
    }

    /// Names the file that is written, where nobody does.
    pub(crate) fn name_file(mut self, name: &str) -> Self {
        self.services.file_name = Some(name.to_owned()).filter(|name| !name.is_empty());
        self
    }

    pub(crate) fn place_autosave(self, dir: &std::path::Path) -> Self {
        let settings = self.services.autosave.as_ref().map(|(settings, _)| settings.clone());
        self.autosave(settings.unwrap_or_else(|| Autosave::new(dir)).dir(dir))
    }

    pub(crate) fn status_prefix(&self) -> Option<&str> {
        self.services.status_prefix.as_deref()
    }

    pub(crate) fn first_prefix(&self) -> Option<&str> {
        self.services.prefix.as_deref()
    }

    /// As [`IocBuilder::status`]; a failure leaves the builder as it was.
    pub(crate) fn status_or_none(mut self, status: Status) -> (Self, Result<(), GroupError>) {
        let result = self.add_status(status);
        (self, result)
    }
}
