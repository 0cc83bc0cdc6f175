//! JSON over HTTP: six time-outs in a row are an alarm, fewer are not, and the next answer clears it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::thread;

use wrapper::client::Reading;
use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use super::Recipe;
use crate::launch::{SOON, wait_for};

const SILENT: Alarm = Alarm::new(AlarmStatus::Comm, AlarmSeverity::Major);

/// A service that leaves so many questions without an answer.
#[derive(Clone)]
struct Service {
    port: u16,
    silent: Arc<AtomicI32>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let service = Self { port, silent: Arc::default() };
        let own = service.clone();
        thread::spawn(move || {
            // Kept open: a closed connection would be an answer.
            let mut held = Vec::new();
            for socket in listener.incoming().map_while(Result::ok) {
                held.extend(own.serve(socket));
            }
        });
        service
    }

    fn serve(&self, mut socket: TcpStream) -> Option<TcpStream> {
        let mut lines = BufReader::new(socket.try_clone().ok()?).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("GET /report.json HTTP/1.1"));
        lines.by_ref().find(String::is_empty)?;
        if self.silent.fetch_update(SeqCst, SeqCst, |left| (left > 0).then_some(left - 1)).is_ok() {
            return Some(socket);
        }
        let body = r#"{"temperature": 21.5, "humidity": 40}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).ok()?;
        None
    }
}

#[test]
fn six_time_outs_in_a_row_are_an_alarm_five_are_none_and_an_answer_clears_it() {
    let service = Service::start();
    let url = format!("http://127.0.0.1:{}/report.json", service.port);
    let weather =
        Recipe::start("weather", "weather:", &["--url", &url, "--period", "0.05", "--timeout", "1"]);
    weather.until("temperature", &21.5);
    assert_eq!((weather.get::<f64>("humidity"), weather.alarm("humidity")), (40.0, Alarm::NONE));

    let mut alarms = weather.pv("temperature").monitor::<Reading<f64>>();
    alarms.wait(SOON).expect("in time").expect("the present one");
    service.silent.store(5, SeqCst);
    wait_for("five time-outs", SOON, || (service.silent.load(SeqCst) == 0).then_some(()));
    let answers = weather.get::<i32>("answers");
    wait_for("an answer", SOON, || (weather.get::<i32>("answers") > answers).then_some(()));
    while let Some(update) = alarms.try_next() {
        assert_eq!(update.expect("a reading").alarm, Alarm::NONE, "five are no alarm");
    }

    service.silent.store(6, SeqCst);
    weather.until_alarm("temperature", SILENT);
    assert_eq!(weather.get::<f64>("temperature"), 21.5, "the last value stays");
    weather.until_alarm("temperature", Alarm::NONE);
    assert!(weather.server.log().contains("time-out, 6 in a row"), "{}", weather.server.log());
}

#[test]
fn what_is_no_report_is_an_alarm_at_once_with_its_reason() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let weather = Recipe::start("weather", "weather:", &["--url", &format!("http://127.0.0.1:{port}/x")]);
    weather.until_alarm("answers", Alarm::new(AlarmStatus::Scan, AlarmSeverity::Major));
    assert_eq!(weather.alarm("temperature"), Alarm::UDF, "it never had a value");
    let reason: String = weather.get("answers.AMSG$");
    assert!(reason.contains("refused"), "{reason}");
}
