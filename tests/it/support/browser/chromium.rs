//! A real browser: headless Chromium, driven by chromedriver. `.ci/install` installs both.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::webdriver::{By, Element, Session};
use crate::support::eventually::{HANGS_AFTER, eventually};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

/// The properties of a browser.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub theme: Theme,
    pub width: u32,
    pub height: u32,
    pub has_script: bool,
}

impl Look {
    /// The window of a laptop.
    pub const WIDE: Self = Self { theme: Theme::Light, width: 1280, height: 900, has_script: true };
    /// The window of a telephone.
    pub const NARROW: Self = Self { width: 390, height: 844, ..Self::WIDE };
    /// Without JavaScript.
    pub const PLAIN: Self = Self { has_script: false, ..Self::WIDE };
}

/// A running browser with one window. It ends when the value is dropped.
pub struct Chromium {
    pub session: Session,
    chromedriver: Child,
    address: SocketAddr,
    /// Reports of its pages: errors of scripts, blocked resources, failed requests.
    reports: Mutex<Vec<String>>,
}

impl Chromium {
    pub async fn start(look: Look) -> Self {
        let (chromedriver, address) = start_chromedriver();
        let session = Session::new(address, &capabilities(look)).await;
        // A headless window has a minimum width.
        let metrics = json!({
            "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false,
        });
        session.devtools("Emulation.setDeviceMetricsOverride", &metrics).await;
        let scheme = if look.theme == Theme::Dark { "dark" } else { "light" };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        session.devtools("Emulation.setEmulatedMedia", &features).await;
        Self { session, chromedriver, address, reports: Mutex::default() }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.session.open(url).await;
        self.note_reports().await;
    }

    /// Returns the path and the query of the page.
    pub async fn path(&self) -> String {
        let url = self.session.current_url().await;
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        format!("/{}", path.split('#').next().unwrap_or_default())
    }

    /// Waits until the page has this path.
    pub async fn until_at(&self, path: &str) {
        eventually(path, async || (self.path().await == path).then_some(())).await;
    }

    /// Returns the visible text; empty while the page changes.
    pub async fn text(&self) -> String {
        let found = self.session.find(By::Css, "body").await.unwrap_or_default();
        match found.first() {
            Some(body) => body.text().await.unwrap_or_default(),
            None => String::new(),
        }
    }

    /// Waits until the page shows a text.
    pub async fn until_text(&self, text: &str) {
        let started = Instant::now();
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                break;
            }
            let is_late = started.elapsed() > HANGS_AFTER;
            assert!(!is_late, "no {text:?} at {}: {shown}", self.path().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.note_reports().await;
    }

    /// Returns the first matching element, preferably a visible one.
    pub async fn first(&self, by: By, selector: &str) -> Element {
        eventually(selector, async || {
            let found = self.session.find(by, selector).await.ok()?;
            for element in &found {
                if element.is_displayed().await {
                    return Some(element.clone());
                }
            }
            None
        })
        .await
    }

    /// Returns the element of a CSS selector.
    pub async fn element(&self, selector: &str) -> Element {
        self.first(By::Css, selector).await
    }

    /// Returns the trimmed text of an element.
    pub async fn text_of(&self, selector: &str) -> String {
        self.element(selector).await.text().await.expect("a text").trim().to_owned()
    }

    /// Fills in the field with this label, or selects this value of it.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        if field.tag().await == "select" {
            let id = field.attribute("id").await.expect("an id");
            self.element(&format!("[id='{id}'] option[value='{text}']")).await.click().await;
        } else {
            field.fill(text).await;
        }
    }

    /// Returns the field with this label.
    pub async fn field(&self, label: &str) -> Element {
        let label = format!("//label[starts-with(normalize-space(.), '{label}')]");
        let label = self.first(By::XPath, &label).await;
        let id = label.attribute("for").await.expect("a field");
        self.element(&format!("[id='{id}']")).await
    }

    /// Presses the button or the summary with this name, or follows the link.
    pub async fn press(&self, name: &str) {
        let is_it = format!("[normalize-space(.)=\"{name}\" or @aria-label=\"{name}\"]");
        let path = format!("//button{is_it} | //a{is_it} | //summary{is_it}");
        self.first(By::XPath, &path).await.click().await;
        self.note_reports().await;
    }

    /// Stores the reports of the page so far.
    async fn note_reports(&self) {
        let new = self.session.log().await;
        self.reports.lock().expect("a lock").extend(new);
    }

    /// Returns the reports of pages since the last call.
    pub async fn reports(&self) -> Vec<String> {
        self.note_reports().await;
        std::mem::take(&mut *self.reports.lock().expect("a lock"))
    }

    /// Discards the reports so far that contain one of these texts: those about pages of another
    /// server.
    pub async fn forget_reports_of(&self, parts: &[&str]) {
        self.note_reports().await;
        let mut reports = self.reports.lock().expect("a lock");
        reports.retain(|report| !parts.iter().any(|part| report.contains(part)));
    }

    /// Asserts that no page has reported an error: a failed script, a resource blocked by the
    /// policy, or a failed request.
    pub async fn assert_silent(&self) {
        assert_eq!(self.reports().await, [""; 0]);
    }

    /// Returns a picture of the whole page.
    pub async fn picture(&self) -> Vec<u8> {
        let metrics = self.session.devtools("Page.getLayoutMetrics", &json!({})).await;
        let (size, window) = (&metrics["cssContentSize"], &metrics["cssLayoutViewport"]);
        let height = |of: &Value| of.as_f64().unwrap_or_default();
        let height = height(&size["height"]).max(height(&window["clientHeight"]));
        let clip = json!({
            "x": 0, "y": 0, "width": window["clientWidth"], "height": height, "scale": 1,
        });
        let options = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.session.devtools("Page.captureScreenshot", &options).await;
        BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64")
    }
}

/// Ends the session, so chromedriver ends Chromium, and then chromedriver itself.
impl Drop for Chromium {
    fn drop(&mut self) {
        if let Ok(mut connection) = TcpStream::connect(self.address) {
            let _ = connection.write_all(self.session.end().as_bytes());
            // It answers when Chromium has ended, and keeps the connection open.
            let _ = connection.read(&mut [0; 64]);
        }
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
    }
}

/// The number of attempts to start chromedriver: it ends if another process takes its port.
const STARTS: u32 = 5;

/// Starts chromedriver on a free port, which it reports.
fn start_chromedriver() -> (Child, SocketAddr) {
    for _ in 0..STARTS {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: install chromium and its driver, or run sh .ci/install");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = lines.map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split("successfully on port ").nth(1).map(str::to_owned));
        let Some(port) = port else {
            child.wait().expect("its end");
            continue;
        };
        let port = port.trim_end_matches('.').parse::<u16>().expect("a number");
        // It must be able to continue writing.
        std::thread::spawn(move || lines.for_each(drop));
        return (child, SocketAddr::from(([127, 0, 0, 1], port)));
    }
    panic!("chromedriver reported no port {STARTS} times");
}

fn capabilities(look: Look) -> Value {
    let size = format!("--window-size={},{}", look.width.max(600), look.height);
    let arguments = [
        "--headless=new",
        // Chromium has no sandbox as root, which tests in a container use.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Only this machine is asked for pages.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
        "--no-first-run",
        "--no-default-browser-check",
        "--hide-scrollbars",
        "--lang=en",
        &size,
    ];
    let mut options = json!({ "args": arguments });
    // chromedriver finds Google's Chrome by itself.
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    if let Some(place) = places.into_iter().find(|place| Path::new(place).exists()) {
        options["binary"] = json!(place);
    }
    if !look.has_script {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } })
}
