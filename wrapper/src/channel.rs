//! What a client opened: a PV or one of its fields, in the form and through the filters that its name asks for.

use std::sync::Arc;

use ca::proto::EventMask;
use ca::proto::dbr::{ArrayData, FixedString, Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{
    AccessRights, Claim, GetRequest, MonitorFilter, PutFailure, PutOutcome, PutRequest, Reading, Subscribed,
    Subscriber, Update,
};

use crate::answer::Putting;
use crate::filter::{FilterError, Filters, Modifiers};
use crate::hooks::PutError;
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

/// Why a name that stands for a PV opens no channel.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// `$` behind a number.
    #[error("$ is for texts")]
    NoText,
    /// A filter that cannot be.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// An open channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pv: Arc<PvCore>,
    field: Field,
    form: Form,
    filters: Option<Box<Filters>>,
}

impl Channel {
    /// The channel to a field.
    ///
    /// # Errors
    /// When the modifiers ask for what the field cannot give.
    pub(crate) fn open(
        pv: &Arc<PvCore>,
        field: Field,
        modifiers: Modifiers<'_>,
    ) -> Result<Self, ChannelError> {
        let long = modifiers.long_string;
        let value = field == Field::Val;
        let form = match (long, field.long_capacity(pv)) {
            (true, Some(_)) => Form::Long,
            (true, None) if value && pv.fixed.shape == Shape::Text => Form::Plain,
            (true, None) => return Err(ChannelError::NoText),
            (false, Some(_)) if !value => Form::Cut,
            (false, _) if value && pv.fixed.as_string => Form::Cut,
            (false, _) => Form::Plain,
        };
        let mut channel = Self { pv: pv.clone(), field, form, filters: None };
        if !modifiers.filters.is_empty() {
            let (native, count) = channel.shape();
            let filters = Filters::open(modifiers.filters, native, count, &pv.fixed.states)?;
            channel.filters = (!filters.is_empty()).then(|| Box::new(filters));
        }
        Ok(channel)
    }

    pub(crate) fn claim(self) -> Option<Claim<Self>> {
        let rights = self.rights()?;
        let (native, count) = match &self.filters {
            Some(filters) => (filters.native(), filters.capacity()),
            None => self.shape(),
        };
        Some(Claim { channel: self, native, count, rights })
    }

    /// Native type and capacity in front of the filters.
    pub(crate) fn shape(&self) -> (NativeType, u32) {
        match (self.form, self.field.long_capacity(&self.pv)) {
            (Form::Long, Some(capacity)) => (NativeType::Char, capacity),
            (Form::Cut, _) => (NativeType::String, 1),
            _ if self.field == Field::Val => (self.pv.fixed.native, self.pv.fixed.capacity),
            _ => (self.field.native(&self.pv), 1),
        }
    }

    /// True when the channel shows the PV's value as it is.
    fn is_plain(&self) -> bool {
        self.field == Field::Val && self.form == Form::Plain && self.filters.is_none()
    }

    pub(crate) fn pv(&self) -> &PvCore {
        &self.pv
    }

    /// What clients may do; `None` when the PV is no longer served.
    pub(crate) fn rights(&self) -> Option<AccessRights> {
        let rights = match (self.pv.rights()?, self.field) {
            (rights, Field::Val) => rights,
            (_, field) if field.is_read_only() => AccessRights::READ,
            _ => AccessRights::all(),
        };
        let writable = self.filters.as_ref().is_none_or(|filters| filters.writable());
        Some(if writable { rights } else { rights - AccessRights::WRITE })
    }

    /// Equal for channels to the same field of the same PV.
    pub(crate) fn feed_key(&self) -> u64 {
        self.pv.id << 9 | u64::from(self.field.number())
    }

    pub(crate) fn read(&self, meta: bool) -> Reading {
        if self.is_plain() {
            return self.pv.read(meta);
        }
        let mut reading = match self.field {
            Field::Val => self.pv.read(meta),
            field => self.pv.read_field(field, meta),
        };
        if self.form != Form::Plain {
            reading.update.value = self.form.of(&reading.update.value);
        }
        if let Some(filters) = &self.filters {
            reading.update = filters.read(reading.update, ca::server::now());
        }
        reading
    }

    /// True when a get waits for the hooks of the PV.
    pub(crate) fn holds_get(&self, request: &GetRequest<'_>) -> bool {
        self.field == Field::Val && self.pv.hooks().is_some_and(|end| end.holds_get(&self.pv, request))
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
                    let error = PutError::from(error);
                    PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
                }
            },
            (Field::Val, _) => self.pv.put(wire, request),
            (Field::Of(field), _) => self.pv.put_field(field, wire, request),
        }
    }

    /// A put by somebody else than a circuit.
    pub(crate) fn put_by(&self, wire: WireArray<'_>, by: &str) -> Putting {
        if !self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE)) {
            return Putting::done(Err(PutError::ReadOnly));
        }
        match self.field {
            Field::Val => self.pv.put_by(wire, by),
            Field::Of(field) => self.pv.put_field_by(field, wire, by),
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
        let filters = self.filters.as_ref().and_then(|filters| filters.monitor());
        (self.form != Form::Plain || filters.is_some())
            .then(|| Box::new(Shown { form: self.form, filters }) as Box<dyn MonitorFilter>)
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

/// What one subscription shows of the updates of its field.
#[derive(Debug)]
struct Shown {
    form: Form,
    filters: Option<crate::filter::MonitorFilter>,
}

impl MonitorFilter for Shown {
    fn pass(&mut self, update: &Update, mask: EventMask) -> Option<(Update, EventMask)> {
        let update = Update { value: self.form.of(&update.value), ..update.clone() };
        match &mut self.filters {
            Some(filters) => filters.pass(update, mask, ca::server::now()),
            None => Some((update, mask)),
        }
    }
}
