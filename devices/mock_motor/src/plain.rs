//! The fields of the motor record that do nothing here: stored and served.

use wrapper::{FixedString, GroupBuilder, GroupError, PvBuilder, PvType};

use crate::choice::Choice;
use crate::fields::Access::{self, Ro, Rw};
use First::{Choice as Labels, Double, Float, Long, Short, Text};

/// What a field starts with.
#[derive(Clone, Copy, Debug)]
enum First {
    Double(f64),
    Float(f32),
    Long(i32),
    /// Also what is a CHAR in base.
    Short(i16),
    Text(&'static str),
    Choice(u16, &'static [&'static str]),
}

/// Name, access, first value.
const FIELDS: &[(&str, Access, First)] = &[
    ("ACKS", Ro, Labels(0, &["NO_ALARM", "MINOR", "MAJOR", "INVALID"])),
    ("ACKT", Ro, Labels(1, &["NO", "YES"])),
    ("ASG", Rw, Text("")),
    ("DISA", Rw, Short(0)),
    ("DISP", Rw, Short(0)),
    ("DISS", Rw, Labels(0, &["NO_ALARM", "MINOR", "MAJOR", "INVALID"])),
    ("DISV", Rw, Short(1)),
    ("DTYP", Rw, Labels(0, &["Soft Channel"])),
    ("EVNT", Rw, Text("")),
    ("FLNK", Rw, Text("")),
    ("LCNT", Ro, Short(0)),
    ("NSEV", Ro, Labels(0, &["NO_ALARM", "MINOR", "MAJOR", "INVALID"])),
    (
        "NSTA",
        Ro,
        Labels(
            0,
            &[
                "NO_ALARM", "READ", "WRITE", "HIHI", "HIGH", "LOLO", "LOW", "STATE", "COS", "COMM",
                "TIMEOUT", "HWLIMIT", "CALC", "SCAN", "LINK", "SOFT",
            ],
        ),
    ),
    ("PACT", Ro, Short(0)),
    ("PHAS", Rw, Short(0)),
    ("PINI", Rw, Labels(0, &["NO", "YES", "RUN", "RUNNING", "PAUSE", "PAUSED"])),
    ("PRIO", Rw, Labels(0, &["LOW", "MEDIUM", "HIGH"])),
    ("PROC", Rw, Short(0)),
    ("PUTF", Ro, Short(0)),
    ("RPRO", Ro, Short(0)),
    (
        "SCAN",
        Rw,
        Labels(
            0,
            &[
                "Passive",
                "Event",
                "I/O Intr",
                "10 second",
                "5 second",
                "2 second",
                "1 second",
                ".5 second",
                ".2 second",
                ".1 second",
            ],
        ),
    ),
    ("SDIS", Rw, Text("")),
    ("TPRO", Rw, Short(0)),
    ("TSE", Rw, Short(0)),
    ("TSEL", Rw, Text("")),
    ("UDF", Rw, Short(0)),
    ("UDFS", Rw, Labels(3, &["NO_ALARM", "MINOR", "MAJOR", "INVALID"])),
    ("ALST", Ro, Double(0.0)),
    ("CARD", Ro, Short(0)),
    ("CNEN", Rw, Labels(0, &["Disable", "Enable"])),
    ("DCOF", Rw, Double(0.0)),
    ("DINP", Rw, Text("")),
    ("DOL", Rw, Text("")),
    ("ERES", Rw, Double(0.001)),
    ("FOF", Rw, Short(0)),
    ("FRAC", Rw, Float(1.0)),
    ("ICOF", Rw, Double(0.0)),
    ("IGSET", Rw, Short(0)),
    ("INIT", Rw, Text("")),
    ("LDVL", Ro, Double(0.0)),
    ("LOCK", Rw, Labels(0, &["NO", "YES"])),
    ("LRLV", Ro, Double(0.0)),
    ("LRVL", Ro, Long(0)),
    ("LSPG", Ro, Labels(3, &["Stop", "Pause", "Move", "Go"])),
    ("LVAL", Ro, Double(0.0)),
    ("MLST", Ro, Double(0.0)),
    ("MMAP", Ro, Long(0)),
    ("NMAP", Ro, Long(0)),
    ("NTM", Rw, Labels(1, &["NO", "YES"])),
    ("NTMF", Rw, Short(2)),
    ("OMSL", Rw, Labels(0, &["supervisory", "closed_loop"])),
    ("OUT", Rw, Text("")),
    ("PCOF", Rw, Double(0.0)),
    ("POST", Rw, Text("")),
    ("PP", Ro, Short(0)),
    ("PREM", Rw, Text("")),
    ("RDBL", Rw, Text("")),
    ("RINP", Rw, Text("")),
    ("RLNK", Rw, Text("")),
    ("RMOD", Rw, Labels(0, &["Default", "Arithmetic", "Geometric", "In-Position"])),
    ("RRES", Rw, Double(0.001)),
    ("S", Rw, Double(5.0)),
    ("SBAK", Rw, Double(5.0)),
    ("SBAS", Rw, Double(0.0)),
    ("SMAX", Rw, Double(50.0)),
    ("SPDB", Rw, Double(0.0)),
    ("SREV", Rw, Long(200)),
    ("SSET", Rw, Short(0)),
    ("STOO", Rw, Text("")),
    ("STUP", Rw, Labels(0, &["OFF", "ON", "BUSY"])),
    ("SUSE", Rw, Short(0)),
    ("UEIP", Rw, Labels(0, &["No", "Yes"])),
    ("UREV", Rw, Double(0.2)),
    ("URIP", Rw, Labels(0, &["No", "Yes"])),
    ("VERS", Ro, Float(1.0)),
    ("VOF", Rw, Short(0)),
];

/// Adds them to a group.
pub(crate) fn build(group: &mut GroupBuilder) -> Result<(), GroupError> {
    for &(name, access, first) in FIELDS {
        match first {
            Double(value) => add(group.pv(name, value), access),
            Float(value) => add(group.pv(name, value), access),
            Long(value) => add(group.pv(name, value), access),
            Short(value) => add(group.pv(name, value), access),
            Text(value) => add(group.pv(name, FixedString::cut(value)), access),
            Labels(index, labels) => add(group.pv(name, Choice(index)).labels(labels), access),
        }?;
    }
    Ok(())
}

fn add<T: PvType>(pv: PvBuilder<'_, T>, access: Access) -> Result<(), GroupError> {
    let pv = pv.doc("as in the record, does nothing here").detail();
    let pv = if access == Ro { pv.read_only() } else { pv };
    pv.add().map(|_| ())
}
