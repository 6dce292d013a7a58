//! Third-party proxies in front of tokend, with the files of `deploy/proxy`.

use std::net::Ipv4Addr;
use std::process::Command;

use reqwest::Certificate;
use tempfile::TempDir;

use super::gateway::{CADDY, nginx_main};
use crate::support::certificates::Pair;
use crate::support::foreign::{Foreign, python_program};
use crate::support::generated::read;
use crate::support::reserved_port::ReservedPort;

/// A program that terminates TLS and passes requests on to tokend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    Nginx,
    Haproxy,
    Caddy,
    Envoy,
}

/// A proxy with a port for all clients and one that requests certificates.
pub struct Front {
    proxy: Proxy,
    port: ReservedPort,
    port_for_certificates: ReservedPort,
    folder: TempDir,
    root: Certificate,
    program: Option<Foreign>,
}

impl Front {
    /// Reserves the ports. tokend must know them before the proxy can start.
    pub fn new(proxy: Proxy) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let own = own.expect("a certificate");
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let folder = tempfile::tempdir().expect("a folder");
        let files = [
            ("id.pem", format!("{certificate}{key}")),
            ("clients.pem", certificate.clone()),
            ("id.crt", certificate.clone()),
            ("id.key", key),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        Self {
            proxy,
            port: ReservedPort::new(),
            port_for_certificates: ReservedPort::new(),
            folder,
            root: Certificate::from_pem(certificate.as_bytes()).expect("a root"),
            program: None,
        }
    }

    /// Returns the issuer: the URL that clients use.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port.number())
    }

    /// Returns the URL for clients with a certificate.
    pub fn url_for_certificates(&self) -> String {
        format!("https://localhost:{}", self.port_for_certificates.number())
    }

    /// Returns a client that trusts the proxy, with its own address and optionally a certificate.
    pub fn client(&self, from: Ipv4Addr, certificate: Option<&Pair>) -> reqwest::Client {
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([self.root.clone()])
            .resolve("localhost", (Ipv4Addr::LOCALHOST, 0).into())
            .local_address(Some(from.into()));
        if let Some(pair) = certificate {
            http = http.identity(pair.identity());
        }
        http.build().expect("an HTTP client")
    }

    /// Starts the proxy in front of two or more instances, and waits until one answers through it.
    pub async fn start(&mut self, instances: &[u16]) {
        self.write_files(instances);
        let (http, url) =
            (self.client(Ipv4Addr::LOCALHOST, None), format!("{}/readyz", self.url()));
        let program = Foreign::start(&mut self.command(), self.folder.path());
        let program = self.program.insert(program);
        let is_ready = async || {
            let answer = http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        program.until(is_ready).await;
    }

    /// Writes the files of `deploy/proxy` with the ports and the folder of this test.
    fn write_files(&self, instances: &[u16]) {
        let (one, two) = (instances[0], instances[1]);
        let (port, second) = (self.port.number(), self.port_for_certificates.number());
        let folder = format!("{}/", self.folder.path().display());
        let replacements = [
            ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
            ("listen 8443 ssl", format!("listen 127.0.0.1:{second} ssl")),
            ("bind :443", format!("bind 127.0.0.1:{port}")),
            ("bind :8443", format!("bind 127.0.0.1:{second}")),
            ("https://id.example.com:8443 {", format!("https://localhost:{second} {{")),
            ("https://id.example.com {", format!("https://localhost:{port} {{")),
            ("port_value: 443 ", format!("port_value: {port} ")),
            ("port_value: 8080 ", format!("port_value: {one} ")),
            ("port_value: 8090 ", format!("port_value: {two} ")),
            ("127.0.0.1:8080", format!("127.0.0.1:{one}")),
            ("127.0.0.1:8090", format!("127.0.0.1:{two}")),
            ("id.example.com", "localhost".to_owned()),
            ("/etc/nginx/", folder.clone()),
            ("/etc/haproxy/", folder.clone()),
            ("/etc/caddy/", folder.clone()),
            ("/etc/envoy/", folder),
        ];
        let (names, first_lines): (&[&str], _) = match self.proxy {
            Proxy::Nginx => (&["nginx.conf", "nginx-client-certificates.conf", "tokend.js"], ""),
            Proxy::Haproxy => (&["haproxy.cfg"], ""),
            Proxy::Caddy => (&["Caddyfile"], CADDY),
            Proxy::Envoy => (&["envoy.yaml"], ""),
        };
        for name in names {
            let mut text = first_lines.to_owned() + &read(&format!("deploy/proxy/{name}"));
            for (from, to) in &replacements {
                text = text.replace(from, to);
            }
            text = with_more_servers(&text, two, &instances[2..]);
            std::fs::write(self.folder.path().join(name), text).expect("written");
        }
        let includes = "include nginx.conf; include nginx-client-certificates.conf;";
        std::fs::write(self.folder.path().join("main.conf"), nginx_main(includes))
            .expect("written");
    }

    /// Returns the command that runs the program in the foreground.
    fn command(&self) -> Command {
        let folder = self.folder.path();
        let mut command;
        match self.proxy {
            Proxy::Nginx => {
                command = Command::new("/usr/sbin/nginx");
                command.arg("-p").arg(folder).args(["-c", "main.conf", "-e", "stderr"]);
            }
            Proxy::Haproxy => {
                command = Command::new("/usr/sbin/haproxy");
                command.args(["-db", "-f", "haproxy.cfg"]);
            }
            Proxy::Caddy => {
                command = Command::new("caddy");
                command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
                command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            }
            Proxy::Envoy => {
                command = Command::new(python_program("envoy"));
                command.args(["-c", "envoy.yaml", "--concurrency", "1", "--use-dynamic-base-id"]);
            }
        }
        command
    }
}

/// Adds a line for each instance after the second, like that of the second.
fn with_more_servers(text: &str, second: u16, others: &[u16]) -> String {
    let own = format!("127.0.0.1:{second}");
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(line.to_owned());
        if line.trim_start().starts_with("server ") && line.contains(&own) {
            lines.extend(others.iter().map(|port| {
                let other = format!("127.0.0.1:{port}");
                line.replace(&own, &other).replace("two", &format!("at_{port}"))
            }));
        }
    }
    lines.join("\n") + "\n"
}
