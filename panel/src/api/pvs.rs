//! `GET /api/pvs` and `/api/devices`: what there is.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use wrapper::view::DeviceDescription;

use crate::answer::json;
use crate::shared::Shared;

/// A PV in the list.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    device: &'a str,
    group: &'a str,
    r#type: &'a str,
    count: u32,
    access: &'a str,
    detail: bool,
    units: &'a str,
    record: &'a str,
    description: &'a str,
}

/// `GET /api/pvs`.
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let (pvs, devices) = (shared.view.pvs(), shared.view.devices());
    let places: HashMap<_, _> = devices.iter().flat_map(places).collect();
    let listed: Vec<_> = pvs
        .iter()
        .map(|pv| {
            let (device, group) = places.get(pv.name.as_str()).copied().unwrap_or_default();
            Listed {
                name: &pv.name,
                device,
                group,
                r#type: &pv.pv_type,
                count: pv.count,
                access: pv.access,
                detail: pv.detail,
                units: &pv.units,
                record: pv.record,
                description: &pv.doc,
            }
        })
        .collect();
    json(&listed)
}

/// Each PV of a device with the names of device and group.
fn places(device: &DeviceDescription) -> impl Iterator<Item = (&str, (&str, &str))> {
    device.groups.iter().flat_map(|group| group.pvs.iter().map(|pv| (&**pv, (&*device.name, &*group.name))))
}

/// `GET /api/devices`.
pub(crate) async fn devices(State(shared): State<Arc<Shared>>) -> Response {
    json(&shared.view.devices())
}
