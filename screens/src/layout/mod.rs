//! What stands where, the same for every kind of screen.

mod device;
mod overview;
mod panel;
mod rows;

pub(crate) use rows::{is_field, is_motor};

use crate::images::Image;
use crate::names::{self, Unique};
use crate::table::Table;

/// Name of the screen that leads to all others.
pub(crate) const OVERVIEW: &str = "overview";

/// A place on the screen, or within a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) w: i32,
    pub(crate) h: i32,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Behind everything.
pub(crate) const PAGE: Rgb = Rgb(232, 236, 240);
/// Behind a panel.
pub(crate) const PANEL: Rgb = Rgb(250, 251, 252);
/// Round a panel.
pub(crate) const LINE: Rgb = Rgb(196, 204, 212);
/// Titles, and the strip of the header.
pub(crate) const TITLE: Rgb = Rgb(32, 62, 92);
/// Texts.
pub(crate) const INK: Rgb = Rgb(30, 36, 42);
/// Texts that matter less.
pub(crate) const FAINT: Rgb = Rgb(92, 102, 112);
/// Behind what is only read.
pub(crate) const READ: Rgb = Rgb(236, 240, 244);
/// Behind what can be put.
pub(crate) const WRITE: Rgb = Rgb(255, 255, 255);
/// A lamp that is off.
pub(crate) const OFF: Rgb = Rgb(150, 160, 168);
/// A lamp that says that all is well.
pub(crate) const GOOD: Rgb = Rgb(44, 160, 68);
/// A lamp that says that something goes on.
pub(crate) const ACTIVE: Rgb = Rgb(238, 150, 20);
/// A lamp that says that something is wrong; a button that ends something.
pub(crate) const BAD: Rgb = Rgb(204, 44, 44);
/// A line in a plot.
pub(crate) const CURVE: Rgb = Rgb(24, 100, 190);

/// How a fixed text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The name of the screen, on the strip.
    Heading,
    /// What the screen is about, on the strip.
    Subheading,
    /// The name of a panel or a column.
    Title,
    /// The name of a PV.
    Label,
    /// What may be put, for example.
    Faint,
}

/// What a widget does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Widget {
    /// Shows a fixed text.
    Fixed { text: String, style: Style },
    /// Shows the value, with units; bytes as a text where it is one.
    Reading { text: bool },
    /// Takes a value.
    Entry { text: bool },
    /// Takes one of the labels.
    Choice,
    /// Is of one colour when the value is 0, else of the other.
    Lamp { off: Rgb, on: Rgb },
    /// Fills from 0 to 100.
    Bar,
    /// Shows the elements of an array against their index.
    Plot,
    /// Shows an image; the second is the same in one colour, for those who know no other.
    Picture { image: Image, mono: Option<Image> },
    /// Puts 1.
    Button { text: String },
    /// Opens another screen.
    Link { text: String, stem: String },
}

/// A widget in its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) at: Rect,
    pub(crate) widget: Widget,
    /// Of what it shows; empty for what shows none.
    pub(crate) pv: String,
    pub(crate) tip: String,
}

/// What stands together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) at: Rect,
    pub(crate) title: String,
    /// In places within the panel.
    pub(crate) items: Vec<Item>,
}

/// A screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Screen {
    /// Its file's name without ending.
    pub(crate) stem: String,
    pub(crate) title: String,
    pub(crate) size: (i32, i32),
    /// The strip on top, in places of the screen.
    pub(crate) header: Vec<Item>,
    pub(crate) panels: Vec<Panel>,
}

/// Height of the strip on top.
pub(crate) const STRIP: i32 = 56;

/// All screens: those of devices, of their details, and the overview.
pub(crate) fn screens(table: &Table) -> Vec<Screen> {
    let mut stems = Unique::without(&[OVERVIEW]);
    let mut all = Vec::new();
    let mut rows = Vec::new();
    for device in &table.devices {
        let stem = stems.give(&names::file(&device.name));
        let details = device::has_details(device).then(|| stems.give(&format!("{stem}_details")));
        all.push(device::main(device, &stem, details.as_deref()));
        all.extend(details.map(|details| device::details(device, &details, &stem)));
        rows.push((device, stem));
    }
    all.push(overview::screen(&rows));
    all
}

impl Item {
    pub(crate) fn fixed(at: Rect, text: &str, style: Style) -> Self {
        Self {
            at,
            widget: Widget::Fixed { text: text.to_owned(), style },
            pv: String::new(),
            tip: String::new(),
        }
    }

    pub(crate) fn link(at: Rect, text: &str, stem: &str) -> Self {
        let tip = format!("Opens {text}");
        let widget = Widget::Link { text: text.to_owned(), stem: stem.to_owned() };
        Self { at, widget, pv: String::new(), tip }
    }
}
