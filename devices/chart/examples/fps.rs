//! Prints how fast charts of 800 x 600 pixels are drawn, encoded and sent over loopback:
//! `cargo run --release -p chart --example fps`.

use std::error::Error;
use std::time::{Duration, Instant};

use chart::Chart;
use wrapper::client::{ClientConfig, Context, FromData};
use wrapper::{Config, Ioc};

const TIME: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 200;

struct Served {
    client: Context,
    ioc: Ioc,
}

fn main() -> Result<(), Box<dyn Error>> {
    let ioc = Ioc::builder().device("chart", "chart:", Box::new(Chart::new()))?.start(Config::isolated())?;
    let client = Context::new(ClientConfig::isolated(ioc.udp_addresses()[0].port()))?;
    let served = Served { client, ioc };
    served.put("dt", 0.01)?;
    served.command("size(800, 600)")?;
    served.command("window(10)")?;
    std::thread::sleep(TIME);
    println!("800 x 600 RGB, 2 traces of 500 samples, one client on loopback");
    served.monitored()?;
    served.split()?;
    served.ioc.stop();
    Ok(())
}

impl Served {
    fn get<T: FromData>(&self, name: &str) -> Result<T, wrapper::client::Error> {
        self.client.pv(&format!("chart:{name}")).get_as().wait()
    }

    fn put(&self, name: &str, value: f64) -> Result<(), wrapper::client::Error> {
        self.client.pv(&format!("chart:{name}")).put_notify(value).wait()
    }

    fn command(&self, text: &str) -> Result<(), wrapper::client::Error> {
        self.client.pv("chart:seq.CMD").put_notify(text).wait()
    }

    /// Frames per second that a client gets, without another limit and at 60 Hz.
    fn monitored(&self) -> Result<(), Box<dyn Error>> {
        for rate in [1000.0, 60.0] {
            self.put("RATE", rate)?;
            let mut monitor = self.client.pv("chart:image").monitor::<Vec<u8>>();
            let (drawn, start) = (self.get::<i32>("COUNTER")?, Instant::now());
            let mut frames = 0;
            while start.elapsed() < TIME {
                let frame = monitor.wait(TIME).ok_or("no frame")??;
                assert_eq!(frame.len(), 800 * 600 * 3);
                frames += 1;
            }
            let seconds = start.elapsed().as_secs_f64();
            let drawn = f64::from(self.get::<i32>("COUNTER")? - drawn) / seconds;
            println!(
                "RATE {rate:>4}: {:6.1} frames/s received, {drawn:6.1} drawn",
                f64::from(frames) / seconds
            );
        }
        Ok(())
    }

    /// What a frame costs: to draw, in other forms, to send.
    fn split(&self) -> Result<(), Box<dyn Error>> {
        self.put("RATE", 1000.0)?;
        let render = self.mean(|| {
            self.get::<Vec<u8>>("image")?;
            self.get("RENDER_TIME")
        })?;
        let mono = self.mean(|| {
            self.get::<Vec<u8>>("image2:ArrayData")?;
            self.get("ENCODE_TIME")
        })?;
        let png = self.mean(|| {
            self.get::<Vec<u8>>("png")?;
            self.get("ENCODE_TIME")
        })?;
        // A frame that is not drawn anew: what is left is the way to the client.
        self.put("RATE", 0.1)?;
        self.get::<Vec<u8>>("image")?;
        let send = self.mean(|| {
            let start = Instant::now();
            self.get::<Vec<u8>>("image")?;
            Ok(start.elapsed().as_secs_f64())
        })?;
        println!(
            "render {render:.3} ms, encode {mono:.3} ms (mono) or {png:.3} ms (PNG), get of a still frame {send:.3} ms"
        );
        Ok(())
    }

    /// The mean in ms.
    fn mean(
        &self,
        mut one: impl FnMut() -> Result<f64, wrapper::client::Error>,
    ) -> Result<f64, wrapper::client::Error> {
        let mut sum = 0.0;
        for _ in 0..ROUNDS {
            sum += one()?;
        }
        Ok(1000.0 * sum / f64::from(ROUNDS))
    }
}
