//! A session with the motor and the middle man of `seqioc run`: retracts, watches the way, jogs, inserts.

use std::error::Error;
use std::time::Duration;

use wrapper::client::Context;

/// Longer than any way takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let client = Context::from_env()?.within(PATIENCE);
    let [target, position, velocity] =
        client.pvs(["BEAMLINE:motor.VAL", "BEAMLINE:motor.RBV", "BEAMLINE:motor.VELO"]);
    let [choices, jog] = client.pvs(["BEAMLINE:SERVER.choices", "BEAMLINE:SERVER.jog"]);

    velocity.put_notify(5.0).wait()?;
    let mut way = position.monitor::<f64>();
    choices.put_notify("Retract").wait()?;
    let places = way.updates(PATIENCE).map_while(Result::ok);
    // Until it is there, with the place it started from.
    let mut seen = 0;
    for place in places {
        seen += 1;
        if (place - 5.0).abs() < 0.002 {
            break;
        }
    }
    println!("Retract: VAL {} RBV {:.3}", target.get_as::<f64>().wait()?, position.get_as::<f64>().wait()?);
    println!("places seen on the way: {}", if seen > 2 { "several" } else { "none" });

    choices.put_notify("Insert").wait()?;
    println!("Insert: VAL {} RBV {:.3}", target.get_as::<f64>().wait()?, position.get_as::<f64>().wait()?);
    jog.put_notify(1.0).wait()?;
    println!("jog: back at {:.3}, jog is {}", position.get_as::<f64>().wait()?, jog.get_as::<f64>().wait()?);

    let refused = target.put_notify(100.0).wait().expect_err("100 mm is outside the limits");
    println!("VAL 100: {}", refused.eca().map_or("no answer", |_| "refused"));
    println!("choices: {}", choices.get_as::<String>().wait()?);
    Ok(())
}
