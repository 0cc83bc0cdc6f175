//! Operator screens for Phoebus and PyDM, and classes for ophyd, from the table of PVs of an IOC.
//!
//! The table is all that is known here: no device, no server and no network. The same table makes the same bytes.
//!
//! ```
//! let text = r#"[{"device": "lab", "prefix": "lab:", "pvs": [
//!     {"name": "lab:x", "pv_type": "double", "array": false, "access": "rw", "units": "mm"}]}]"#;
//! let table = screens::Table::parse(text)?;
//! let names: Vec<_> = screens::screens(&table).into_iter().map(|file| file.name).collect();
//! assert_eq!(names, ["lab.bob", "lab.ui", "overview.bob", "overview.ui"]);
//! # Ok::<(), screens::TableError>(())
//! ```

mod bob;
mod files;
mod images;
mod layout;
mod names;
mod ophyd;
mod table;
mod ui;
mod xml;

pub use files::{File, WriteError, Written, write};
pub use table::{Access, Command, Device, Kind, Pv, Table, TableError};

/// Screens of all devices and one that leads to them, each for Phoebus (`.bob`) and for PyDM (`.ui`).
pub fn screens(table: &Table) -> Vec<File> {
    let made = layout::screens(table);
    let files = made.iter().flat_map(|screen| {
        let file = |ending: &str, text: String| File { name: format!("{}.{ending}", screen.stem), text };
        [file("bob", bob::render(screen)), file("ui", ui::render(screen))]
    });
    files.collect()
}

/// A Python module with ophyd classes for each device, and a happi database that knows them.
pub fn ophyd(table: &Table) -> Vec<File> {
    ophyd::files(table)
}
