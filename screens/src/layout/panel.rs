//! Panels, and how they fill a screen.

use super::rows::{self, Row};
use super::{Item, Panel, Rect, STRIP, Style, Widget};
use crate::images::Image;
use crate::table::{Command, Device, Pv};

/// Between panels.
pub(super) const GAP: i32 = 12;
/// Round what is inside a panel.
const INSIDE: i32 = 12;
/// Where the content of a panel begins.
const TOP: i32 = 36;
/// Height of all panels of a column, roughly.
const COLUMN: i32 = 860;
/// A panel's width.
pub(super) const WIDTH: i32 = rows::WIDTH + 2 * INSIDE;
/// Rows that stand together at most.
const ROWS: usize = 30;
/// A command's signature and what it does.
const COMMAND: i32 = 38;

/// Panels of these PVs, under one name.
pub(super) fn of_pvs(title: &str, pvs: &[&Pv], motor: bool) -> Vec<Panel> {
    let all: Vec<Row> = pvs.iter().filter_map(|pv| rows::row(pv, motor)).collect();
    let parts = all.len().div_ceil(ROWS).max(1);
    let each = all.len().div_ceil(parts).max(1);
    all.chunks(each)
        .enumerate()
        .map(|(part, rows)| {
            let title = if parts > 1 { format!("{title} {}", part + 1) } else { title.to_owned() };
            of_rows(&title, rows)
        })
        .collect()
}

fn of_rows(title: &str, rows: &[Row]) -> Panel {
    let mut items = Vec::new();
    let mut y = TOP;
    for row in rows {
        items.extend(row.items.iter().cloned().map(|item| {
            let at = Rect { x: item.at.x + INSIDE, y: item.at.y + y, ..item.at };
            Item { at, ..item }
        }));
        y += row.height;
    }
    Panel { at: Rect { x: 0, y: 0, w: WIDTH, h: y + INSIDE - 4 }, title: title.to_owned(), items }
}

/// The commands of a device, for those who type one.
pub(super) fn of_commands(commands: &[Command]) -> Option<Panel> {
    let mut items = Vec::new();
    let mut y = TOP;
    for Command { call, doc } in commands {
        let call = if call.starts_with('(') { "a bare value: ".to_owned() + call } else { call.clone() };
        let line = |y, text: &str, style| {
            let at = Rect { x: INSIDE, y, w: rows::WIDTH, h: 17 };
            Item { tip: format!("{call}\n{doc}"), ..Item::fixed(at, text, style) }
        };
        items.push(line(y, &call, Style::Label));
        items.push(line(y + 17, doc, Style::Faint));
        y += COMMAND;
    }
    let at = Rect { x: 0, y: 0, w: WIDTH, h: y + INSIDE - 4 };
    (!commands.is_empty()).then(|| Panel { at, title: "commands".to_owned(), items })
}

/// An image, over two columns.
pub(super) fn of_image(device: &Device, image: Image, mono: Option<Image>) -> Panel {
    let width = 2 * WIDTH + GAP - 2 * INSIDE;
    let (across, down) = image.size;
    let height = (i64::from(width) * i64::from(down) / i64::from(across)).clamp(80, 420) as i32;
    let at = Rect { x: INSIDE, y: TOP, w: width, h: height };
    let tip = device.pvs.iter().find(|pv| pv.name == image.pv).map(rows::tip).unwrap_or_default();
    let title = image.pv.strip_prefix(device.prefix.as_str()).unwrap_or(&image.pv).to_owned();
    let pv = image.pv.clone();
    let item = Item { at, widget: Widget::Picture { image, mono }, pv, tip };
    let at = Rect { x: 0, y: 0, w: width + 2 * INSIDE, h: height + TOP + INSIDE };
    Panel { at, title, items: vec![item] }
}

/// Puts panels into columns, wide ones on top; the size that they need.
pub(super) fn place(panels: &mut [Panel]) -> (i32, i32) {
    let mut top = STRIP + GAP;
    for wide in panels.iter_mut().filter(|panel| panel.at.w > WIDTH) {
        (wide.at.x, wide.at.y) = (GAP, top);
        top += wide.at.h + GAP;
    }
    let narrow = || panels.iter().filter(|panel| panel.at.w <= WIDTH).map(|panel| panel.at.h + GAP);
    let total: i32 = narrow().sum();
    // Columns of even height, unless one panel alone is higher.
    let columns = (total + COLUMN - 1).div_euclid(COLUMN).max(1);
    let fair = narrow().max().unwrap_or(0).max(total / columns + total / columns / 8);
    // A wide panel is as wide as two columns; those beside it begin higher.
    let start = |column: i32| if column < 2 { top } else { STRIP + GAP };
    let (mut column, mut y) = (0, top);
    for panel in panels.iter_mut().filter(|panel| panel.at.w <= WIDTH) {
        if y > start(column) && y + panel.at.h > top + fair {
            column += 1;
            y = start(column);
        }
        (panel.at.x, panel.at.y) = (GAP + column * (WIDTH + GAP), y);
        y += panel.at.h + GAP;
    }
    let right = panels.iter().map(|panel| panel.at.x + panel.at.w).max().unwrap_or(WIDTH + GAP);
    let bottom = panels.iter().map(|panel| panel.at.y + panel.at.h).max().unwrap_or(top);
    (right + GAP, bottom + GAP)
}
