//! Alarm status (STAT) and severity (SEVR) as in EPICS `alarm.h`.

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum $name {
            #[default]
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// All values in wire order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The names that clients show, in wire order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The value with this wire code, if there is one.
            pub fn from_code(code: u16) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }

            /// The wire code.
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The name that clients show.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

wire_enum!(
    /// Why a PV is in alarm (STAT).
    AlarmStatus {
        /// No alarm.
        NoAlarm = "NO_ALARM",
        /// A read from the equipment failed.
        Read = "READ",
        /// A put was refused or failed.
        Write = "WRITE",
        /// Above the upper alarm limit.
        HiHi = "HIHI",
        /// Above the upper warning limit.
        High = "HIGH",
        /// Below the lower alarm limit.
        LoLo = "LOLO",
        /// Below the lower warning limit.
        Low = "LOW",
        /// The state is an alarm state.
        State = "STATE",
        /// A change of state is an alarm.
        Cos = "COS",
        /// Communication with the equipment is lost.
        Comm = "COMM",
        /// The equipment did not answer in time.
        Timeout = "TIMEOUT",
        /// A hardware limit was reached.
        HwLimit = "HWLIMIT",
        /// A calculation failed.
        Calc = "CALC",
        /// A periodic scan failed.
        Scan = "SCAN",
        /// A linked PV is lost.
        Link = "LINK",
        /// Set by software.
        Soft = "SOFT",
        /// Bad subroutine.
        BadSub = "BAD_SUB",
        /// Undefined: no value yet.
        Udf = "UDF",
        /// Disabled.
        Disable = "DISABLE",
        /// Simulated.
        Simm = "SIMM",
        /// Read access denied.
        ReadAccess = "READ_ACCESS",
        /// Write access denied.
        WriteAccess = "WRITE_ACCESS",
    }
);

wire_enum!(
    /// How bad it is (SEVR).
    AlarmSeverity {
        /// No alarm.
        NoAlarm = "NO_ALARM",
        /// Worth a look.
        Minor = "MINOR",
        /// Needs action.
        Major = "MAJOR",
        /// The value must not be used.
        Invalid = "INVALID",
    }
);

/// What of a PV's alarms an operator has acknowledged (ACKT, ACKS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// An alarm that went away by itself must be acknowledged too (ACKT); YES in a new record.
    pub transient: bool,
    /// The highest severity that is not acknowledged (ACKS).
    pub severity: AlarmSeverity,
}

impl Default for Acknowledge {
    fn default() -> Self {
        Self { transient: true, severity: AlarmSeverity::NoAlarm }
    }
}

impl Acknowledge {
    /// The alarm has changed to `severity` (`recGblResetAlarms`).
    pub fn raise(&mut self, severity: AlarmSeverity) {
        if !self.transient || severity >= self.severity {
            self.severity = severity;
        }
    }

    /// ACKT is set; without it, only the alarm of now, `current`, can be unacknowledged.
    pub fn set_transient(&mut self, transient: bool, current: AlarmSeverity) {
        self.transient = transient;
        if !transient && self.severity > current {
            self.severity = current;
        }
    }

    /// Alarms up to `severity` are acknowledged.
    pub fn up_to(&mut self, severity: AlarmSeverity) {
        if severity >= self.severity {
            self.severity = AlarmSeverity::NoAlarm;
        }
    }
}

/// Status and severity of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Why.
    pub status: AlarmStatus,
    /// How bad.
    pub severity: AlarmSeverity,
}

impl Alarm {
    /// The alarm of two wire codes; an unknown status is UDF, an unknown severity INVALID.
    pub fn from_codes(status: u16, severity: u16) -> Self {
        Self {
            status: AlarmStatus::from_code(status).unwrap_or(AlarmStatus::Udf),
            severity: AlarmSeverity::from_code(severity).unwrap_or(AlarmSeverity::Invalid),
        }
    }

    /// No alarm.
    pub const NONE: Self = Self::new(AlarmStatus::NoAlarm, AlarmSeverity::NoAlarm);
    /// What a PV shows before its first value.
    pub const UDF: Self = Self::new(AlarmStatus::Udf, AlarmSeverity::Invalid);
    /// A put that was refused or failed.
    pub const WRITE: Self = Self::new(AlarmStatus::Write, AlarmSeverity::Major);
    /// The device that owns the PV is down.
    pub const COMM: Self = Self::new(AlarmStatus::Comm, AlarmSeverity::Invalid);
    /// LINK and INVALID: what it is taken from is not there.
    pub const LINK: Self = Self::new(AlarmStatus::Link, AlarmSeverity::Invalid);

    /// An alarm of this status and severity.
    pub const fn new(status: AlarmStatus, severity: AlarmSeverity) -> Self {
        Self { status, severity }
    }
}
