//! An IOC with a panel, and the other end of its connections.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use panel::{Panel, Settings, Token};
use serde_json::{Value as Json, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};
use wrapper::client::ClientConfig;
use wrapper::{
    Bytes, Command, CommandSpec, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Pv, Reply,
    SystemDevice,
};

/// What should happen happens by then, on a busy machine too.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The token of every test.
pub(crate) const TOKEN: &str = "0123456789abcdef-test";

/// A device that waits as long as it is told, and panics on demand.
struct Pump(Vec<CommandSpec>);

impl SystemDevice for Pump {
    fn kind(&self) -> &'static str {
        "pump"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.0
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        group.pv("speed", 1.0).command(&port, |to| Command::new("wait").arg("seconds", to)).add()?;
        group.group("valve:", |group| group.pv("open", 0).add().map(drop))
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        assert!(command.name() != "panic", "as it was told");
        io.sleep(Duration::from_secs_f64(command.number("seconds")?))?;
        Ok(Reply::message("waited"))
    }
}

fn pump() -> Box<Pump> {
    use wrapper::sequence::spec::ArgType::Number;
    Box::new(Pump(vec![
        CommandSpec::new("wait", "waits").arg("seconds", Number, "s"),
        CommandSpec::new("panic", "panics").optional_arg("seconds", Number, "s", 0),
    ]))
}

wrapper::pv_enum! {
    /// A choice.
    pub(crate) enum Mode {
        /// Off.
        Off = "Off",
        /// On.
        On = "On",
    }
}

/// An IOC with a panel.
pub(crate) struct Lab {
    pub(crate) ioc: Ioc,
    panel: Option<Panel>,
    pub(crate) address: SocketAddr,
    pub(crate) number: Pv<f64>,
    pub(crate) count: Pv<i32>,
    pub(crate) text: Pv<String>,
    pub(crate) mode: Pv<Mode>,
    pub(crate) wave: Pv<Vec<f64>>,
    pub(crate) image: Pv<Bytes>,
}

impl Lab {
    /// Serves what needs the token for puts.
    pub(crate) fn new() -> Self {
        let token = Some(Token::new(TOKEN).expect("a token"));
        Self::with(Settings { token, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut group = GroupBuilder::new("lab:");
        let number = group.pv("number", 1.5).units("mm").precision(2).control_limits(-5.0..=5.0);
        let number = number.doc("A number").warning_limits(-4.0..=4.0).add().expect("a PV");
        let count = group.pv("count", 0).add().expect("a PV");
        let text = group.pv("text", "one".to_owned()).add().expect("a PV");
        let mode = group.pv("mode", Mode::Off).add().expect("a PV");
        let wave = group.pv("wave", vec![0.0]).max_length(100_000).add().expect("a PV");
        group.pv("fixed", 7).read_only().add().expect("a PV");
        group.pv("name", wrapper::FixedString::from("short")).add().expect("a PV");
        group
            .on_put(&number, |_, value| if value == 3.0 { Err("not three") } else { Ok(()) })
            .expect("a hook");
        group.pv("WIDTH", 4).add().expect("a PV");
        group.pv("HEIGHT", 2).add().expect("a PV");
        let image = group.pv("image", Bytes::from(vec![200; 24])).max_length(1 << 20).add().expect("a PV");
        let ioc = Ioc::builder().device("pump", "lab:pump:", pump()).expect("a device").group(group);
        let ioc = ioc.start(Config::isolated()).expect("an IOC");
        let own = ClientConfig::isolated(ioc.udp_addresses()[0].port());
        let settings = Settings {
            addresses: vec![([127, 0, 0, 1], 0).into()],
            client: settings.client.or(Some(own)),
            ..settings
        };
        let panel = Panel::start(ioc.handle().view(), settings).expect("a panel");
        let address = panel.address();
        Self { ioc, panel: Some(panel), address, number, count, text, mode, wave, image }
    }

    /// Ends the panel; the IOC lives on.
    pub(crate) fn stop_panel(&mut self) {
        if let Some(panel) = self.panel.take() {
            panel.stop();
        }
    }

    /// Opens a page.
    pub(crate) fn page(&self) -> Page {
        self.try_page(&[]).expect("a page")
    }

    /// Opens a page with more headers; the status when it is refused.
    pub(crate) fn try_page(&self, headers: &[(&'static str, &str)]) -> Result<Page, u16> {
        let mut request =
            format!("ws://{}/api/stream", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = connect(self.address);
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Page { socket, others: VecDeque::new() }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("no answer to the handshake: {error}"),
        }
    }

    /// A page that may put.
    pub(crate) fn writer(&self) -> Page {
        let mut page = self.page();
        page.say(&json!({ "op": "token", "token": TOKEN }));
        assert_eq!(page.next("write")["granted"], true);
        page
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), &[], b"")
    }

    /// The JSON of a path.
    pub(crate) fn json(&self, path: &str) -> Json {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn put(&self, name: &str, token: &str, body: &str) -> Answer {
        let token = format!("Bearer {token}");
        self.ask(&format!("PUT /api/pv/{name} HTTP/1.1"), &[("Authorization", &token)], body.as_bytes())
    }

    /// One request; a header of the same name replaces the usual one.
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (host, length) = (self.address.to_string(), body.len().to_string());
        let usual = [("Host", &*host), ("Connection", "close"), ("Content-Length", &*length)];
        let own = usual.iter().filter(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        let lines: String = own.chain(headers).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = connect(self.address);
        stream.write_all(format!("{line}\r\n{lines}\r\n").as_bytes()).expect("it is sent");
        // A server that refuses the head may not take the body.
        let _ = stream.write_all(body);
        Answer::read(&mut stream)
    }
}

/// A connection whose reads do not wait for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it is served");
    stream.set_read_timeout(Some(SOON)).expect("a time-out");
    stream.set_write_timeout(Some(SOON)).expect("a time-out");
    stream
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads until the server closes.
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut all = Vec::new();
        if let Err(error) = stream.read_to_end(&mut all) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(all[..end].to_vec()).expect("a head is ASCII").to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Self { status, head, body: all[end + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The reason of an error.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().expect("an error says what is wrong").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let front = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&front))
    }
}

/// The page's end of a WebSocket.
pub(crate) struct Page {
    pub(crate) socket: WebSocket<TcpStream>,
    /// Messages that came before the one that was waited for.
    others: VecDeque<Json>,
}

impl Page {
    pub(crate) fn say(&mut self, message: &Json) {
        self.socket.send(Message::text(message.to_string())).expect("it is sent");
    }

