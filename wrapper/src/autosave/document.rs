//! The file: which PVs, which of their fields, and when they were taken.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, Write};
use std::sync::Arc;

use ca::proto::{Alarm, AlarmStatus};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::value::{Saving, Wanted};
use crate::pv::{Field, PvCore};
use crate::pv_type::Shape;

/// The form of the file.
const FORMAT: u32 = 1;

/// What is written.
pub(super) struct Document<'a> {
    /// When the values were taken, for people.
    pub(super) saved: String,
    pub(super) pvs: &'a Pvs<'a>,
}

/// All PVs that are saved, and the entries of others.
pub(super) struct Pvs<'a> {
    pub(super) chosen: &'a BTreeMap<Box<str>, Arc<PvCore>>,
    pub(super) kept: &'a BTreeMap<String, Box<RawValue>>,
}

impl Document<'_> {
    /// Writes the file; returns the sum of the PVs in it.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<u64> {
        write!(to, "{{\n\"format\": {FORMAT},\n\"saved\": {:?},\n\"pvs\": ", self.saved)?;
        let mut summed = Summed { to: &mut *to, sum: DefaultHasher::new() };
        self.pvs.write(&mut summed)?;
        let sum = summed.sum.finish();
        to.write_all(b"\n}\n")?;
        Ok(sum)
    }
}

impl Pvs<'_> {
    /// The sum of what would be written now.
    pub(super) fn sum(&self) -> io::Result<u64> {
        let mut summed = Summed { to: io::sink(), sum: DefaultHasher::new() };
        self.write(&mut summed)?;
        Ok(summed.sum.finish())
    }

    /// A line for each PV.
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut separator = "{\n";
        for (name, entry) in self.kept {
            line(std::mem::replace(&mut separator, ",\n"), name, entry, to)?;
        }
        for (name, pv) in self.chosen {
            line(std::mem::replace(&mut separator, ",\n"), name, &Entry(pv), to)?;
        }
        to.write_all(if separator == "{\n" { b"{}" } else { b"\n}" })
    }
}

fn line(separator: &str, name: &str, entry: &impl Serialize, to: &mut impl Write) -> io::Result<()> {
    to.write_all(separator.as_bytes())?;
    serde_json::to_writer(&mut *to, name)?;
    to.write_all(b": ")?;
    Ok(serde_json::to_writer(to, entry)?)
}

/// Sums up what goes through it.
struct Summed<W> {
    to: W,
    sum: DefaultHasher,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whole pieces, so that the sum does not depend on what the file took at once.
        self.to.write_all(bytes)?;
        self.sum.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What is saved of one PV.
struct Entry<'a>(&'a PvCore);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.saved().map_or(&[][..], |saved| &saved.fields);
        let mut map = to.serialize_map(None)?;
        if fields.contains(&Field::Val)
            && let Some(value) = self.0.to_save(Field::Val)
        {
            map.serialize_entry("value", &Saving { value: &value, labels: &self.0.meta().labels })?;
            if self.0.alarm().status == AlarmStatus::Write {
                map.serialize_entry("failed", &true)?;
            }
        }
        if fields.iter().any(|field| *field != Field::Val) {
            map.serialize_entry("fields", &Fields(self.0, fields))?;
        }
        map.end()
    }
}

struct Fields<'a>(&'a PvCore, &'a [Field]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for field in self.1 {
            if let Field::Of(spec) = field
                && let Some(value) = self.0.to_save(*field)
            {
                map.serialize_entry(spec.name, &Saving { value: &value, labels: &spec.labels })?;
            }
        }
        map.end()
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) pvs: BTreeMap<String, Box<RawValue>>,
}

impl Saved {
    /// # Errors
    /// When it is no whole file of this form.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        #[derive(Deserialize)]
        struct File {
            format: u32,
            pvs: BTreeMap<String, Box<RawValue>>,
        }
        let File { format, pvs } = serde_json::from_str(text)?;
        if format != FORMAT {
            let rule = format!("its format is {format}, only {FORMAT} is known");
            return Err(io::Error::new(io::ErrorKind::InvalidData, rule));
        }
        Ok(Self { pvs })
    }
}

/// What is saved of a PV now.
pub(super) fn entry(pv: &PvCore) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(&Entry(pv)).ok()
}

/// Brings back what is saved of a PV; each misfit names field and rule.
pub(super) fn restore(
    pv: &Arc<PvCore>,
    entry: &RawValue,
    run_hooks: bool,
    puts: &mut Vec<super::Put>,
) -> Vec<String> {
    #[derive(Deserialize)]
    struct Written<'a> {
        #[serde(borrow)]
        value: Option<&'a RawValue>,
        /// The value is of a put that failed.
        #[serde(default)]
        failed: bool,
        #[serde(borrow, default)]
        fields: BTreeMap<String, &'a RawValue>,
    }
    let written: Written<'_> = match serde_json::from_str(entry.get()) {
        Ok(written) => written,
        Err(error) => return vec![format!("{}: {error}", pv.name)],
    };
    let Some(saved) = pv.saved() else { return Vec::new() };
    let mut warnings = Vec::new();
    for field in &saved.fields {
        let (name, raw) = match field {
            Field::Val => ("VAL", written.value),
            Field::Of(spec) => (spec.name, written.fields.get(spec.name).copied()),
        };
        let restored =
            raw.map_or(Ok(()), |raw| restore_field(pv, *field, raw, run_hooks || saved.by_put, puts));
        if let Err(rule) = restored {
            warnings.push(format!("{}.{name}: {rule}", pv.name));
        }
    }
    if written.failed && !(run_hooks || saved.by_put) {
        pv.raise(Alarm::WRITE, "the put of this value failed before the IOC was started again");
    }
    warnings
}

fn restore_field(
    pv: &Arc<PvCore>,
    field: Field,
    raw: &RawValue,
    by_put: bool,
    puts: &mut Vec<super::Put>,
) -> Result<(), String> {
    let fixed = &pv.fixed;
    match field {
        Field::Val => {
            let (text, array) = (fixed.shape == Shape::Text, fixed.shape == Shape::Array);
            let labels = &pv.meta().labels;
            let value = Wanted { native: fixed.native, array, text, labels }.read(raw)?;
            if by_put {
                puts.push(super::Put { pv: pv.clone(), value });
                return Ok(());
            }
            pv.restore_value(value).map_err(|error| error.to_string())
        }
        Field::Of(spec) => {
            let text = spec.native == ca::proto::dbr::NativeType::String;
            let value = Wanted { native: spec.native, array: false, text, labels: &spec.labels }.read(raw)?;
            // A declared text may be longer than what can be written.
            if pv.to_save(field).as_ref() == Some(&value) {
                return Ok(());
            }
            pv.restore_field(spec, &value).map_err(|error| error.to_string())
        }
    }
}
