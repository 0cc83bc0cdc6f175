//! Attributes in the wrong place, or with the wrong words in them.

use std::sync::Arc;

use wrapper_macros::PvGroup;

struct Pv<T>(T);
struct PvPair<T>(T);
struct Other;

#[derive(PvGroup)]
enum NoStruct {}

#[derive(PvGroup)]
struct NoNames(Pv<i32>);

#[derive(PvGroup)]
#[pv(value = 1)]
struct OfField {}

#[derive(PvGroup)]
#[group(prefix = "sub:")]
struct UnknownOnStruct {}

#[derive(PvGroup)]
struct Fields {
    #[pv]
    no_pv: f64,
    #[pair]
    no_pair: Pv<f64>,
    #[group]
    no_group: Other,
    #[group(prefix = "x:", put = Self::set)]
    hook: Arc<Other>,
    #[group(with = |group| Ok(()), args(1))]
    args: Arc<Other>,
    #[arg(1)]
    arg: i32,
    #[init]
    init: i32,
    #[pv]
    #[arg]
    two: Pv<i32>,
}

#[derive(PvGroup)]
struct Keys {
    #[pv(name = "A", name = "B")]
    twice: Pv<i32>,
    #[pv(name)]
    no_value: Pv<i32>,
    #[pv = 1]
    no_list: Pv<i32>,
    #[pair(setpoint = 1)]
    no_keys: PvPair<i32>,
    #[pv(field = "RBV", value = 0.0)]
    of_what: Pv<f64>,
    #[pv(field(no_value, "RBV"))]
    no_first: Pv<f64>,
    #[pv(field(no_value, "RBV"), name = "readback", value = 0.0)]
    named: Pv<f64>,
}

fn main() {}
