//! Which arrays of bytes are images.

use crate::table::{Device, Kind, Pv, split};

/// An image, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Image {
    pub(crate) pv: String,
    /// PVs of its size.
    pub(crate) width: String,
    pub(crate) height: String,
    /// Size in pixels at start.
    pub(crate) size: (u32, u32),
    /// Red, green and blue of each pixel, instead of one value.
    pub(crate) rgb: bool,
    pub(crate) detail: bool,
}

/// The images of a device: arrays of bytes with PVs of their size in the same group, by the names of areaDetector
/// (`ArraySize0_RBV`) or as `WIDTH`, `HEIGHT` and, for more than one byte per pixel, `DEPTH`.
pub(crate) fn of(device: &Device) -> Vec<Image> {
    device
        .pvs
        .iter()
        .filter(|pv| pv.array && pv.pv_type == Kind::Char)
        .filter_map(|pv| image(device, pv))
        .collect()
}

fn image(device: &Device, pv: &Pv) -> Option<Image> {
    let (group, name) = split(&pv.name);
    let find = |name: &str| {
        let beside = |other: &&Pv| {
            let (its, tail) = split(&other.name);
            its == group && tail.eq_ignore_ascii_case(name)
        };
        device.pvs.iter().find(beside)
    };
    let sized = |width: &Pv, height: &Pv, rgb: bool| {
        let pixels = |pv: &Pv| pv.start.unwrap_or(100.0).clamp(1.0, 65_535.0) as u32;
        Image {
            pv: pv.name.clone(),
            width: width.name.clone(),
            height: height.name.clone(),
            size: (pixels(width), pixels(height)),
            rgb,
            detail: pv.detail,
        }
    };
    if let (Some(first), Some(second), Some(mode)) =
        (find("ArraySize0_RBV"), find("ArraySize1_RBV"), find("ColorMode_RBV"))
    {
        let label = mode.labels.get(mode.start.unwrap_or(0.0) as usize).map_or("", String::as_str);
        return match (label, find("ArraySize2_RBV")) {
            ("Mono", _) => Some(sized(first, second, false)),
            ("RGB1", Some(third)) => Some(sized(second, third, true)),
            _ => None,
        };
    }
    if !name.to_ascii_lowercase().contains("image") {
        return None;
    }
    let depth = find("DEPTH").and_then(|depth| depth.start).unwrap_or(1.0);
    Some(sized(find("WIDTH")?, find("HEIGHT")?, depth == 3.0))
}
