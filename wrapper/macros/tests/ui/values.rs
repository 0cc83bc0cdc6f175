//! Names, labels and limits that cannot be.

use wrapper_macros::PvGroup;

struct Pv<T>(T);
struct PvPair<T>(T);

#[derive(PvGroup)]
struct Taken {
    #[pv(name = "A", value = 1)]
    a: Pv<i32>,
    #[pv(name = "A", value = 2)]
    b: Pv<i32>,
}

#[derive(PvGroup)]
struct TakenByPair {
    a: PvPair<i32>,
    a_RBV: Pv<i32>,
}

#[derive(PvGroup)]
struct Names {
    #[pv(name = "")]
    empty: Pv<i32>,
    #[pv(name = "two words")]
    blank: Pv<i32>,
    #[pv(name = "a_name_of_61_bytes_is_one_more_than_any_client_can_ask_for_xx")]
    long: Pv<i32>,
    #[pair(name = "a_name_of_57_bytes_is_too_long_with_the_ending_of_its_rbv")]
    long_pair: PvPair<i32>,
}

#[derive(PvGroup)]
struct Limits {
    #[pv(control_limits = 2.0..=1.0)]
    crossed: Pv<f64>,
    #[pv(alarm_limits = 5..=-5)]
    negative: Pv<f64>,
    #[pv(display_limits = 0.0..1.0)]
    half_open: Pv<f64>,
    #[pair(setpoint(control_limits = 1.0..=1.0))]
    pair: PvPair<f64>,
}

#[derive(PvGroup)]
struct Labels {
    #[pv(labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"])]
    many: Pv<bool>,
    #[pv(labels = ["off", "a label of 26 bytes is cut"])]
    long: Pv<bool>,
}

fn main() {}
