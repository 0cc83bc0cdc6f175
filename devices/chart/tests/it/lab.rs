//! A chart, an IOC with PVs for it to draw, and a client.

use std::time::{Duration, Instant};

use chart::Chart;
use wrapper::client::{Channel, ClientConfig, Context, FromData, IntoPut};
use wrapper::{Config, GroupBuilder, Ioc, Pv};

/// Longest wait for what should take an instant: the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) source: Ioc,
    pub(crate) x: Pv<f64>,
    pub(crate) y: Pv<f64>,
    pub(crate) wave: Pv<Vec<f64>>,
    client: Context,
    _ioc: Ioc,
}

/// The PVs that the chart can draw.
pub(crate) fn group(x: f64) -> (GroupBuilder, Pv<f64>, Pv<f64>, Pv<Vec<f64>>) {
    let mut group = GroupBuilder::new("lab:");
    let x = group.pv("x", x).add().expect("good");
    let y = group.pv("y", 2.0).add().expect("good");
    let wave = group.pv("wave", vec![0.0, 1.0, 4.0]).max_length(10_000).add().expect("good");
    (group, x, y, wave)
}

impl Lab {
    pub(crate) fn start() -> Self {
        let (group, x, y, wave) = group(1.0);
        let source = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
        let chart =
            Chart::new().largest(800, 600).client(ClientConfig::isolated(source.udp_addresses()[0].port()));
        let ioc = Ioc::builder().device("chart", "chart:", Box::new(chart)).expect("good PVs");
        let ioc = ioc.start(Config::isolated()).expect("loopback");
        let client = Context::new(ClientConfig::isolated(ioc.udp_addresses()[0].port())).expect("a client");
        Self { source, x, y, wave, client: client.within(SOON), _ioc: ioc }
    }

    pub(crate) fn pv(&self, name: &str) -> Channel {
        self.client.pv(&format!("chart:{name}"))
    }

    pub(crate) fn get<T: FromData>(&self, name: &str) -> T {
        self.pv(name).get_as().wait().unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn put(&self, name: &str, value: impl IntoPut) -> Result<(), String> {
        self.pv(name).put_notify(value).wait().map_err(|error| error.to_string())
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn command(&self, text: &str) {
        if let Err(error) = self.put("seq.CMD", text) {
            panic!("{text}: {error}: {}", self.get::<String>("seq.ERROR"));
        }
    }

    /// Runs a command that fails; why.
    #[track_caller]
    pub(crate) fn refused(&self, text: &str) -> String {
        assert!(self.put("seq.CMD", text).is_err(), "{text} was taken");
        self.get("seq.ERROR")
    }

    /// Waits until `t1` has ticked so often.
    pub(crate) fn ticks(&self, count: usize) {
        let mut monitor = self.pv("t1").monitor::<f64>();
        for _ in 0..=count {
            monitor.wait(SOON).expect("it ticks").expect("it is there");
        }
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn eventually<R>(what: &str, mut ask: impl FnMut() -> Option<R>) -> R {
    let until = Instant::now() + SOON;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "{what}: not within {SOON:?}");
        std::thread::yield_now();
    }
}
