//! Which widgets show a PV, and how much room they take.

use super::{ACTIVE, BAD, GOOD, Item, OFF, Rect, Rgb, Style, Widget};
use crate::table::{Device, Kind, Pv};

/// Width of a row.
pub(crate) const WIDTH: i32 = 440;
/// Height of a widget of one line.
pub(crate) const LINE: i32 = 24;
/// From one row to the next.
const GAP: i32 = 6;
/// Where the values begin.
const VALUES: i32 = 132;
const PLOT: i32 = 150;
/// What a label has at least for each character; longer names are cut by the screen, and whole in the tip.
const LONG_TEXT: i32 = 50;

/// A motor record's fields of every day, in the order in which they are shown; all others are details.
const MOTOR_MAIN: &[&str] = &[
    "DESC", "VAL", "RBV", "DMOV", "MOVN", "STOP", "SPMG", "RLV", "TWV", "TWR", "TWF", "JOGR", "JOGF", "HOMR",
    "HOMF", "ATHM", "LLM", "HLM", "LLS", "HLS", "LVIO", "MISS", "VELO", "ACCL", "OFF", "DIR", "SET",
];
/// A motor record's fields that start something when 1 is put.
const MOTOR_BUTTONS: &[&str] = &["STOP", "HOMF", "HOMR", "TWF", "TWR", "SYNC"];
/// A motor record's fields that are 0 or 1, and whether 1 is a trouble.
const MOTOR_LAMPS: &[(&str, bool)] = &[
    ("DMOV", false),
    ("MOVN", false),
    ("ATHM", false),
    ("HLS", true),
    ("LLS", true),
    ("RHLS", true),
    ("RLLS", true),
    ("LVIO", true),
    ("MISS", true),
];

/// Where a motor's PV stands on the main screen; none for details, and for what is not a field of the record.
pub(crate) fn motor_place(pv: &Pv) -> Option<usize> {
    MOTOR_MAIN.iter().position(|field| *field == pv.tail())
}

/// True for a field of a record, by its name.
pub(crate) fn is_field(pv: &Pv) -> bool {
    let name = pv.tail();
    name.len() <= 4 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// How a PV is shown.
pub(crate) struct Row {
    pub(crate) items: Vec<Item>,
    pub(crate) height: i32,
}

/// True for a device whose PVs are the fields of a motor record.
pub(crate) fn is_motor(device: &Device) -> bool {
    ["VAL", "RBV", "DMOV", "STOP", "MRES"]
        .iter()
        .all(|field| device.pvs.iter().any(|pv| pv.name.strip_prefix(device.prefix.as_str()) == Some(field)))
}

/// The row of a PV; none for bytes, which are shown as image or not at all.
pub(crate) fn row(pv: &Pv, motor: bool) -> Option<Row> {
    if pv.array && pv.pv_type == Kind::Char {
        return None;
    }
    let mut row = Row { items: vec![label(pv)], height: LINE + GAP };
    let values = WIDTH - VALUES;
    if pv.is_curve() {
        row.push(pv, Rect { x: VALUES, y: 0, w: values, h: PLOT }, Widget::Plot);
        row.height = PLOT + GAP;
    } else if let Some(text) = starts(pv, motor) {
        row.push(pv, line(VALUES, 150), Widget::Button { text });
        row.push(pv, line(VALUES + 158, values - 158), Widget::Reading { text: false });
    } else if let Some((off, on)) = lamp(pv, motor) {
        row.push(pv, Rect { x: VALUES, y: 2, w: 20, h: 20 }, Widget::Lamp { off, on });
        row.push(pv, line(VALUES + 28, values - 28), Widget::Reading { text: false });
    } else if pv.writable() {
        row.writable(pv, values);
    } else if pv.pv_type.is_text() {
        let height = if pv.pv_type == Kind::Text { LONG_TEXT } else { LINE };
        row.push(pv, Rect { x: VALUES, y: 0, w: values, h: height }, Widget::Reading { text: true });
        row.height = height + GAP;
    } else if pv.units == "%" {
        row.push(pv, line(VALUES, values - 88), Widget::Bar);
        row.push(pv, line(WIDTH - 80, 80), Widget::Reading { text: false });
    } else {
        row.push(pv, line(VALUES, values), Widget::Reading { text: false });
    }
    Some(row)
}

impl Row {
    fn push(&mut self, pv: &Pv, at: Rect, widget: Widget) {
        self.items.push(Item { at, widget, pv: pv.name.clone(), tip: tip(pv) });
    }

    fn writable(&mut self, pv: &Pv, values: i32) {
        if pv.pv_type == Kind::Enum {
            self.push(pv, line(VALUES, values), Widget::Choice);
        } else if pv.pv_type.is_text() {
            self.push(pv, line(VALUES, values), Widget::Entry { text: true });
        } else {
            self.push(pv, line(VALUES, 150), Widget::Entry { text: false });
            self.push(pv, line(VALUES + 158, values - 158), Widget::Reading { text: false });
        }
    }
}

fn line(x: i32, w: i32) -> Rect {
    Rect { x, y: 0, w, h: LINE }
}

fn label(pv: &Pv) -> Item {
    let at = line(0, VALUES - 8);
    Item { tip: tip(pv), ..Item::fixed(at, pv.tail(), Style::Label) }
}

/// What is said of a PV where the pointer rests on it.
pub(crate) fn tip(pv: &Pv) -> String {
    let mut tip = format!("{}\n{}", pv.name, pv.doc);
    if let Some([low, high]) = pv.control_limits.filter(|_| pv.writable()) {
        tip.push_str(&format!("\n{low} to {high} {}", pv.units));
    }
    tip.trim_end().to_owned()
}

/// What the button says of a PV that is Idle until somebody puts something else.
fn starts(pv: &Pv, motor: bool) -> Option<String> {
    if !pv.writable() {
        return None;
    }
    match pv.labels.as_slice() {
        [idle, other] if idle == "Idle" => Some(other.clone()),
        _ if motor && MOTOR_BUTTONS.contains(&pv.tail()) => Some(pv.tail().to_owned()),
        _ => None,
    }
}

/// The colours of a PV that is one of two.
fn lamp(pv: &Pv, motor: bool) -> Option<(Rgb, Rgb)> {
    if pv.writable() {
        return None;
    }
    match pv.labels.as_slice() {
        [down, up] if down == "Down" && up == "Up" => Some((BAD, GOOD)),
        [idle, busy] if idle == "Idle" && busy == "Busy" => Some((OFF, ACTIVE)),
        [_, _] => Some((OFF, GOOD)),
        _ => {
            let found = MOTOR_LAMPS.iter().find(|(field, _)| motor && *field == pv.tail());
            found.map(|(_, trouble)| (OFF, if *trouble { BAD } else { GOOD }))
        }
    }
}
