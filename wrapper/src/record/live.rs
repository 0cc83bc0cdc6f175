//! What fields do: which of them show or change the behaviour of their PV.

use ca::proto::AlarmSeverity;
use ca::proto::dbr::Meta;

/// The four alarm limits, from the highest down: HIHI, HIGH, LOW, LOLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    HiHi,
    High,
    Low,
    LoLo,
}

impl Limit {
    pub(crate) const ALL: [Self; 4] = [Self::HiHi, Self::High, Self::Low, Self::LoLo];

    /// The limit as DBR types show it; a NaN means none.
    pub(crate) const fn of(self, meta: &Meta) -> f64 {
        match self {
            Self::HiHi => meta.alarm.high,
            Self::High => meta.warning.high,
            Self::Low => meta.warning.low,
            Self::LoLo => meta.alarm.low,
        }
    }

    pub(crate) const fn set(self, meta: &mut Meta, limit: f64) {
        match self {
            Self::HiHi => meta.alarm.high = limit,
            Self::High => meta.warning.high = limit,
            Self::Low => meta.warning.low = limit,
            Self::LoLo => meta.alarm.low = limit,
        }
    }

    /// The severity of a limit that is declared without one.
    pub(crate) const fn severity(self) -> AlarmSeverity {
        match self {
            Self::HiHi | Self::LoLo => AlarmSeverity::Major,
            Self::High | Self::Low => AlarmSeverity::Minor,
        }
    }
}

/// What a field shows or changes; in brackets the name in base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// Nothing: it keeps what is written.
    Stored,
    /// The PV's name (NAME).
    Name,
    /// The record type (RTYP).
    Record,
    /// What it is, for people (DESC).
    Description,
    /// Engineering units (EGU).
    Units,
    /// Decimals shown (PREC).
    Precision,
    /// Display limits (HOPR, LOPR).
    DisplayHigh,
    DisplayLow,
    /// Control limits (DRVH, DRVL).
    DriveHigh,
    DriveLow,
    /// An alarm limit (HIHI, HIGH, LOW, LOLO).
    Limit(Limit),
    /// The severity of an alarm limit (HHSV, HSV, LSV, LLSV).
    LimitSeverity(Limit),
    /// How far a value must come back behind a limit (HYST).
    Hysteresis,
    /// The limit of the last alarm, or the last value without one (LALM).
    LastAlarm,
    /// Deadbands of VALUE and LOG events (MDEL, ADEL), below 0 every post is one, and the values that were told
    /// last (MLST, ALST).
    ValueDeadband,
    LogDeadband,
    ValueTold,
    LogTold,
    /// The alarm (STAT, SEVR, AMSG).
    Status,
    Severity,
    Message,
    /// What is not acknowledged (ACKS), and whether an alarm that is gone must be (ACKT).
    Unacknowledged,
    Transient,
    /// A put's command is not done yet (PACT).
    Active,
    /// Capacity, present length and element type (NELM or MALM, NORD, FTVL).
    Capacity,
    Length,
    ElementType,
    /// No value yet (UDF), and the severity of that (UDFS).
    Undefined,
    UndefinedSeverity,
    /// Puts are refused (DISP).
    PutsRefused,
    /// Disabled while both are equal (DISA, DISV), with this severity (DISS).
    Disable,
    DisableValue,
    DisableSeverity,
    /// Puts and posts are logged (TPRO).
    Trace,
    /// Any put runs the PV's put again (PROC).
    Process,
    /// How often the PV is scanned (SCAN).
    Scan,
    /// A label (ZNAM, ONAM, ZRST to FFST), its raw value (ZRVL to FFVL) and severity (ZSV, OSV, ZRSV to FFSV).
    Label(u8),
    StateValue(u8),
    StateSeverity(u8),
    /// The severity of an index without a label (UNSV) and of any change (COSV).
    UnknownSeverity,
    ChangeSeverity,
    /// The raw value of the present state (RVAL).
    Raw,
    /// Posts give way to SVAL, puts run no command (SIMM), with this severity (SIMS).
    Simulate,
    SimulateSeverity,
    Simulated,
}

/// The first letters of the fields of the 16 states of mbbi and mbbo.
const STATES: [&str; 16] =
    ["ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"];

/// Fields that come together.
#[derive(Clone, Copy)]
pub(super) struct Families {
    simulation: bool,
    limits: bool,
    states: bool,
    pub(super) precision: bool,
}

impl Families {
    /// Those of a record type with fields of these names, which are sorted.
    pub(super) fn of(names: &[&str]) -> Self {
        let has = |name: &str| names.binary_search(&name).is_ok();
        Self { simulation: has("SIMM"), limits: has("HSV"), states: has("FFST"), precision: has("PREC") }
    }
}

