//! A session with the clock of `seqioc run`: asks for the time, waits until the device has it, reads it.

use std::error::Error;
use std::time::Duration;

use wrapper::client::{Context, Reading};

/// Longer than the device takes, whatever its `delay` is set to.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let client = Context::from_env()?.within(PATIENCE);
    let [request, response, delay] = client.pvs(["wt:request", "wt:response", "wt:delay"]);
    println!("the device takes {} s", delay.get_as::<f64>().wait()?);
    request.put_notify(1.0).wait()?;
    println!("request: done");
    let first: Reading<f64> = response.get_as().wait()?;
    println!("response: {:.3} s", first.value);
    request.put_notify(1.0).wait()?;
    let second: f64 = response.get_as().wait()?;
    println!("the next one is {:.1} s later", second - first.value);
    Ok(())
}
