//! Third-party gateways, with the configurations of `docs/gateways.md`, and an API behind them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::repository::docs::blocks;
use crate::support::certificates::Pair;
use crate::support::eventually::HANGS_AFTER;
use crate::support::foreign::python_program;
use crate::support::reserved_port::ReservedPort;

/// A gateway that sends each request to tokend for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Haproxy,
    Caddy,
    Traefik,
}

/// The addresses that the page uses.
const TOKEND: &str = "127.0.0.1:8080";
const API: &str = "127.0.0.1:3000";
const GATEWAY: &str = "127.0.0.1:8000";

/// A running gateway. It ends when the value is dropped.
pub struct Gateway {
    pub port: u16,
    child: Child,
    _reserved: ReservedPort,
    folder: TempDir,
}

impl Gateway {
    /// Starts a gateway in front of an API; `base` is the URL of tokend. Waits until it rejects a
    /// request without a token.
    pub async fn start(program: Program, base: &str, api: &Api) -> Self {
        let files = program.files();
        let mut gateway = Self::spawn(program, base, api, &files);
        gateway.until(async |gateway| gateway.rejects().await).await;
        gateway
    }

    /// Like [`Self::start`], with TLS, as the page changes the configurations for client
    /// certificates.
    pub async fn with_tls(program: Program, base: &str, api: &Api, client: &Pair) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let own = own.expect("a certificate");
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let mut files = program.files_with_tls();
        files.push(("api.pem", format!("{certificate}{key}")));
        files.push(("clients.pem", client.certificate.clone()));
        files.extend([("api.crt", certificate), ("api.key", key)]);
        let mut gateway = Self::spawn(program, base, api, &files);
        gateway.until(async |gateway| gateway.connection().await.is_some()).await;
        gateway
    }

    fn spawn(program: Program, base: &str, api: &Api, files: &[(&str, String)]) -> Self {
        let (folder, reserved) = (tempfile::tempdir().expect("a folder"), ReservedPort::new());
        let port = reserved.number();
        let place = format!("{}/", folder.path().display());
        let adapt = |text: &str| {
            text.replace(TOKEND, base.trim_start_matches("http://"))
                .replace(API, &format!("127.0.0.1:{}", api.port))
                .replace(GATEWAY, &format!("127.0.0.1:{port}"))
                .replace("api.example.com:8000", &format!("localhost:{port}"))
                .replace("/etc/haproxy/", &place)
                .replace("/etc/traefik/", &place)
                .replace("/etc/nginx/", &place)
                .replace("/etc/caddy/", &place)
        };
        for (name, text) in files {
            let before = if *name == "Caddyfile" { CADDY } else { "" };
            std::fs::write(folder.path().join(name), before.to_owned() + &adapt(text))
                .expect("written");
        }
        if program == Program::Nginx {
            std::fs::write(folder.path().join("nginx.conf"), nginx_main("include orders.conf;"))
                .expect("written");
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = program
            .command(folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{program:?}: {error}; run: make test"));
        Self { port, child, _reserved: reserved, folder }
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    async fn until(&mut self, is_ready: impl AsyncFn(&Self) -> bool) {
        let started = Instant::now();
        while started.elapsed() < HANGS_AFTER && self.is_running() {
            if is_ready(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {}", self.log());
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    async fn connection(&self) -> Option<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.port)).await.ok()
    }

    /// True if a request without a token gets 401. A listening gateway may not know its routes yet.
    async fn rejects(&self) -> bool {
        let Some(mut stream) = self.connection().await else { return false };
        let host = format!("127.0.0.1:{}", self.port);
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        stream.write_all(request.as_bytes()).await.is_ok()
            && stream.read_to_end(&mut answer).await.is_ok()
            && answer.starts_with(b"HTTP/1.1 401")
    }

    /// Returns the certificate of a gateway with TLS.
    pub fn root(&self) -> reqwest::Certificate {
        let pem = std::fs::read(self.folder.path().join("api.crt")).expect("a certificate");
        reqwest::Certificate::from_pem(&pem).expect("a root")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }
}

impl Drop for Gateway {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the gateway said")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of the gateway:\n{}", self.log());
        }
    }
}

/// Without the ports that all instances of Caddy would share.
pub const CADDY: &str = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n\n";

