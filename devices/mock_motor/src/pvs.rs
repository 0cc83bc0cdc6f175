//! The motor's PVs, and how they follow the record.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use wrapper::{
    Alarm, Command, DevicePort, FixedString, GroupBuilder, GroupError, LimitPair, Policy, Post, Pv,
    PvBuilder, PvType,
};

use crate::choice::Choice;
use crate::fields::{Access, Field, Kind, Spec};
use crate::record::Record;

const UNITS: &str = "mm";
const PRECISION: u8 = 3;
/// Fields that do nothing, and tell of this motor something else than the record type says of every motor: sizes of
/// encoder and readback steps, speeds in revolutions per second, units per revolution.
const SHOWN_ONLY: &[(&str, f64)] =
    &[("ERES", 0.001), ("RRES", 0.001), ("S", 5.0), ("SBAK", 5.0), ("SMAX", 50.0), ("UREV", 0.2)];

/// A field's PV.
#[derive(Clone, Debug)]
enum Handle {
    Double(Pv<f64>),
    Short(Pv<i16>),
    Long(Pv<i32>),
    Choice(Pv<Choice>),
}

impl Handle {
    fn post(&self, value: f64, alarm: Option<Alarm>) {
        match self {
            Self::Double(pv) => match alarm {
                Some(alarm) => pv.post_with(value, Post::new().alarm(alarm)),
                None => pv.post(value),
            },
            Self::Short(pv) => pv.post(value as i16),
            Self::Long(pv) => pv.post(value as i32),
            Self::Choice(pv) => pv.post(Choice(value as u16)),
        }
    }

    fn value(&self) -> f64 {
        match self {
            Self::Double(pv) => pv.get(),
            Self::Short(pv) => f64::from(pv.get()),
            Self::Long(pv) => f64::from(pv.get()),
            Self::Choice(pv) => f64::from(pv.get().0),
        }
    }

    const fn double(&self) -> Option<&Pv<f64>> {
        match self {
            Self::Double(pv) => Some(pv),
            Self::Short(_) | Self::Long(_) | Self::Choice(_) => None,
        }
    }
}

/// What a put to VAL is checked with before it is accepted.
#[derive(Debug)]
struct Gate {
    user: Range,
    dial: Range,
    set: Pv<Choice>,
    violation: Pv<i16>,
}

/// A pair of limits, and the positions that show them.
#[derive(Debug)]
struct Range {
    low: Pv<f64>,
    high: Pv<f64>,
    positions: [Pv<f64>; 2],
}

impl Range {
    /// Whoever hears of a new limit finds it in the metadata: they follow before the limit is posted.
    fn follow(&self, low: f64, high: f64) {
        if low <= high {
            self.positions.iter().for_each(|pv| show_range(pv, LimitPair::new(low, high)));
        }
    }
}

impl Gate {
    fn check(&self, user: f64, refused: &AtomicBool) -> Result<(), String> {
        if !user.is_finite() {
            return Err(format!("VAL {user} must be a finite number"));
        }
        // As long as the dial says whether there are limits at all, equal ones are left to the record.
        let (low, high) = (self.user.low.get(), self.user.high.get());
        if self.set.get() == Choice(1) || low >= high || (low..=high).contains(&user) {
            return Ok(());
        }
        // The post first: whoever takes the flag posts behind it.
        self.violation.post(1);
        refused.store(true, Relaxed);
        Err(format!("{user} is outside {low}..={high}"))
    }

    /// A put to a limit, which the record accepts or refuses later.
    fn follow(&self, field: Field, limit: f64) {
        match field {
            Field::Hlm => self.user.follow(self.user.low.get(), limit),
            Field::Llm => self.user.follow(limit, self.user.high.get()),
            Field::Dhlm => self.dial.follow(self.dial.low.get(), limit),
            Field::Dllm => self.dial.follow(limit, self.dial.high.get()),
            _ => {}
        }
    }
}

/// All of them, with what each shows.
#[derive(Debug)]
pub(crate) struct Pvs {
    handles: Vec<Handle>,
    shown: Vec<f64>,
    alarm: Option<Alarm>,
    /// A put to VAL was refused since this was last asked.
    refused: Arc<AtomicBool>,
}

