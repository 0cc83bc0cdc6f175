//! A Python module with the classes of a device.

use std::fmt::Write as _;

use super::Named;
use crate::layout::is_field;
use crate::names::{self, Unique};
use crate::table::{Access, Device, Kind, Pv, split};

/// What ophyd's own classes have already.
const TAKEN: &[&str] = &[
    "acceleration",
    "add_instantiation_callback",
    "attr_name",
    "check_value",
    "clear_sub",
    "component_names",
    "configuration_attrs",
    "configure",
    "connected",
    "connection_timeout",
    "control_layer_log",
    "describe",
    "describe_configuration",
    "destroy",
    "direction_of_travel",
    "dotted_name",
    "egu",
    "event_types",
    "get",
    "get_device_tuple",
    "get_instantiated_signals",
    "get_lim",
    "high_limit",
    "high_limit_switch",
    "high_limit_travel",
    "hints",
    "home",
    "home_forward",
    "home_reverse",
    "kind",
    "lazy_wait_for_connection",
    "limits",
    "log",
    "low_limit",
    "low_limit_switch",
    "low_limit_travel",
    "motor_done_move",
    "motor_egu",
    "motor_is_moving",
    "motor_stop",
    "move",
    "moving",
    "name",
    "offset_freeze_switch",
    "parent",
    "pause",
    "position",
    "precision",
    "prefix",
    "put",
    "read",
    "read_attrs",
    "read_configuration",
    "report",
    "resume",
    "root",
    "send",
    "set",
    "set_current_position",
    "set_defaults",
    "set_lim",
    "set_use_switch",
    "settle_time",
    "signal_names",
    "stage",
    "stage_sigs",
    "stop",
    "subscribe",
    "subscriptions",
    "summary",
    "timeout",
    "tolerated_alarm",
    "trigger",
    "trigger_signals",
    "unstage",
    "unsubscribe",
    "unsubscribe_all",
    "user_offset",
    "user_offset_dir",
    "user_readback",
    "user_setpoint",
    "velocity",
    "wait_for_connection",
    "walk_components",
    "walk_signals",
    "walk_subdevice_classes",
    "walk_subdevices",
];

const PART: &str = r#"class Pv(Component):
    """A PV. ophyd refuses names with two dots: for those the server has another one, with colons."""

    def maybe_add_prefix(self, instance, kw, suffix):
        name = super().maybe_add_prefix(instance, kw, suffix)
        return name.replace(".", ":") if kw == "suffix" and name.count(".") > 1 else name
"#;

const SEND: &str = r#"
    def send(self, command, timeout=None):
        """Sends a command. The status is done when the device is; whether it did well says ACK: "1", or "0: reason"."""
        return self.seq.cmd.set(command, timeout=timeout)
"#;

/// Groups that every IOC and device has, by the end of their prefix and a PV: they tell how it does, not what it measures.
const MADE: &[(&str, &str)] = &[("seq.", "CMD"), ("health.", "ALIVE"), ("", "SYSRESET")];

/// PVs whose names begin alike, as a class of their own.
struct Group<'a> {
    /// What stands between the device's prefix and the names.
    infix: &'a str,
    pvs: Vec<&'a Pv>,
}

impl Group<'_> {
    fn has(&self, tail: &str) -> bool {
        self.pvs.iter().any(|pv| pv.tail() == tail)
    }

    /// The author's own is read with the device.
    fn kind(&self) -> &'static str {
        let made = MADE.iter().any(|(end, tail)| self.infix.ends_with(end) && self.has(tail));
        if made { "omitted" } else { "normal" }
    }
}

/// The module.
pub(super) fn module(named: &Named<'_>) -> String {
    let (own, groups) = parts(named.device, named.motor);
    let mut text = head(named, &own, &groups);
    let mut classes = Unique::without(&["Pv", "Component", "Device", "EpicsMotor", &named.class]);
    let names: Vec<_> = groups
        .iter()
        .map(|group| classes.give(&(named.class.clone() + &names::class(group.infix))))
        .collect();
    for (group, name) in groups.iter().zip(&names) {
        text += &group_class(group, name);
    }
    let base = if named.motor { "EpicsMotor" } else { "Device" };
    text += &format!("\nclass {}({base}):\n    {}\n\n", named.class, docstring(&doc(named.device), "    "));
    let mut attributes = Unique::without(TAKEN);
    let dot = if named.motor { "." } else { "" };
    for pv in own {
        let suffix = pv.name.strip_prefix(named.device.prefix.as_str()).unwrap_or(&pv.name);
        text += &signal(pv, &attribute(&mut attributes, suffix), &format!("{dot}{suffix}"), kind(pv));
    }
    for (group, name) in groups.iter().zip(&names) {
        let attribute = attribute(&mut attributes, group.infix);
        let infix = quoted(&format!("{dot}{}", group.infix));
        text += &format!("    {attribute} = Component({name}, {infix}, kind=\"{}\")\n", group.kind());
    }
    text += &constructor(named);
    if groups.iter().any(|group| group.infix == "seq." && group.has("CMD")) {
        text += SEND;
    }
    text
}

