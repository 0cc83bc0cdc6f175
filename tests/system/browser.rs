//! Headless Chromium, driven by the DevTools protocol over its pipe: no port, no other program.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::launch::{isolated, wait_exit, wait_for};

/// Longest wait for the browser: two cores may build and test at the same time.
pub(crate) const SHOWN: Duration = Duration::from_secs(60);
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// The browser's program; `None`, after a word about it, when there is none and need not be one.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = NAMES
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        let required = std::env::var("CA_INTEROP").is_ok_and(|value| value == "require");
        assert!(!required, "CA_INTEROP=require, but there is no browser: none of {NAMES:?} is in PATH");
        eprintln!("skipped, there is no browser: none of {NAMES:?} is in PATH");
    }
    found
}

/// One page of one browser; the browser ends when this is dropped.
pub(crate) struct Page {
    child: Child,
    talk: RefCell<Talk>,
    session: String,
    profile: PathBuf,
    /// One browser at a time: two would only make each other slow.
    _alone: MutexGuard<'static, ()>,
}

struct Talk {
    input: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    events: VecDeque<Value>,
}

impl Page {
    /// An empty page of this size; `None` when there is no browser.
    pub(crate) fn empty([width, height]: [u32; 2]) -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let program = program()?;
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("browser-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (child, talk) = spawn(&program, &profile);
        let mut page =
            Self { child, talk: RefCell::new(talk), session: String::new(), profile, _alone: alone };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = page.call("Target.attachToTarget", attach);
        page.session = session["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.size([width, height]);
        Some(page)
    }

    /// A page with this address.
    pub(crate) fn open(url: &str, size: [u32; 2]) -> Option<Self> {
        let page = Self::empty(size)?;
        page.go(url);
        Some(page)
    }

    /// Goes to an address.
    pub(crate) fn go(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{url}: {answer}");
    }

    /// Sets the size of the window's inside, in pixels.
    pub(crate) fn size(&self, [width, height]: [u32; 2]) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Asks for the dark or the light colours.
    pub(crate) fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": feature }));
    }

    /// The value of an expression; a promise is waited for.
    #[track_caller]
    pub(crate) fn eval(&self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", ask);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let until = Instant::now() + SHOWN;
        while !is_true(&self.eval(expression)) {
            assert!(Instant::now() < until, "never: {expression}; the page:\n{}", self.text("body"));
        }
    }

    /// The text of the first element that fits a selector, empty when there is none.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let value = self.eval(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element has this text.
    #[track_caller]
    pub(crate) fn until_text(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!("document.querySelector({selector})?.innerText.trim() === {text}"));
    }

    /// Clicks the middle of an element with the mouse, once it is there and not greyed.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let node = format!("document.querySelector({})", json!(selector));
        self.until(&format!("{node} && !{node}.disabled && {node}.getClientRects().length > 0"));
        let place = format!(
            "(() => {{ const node = {node}; node.scrollIntoView({{block: 'center'}}); const box = node.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let place = self.eval(&place);
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", mouse);
        }
    }

    /// Presses a key by its name, such as `Enter`, `Tab` or `/`.
    pub(crate) fn key(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "/" => 191,
            _ => panic!("no code for {key}"),
        };
        let text = match key {
            "Enter" => "\r",
            "/" => "/",
            _ => "",
        };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let down =
            json!({ "type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Types into what has the focus.
    pub(crate) fn write(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses Tab until the focus is on what fits a selector.
    #[track_caller]
    pub(crate) fn tab_to(&self, selector: &str) {
        let there = format!("document.activeElement?.matches({})", json!(selector));
        for _ in 0..200 {
            if is_true(&self.eval(&there)) {
                return;
            }
            self.key("Tab");
        }
        panic!("Tab never comes to {selector}");
    }

    /// What the page shows, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let answer =
            self.call("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": false }));
        base64(answer["data"].as_str().expect("a picture"))
    }

    /// Complaints of the browser so far: errors of scripts, of the policy, of loading.
    pub(crate) fn complaints(&self) -> Vec<String> {
        // What came with the answer to this is behind all complaints made before.
        self.eval("1");
        let events = &self.talk.borrow().events;
        let fits = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        events.iter().filter(fits).map(Value::to_string).collect()
    }

    /// Process id of the browser.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    fn call(&self, method: &str, params: Value) -> Value {
        self.talk.borrow_mut().call(method, params, &self.session)
    }
}

impl Talk {
    #[track_caller]
    fn call(&mut self, method: &str, params: Value, session: &str) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !session.is_empty() {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).expect("the browser listens");
        let until = Instant::now() + SHOWN;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut answer =
                self.messages.recv_timeout(left).unwrap_or_else(|e| panic!("{method}: no answer, {e}"));
            if answer["id"] == self.next {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push_back(answer);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let talk = self.talk.get_mut();
        talk.next += 1;
        let close = format!("{}\0", json!({ "id": talk.next, "method": "Browser.close" }));
        // Fails only when it has ended already.
        let _ = talk.input.write_all(close.as_bytes());
        if wait_exit(&mut self.child, Duration::from_secs(10)).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // A late helper process of it may still write there.
        wait_for("the profile is removed", SHOWN, || {
            let gone = std::fs::remove_dir_all(&self.profile);
            (gone.is_ok() || !self.profile.exists()).then_some(())
        });
    }
}

fn spawn(program: &Path, profile: &Path) -> (Child, Talk) {
    // The protocol is on descriptors 3 and 4; the shell puts our pipes there.
    let mut child = isolated("sh")
        .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
        .arg(program)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let input = child.stdin.take().expect("a pipe was asked for");
    let output = child.stdout.take().expect("a pipe was asked for");
    (child, Talk { input, messages: messages_of(output), next: 0, events: VecDeque::new() })
}

fn messages_of(pipe: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("the protocol is JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != json!("") && *value != json!(0)
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<_> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let word = four.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - four.len()));
        word.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}