impl Pvs {
    pub(crate) fn build(group: &mut GroupBuilder, record: &Record) -> Result<Self, GroupError> {
        let port = group.port()?;
        let (gate, refused) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let mut handles = Vec::new();
        let shown: Vec<_> = Field::ALL.iter().map(|field| record.value(*field)).collect();
        for (&field, &value) in Field::ALL.iter().zip(&shown) {
            handles.push(add(group, &port, field, value, &gate, &refused)?);
            if field == Field::Rbv {
                group.pv("running", 1).doc("1; nothing acts on it").add()?;
            }
        }
        let pvs = Self { handles, shown, alarm: None, refused };
        if let Some(complete) = pvs.gate() {
            // It is set here only.
            let _ = gate.set(complete);
        }
        pvs.build_description(group)?;
        for (name, value) in SHOWN_ONLY {
            group.pv(name, *value).doc("as in the record, does nothing here").detail().add()?;
        }
        pvs.show_limits(record);
        Ok(pvs)
    }

    /// What is text, and what changes the metadata of the others.
    fn build_description(&self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let name = group.prefix().trim_end_matches('.').to_owned();
        group.pv("NAME", FixedString::cut(&name)).read_only().doc("name of the record").add()?;
        group.pv("RTYP", FixedString::cut("motor")).read_only().doc("type of the record").add()?;
        group
            .pv("DESC", FixedString::cut("simulated motor"))
            .doc("what it is, for people")
            .autosave()
            .add()?;
        let egu =
            group.pv("EGU", FixedString::cut(UNITS)).doc("units of the positions").autosave_by_put().add()?;
        let prec = group.pv("PREC", i16::from(PRECISION)).control_limits(0.0..=17.0).doc("decimals");
        let prec = prec.autosave_by_put().add()?;
        let all: Vec<_> = Field::ALL.iter().zip(&self.handles).collect();
        let doubles: Vec<(Kind, Pv<f64>)> = all
            .into_iter()
            .filter_map(|(field, handle)| Some((field.spec().kind, handle.double()?.clone())))
            .collect();
        let others = doubles.clone();
        group.on_put(&egu, move |_pv, units: FixedString| {
            let text = units.to_text();
            doubles
                .iter()
                .try_for_each(|(kind, pv)| pv.describe(|meta| meta.units = units_of(*kind, &text).into()))
        })?;
        group.on_put(&prec, move |_pv, decimals: i16| {
            others.iter().try_for_each(|(_, pv)| pv.describe(|meta| meta.precision = decimals))
        })
    }

    fn gate(&self) -> Option<Gate> {
        let double = |field: Field| self.handles[field as usize].double().cloned();
        let range = |low, high, target, readback| {
            let positions = [double(target)?, double(readback)?];
            Some(Range { low: double(low)?, high: double(high)?, positions })
        };
        match (&self.handles[Field::Set as usize], &self.handles[Field::Lvio as usize]) {
            (Handle::Choice(set), Handle::Short(violation)) => Some(Gate {
                user: range(Field::Llm, Field::Hlm, Field::Val, Field::Rbv)?,
                dial: range(Field::Dllm, Field::Dhlm, Field::Dval, Field::Drbv)?,
                set: set.clone(),
                violation: violation.clone(),
            }),
            _ => None,
        }
    }

    /// True when a put to VAL was refused since the last call.
    pub(crate) fn take_refused(&mut self) -> bool {
        let refused = self.refused.swap(false, Relaxed);
        if refused {
            self.note_put(Field::Lvio, 1.0);
        }
        refused
    }

    /// A client has put this value: that is what the PV shows now.
    pub(crate) fn note_put(&mut self, field: Field, value: f64) {
        self.shown[field as usize] = value;
    }

    /// The settings whose PVs say something else than the record: they come from the file of autosave.
    pub(crate) fn restored(&mut self, record: &Record) -> Vec<(Field, f64)> {
        let pvs = Field::SAVED.iter().map(|field| (*field, self.handles[*field as usize].value()));
        let restored: Vec<_> = pvs.filter(|(field, value)| record.value(*field) != *value).collect();
        restored.iter().for_each(|(field, value)| self.note_put(*field, *value));
        restored
    }

    /// Posts what has changed: DMOV first when a motion begins, last when it has ended.
    pub(crate) fn show(&mut self, record: &Record) {
        if record.value(Field::Dmov) == 0.0 {
            self.show_field(Field::Dmov, record, false);
        }
        let alarm = record.alarm();
        let anew = std::mem::replace(&mut self.alarm, alarm) != alarm;
        let limits = [Field::Hlm, Field::Llm, Field::Dhlm, Field::Dllm];
        let moved = limits.iter().any(|field| record.value(*field) != self.shown[*field as usize]);
        if moved {
            self.show_limits(record);
        }
        for field in Field::ALL.iter().filter(|field| **field != Field::Dmov) {
            self.show_field(*field, record, anew && matches!(field, Field::Val | Field::Rbv));
        }
        self.show_field(Field::Dmov, record, false);
    }

