//! The happi database.

use serde_json::{Map, Value, json};

use super::Named;
use crate::names::{self, Unique};

/// happi takes names of three characters and more.
const SHORTEST: usize = 3;

/// An entry for each device, in JSON as happi's own backend keeps it.
pub(super) fn database(devices: &[Named<'_>]) -> String {
    let mut names = Unique::default();
    let mut entries = Map::new();
    for named in devices {
        let name = names::python(&named.device.name);
        let name = if name.len() < SHORTEST { format!("{name}_device") } else { name };
        let name = names.give(&name);
        let entry = entry(named, &name);
        entries.insert(name, entry);
    }
    // Maps of texts do not fail.
    serde_json::to_string_pretty(&Value::Object(entries)).unwrap_or_default() + "\n"
}

fn entry(named: &Named<'_>, name: &str) -> Value {
    json!({
        "_id": name,
        "active": true,
        "args": ["{{prefix}}"],
        "device_class": format!("{}.{}", named.module, named.class),
        "documentation": named.device.about,
        "kwargs": { "name": "{{name}}" },
        "name": name,
        "prefix": named.prefix,
        "type": "OphydItem",
    })
}
