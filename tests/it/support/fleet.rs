//! Several instances behind a third-party proxy, and a load of clients that records failures.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::eventually::eventually;
use super::foreign::assert_allowed;
use super::process::{Cli, Process};
use super::reserved_port::ReservedPort;
use super::{CLIENT_CREDENTIALS, ORDERS, Place};
use crate::support::gateways::front::{Front, Proxy};

/// The number of concurrent clients, and the pause of each between two requests.
const CLIENTS: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// Instances behind a proxy, and a client that all of them know.
pub struct Fleet {
    // The instances end first: their logs are in the folder of the place.
    pub instances: Vec<Process>,
    pub front: Front,
    pub cli: Cli,
    pub client: (String, String),
    ports: Vec<ReservedPort>,
}

impl Fleet {
    /// Starts `size` instances, configured as on the page about proxies, with more settings.
    pub async fn start(
        proxy: Proxy,
        place: Arc<Place>,
        size: usize,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut cli = Cli::at(place);
        for (name, value) in settings {
            cli = cli.set(name, value);
        }
        Self::of(proxy, cli, size).await
    }

    /// Like [`Self::start`], with the program and the place of a command line.
    pub async fn of(proxy: Proxy, cli: Cli, size: usize) -> Self {
        assert_allowed("proxies of other projects");
        let mut front = Front::new(proxy);
        let ports: Vec<_> = (0..size).map(|_| ReservedPort::new()).collect();
        let cli = cli
            .set("TOKEND_ISSUER", &front.url())
            .set("TOKEND_PROXY_TRUSTED", "127.0.0.1/32")
            .set("TOKEND_SHUTDOWN_DELAY", "3s")
            .set("TOKEND_LOG_LEVEL", "info");
        let run = cli.run(&["migrate"]);
        assert_eq!(run.code, 0, "{run:?}");
        cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
        let client = make_client(&cli, "worker");
        let mut instances = Vec::new();
        for port in &ports {
            instances.push(cli.serve_at(port.address).await);
        }
        let numbers: Vec<_> = ports.iter().map(ReservedPort::number).collect();
        front.start(&numbers).await;
        Self { instances, front, cli, client, ports }
    }

    /// Ends an instance by a signal, and starts it again.
    pub async fn restart(&mut self, index: usize, signal: &str) {
        self.end(index, signal).await;
        self.instances[index] = self.cli.serve_at(self.ports[index].address).await;
    }

    /// Stops an instance, and starts another version of the program in its place.
    pub async fn replace(&mut self, index: usize, version: &Cli) {
        self.end(index, "TERM").await;
        self.instances[index] = version.serve_at(self.ports[index].address).await;
    }

    async fn end(&mut self, index: usize, signal: &str) {
        let instance = &mut self.instances[index];
        instance.signal(signal);
        let code = instance.ended().await;
        assert!(signal != "TERM" || code == Some(0), "{code:?}: {}", instance.log());
    }

    /// Waits until each instance reports this status.
    pub async fn until_all_report(&self, status: &str) {
        let http = super::client();
        for instance in &self.instances {
            eventually(status, async || {
                let answer = http.get(format!("{}/readyz", instance.base)).send().await.ok()?;
                answer.text().await.ok()?.contains(&format!("\"status\":\"{status}")).then_some(())
            })
            .await;
        }
    }
}

/// Creates a client with a grant; returns its id and its secret.
pub fn make_client(cli: &Cli, name: &str) -> (String, String) {
    let made = cli.json(&["client", "create", name, "--grant", ORDERS]);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("client_id"), text("client_secret"))
}

/// Returns the token request of a client.
pub fn token_request(
    http: &reqwest::Client,
    base: &str,
    (id, secret): &(String, String),
) -> reqwest::RequestBuilder {
    http.post(format!("{base}/v1/oauth/token"))
        .basic_auth(id, Some(secret))
        .form(&CLIENT_CREDENTIALS)
}

/// Clients that request tokens from the proxy of a fleet until the load ends.
pub struct Load {
    sent: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

/// The results of a load.
pub struct Outcome {
    pub sent: usize,
    pub failures: Vec<String>,
}

impl Load {
    pub fn start(fleet: &Fleet) -> Self {
        let (sent, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let url = fleet.front.url();
        let clients = (0..CLIENTS).map(|_| {
            let (sent, is_over, url) = (sent.clone(), is_over.clone(), url.clone());
            let http = fleet.front.client(Ipv4Addr::LOCALHOST, None);
            let client = fleet.client.clone();
            tokio::spawn(async move {
                let mut failures = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    match token_request(&http, &url, &client).send().await {
                        Ok(answer) if answer.status() == 200 => {}
                        Ok(answer) => failures.push(answer.status().to_string()),
                        Err(error) => failures.push(format!("{error:?}")),
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                failures
            })
        });
        let clients = clients.collect();
        Self { sent, is_over, clients }
    }

    /// Returns the number of answered requests so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until this number of requests has been answered.
    pub async fn until_sent(&self, count: usize) {
        eventually("the requests", async || (self.sent() >= count).then_some(())).await;
    }

    pub async fn end(self) -> Outcome {
        self.is_over.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for client in self.clients {
            failures.extend(client.await.expect("no panic"));
        }
        Outcome { sent: self.sent.load(Ordering::Relaxed), failures }
    }
}

impl Outcome {
    /// Asserts that there were requests, and none has failed.
    pub fn assert_none_failed(&self) {
        let Self { sent, failures } = self;
        let shown: Vec<_> = failures.iter().take(5).collect();
        assert!(failures.is_empty(), "{} of {sent} failed: {shown:?}", failures.len());
        assert!(*sent >= CLIENTS, "only {sent} were sent");
    }
}