    fn show_field(&mut self, field: Field, record: &Record, anyway: bool) {
        let value = record.value(field);
        let shown = std::mem::replace(&mut self.shown[field as usize], value);
        if anyway || shown.to_bits() != value.to_bits() {
            let alarm = self.alarm.filter(|_| matches!(field, Field::Val | Field::Rbv));
            self.handles[field as usize].post(value, alarm);
        }
    }

    /// Control and display limits of the positions are the limits of the record.
    fn show_limits(&self, record: &Record) {
        let user = LimitPair::new(record.value(Field::Llm), record.value(Field::Hlm));
        let dial = LimitPair::new(record.value(Field::Dllm), record.value(Field::Dhlm));
        for (field, pair) in
            [(Field::Val, user), (Field::Rbv, user), (Field::Dval, dial), (Field::Drbv, dial)]
        {
            let Some(pv) = self.handles[field as usize].double() else { continue };
            show_range(pv, pair);
        }
    }
}

fn show_range(pv: &Pv<f64>, pair: LimitPair) {
    // Only labels and warning limits can be refused.
    let _ = pv.describe(|meta| (meta.control, meta.display) = (pair, pair));
}

fn units_of(kind: Kind, length: &str) -> String {
    match kind {
        Kind::Length => length.to_owned(),
        Kind::Speed => format!("{length}/s"),
        Kind::Acceleration => format!("{length}/s^2"),
        Kind::Seconds => "s".to_owned(),
        Kind::Short | Kind::Long | Kind::Choice(_) => String::new(),
    }
}

fn add(
    group: &mut GroupBuilder,
    port: &DevicePort,
    field: Field,
    value: f64,
    gate: &Arc<OnceLock<Gate>>,
    refused: &Arc<AtomicBool>,
) -> Result<Handle, GroupError> {
    let spec = field.spec();
    Ok(match spec.kind {
        Kind::Short => Handle::Short(finish(group.pv(spec.name, value as i16), port, field, f64::from)?),
        Kind::Long => Handle::Long(finish(group.pv(spec.name, value as i32), port, field, f64::from)?),
        Kind::Choice(labels) => {
            let pv = group.pv(spec.name, Choice(value as u16)).labels(labels);
            Handle::Choice(finish(pv, port, field, |choice| f64::from(choice.0))?)
        }
        kind => {
            let pv = group.pv(spec.name, value).units(&units_of(kind, UNITS)).precision(PRECISION);
            let pv = limited(pv.limits_only_shown(), field);
            let pv = guarded(pv, field, gate, refused);
            Handle::Double(finish(pv, port, field, |value| value)?)
        }
    })
}

fn alarmed(pv: PvBuilder<'_, f64>) -> PvBuilder<'_, f64> {
    pv.alarm_limits(-1.0..=6.0).warning_limits(-1.0..=5.5)
}

/// The positions have alarm limits.
fn limited(pv: PvBuilder<'_, f64>, field: Field) -> PvBuilder<'_, f64> {
    match field {
        // What has no PV of its own is a field of its record.
        Field::Val => alarmed(pv).record("motor"),
        Field::Rbv => alarmed(pv),
        _ => pv,
    }
}

fn guarded<'a>(
    pv: PvBuilder<'a, f64>,
    field: Field,
    gate: &Arc<OnceLock<Gate>>,
    refused: &Arc<AtomicBool>,
) -> PvBuilder<'a, f64> {
    let (gate, refused) = (gate.clone(), refused.clone());
    match field {
        Field::Val => {
            pv.check(move |user: &f64| gate.get().map_or(Ok(()), |gate| gate.check(*user, &refused)))
        }
        Field::Hlm | Field::Llm | Field::Dhlm | Field::Dllm => pv.check(move |limit: &f64| {
            gate.get().inspect(|gate| gate.follow(field, *limit));
            Ok::<_, String>(())
        }),
        _ => pv,
    }
}

fn finish<T: PvType>(
    pv: PvBuilder<'_, T>,
    port: &DevicePort,
    field: Field,
    number: fn(T) -> f64,
) -> Result<Pv<T>, GroupError> {
    let Spec { name, access, doc, .. } = field.spec();
    let pv = pv.doc(doc);
    let pv = if Field::SAVED.contains(&field) { pv.autosave() } else { pv };
    if *access == Access::Ro {
        return pv.read_only().add();
    }
    let policy = match field {
        Field::Stop => Policy::Urgent,
        Field::Val | Field::Dval | Field::Rval => Policy::Replace,
        _ => Policy::Queue,
    };
    pv.command_with(port, policy, move |value| {
        Command::new("set").arg("field", *name).arg("value", number(value))
    })
    .add()
}
