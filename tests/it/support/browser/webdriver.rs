//! The parts of the protocol `WebDriver` that the tests of the console need: one method for each
//! command, and the two commands of chromedriver for the log and the developer tools.
//!
//! The crates for it are not suitable: `fantoccini` adds code under the MPL, and `thirtyfour` adds
//! `Add<Key> for String`, with which `text + &other` no longer compiles anywhere in the binary.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::client;

/// The member with the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are not text.
pub mod key {
    pub const TAB: &str = "\u{E004}";
    pub const ENTER: &str = "\u{E007}";
    pub const CONTROL: &str = "\u{E009}";
}

/// The kind of a selector.
#[derive(Debug, Clone, Copy)]
pub enum By {
    Css,
    XPath,
}

/// The result of a command: its value, or the error code, such as `no such element`.
pub type Outcome<T> = Result<T, String>;

/// A session of a driver.
#[derive(Clone)]
pub struct Session {
    http: reqwest::Client,
    address: SocketAddr,
    id: Arc<str>,
}

impl Session {
    /// Opens a session.
    pub async fn new(address: SocketAddr, capabilities: &Value) -> Self {
        let unnamed = Self { http: client(), address, id: "".into() };
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let request = unnamed.http.post(format!("http://{address}/session")).json(&body);
        let made = value_of(request).await.unwrap_or_else(|error| panic!("no session: {error}"));
        let id = made["sessionId"].as_str().expect("a session").into();
        Self { id, ..unnamed }
    }

    /// Returns the request that ends the session.
    pub fn end(&self) -> String {
        let Self { address, id, .. } = self;
        format!("DELETE /session/{id} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
    }

    async fn get(&self, command: &str) -> Outcome<Value> {
        value_of(self.http.get(self.url(command))).await
    }

    async fn post(&self, command: &str, body: Value) -> Outcome<Value> {
        value_of(self.http.post(self.url(command)).json(&body)).await
    }

    fn url(&self, command: &str) -> String {
        format!("http://{}/session/{}/{command}", self.address, self.id)
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await.expect("a page");
    }

    pub async fn current_url(&self) -> String {
        text(&self.get("url").await.expect("a URL"))
    }

    pub async fn source(&self) -> String {
        text(&self.get("source").await.expect("a page"))
    }

    /// Returns all matching elements, in the order of the page.
    pub async fn find(&self, by: By, selector: &str) -> Outcome<Vec<Element>> {
        let using = match by {
            By::Css => "css selector",
            By::XPath => "xpath",
        };
        let found = self.post("elements", json!({ "using": using, "value": selector })).await?;
        let found = found.as_array().into_iter().flatten();
        Ok(found.map(|it| Element { session: self.clone(), id: text(&it[ELEMENT]) }).collect())
    }

    /// Runs a script in the page, and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post("execute/sync", body).await.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Runs a script that passes its result to its last argument.
    pub async fn run_async(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post("execute/async", body).await.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Presses a key on the focused element.
    pub async fn press(&self, key: &str) {
        let steps =
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": steps });
        self.post("actions", json!({ "actions": [keyboard] })).await.expect("a key");
    }

    /// Returns the reports of pages since the last call, one a line.
    pub async fn log(&self) -> Vec<String> {
        let found = self.post("se/log", json!({ "type": "browser" })).await.expect("a log");
        let line =
            |entry: &Value| format!("{}: {}", text(&entry["level"]), text(&entry["message"]));
        found.as_array().into_iter().flatten().map(line).collect()
    }

    /// Runs a command of the protocol of Chromium's developer tools.
    pub async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let done = self.post("goog/cdp/execute", body).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

/// An element of the page.
#[derive(Clone)]
pub struct Element {
    session: Session,
    id: String,
}

impl Element {
    async fn get(&self, command: &str) -> Outcome<String> {
        Ok(text(&self.session.get(&format!("element/{}/{command}", self.id)).await?))
    }

    async fn post(&self, command: &str, body: Value) -> Outcome<Value> {
        self.session.post(&format!("element/{}/{command}", self.id), body).await
    }

    pub async fn click(&self) {
        self.post("click", json!({})).await.unwrap_or_else(|error| panic!("no click: {error}"));
    }

    /// Replaces the text of a field.
    pub async fn fill(&self, text: &str) {
        self.post("clear", json!({})).await.expect("an empty field");
        self.keys(text).await;
    }

    /// Types into a field.
    pub async fn keys(&self, text: &str) {
        self.post("value", json!({ "text": text })).await.expect("keys");
    }

    /// Returns the visible text.
    pub async fn text(&self) -> Outcome<String> {
        self.get("text").await
    }

    pub async fn tag(&self) -> String {
        self.get("name").await.expect("a tag")
    }

    pub async fn is_displayed(&self) -> bool {
        self.get("displayed").await.is_ok_and(|it| it == "true")
    }

    pub async fn attribute(&self, name: &str) -> Outcome<String> {
        self.get(&format!("attribute/{name}")).await
    }

    pub async fn property(&self, name: &str) -> Outcome<String> {
        self.get(&format!("property/{name}")).await
    }

    /// Returns the value of a style property.
    pub async fn style(&self, name: &str) -> String {
        self.get(&format!("css/{name}")).await.expect("a value")
    }
}

/// Returns a string unchanged, everything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn value_of(request: reqwest::RequestBuilder) -> Outcome<Value> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let is_done = answer.status().is_success();
    let mut body: Value = answer.json().await.map_err(|error| error.to_string())?;
    let value = body["value"].take();
    if is_done { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}
