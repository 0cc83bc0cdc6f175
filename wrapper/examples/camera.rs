//! A camera: its image as a PV with its size and number beside it, single frames with put completion, and a live mode that
//! exposes only while somebody looks. The sensor is simulated.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use wrapper::{
    Bytes, Command, CommandSpec, DeviceError, DeviceIo, Frame, Frames, GroupBuilder, GroupError, Launcher,
    Post, Pv, Reply, SystemDevice,
};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const SPOT: i64 = 40;

/// A sensor that sees a bright spot, which moves on with each frame.
fn expose(number: i32, frame: &mut Frame) {
    frame.clear();
    let (width, height) = (WIDTH as i64, HEIGHT as i64);
    let (x, y) = (i64::from(number) * 7 % width, i64::from(number) * 3 % height);
    for row in 0..height {
        for column in 0..width {
            let distance = (row - y).abs().max((column - x).abs());
            frame.push(if distance < SPOT { 255 } else { (column % 64) as u8 });
        }
    }
}

struct Pvs {
    exposure: Pv<f64>,
    live: Pv<bool>,
    image: Pv<Bytes>,
    counter: Pv<i32>,
    mean: Pv<f64>,
}

impl Pvs {
    fn build(group: &mut GroupBuilder) -> Result<Self, GroupError> {
        let port = group.port()?;
        let doc = "a put takes a frame, and completes when it is there";
        group.pv("acquire", false).doc(doc).command(&port, |_| Command::new("acquire")).add()?;
        group.pv("WIDTH", WIDTH as i32).units("px").read_only().add()?;
        group.pv("HEIGHT", HEIGHT as i32).units("px").read_only().add()?;
        group.pv("FORMAT", "Mono8".to_owned()).as_string().max_length(39).read_only().add()?;
        let wake = |_| Command::new("look");
        Ok(Self {
            exposure: group
                .pv("exposure", 0.02)
                .units("s")
                .precision(3)
                .control_limits(0.001..=10.0)
                .add()?,
            live: group.pv("live", false).command(&port, wake).add()?,
            image: group.pv_undefined("image").max_length(WIDTH * HEIGHT).read_only().add()?,
            counter: group.pv("COUNTER", 0).read_only().add()?,
            mean: group.pv("mean", 0.0).precision(1).read_only().add()?,
        })
    }
}

struct Camera {
    commands: Vec<CommandSpec>,
    frames: Frames,
    pvs: Option<Pvs>,
}

impl Camera {
    fn new() -> Self {
        let commands = vec![
            CommandSpec::new("acquire", "takes a frame"),
            CommandSpec::new("look", "goes on with the live mode, if it is on"),
        ];
        Self { commands, frames: Frames::new(), pvs: None }
    }

    fn take(&self, pvs: &Pvs, io: &DeviceIo) -> Result<i32, DeviceError> {
        let number = pvs.counter.get().wrapping_add(1);
        io.sleep(Duration::from_secs_f64(pvs.exposure.get()))?;
        let (time, mut frame) = (SystemTime::now(), self.frames.take());
        expose(number, &mut frame);
        let mean = frame.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / frame.len() as f64;
        // One instant, one wake-up of each client.
        io.batch(|| {
            pvs.image.post_with(frame.into(), Post::new().at(time));
            pvs.counter.post_with(number, Post::new().at(time));
            pvs.mean.post_with(mean, Post::new().at(time));
        });
        Ok(number)
    }
}

impl SystemDevice for Camera {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group)?);
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("no PVs")?;
        if command.name() == "look" {
            return Ok(Reply::done());
        }
        let number = self.take(pvs, io)?;
        Ok(Reply::message(format!("frame {number}")))
    }

    /// The live mode: one frame after the other while no command waits, at most 20 per second.
    fn idle(&mut self, io: &DeviceIo) -> Option<Duration> {
        let pvs = self.pvs.as_ref().filter(|pvs| pvs.live.get())?;
        if pvs.image.watched() > 0 {
            // An exposure that a command or the stop ends is taken later or not at all.
            let _ = self.take(pvs, io);
        }
        Some(Duration::from_millis(50))
    }
}

fn main() -> ExitCode {
    Launcher::new("A camera").prefix("cam:").device(|| Box::new(Camera::new())).run()
}
