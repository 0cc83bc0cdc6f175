//! Hooks that cannot run.

use wrapper_macros::PvGroup;

struct Pv<T>(T);
struct PvPair<T>(T);

#[derive(PvGroup)]
struct Fields {
    #[pv(read_only, put = Self::set)]
    read_only: Pv<i32>,
    #[pv(put_async = Self::set, read_only)]
    read_only_async: Pv<i32>,
    #[pair(read_only, put = Self::set)]
    read_only_pair: PvPair<i32>,
    #[pv(put = |value| value)]
    closure: Pv<i32>,
    #[pv(get)]
    nothing: Pv<i32>,
    #[pv(scan = Self::tick)]
    no_period: Pv<i32>,
    #[pair(startup(1, 2))]
    two: PvPair<i32>,
}

#[derive(PvGroup)]
#[group(put_async = Self::set)]
#[group(scan(1, Self::tick))]
#[group(startup = 1)]
struct Group {}

fn main() {}
