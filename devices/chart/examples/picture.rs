//! Draws the chart of the documentation: `cargo run --release -p chart --example picture -- docs/chart.png`.

use std::error::Error;
use std::time::Duration;

use chart::Chart;
use wrapper::client::{ClientConfig, Context};
use wrapper::{Config, Ioc};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name the file to write")?;
    let ioc = Ioc::builder().device("chart", "chart:", Box::new(Chart::new()))?.start(Config::isolated())?;
    let client = Context::new(ClientConfig::isolated(ioc.udp_addresses()[0].port()))?;
    client.pv("chart:seq.CMD").put_notify("window(30)").wait()?;
    std::thread::sleep(Duration::from_secs(30));
    let file: Vec<u8> = client.pv("chart:png").get_as().wait()?;
    std::fs::write(path, file)?;
    ioc.stop();
    Ok(())
}