/// What stands before the classes.
fn head(named: &Named<'_>, own: &[&Pv], groups: &[Group<'_>]) -> String {
    let pvs = || own.iter().copied().chain(groups.iter().flat_map(|group| group.pvs.iter().copied()));
    let has = |access| pvs().any(|pv| pv.access == access);
    let mut imports = vec!["Component", "Device"];
    imports.extend(named.motor.then_some("EpicsMotor"));
    imports.extend(has(Access::Rw).then_some("EpicsSignal"));
    imports.extend(has(Access::Ro).then_some("EpicsSignalRO"));
    let name = &named.device.name;
    let about = format!("ophyd classes of {name}. Made by seqioc ophyd: make it again rather than edit it.");
    format!("{}\n\nfrom ophyd import {}\n\n\n{PART}\n", docstring(&about, ""), imports.join(", "))
}

/// The device's own PVs, and its groups. Of a motor record only what is no field: those are ophyd's.
fn parts(device: &Device, motor: bool) -> (Vec<&Pv>, Vec<Group<'_>>) {
    let mut own = Vec::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for pv in &device.pvs {
        let infix = split(&pv.name).0.strip_prefix(device.prefix.as_str()).unwrap_or("");
        if infix.is_empty() {
            if !(motor && is_field(pv)) {
                own.push(pv);
            }
        } else if let Some(group) = groups.iter_mut().find(|group| group.infix == infix) {
            group.pvs.push(pv);
        } else {
            groups.push(Group { infix, pvs: vec![pv] });
        }
    }
    (own, groups)
}

fn group_class(group: &Group<'_>, name: &str) -> String {
    let mut text = format!(
        "\nclass {name}(Device):\n    {}\n\n",
        docstring(&format!("The PVs behind {}", group.infix), "    ")
    );
    let mut attributes = Unique::without(TAKEN);
    for pv in &group.pvs {
        // Also where the group is left out of what is read: whoever puts it in gets its numbers.
        text += &signal(pv, &attribute(&mut attributes, pv.tail()), pv.tail(), kind(pv));
    }
    text.push('\n');
    text
}

fn attribute(taken: &mut Unique, name: &str) -> String {
    taken.give(&names::python(name))
}

/// A line of the class.
fn signal(pv: &Pv, attribute: &str, suffix: &str, kind: &str) -> String {
    let class = if pv.writable() { "EpicsSignal" } else { "EpicsSignalRO" };
    let mut options = String::new();
    if pv.pv_type.is_text() && !(pv.array && pv.pv_type == Kind::String) || pv.pv_type == Kind::Enum {
        options.push_str("string=True, ");
    }
    if pv.completes {
        options.push_str("put_complete=True, ");
    }
    if pv.writable() && pv.control_limits.is_some() {
        options.push_str("limits=True, ");
    }
    if pv.array && !pv.pv_type.is_text() {
        // Large ones are fetched when they are asked for.
        options.push_str("auto_monitor=False, ");
    }
    let units = if pv.units.is_empty() { String::new() } else { format!(" ({})", pv.units) };
    let doc = quoted(&format!("{}{units}", pv.doc));
    format!("    {attribute} = Pv({class}, {}, {options}kind=\"{kind}\", doc={doc})\n", quoted(suffix))
}

/// What is read at each point, what once in a run, and what never.
fn kind(pv: &Pv) -> &'static str {
    if pv.detail
        || pv.array
        || pv.completes && pv.pv_type == Kind::Enum && pv.labels.first().is_some_and(|l| l == "Idle")
    {
        "omitted"
    } else if pv.writable() {
        "config"
    } else if matches!(pv.pv_type, Kind::Double | Kind::Float) {
        "hinted"
    } else {
        "normal"
    }
}

fn doc(device: &Device) -> String {
    let mut text = if device.about.is_empty() { device.name.clone() } else { device.about.clone() };
    if !device.commands.is_empty() {
        text.push_str("\n\nCommands:");
    }
    for command in &device.commands {
        let call = if command.call.starts_with('(') { "a bare value, " } else { "" };
        let _ = write!(text, "\n{call}{}: {}", command.call, command.doc);
    }
    text
}

fn constructor(named: &Named<'_>) -> String {
    let label = if named.motor { "motors".to_owned() } else { names::python(&named.device.name) };
    format!(
        "\n    def __init__(self, prefix={}, *, name, labels=({},), **kwargs):\n        \
         super().__init__(prefix, name=name, labels=labels, **kwargs)\n",
        quoted(&named.prefix),
        quoted(&label)
    )
}

/// A text of one or more lines behind the head of a class.
fn docstring(text: &str, indent: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    if !escaped.contains('\n') {
        return format!("\"\"\"{escaped}\"\"\"");
    }
    let lines =
        escaped.lines().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("\"\"\"{}\n{indent}\"\"\"", lines.trim_start())
}

/// A text as Python reads it: JSON's form of a text is one of Python's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