    /// The next message of any type; `None` when the connection has ended.
    pub(crate) fn hear(&mut self) -> Option<Json> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("nothing in {SOON:?}")
                }
                Err(_) => return None,
            }
        }
    }

    /// Hears so many beats, and no message of this type between them.
    pub(crate) fn hears_no(&mut self, kind: &str, beats: usize) {
        let mut heard = 0;
        while heard < beats {
            let message = self.hear().expect("the connection lives");
            assert_ne!(message["type"], kind, "{message}");
            heard += usize::from(message["type"] == "beat");
        }
    }

    /// Waits until the server has ended the connection.
    pub(crate) fn ended(&mut self) {
        let deadline = Instant::now() + SOON;
        while self.hear().is_some() {
            assert!(Instant::now() < deadline, "it is still open");
        }
    }

    /// The next message for which this is true; the others wait.
    pub(crate) fn find(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        if let Some(at) = self.others.iter().position(&wanted) {
            return self.others.remove(at).expect("it is there");
        }
        let deadline = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < deadline, "not what is waited for, but {:?}", self.others);
            let message = self.hear().expect("the connection lives");
            if wanted(&message) {
                return message;
            }
            // Beats come for ever.
            if message["type"] != "beat" {
                self.others.push_back(message);
            }
        }
    }

    /// The next message of a type.
    pub(crate) fn next(&mut self, kind: &str) -> Json {
        self.find(|message| message["type"] == kind)
    }

    pub(crate) fn subscribe(&mut self, id: u64, pv: &str) -> Json {
        self.say(&json!({ "op": "subscribe", "id": id, "pv": pv }));
        self.find(|message| message["id"] == id && message["type"] != "put")
    }

    /// Waits for an update of a subscription, and draws all that comes before.
    pub(crate) fn update(&mut self, id: u64, wanted: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < deadline, "no such update of {id}");
            let batch = self.next("updates");
            self.say(&json!({ "op": "ack", "n": batch["n"] }));
            let list = batch["list"].as_array().expect("a list");
            if let Some(found) = list.iter().find(|update| update["id"] == id && wanted(update)) {
                return found.clone();
            }
        }
    }

    /// Puts a value; the answer.
    pub(crate) fn put(&mut self, id: u64, pv: &str, value: &Json) -> Json {
        self.say(&json!({ "op": "put", "id": id, "pv": pv, "value": value }));
        self.find(|message| message["type"] == "put" && message["id"] == id)
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is() {
        assert!(Instant::now() < deadline, "{what}: not within {SOON:?}");
        std::thread::yield_now();
    }
}

/// The value of a metric.
pub(crate) fn metric(lab: &Lab, name: &str) -> f64 {
    let page = lab.get("/metrics");
    let line =
        page.text().lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {name} in {}", page.text()));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}
