//! The screens of a device.

use super::panel::{self, GAP};
use super::rows::{self, is_motor};
use super::{Item, OVERVIEW, Panel, Rect, Screen, Style};
use crate::images;
use crate::table::{Device, Pv, split};

/// The order in which an operator wants the template.
const TEMPLATE: &[&str] = &[
    "CMD", "ABORT", "STATE", "BUSY", "PROGRESS", "ELAPSED", "ACK", "message", "ERROR", "values", "COUNT",
    "DONE", "QUEUED", "REFUSED",
];

/// What is used every day.
pub(super) fn main(device: &Device, stem: &str, details: Option<&str>) -> Screen {
    let mut panels = pictures(device);
    let groups = groups(device, false);
    // The template stands right behind the device's own PVs.
    let (own, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(prefix, _)| *prefix == device.prefix);
    let (template, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, pvs)| is_template(pvs));
    for (prefix, pvs) in own.into_iter().chain(template).chain(rest) {
        panels.extend(panel::of_pvs(&title(device, prefix), &pvs, is_motor(device)));
    }
    panels.extend(panel::of_commands(&device.commands));
    let links = [(OVERVIEW, OVERVIEW)].into_iter().chain(details.map(|details| ("details", details)));
    screen(device, stem, panels, &links.collect::<Vec<_>>())
}

/// What is for few people.
pub(super) fn details(device: &Device, stem: &str, main: &str) -> Screen {
    let mut panels = Vec::new();
    for (prefix, pvs) in groups(device, true) {
        panels.extend(panel::of_pvs(&title(device, prefix), &pvs, is_motor(device)));
    }
    screen(device, stem, panels, &[(OVERVIEW, OVERVIEW), (&device.name, main)])
}

fn screen(device: &Device, stem: &str, mut panels: Vec<Panel>, links: &[(&str, &str)]) -> Screen {
    let size = panel::place(&mut panels);
    let mut x = size.0 - GAP;
    let mut header = heading(&device.name, &subheading(device), size.0 - 110 * links.len() as i32 - 2 * GAP);
    for (text, target) in links {
        x -= 104;
        header.push(Item::link(Rect { x, y: 14, w: 96, h: 28 }, text, target));
    }
    Screen { stem: stem.to_owned(), title: device.name.clone(), size, header, panels }
}

/// What stands on the strip.
pub(super) fn heading(title: &str, about: &str, width: i32) -> Vec<Item> {
    let at = |y, h| Rect { x: GAP, y, w: width, h };
    vec![Item::fixed(at(4, 28), title, Style::Heading), Item::fixed(at(32, 18), about, Style::Subheading)]
}

fn subheading(device: &Device) -> String {
    let parts = [device.prefix.as_str(), device.about.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("   ")
}

/// The PVs by the prefix of their group, in the order of declaration.
fn groups(device: &Device, detail: bool) -> Vec<(&str, Vec<&Pv>)> {
    let mut groups: Vec<(&str, Vec<&Pv>)> = Vec::new();
    let motor = is_motor(device);
    for pv in device.pvs.iter().filter(|pv| is_detail(device, motor, pv) == detail) {
        let prefix = split(&pv.name).0;
        match groups.iter_mut().find(|(known, _)| *known == prefix) {
            Some((_, pvs)) => pvs.push(pv),
            None => groups.push((prefix, vec![pv])),
        }
    }
    for (_, pvs) in groups.iter_mut().filter(|(prefix, _)| motor && *prefix == device.prefix) {
        pvs.sort_by_key(|pv| rows::motor_place(pv).unwrap_or(usize::MAX));
    }
    for (_, pvs) in groups.iter_mut().filter(|(_, pvs)| is_template(pvs)) {
        pvs.sort_by_key(|pv| TEMPLATE.iter().position(|name| *name == pv.tail()).unwrap_or(TEMPLATE.len()));
    }
    groups
}

fn is_detail(device: &Device, motor: bool, pv: &Pv) -> bool {
    let rare = || {
        motor && split(&pv.name).0 == device.prefix && rows::is_field(pv) && rows::motor_place(pv).is_none()
    };
    pv.detail || rare()
}

/// True when a device has a screen of details.
pub(super) fn has_details(device: &Device) -> bool {
    let motor = is_motor(device);
    device.pvs.iter().any(|pv| is_detail(device, motor, pv))
}

fn is_template(pvs: &[&Pv]) -> bool {
    ["CMD", "ACK", "BUSY", "STATE"].iter().all(|name| pvs.iter().any(|pv| pv.tail() == *name))
}

/// The name of a group: what its prefix has beyond the device's.
fn title(device: &Device, prefix: &str) -> String {
    let own = prefix.strip_prefix(device.prefix.as_str()).unwrap_or(prefix);
    let name = own.trim_end_matches(['.', ':']);
    if name.is_empty() { device.name.clone() } else { name.to_owned() }
}

/// A panel for each image that is not a detail; without such a one, for the first of all.
fn pictures(device: &Device) -> Vec<Panel> {
    let all = images::of(device);
    let mono = all.iter().find(|image| !image.rgb);
    let main: Vec<_> = all.iter().filter(|image| !image.detail).collect();
    let shown = if main.is_empty() { all.iter().take(1).collect() } else { main };
    let panel = |image: &images::Image| {
        let mono = if image.rgb { mono.cloned() } else { Some(image.clone()) };
        panel::of_image(device, image.clone(), mono)
    };
    shown.into_iter().map(panel).collect()
}

/// A template PV of a device by its name there.
pub(super) fn template_pv<'a>(device: &'a Device, name: &str) -> Option<&'a Pv> {
    let found = groups_of_template(device)?;
    found.into_iter().find(|pv| pv.tail() == name)
}

fn groups_of_template(device: &Device) -> Option<Vec<&Pv>> {
    groups(device, false).into_iter().map(|(_, pvs)| pvs).find(|pvs| is_template(pvs))
}

/// What tells whether a device is up.
pub(super) fn alive(device: &Device) -> Option<&Pv> {
    device.pvs.iter().find(|pv| pv.tail() == "ALIVE" && pv.labels == ["Down", "Up"])
}

/// The height of a line, for the overview.
pub(super) const LINE: i32 = rows::LINE;
