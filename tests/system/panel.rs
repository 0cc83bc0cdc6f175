//! A server with a panel, and what a person does on its page.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde_json::{Value, json};
use wrapper::client::{ClientConfig, Context};

use crate::browser::Page;
use crate::launch::{SOON, Server, free_port, seqioc};

pub(crate) const TOKEN: &str = "a-token-of-the-tests-0123456789";
/// A screen on a desk.
pub(crate) const DESK: [u32; 2] = [1400, 900];
/// A file that ends with the test.
struct Temporary(PathBuf);

impl Temporary {
    fn with(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("panel-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).expect("the target folder can be written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        }
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A server with a panel that may write.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) url: String,
    pub(crate) port: u16,
    _files: Vec<Temporary>,
}

impl Lab {
    /// All demo devices.
    pub(crate) fn start() -> Self {
        Self::with(&["--panel-write"], None, free_port())
    }

    /// With a config file in place of the demo devices.
    pub(crate) fn of(config: &str) -> Self {
        Self::with(&["--panel-write"], Some(config), free_port())
    }

    /// With these arguments, a config file in place of the demo devices, a panel on this port.
    pub(crate) fn with(args: &[&str], config: Option<&str>, port: u16) -> Self {
        let mut files = Vec::new();
        let address = format!("127.0.0.1:{port}");
        let mut all = vec!["run", "--ready", "json", "--interfaces", "127.0.0.1", "--panel", &address];
        all.extend(args);
        files.push(Temporary::with(TOKEN));
        files.extend(config.map(Temporary::with));
        if args.contains(&"--panel-write") {
            all.extend(["--panel-token-file", files[0].path()]);
        }
        if config.is_some() {
            all.extend(["--config", files[1].path()]);
        }
        let udp = free_port();
        let mut command = seqioc(&all);
        command
            .env("EPICS_CAS_SERVER_PORT", udp.to_string())
            .env("EPICS_CA_SERVER_PORT", udp.to_string())
            .env("EPICS_CA_ADDR_LIST", "127.0.0.1");
        let mut server = Server::spawn(command);
        server.ready();
        Self { server, url: format!("http://{address}/"), port, _files: files }
    }

    pub(crate) fn client(&self) -> Context {
        Context::new(ClientConfig::isolated(self.server.udp)).expect("a socket").within(SOON)
    }

    /// Where the panel is.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What `/api/devices` says.
    pub(crate) fn devices(&self) -> Value {
        let mut stream = TcpStream::connect(self.address()).expect("the panel listens");
        let request =
            format!("GET /api/devices HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address());
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let body = answer.split_once("\r\n\r\n").expect("a head").1;
        let list = body.find('[').and_then(|from| Some(&body[from..=body.rfind(']')?]));
        serde_json::from_str(list.expect("a list")).expect("JSON")
    }

    /// The value of a PV, by Channel Access.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.client().pv(name).get_as().wait().expect("a number")
    }

    /// A page with one of the views; `None` without a browser.
    pub(crate) fn page(&self, view: &str, size: [u32; 2]) -> Option<Page> {
        let page = Page::open(&format!("{}{view}", self.url), size)?;
        page.until("document.documentElement.dataset.link === 'open'");
        page.until("document.querySelector('main h1')");
        Some(page)
    }
}

/// Types the token where a person would.
pub(crate) fn unlock(page: &Page) {
    page.click("#write");
    page.until("document.querySelector('#unlock').open");
    page.write(TOKEN);
    page.key("Enter");
    page.until("document.documentElement.dataset.write === 'granted'");
}

/// Goes to a view.
pub(crate) fn show(page: &Page, view: &str) {
    page.eval(&format!("location.hash = {}", json!(view)));
    let name = view.split('/').nth(1).filter(|name| !name.is_empty()).unwrap_or("overview");
    page.until(&format!("document.querySelector('main').dataset.view === '{name}'"));
}

/// Types a value into an editor and sets it.
pub(crate) fn set(page: &Page, place: &str, value: &str) {
    page.click(&format!("{place} input"));
    page.eval("document.activeElement.select()");
    page.write(value);
    page.key("Enter");
}

/// Keeps each text that an element shows from now on, in `window.seen`.
pub(crate) fn record(page: &Page, selector: &str) {
    page.until(&format!("document.querySelector({})", json!(selector)));
    page.eval(&format!(
        "window.seen = []; window.recorder = new MutationObserver(() => seen.push(document.querySelector({0}).textContent)); \
         recorder.observe(document.querySelector({0}), {{ childList: true, characterData: true, subtree: true }}); 1",
        json!(selector)
    ));
}

/// What was recorded, each text once.
pub(crate) fn seen(page: &Page) -> Vec<String> {
    let seen = page.eval("[...new Set(seen)]");
    seen.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// The browser had nothing to complain of.
pub(crate) fn no_complaints(page: &Page) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}
