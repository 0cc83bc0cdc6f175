//! Scalars, arrays and texts of each kind; three of them are printed every second.

use std::process::ExitCode;
use std::time::Duration;

use wrapper::{FixedString, Launcher, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct Arrays {
    /// A scalar integer
    #[pv(value = 1, scan(Scan::every(Duration::from_secs(1)), Self::print))]
    scalar_int: Pv<i32>,
    /// An array for one integer
    #[pv(value = [2])]
    scalar_int2: Pv<Vec<i32>>,
    /// An integer array with one value, 4 more fit
    #[pv(value = [3], max_length = 5)]
    array_int: Pv<Vec<i32>>,
    /// A scalar float
    #[pv(value = 1.01, precision = 5)]
    scalar_float: Pv<f64>,
    /// A float array with one value, 4 more fit
    #[pv(value = [3.01], max_length = 5, precision = 5)]
    array_float: Pv<Vec<f64>>,
    /// A short string, up to 39 bytes
    #[pv(value = "string1")]
    scalar_string: Pv<FixedString>,
    /// Up to 5 short strings
    #[pv(value = ["string1".into(), "string2".into()], max_length = 5)]
    array_string: Pv<Vec<FixedString>>,
    /// Up to 10 bytes that are no text
    #[pv(value = b"byte0123".to_vec(), max_length = 10)]
    byte: Pv<Vec<u8>>,
    /// A text of up to 10 bytes
    #[pv(value = "char0123", max_length = 10)]
    char: Pv<String>,
    /// A choice
    #[pv(name = "enum", value = false, labels = ["no", "yes"], record = "bi")]
    choice: Pv<bool>,
}

impl Arrays {
    fn print(&self, pv: &Pv<i32>) {
        println!("the values are: {} {:?} {:?}", pv.get(), self.scalar_int2.get(), self.array_int.get());
    }
}

fn main() -> ExitCode {
    Launcher::new("Scalars, arrays and texts").prefix("arr:").group(Arrays::build).run()
}
