//! Records, side by side with those of EPICS base: `tests/peers/records.py` serves base's and asks both.

use std::collections::BTreeSet;
use std::time::Duration;

use wrapper::{Config, FixedString, GroupBuilder, GroupError, Ioc, PvBuilder, PvType};

use crate::peers::Script;

const SCRIPT: Duration = Duration::from_secs(90);
/// Where each difference is justified.
const PAGE: &str = include_str!("../../docs/records.md");

/// Two PVs of each record type that is compared, without a value, and one for archivers.
fn group() -> Result<GroupBuilder, GroupError> {
    let mut g = GroupBuilder::new("o:");
    for prefix in ["", "s"] {
        let name = |record: &str| format!("{prefix}{record}");
        let many: &[&str] = if prefix.is_empty() { &[] } else { &["zero", "one"] };
        for (record, labels) in [("bi", &["", ""][..]), ("bo", &["", ""]), ("mbbi", many), ("mbbo", many)] {
            add(g.pv_undefined::<bool>(&name(record)).labels(labels), record)?;
        }
        for record in ["ai", "ao", "calc"] {
            add(g.pv_undefined::<f64>(&name(record)), record)?;
        }
        for record in ["longin", "longout"] {
            add(g.pv_undefined::<i32>(&name(record)), record)?;
        }
        for record in ["stringin", "stringout"] {
            add(g.pv_undefined::<FixedString>(&name(record)), record)?;
        }
        add(g.pv_undefined::<Vec<f64>>(&name("waveform")).max_length(8), "waveform")?;
    }
    add(g.pv_undefined::<f64>("archived"), "ao")?;
    Ok(g)
}

fn add<T: PvType>(pv: PvBuilder<'_, T>, record: &str) -> Result<(), GroupError> {
    pv.record(record).add().map(drop)
}

/// The cells of the table of differences: fields, records, what differs.
fn justified() -> BTreeSet<(String, String, String)> {
    let table = PAGE.split("## Differences from base").nth(1).expect("the page has the table");
    let mut all = BTreeSet::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [fields, records, what, why] = cells.try_into().unwrap_or_else(|_| panic!("four cells: {line}"));
        assert!(why.len() > 10, "a reason: {line}");
        let list =
            |cell: &str| cell.split(' ').map(|item| item.trim_matches('`').to_owned()).collect::<Vec<_>>();
        for field in list(fields) {
            for record in list(records) {
                for what in list(what) {
                    assert!(
                        all.insert((field.clone(), record.clone(), what.clone())),
                        "{field} of {record} twice"
                    );
                }
            }
        }
    }
    all
}

#[test]
fn twelve_record_types_read_write_and_alarm_as_those_of_base_but_for_what_is_justified() {
    let builder = Ioc::builder().group(group().expect("good PVs"));
    let ioc = builder.start(Config::isolated()).expect("loopback");
    let Some(script) = Script::start("records.py", ioc.udp_addresses()[0].port(), SCRIPT) else { return };
    let said = script.finish();
    let field = |line: &str| {
        let (what, _) = line.strip_prefix("differs ")?.split_once(':')?;
        let mut words = what.split(' ').map(str::to_owned);
        let (record, field, what) = (words.next()?, words.next()?, words.next()?);
        Some((field, record, what))
    };
    let seen: BTreeSet<_> = said.lines().filter_map(field).collect();
    let justified = justified();
    let new: Vec<_> = seen.difference(&justified).collect();
    let gone: Vec<_> = justified.difference(&seen).collect();
    assert!(new.is_empty(), "not in docs/records.md: {new:?}");
    assert!(gone.is_empty(), "in docs/records.md, but no difference: {gone:?}");
    assert!(said.lines().any(|line| line == "compared"), "the script came to its end");
    assert_eq!(ioc.stop(), 0);
}
