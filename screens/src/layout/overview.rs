//! The screen that leads to all others.

use super::device::{self, LINE, alive, template_pv};
use super::panel::GAP;
use super::rows::tip;
use super::{ACTIVE, BAD, GOOD, Item, OFF, OVERVIEW, Panel, Rect, STRIP, Screen, Style, Widget};
use crate::table::{Device, Pv};

const ROW: i32 = 36;
/// Where the columns begin, how wide they are, and what stands above.
const COLUMNS: [(i32, i32, &str); 6] = [
    (12, 140, "device"),
    (164, 60, "up"),
    (224, 120, "state"),
    (356, 60, "busy"),
    (416, 200, "progress"),
    (628, 452, "message"),
];

/// A row for each device.
pub(super) fn screen(devices: &[(&Device, String)]) -> Screen {
    let mut items: Vec<_> = COLUMNS
        .iter()
        .map(|(x, w, title)| Item::fixed(Rect { x: *x, y: 12, w: *w, h: LINE }, title, Style::Title))
        .collect();
    for (index, (device, stem)) in devices.iter().enumerate() {
        row(device, stem, 44 + ROW * index as i32, &mut items);
    }
    let height = 52 + ROW * devices.len() as i32;
    let at = Rect { x: GAP, y: STRIP + GAP, w: 1092, h: height };
    let size = (at.w + 2 * GAP, at.y + height + GAP);
    let panel = Panel { at, title: String::new(), items };
    let pvs: usize = devices.iter().map(|(device, _)| device.pvs.len()).sum();
    let about = format!("PVs: {pvs}, devices: {}", devices.len());
    let header = device::heading(OVERVIEW, &about, at.w);
    Screen { stem: OVERVIEW.to_owned(), title: OVERVIEW.to_owned(), size, header, panels: vec![panel] }
}

fn row(device: &Device, stem: &str, y: i32, items: &mut Vec<Item>) {
    let place = |column: usize| Rect { x: COLUMNS[column].0, y, w: COLUMNS[column].1, h: LINE };
    let lamp = |column: usize| Rect { y: y + 2, w: 20, h: 20, ..place(column) };
    let mut show = |pv: Option<&Pv>, at: Rect, widget: Widget| {
        items.extend(pv.map(|pv| Item { at, widget, pv: pv.name.clone(), tip: tip(pv) }));
    };
    show(alive(device), lamp(1), Widget::Lamp { off: BAD, on: GOOD });
    show(template_pv(device, "STATE"), place(2), Widget::Reading { text: false });
    show(template_pv(device, "BUSY"), lamp(3), Widget::Lamp { off: OFF, on: ACTIVE });
    show(template_pv(device, "PROGRESS"), place(4), Widget::Bar);
    show(template_pv(device, "message"), place(5), Widget::Reading { text: true });
    items.push(Item::link(Rect { h: 26, y: y - 1, ..place(0) }, &device.name, stem));
}
