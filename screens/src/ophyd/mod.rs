//! ophyd classes and the happi database that makes devices of them.

mod class;
mod happi;

use crate::files::File;
use crate::names::{self, Unique};
use crate::table::{Device, Table};

/// What a device's module and class are called.
pub(crate) struct Named<'a> {
    pub(crate) device: &'a Device,
    pub(crate) module: String,
    pub(crate) class: String,
    /// Its prefix as ophyd gets it.
    pub(crate) prefix: String,
    /// A motor record, which ophyd has a class for.
    pub(crate) motor: bool,
}

/// A module for each device, and the database.
pub(crate) fn files(table: &Table) -> Vec<File> {
    let mut modules = Unique::default();
    let named: Vec<_> = table.devices.iter().map(|device| name(device, &mut modules)).collect();
    let mut files: Vec<_> = named
        .iter()
        .map(|named| File { name: format!("{}.py", named.module), text: class::module(named) })
        .collect();
    files.push(File { name: "happi_db.json".to_owned(), text: happi::database(&named) });
    files
}

fn name<'a>(device: &'a Device, modules: &mut Unique) -> Named<'a> {
    // Not the bare name, which may be that of a module that others import.
    let module = modules.give(&format!("{}_device", names::python(&device.name)));
    let motor = crate::layout::is_motor(device) && device.prefix.ends_with('.');
    let prefix = if motor { device.prefix.trim_end_matches('.') } else { &device.prefix };
    Named { device, module, class: names::class(&device.name), prefix: prefix.to_owned(), motor }
}
