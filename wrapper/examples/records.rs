//! Records with all their fields; puts to some of the fields have hooks.

use std::process::ExitCode;

use wrapper::{FixedString, Launcher, PutError, Pv, PvGroup};

#[derive(PvGroup)]
struct Records {
    #[pv(name = "A", value = 1.0, record = "ai")]
    a: Pv<f64>,
    #[pv(field(a, "RVAL"), value = 0, put = Self::set_both)]
    a_raw: Pv<i32>,
    #[pv(name = "B", value = 2.0, record = "ao", precision = 3, put = Self::refuse_one)]
    b: Pv<f64>,
    #[pv(field(b, "RVAL"), value = 0, put = Self::set_apart)]
    b_raw: Pv<i32>,
    /// An ai with all its limits
    #[pv(name = "C", value = 0.0, record = "ai", units = "mm", precision = 3, alarm_limits = -2.0..=2.0,
         warning_limits = -1.0..=1.0, control_limits = -3.0..=3.0)]
    c: Pv<f64>,
    #[pv(name = "D", value = 2.0, record = "ao", precision = 3)]
    d: Pv<f64>,
    #[pv(field(d, "RVAL"), value = 0, put = Self::set_apart)]
    d_raw: Pv<i32>,
    #[pv(name = "E", value = "this is a test", record = "stringin")]
    e: Pv<FixedString>,
}

impl Records {
    fn refuse_one(&self, _pv: &Pv<f64>, value: f64) -> Result<(), &'static str> {
        if value == 1.0 { Err("B is anything but 1") } else { Ok(()) }
    }

    fn set_both(&self, _pv: &Pv<i32>, raw: i32) -> Result<(), PutError> {
        self.b.put(raw.into()).wait()?;
        self.a.post(raw.into());
        Ok(())
    }

    fn set_apart(&self, _pv: &Pv<i32>, raw: i32) -> Result<(), PutError> {
        self.b.put(f64::from(raw) + 10.0).wait()?;
        self.a.post(f64::from(raw) - 10.0);
        Ok(())
    }
}

fn main() -> ExitCode {
    Launcher::new("Records with all their fields").prefix("mock:").group(Records::build).run()
}
