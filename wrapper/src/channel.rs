//! What a client opened: a PV or one of its fields, in the form that its name asks for.

use std::sync::Arc;

use ca::proto::EventMask;
use ca::proto::dbr::{ArrayData, FixedString, Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{
    AccessRights, Claim, MonitorFilter, PutFailure, PutOutcome, PutRequest, Reading, Subscribed, Subscriber,
    Update,
};

use crate::pv::{Field, PvCore};
use crate::pv_type::Shape;

/// How the value of a channel differs from that of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Not at all.
    Plain,
    /// A text as one STRING of 39 bytes.
    Cut,
    /// A STRING as CHAR elements with a NUL behind them (`$`).
    Long,
}

/// An open channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pv: Arc<PvCore>,
    field: Field,
    form: Form,
}

impl Channel {
    /// The channel to a field; `None` when `long` is asked of what is no text.
    pub(crate) fn open(pv: &Arc<PvCore>, field: Field, long: bool) -> Option<Self> {
        let value = field == Field::Val;
        let form = match (long, field.long_capacity(pv)) {
            (true, Some(_)) => Form::Long,
            (true, None) if value && pv.fixed.shape == Shape::Text => Form::Plain,
            (true, None) => return None,
            (false, Some(_)) if !value => Form::Cut,
            (false, _) => Form::Plain,
        };
        Some(Self { pv: pv.clone(), field, form })
    }

    pub(crate) fn claim(self) -> Option<Claim<Self>> {
        let rights = self.rights()?;
        let (native, count) = match self.form {
            Form::Long => (NativeType::Char, self.field.long_capacity(&self.pv)?),
            _ if self.field == Field::Val => (self.pv.fixed.native, self.pv.fixed.capacity),
            _ => (self.field.native(&self.pv), 1),
        };
        Some(Claim { channel: self, native, count, rights })
    }

    pub(crate) fn pv(&self) -> &PvCore {
        &self.pv
    }

    /// What clients may do; `None` when the PV is no longer served.
    pub(crate) fn rights(&self) -> Option<AccessRights> {
        let rights = self.pv.rights()?;
        Some(match self.field {
            Field::Val => rights,
            field if field.is_read_only() => AccessRights::READ,
            _ => AccessRights::all(),
        })
    }

    /// Equal for channels to the same field of the same PV.
    pub(crate) fn feed_key(&self) -> u64 {
        self.pv.id * Field::ALL.len() as u64 + self.field as u64
    }

    pub(crate) fn read(&self, meta: bool) -> Reading {
        let mut reading = match self.field {
            Field::Val => self.pv.read(meta),
            field => self.pv.read_field(field, meta),
        };
        if self.form != Form::Plain {
            reading.update.value = self.form.of(&reading.update.value);
        }
        reading
    }

    pub(crate) fn meta(&self) -> Arc<Meta> {
        self.pv.field_meta(self.field)
    }

    pub(crate) fn put(&self, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        match (self.field, self.form) {
            (Field::Val, Form::Long) => match wire.to_text(wire.bytes.len()) {
                Ok(text) => {
                    let cell = FixedString::cut(&text);
                    let wire = WireArray { ty: NativeType::String, count: 1, bytes: cell.cell() };
                    self.pv.put(wire, request)
                }
                Err(error) => {
                    let error = crate::PutError::from(error);
                    PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
                }
            },
            (Field::Val, _) => self.pv.put(wire, request),
            (field, _) => self.pv.put_field(field, wire, request),
        }
    }

    pub(crate) fn subscribe(&self, subscriber: Subscriber, mask: EventMask, meta: bool) -> Subscribed {
        self.pv.subscribe(self.field, subscriber, mask, meta)
    }

    pub(crate) fn unsubscribe(&self, subscriber: &Subscriber) {
        self.pv.unsubscribe(subscriber);
    }

    /// What a new subscription makes of the updates of the field.
    pub(crate) fn filter(&self) -> Option<Box<dyn MonitorFilter>> {
        (self.form != Form::Plain).then(|| Box::new(self.form) as Box<dyn MonitorFilter>)
    }
}

impl Form {
    fn of(self, value: &Value) -> Value {
        let text = match value {
            Value::Scalar(Scalar::String(text)) => text.as_bytes(),
            Value::Array(array) => match array.data() {
                ArrayData::Text(text) => text,
                _ => return value.clone(),
            },
            Value::Scalar(_) => return value.clone(),
        };
        match self {
            Self::Plain => value.clone(),
            Self::Cut => Scalar::String(FixedString::cut(&String::from_utf8_lossy(text))).into(),
            Self::Long => Value::array(ArrayData::Text([text, &[0]].concat().into())),
        }
    }
}

impl MonitorFilter for Form {
    fn pass(&mut self, update: &Update, mask: EventMask) -> Option<(Update, EventMask)> {
        Some((Update { value: self.of(&update.value), ..update.clone() }, mask))
    }
}
