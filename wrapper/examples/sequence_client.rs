//! A session with the template of `seqioc run`: a trajectory, its result, a failure, and a sequencer that steps through it.

use std::error::Error;
use std::time::Duration;

use wrapper::client::{Channel, Context};

/// Longer than any command takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn show(words: &str, [ack, values, message]: &[Channel; 3]) -> Result<(), Box<dyn Error>> {
    let ack: String = ack.get_as().wait()?;
    let values: Vec<f64> = values.get_as().wait()?;
    let message: String = message.get_as().wait()?;
    println!("{words}: ACK {ack}, values {values:?}, message {message:?}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let client = Context::from_env()?.within(PATIENCE);
    let seq = |name: &str| client.pv(&format!("TEST:SERVER.seq.{name}"));
    let (cmd, answer) = (seq("CMD"), ["ACK", "values", "message"].map(seq));
    println!("CMD: {:?}", cmd.get_as::<String>().wait()?);

    cmd.put_notify("[0]").wait()?;
    show("[0]", &answer)?;
    cmd.put_notify("linear(start=0, end=10, step=1)").wait()?;
    show("linear", &answer)?;
    // A command that fails fails the put that waits for it.
    let failed = cmd.put_notify("fail('no air')").wait();
    println!(
        "fail: {}, {}",
        if failed.is_err() { "refused" } else { "done" },
        seq("ERROR").get_as::<String>().wait()?
    );

    // Lock step: start is done when every follower has been at every point.
    cmd.put_notify("linear(start=0, end=10, step=1)").wait()?;
    client.pv("MOCK:start").put_notify(1).wait()?;
    let [index, missed, val] = client.pvs(["TEST:SERVER.INDEX", "TEST:SERVER.MISSED", "TEST:SERVER.VAL"]);
    let (index, missed): (i32, i32) = (index.get_as().wait()?, missed.get_as().wait()?);
    println!("sequence: INDEX {index}, MISSED {missed}, VAL {}", val.get_as::<f64>().wait()?);
    Ok(())
}