impl Live {
    /// True when writing it finds the alarm of the present value anew, as base processes the record then.
    pub(crate) const fn rules_alarm(self) -> bool {
        matches!(
            self,
            Self::Limit(_)
                | Self::LimitSeverity(_)
                | Self::StateSeverity(_)
                | Self::UnknownSeverity
                | Self::ChangeSeverity
                | Self::Undefined
                | Self::UndefinedSeverity
        )
    }

    /// What the field `name` of record type `record` does.
    pub(super) fn of(record: &str, name: &str, families: Families) -> Self {
        match record {
            "histogram" if matches!(name, "MDEL" | "SVAL") => return Self::Stored,
            "subArray" if name == "MALM" => return Self::Capacity,
            "aai" | "aao" | "waveform" | "plain" if name == "NELM" => return Self::Capacity,
            "aai" | "aao" | "waveform" | "subArray" | "plain" if name == "NORD" => return Self::Length,
            "aai" | "aao" | "waveform" | "subArray" | "plain" if name == "FTVL" => return Self::ElementType,
            "bi" | "bo" | "mbbi" | "mbbo" if name == "RVAL" => return Self::Raw,
            "bi" | "bo" if name == "ZNAM" => return Self::Label(0),
            "bi" | "bo" if name == "ONAM" => return Self::Label(1),
            _ => {}
        }
        if families.simulation
            && let Some(live) = simulation(name)
        {
            return live;
        }
        if families.limits
            && let Some(live) = limits(name)
        {
            return live;
        }
        if families.states
            && let Some(live) = state(name)
        {
            return live;
        }
        common(name).or_else(|| described(name)).unwrap_or(Self::Stored)
    }
}

/// What a client can learn and change of any PV.
fn common(name: &str) -> Option<Live> {
    Some(match name {
        "NAME" => Live::Name,
        "RTYP" => Live::Record,
        "DESC" => Live::Description,
        "STAT" => Live::Status,
        "SEVR" => Live::Severity,
        "AMSG" => Live::Message,
        "ACKS" => Live::Unacknowledged,
        "ACKT" => Live::Transient,
        "PACT" => Live::Active,
        "UDF" => Live::Undefined,
        "UDFS" => Live::UndefinedSeverity,
        "DISP" => Live::PutsRefused,
        "DISA" => Live::Disable,
        "DISV" => Live::DisableValue,
        "DISS" => Live::DisableSeverity,
        "TPRO" => Live::Trace,
        "PROC" => Live::Process,
        "SCAN" => Live::Scan,
        _ => return None,
    })
}

/// What describes a value.
fn described(name: &str) -> Option<Live> {
    Some(match name {
        "EGU" => Live::Units,
        "PREC" => Live::Precision,
        "HOPR" => Live::DisplayHigh,
        "LOPR" => Live::DisplayLow,
        "DRVH" => Live::DriveHigh,
        "DRVL" => Live::DriveLow,
        "MDEL" => Live::ValueDeadband,
        "ADEL" => Live::LogDeadband,
        "MLST" => Live::ValueTold,
        "ALST" => Live::LogTold,
        "LALM" => Live::LastAlarm,
        "ZSV" => Live::StateSeverity(0),
        "OSV" => Live::StateSeverity(1),
        "COSV" => Live::ChangeSeverity,
        _ => return None,
    })
}

/// The alarm limits, of records that have all of them.
fn limits(name: &str) -> Option<Live> {
    Some(match name {
        "HIHI" => Live::Limit(Limit::HiHi),
        "HIGH" => Live::Limit(Limit::High),
        "LOW" => Live::Limit(Limit::Low),
        "LOLO" => Live::Limit(Limit::LoLo),
        "HHSV" => Live::LimitSeverity(Limit::HiHi),
        "HSV" => Live::LimitSeverity(Limit::High),
        "LSV" => Live::LimitSeverity(Limit::Low),
        "LLSV" => Live::LimitSeverity(Limit::LoLo),
        "HYST" => Live::Hysteresis,
        _ => return None,
    })
}

fn simulation(name: &str) -> Option<Live> {
    Some(match name {
        "SIMM" => Live::Simulate,
        "SIMS" => Live::SimulateSeverity,
        "SVAL" => Live::Simulated,
        _ => return None,
    })
}

/// The states of mbbi and mbbo.
fn state(name: &str) -> Option<Live> {
    if name == "UNSV" {
        return Some(Live::UnknownSeverity);
    }
    let (state, what) = name.split_at_checked(2)?;
    let at = STATES.iter().position(|known| *known == state)? as u8;
    Some(match what {
        "ST" => Live::Label(at),
        "VL" => Live::StateValue(at),
        "SV" => Live::StateSeverity(at),
        _ => return None,
    })
}
