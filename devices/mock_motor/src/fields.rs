//! The fields of the motor record that do something.

/// What the number of a field means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A length in units of the motor.
    Length,
    /// Units per second.
    Speed,
    /// Units per square second.
    Acceleration,
    Seconds,
    Short,
    Long,
    Choice(&'static [&'static str]),
}

/// What clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Ro,
    Rw,
}

/// A field as it is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    pub(crate) doc: &'static str,
}

const DIRECTIONS: &[&str] = &["Pos", "Neg"];
const FREEZE: &[&str] = &["Variable", "Frozen"];
const USE_SET: &[&str] = &["Use", "Set"];
const RUN: &[&str] = &["Stop", "Pause", "Move", "Go"];
const SEVERITIES: &[&str] = &["NO_ALARM", "MINOR", "MAJOR", "INVALID"];

macro_rules! fields {
    ($($id:ident $name:literal $kind:expr, $access:ident, $doc:literal;)+) => {
        /// A field of the record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field { $($id),+ }

        impl Field {
            /// In the order in which they are listed.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$id),+];
            const SPECS: &'static [Spec] =
                &[$(Spec { name: $name, kind: $kind, access: Access::$access, doc: $doc }),+];
        }
    };
}

fields! {
    Val "VAL" Kind::Length, Rw, "target, user coordinates; a put completes when the motion has ended";
    Rbv "RBV" Kind::Length, Ro, "where the motor is, user coordinates";
    Dval "DVAL" Kind::Length, Rw, "target, dial coordinates";
    Drbv "DRBV" Kind::Length, Ro, "where the motor is, dial coordinates";
    Rval "RVAL" Kind::Long, Rw, "target in steps";
    Rrbv "RRBV" Kind::Long, Ro, "where the motor is, in steps";
    Rmp "RMP" Kind::Long, Ro, "step counter of the controller";
    Rep "REP" Kind::Long, Ro, "encoder counter of the controller";
    Diff "DIFF" Kind::Length, Ro, "DVAL minus DRBV";
    Rdif "RDIF" Kind::Long, Ro, "RVAL minus RRBV";
    Rlv "RLV" Kind::Length, Rw, "a put moves by so much, then it is 0";
    Dmov "DMOV" Kind::Short, Ro, "1 when the motion has ended, with backlash, settling and retries";
    Movn "MOVN" Kind::Short, Ro, "1 while the motor turns";
    Stop "STOP" Kind::Short, Rw, "1 slows down to rest, then VAL is RBV";
    Spmg "SPMG" Kind::Choice(RUN), Rw, "Stop gives the target up, Pause keeps it, Move goes once, Go always";
    Lvio "LVIO" Kind::Short, Ro, "1 from a target outside the limits to the next good one";
    Hlm "HLM" Kind::Length, Rw, "highest target, user coordinates";
    Llm "LLM" Kind::Length, Rw, "lowest target, user coordinates";
    Dhlm "DHLM" Kind::Length, Rw, "highest target, dial coordinates; 0 in both is no limit";
    Dllm "DLLM" Kind::Length, Rw, "lowest target, dial coordinates";
    Hls "HLS" Kind::Short, Ro, "1 at the high limit switch, user direction";
    Lls "LLS" Kind::Short, Ro, "1 at the low limit switch, user direction";
    Rhls "RHLS" Kind::Short, Ro, "1 at the high limit switch, direction of steps";
    Rlls "RLLS" Kind::Short, Ro, "1 at the low limit switch, direction of steps";
    Hlsv "HLSV" Kind::Choice(SEVERITIES), Rw, "severity of RBV at a limit switch";
    Off "OFF" Kind::Length, Rw, "user is dial times direction plus this";
    Dir "DIR" Kind::Choice(DIRECTIONS), Rw, "direction of user against dial coordinates";
    Foff "FOFF" Kind::Choice(FREEZE), Rw, "whether Set changes OFF or the dial";
    Set "SET" Kind::Choice(USE_SET), Rw, "Set: a target says where the motor is, nothing moves, nothing is checked";
    Mres "MRES" Kind::Length, Rw, "size of a step";
    Velo "VELO" Kind::Speed, Rw, "speed";
    Vbas "VBAS" Kind::Speed, Rw, "speed without ramp";
    Vmax "VMAX" Kind::Speed, Rw, "highest speed that may be set; 0 is none";
    Accl "ACCL" Kind::Seconds, Rw, "time from VBAS to VELO";
    Bdst "BDST" Kind::Length, Rw, "backlash: the last piece of a way goes in this direction";
    Bvel "BVEL" Kind::Speed, Rw, "speed of the last piece";
    Bacc "BACC" Kind::Seconds, Rw, "time from VBAS to BVEL";
    Jvel "JVEL" Kind::Speed, Rw, "speed of a jog, also of one that runs";
    Jar "JAR" Kind::Acceleration, Rw, "acceleration of a jog";
    Hvel "HVEL" Kind::Speed, Rw, "speed of a home search";
    Jogf "JOGF" Kind::Short, Rw, "1 jogs forward until it is 0, user direction";
    Jogr "JOGR" Kind::Short, Rw, "1 jogs in reverse until it is 0, user direction";
    Homf "HOMF" Kind::Short, Rw, "1 looks for the home switch forward, dial direction";
    Homr "HOMR" Kind::Short, Rw, "1 looks for the home switch in reverse, dial direction";
    Athm "ATHM" Kind::Short, Ro, "1 at the home switch";
    Twv "TWV" Kind::Length, Rw, "size of a tweak";
    Twf "TWF" Kind::Short, Rw, "1 moves by TWV, then it is 0";
    Twr "TWR" Kind::Short, Rw, "1 moves by -TWV, then it is 0";
    Sync "SYNC" Kind::Short, Rw, "1 makes VAL what RBV is, then it is 0";
    Rdbd "RDBD" Kind::Length, Rw, "a miss of so much is tried again; a step at least";
    Rtry "RTRY" Kind::Short, Rw, "how often; 0 is never";
    Rcnt "RCNT" Kind::Short, Ro, "tries of this motion so far";
    Miss "MISS" Kind::Short, Ro, "1 when all tries missed";
    Dly "DLY" Kind::Seconds, Rw, "time to settle before the motion has ended";
    Tdir "TDIR" Kind::Short, Ro, "last direction of steps, 1 is up";
    Cdir "CDIR" Kind::Short, Ro, "commanded direction of steps, 1 is up";
    Mip "MIP" Kind::Short, Ro, "what is under way, bit by bit";
    Msta "MSTA" Kind::Long, Ro, "what the controller tells, bit by bit";
    Rvel "RVEL" Kind::Long, Ro, "speed in steps per second";
}

impl Field {
    /// How it is declared.
    pub(crate) fn spec(self) -> &'static Spec {
        &Self::SPECS[self as usize]
    }

    /// The field of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|field| field.spec().name == name).copied()
    }

    /// The settings that outlive the process, those first on which others depend; the limits of the user follow.
    pub(crate) const SAVED: &'static [Self] = &[
        Self::Mres,
        Self::Dir,
        Self::Foff,
        Self::Off,
        Self::Dhlm,
        Self::Dllm,
        Self::Hlsv,
        Self::Vmax,
        Self::Velo,
        Self::Vbas,
        Self::Accl,
        Self::Bdst,
        Self::Bvel,
        Self::Bacc,
        Self::Jvel,
        Self::Jar,
        Self::Hvel,
        Self::Twv,
        Self::Rdbd,
        Self::Rtry,
        Self::Dly,
    ];

    /// A put to it asks for a motion.
    pub(crate) const fn moves(self) -> bool {
        matches!(
            self,
            Self::Val
                | Self::Dval
                | Self::Rval
                | Self::Rlv
                | Self::Twf
                | Self::Twr
                | Self::Jogf
                | Self::Jogr
                | Self::Homf
                | Self::Homr
        )
    }
}