const JS_MODULE: &str = "/usr/lib/nginx/modules/ngx_http_js_module.so";

/// Returns the main file of Debian's nginx around the files of its folder `conf.d`, but without a
/// daemon.
pub fn nginx_main(includes: &str) -> String {
    // Debian loads the module by a link that works only in its own folder.
    let is_there = Path::new(JS_MODULE).exists();
    let module = if is_there { format!("load_module {JS_MODULE};") } else { String::new() };
    format!(
        "{module}
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {includes}
}}
"
    )
}

impl Program {
    /// Returns its name in the table of tested programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
        }
    }

    /// Returns the files of the page.
    fn files(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nginx => vec![("orders.conf", block("nginx", 0))],
            Self::Haproxy => {
                vec![("haproxy.cfg", block("haproxy", 0)), ("tokend.lua", block("lua", 0))]
            }
            Self::Caddy => vec![("Caddyfile", block("caddy", 0))],
            Self::Traefik => {
                vec![("traefik.yml", block("yaml", 0)), ("orders.yml", block("yaml", 1))]
            }
        }
    }

    /// Returns the files with the changes on the page for TLS.
    fn files_with_tls(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nginx => {
                let text = block("nginx", 0);
                let text = replace(&text, "    listen 127.0.0.1:8000;\n", &block("nginx", 2));
                let start = "    location = /tokend-check {\n";
                let text = replace(&text, start, &format!("{start}{}", block("nginx", 3)));
                let text = format!("{}{text}", block("nginx", 1));
                vec![("orders.conf", text), ("client_cert.js", block("js", 0))]
            }
            Self::Haproxy => {
                let bind = "    bind 127.0.0.1:8000\n";
                let text = replace(&block("haproxy", 0), bind, &block("haproxy", 1));
                let call = "  local answer";
                let script = replace(&block("lua", 0), call, &format!("{}{call}", block("lua", 1)));
                vec![("haproxy.cfg", text), ("tokend.lua", script)]
            }
            Self::Caddy => {
                let first = "http://127.0.0.1:8000 {\n";
                let text = replace(&block("caddy", 0), first, &block("caddy", 1));
                let header = "\t\t\theader_up -Client-Cert\n";
                vec![("Caddyfile", replace(&text, header, &block("caddy", 2)))]
            }
            Self::Traefik => panic!("Traefik cannot pass a certificate on as RFC 9440 says"),
        }
    }

    /// Returns the command that runs the program in the foreground.
    fn command(self, folder: &Path) -> Command {
        let mut command;
        match self {
            Self::Nginx => {
                command = Command::new("/usr/sbin/nginx");
                command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
            }
            Self::Haproxy => {
                command = Command::new("/usr/sbin/haproxy");
                command.args(["-db", "-f", "haproxy.cfg"]);
            }
            Self::Caddy => {
                command = Command::new("caddy");
                command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
                command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            }
            Self::Traefik => {
                command = Command::new(python_program("traefik"));
                command.arg("--configFile=traefik.yml");
            }
        }
        command
    }
}

fn block(fence: &str, index: usize) -> String {
    blocks("gateways.md", fence).get(index).cloned().expect("a block")
}

/// Replaces a text that must occur exactly once.
fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} in {text}");
    text.replace(old, new)
}

/// An API that answers 200 to everything and records the requests.
pub struct Api {
    pub port: u16,
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

impl Api {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (requests, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
        let api = Self { port, requests: requests.clone(), last: last.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, last) = (requests.clone(), last.clone());
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(request) = read_request(&mut stream).await else { return };
                    *last.lock().expect("a lock") = request;
                    requests.fetch_add(1, Ordering::Relaxed);
                    let _ = stream.write_all(API_ANSWER).await;
                });
            }
        });
        api
    }

    /// Returns the number of requests that have reached it.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the last request unchanged.
    pub fn last(&self) -> String {
        self.last.lock().expect("a lock").clone()
    }

    /// Returns the values of a header of the last request. Like many frameworks, it treats an
    /// underscore as a hyphen.
    pub fn header(&self, name: &str) -> Vec<String> {
        let last = self.last();
        let fields = last.lines().skip(1).take_while(|line| !line.is_empty());
        fields
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.replace('_', "-").eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

const API_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// Reads one request; returns `None` if the connection ends before it is complete.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
