//! `docs/examples/terraform`: the requests that the provider `Mastercard/restapi` 3.0.0 sends for
//! the configuration. Terraform itself is not run.

use serde_json::{Map, Value, json};

use crate::repository::readme::blocks;
use crate::support::generated::read;
use crate::support::script::Script;
use crate::support::{Answer, Engine, Server, TestClient};

const FOLDER: &str = "docs/examples/terraform";

/// Returns a block of `main.tf`: the lines between its first line and the closing brace.
fn block(first_line: &str) -> String {
    let text = read(&format!("{FOLDER}/main.tf"));
    let (_, rest) = text.split_once(&format!("\n{first_line} {{\n")).expect("a block");
    rest.split("\n}\n").next().expect("its end").to_owned()
}

/// Returns the text of an argument in a block.
fn argument(block: &str, name: &str) -> Option<String> {
    let lines = block.lines().filter_map(|line| line.trim().split_once('='));
    let mut found = lines.filter(|(key, _)| key.trim() == name);
    Some(found.next()?.1.trim().trim_matches('"').to_owned())
}

/// The provider, configured as in the example.
struct Provider<'a> {
    server: &'a Server,
    block: String,
    admin_secret: String,
    /// All answers, which are in the state.
    state: String,
}

/// A `restapi_object`.
struct Object {
    path: String,
    id_attribute: String,
    data: Value,
    update_data: Option<Value>,
    /// The key of the search, and the path of its results.
    read_search: Option<(String, String)>,
    id: Option<String>,
}

impl Object {
    /// Creates a resource of the configuration with values for its expressions.
    fn new(provider: &Provider<'_>, name: &str, data: Value, update_data: Option<Value>) -> Self {
        let block = block(&format!("resource \"restapi_object\" \"{name}\""));
        let path = argument(&block, "path").expect("a path");
        let search = argument(&block, "search_key");
        assert_eq!(argument(&block, "update_data").is_some(), update_data.is_some(), "{name}");
        assert_eq!(argument(&block, "ignore_server_additions").as_deref(), Some("true"));
        if search.is_some() {
            assert_eq!(argument(&block, "search_value").as_deref(), Some("{id}"));
        }
        Self {
            path: path.replace("${restapi_object.billing.id}", "billing"),
            id_attribute: argument(&block, "id_attribute")
                .or_else(|| argument(&provider.block, "id_attribute"))
                .expect("an attribute"),
            data,
            update_data,
            read_search: search.zip(argument(&block, "results_key")),
            id: None,
        }
    }

    fn path_of_id(&self) -> String {
        format!("{}/{}", self.path, self.id.as_deref().expect("an id"))
    }
}

impl Provider<'_> {
    /// Sends a request with its own token, as `golang.org/x/oauth2` gets it.
    async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let id = argument(&self.block, "oauth_client_id").expect("an id");
        let form = [("grant_type", "client_credentials"), ("resource", "urn:tokend")];
        assert!(self.block.contains(r#"endpoint_params      = { "resource" = "urn:tokend" }"#));
        let endpoint = argument(&self.block, "oauth_token_endpoint").expect("a URL");
        assert!(self.server.token_url().ends_with(endpoint.split_once(".com").expect("a URL").1));
        let token = self.server.basic(&id, &self.admin_secret, &form).await.token();

        assert!(self.block.contains(r#"headers = { "If-Match" = "*" }"#));
        let method = method.parse().expect("a method");
        let url = format!("{}{path}", self.server.management);
        let mut request = self.server.http.request(method, url).header("if-match", "*");
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = Answer::of(request.bearer_auth(token)).await;
        self.server.catch_up().await;
        if answer.status < 300 {
            self.state.push_str(&answer.text);
        }
        answer
    }

    /// Creates the object. The id is in the data, or in the answer: `write_returns_object`.
    async fn create(&mut self, object: &mut Object) {
        assert_eq!(argument(&self.block, "write_returns_object").as_deref(), Some("true"));
        let answer = self.send("POST", &object.path, Some(&object.data)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let made = answer.json();
        let id = object.data.get(&object.id_attribute).unwrap_or(&made[&object.id_attribute]);
        object.id = Some(id.as_str().expect("an id").to_owned());
    }

    /// Reads the object. If it does not exist, returns `None` and removes the id.
    async fn read(&mut self, object: &mut Object) -> Option<Value> {
        let found = match &object.read_search {
            None => {
                let answer = self.send("GET", &object.path_of_id(), None).await;
                assert!([200, 404].contains(&answer.status), "{}", answer.text);
                (answer.status == 200).then(|| answer.json())
            }
            Some((key, results)) => {
                let answer = self.send("GET", &object.path, None).await;
                let page = answer.json();
                let all = page[results].as_array().cloned().unwrap_or_default();
                let id = object.id.as_deref();
                all.into_iter().find(|one| one[key].as_str() == id)
            }
        };
        if found.is_none() {
            object.id = None;
        }
        found
    }

    async fn update(&mut self, object: &Object) {
        let body = object.update_data.as_ref().unwrap_or(&object.data);
        let answer = self.send("PUT", &object.path_of_id(), Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    async fn delete(&mut self, object: &Object) {
        let answer = self.send("DELETE", &object.path_of_id(), None).await;
        let is_gone = answer.status < 300 || [404, 410].contains(&answer.status);
        assert!(is_gone, "{} {}", answer.status, answer.text);
    }
}

/// `jsonencode(merge(local.billing, { secret = … }))`.
fn with_secret(billing: &Value, digest: &str) -> Value {
    let mut merged: Map<String, Value> = billing.as_object().expect("an object").clone();
    merged.insert("secret".to_owned(), json!({ "label": "first", "secret_digest": digest }));
    merged.into()
}

/// Generates a secret offline; returns its client and its digest.
fn generate(script: &Script, file: &str) -> (TestClient, String) {
    let digest = script.run(&format!("tokend secret generate --secret-file {file} -o id"));
    let secret = script.read(file).trim().to_owned();
    (TestClient { id: "billing".to_owned(), secret }, digest.trim().to_owned())
}

/// Sets up a server as on the page, and the provider.
async fn provider(server: &Server) -> (Script, Provider<'_>) {
    let script = Script::of(server);
    let setup = &blocks(&format!("{FOLDER}/README.md"), "sh")[0];
    // The server of a test already has this API.
    let lines = setup.lines().filter(|line| !line.contains("resource create"));
    script.run(&lines.map(|line| format!("{line}\n")).collect::<String>());
    server.catch_up().await;
    let admin_secret = script.read("terraform.secret").trim().to_owned();
    let block = block("provider \"restapi\"");
    let provider = Provider { server, block, admin_secret, state: String::new() };
    (script, provider)
}

async fn is_accepted(server: &Server, client: &TestClient) -> bool {
    server.keep_secret(&client.secret);
    let answer = server.ask(client).await;
    assert!(answer.status == 200 || answer.error() == "invalid_client", "{}", answer.text);
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_creates_reads_updates_and_deletes_a_client() {
    let server = Server::start(Engine::Sqlite).await;
    let (script, mut terraform) = provider(&server).await;
    let (first, digest) = generate(&script, "first.secret");
    let mut billing: Value =
        serde_json::from_str(&read(&format!("{FOLDER}/billing.json"))).expect("JSON");
    let data = with_secret(&billing, &digest);
    let mut client = Object::new(&terraform, "billing", data, Some(billing.clone()));

    terraform.create(&mut client).await;
    let found = terraform.read(&mut client).await.expect("a client");
    for (name, value) in billing.as_object().expect("an object") {
        let is = match name.as_str() {
            // The server adds members to a grant.
            "grants" => json!([{
                "resource": found["grants"][0]["resource"], "scopes": found["grants"][0]["scopes"],
            }]),
            name => found[name].clone(),
        };
        assert_eq!(&is, value, "{name}");
    }
    assert!(is_accepted(&server, &first).await);

    // Another administrator has changed it. The update replaces everything except its secrets.
    script.run("tokend client update billing --description changed");
    server.catch_up().await;
    billing["contact"] = json!("#billing");
    client.update_data = Some(billing);
    terraform.update(&client).await;
    let found = terraform.read(&mut client).await.expect("a client");
    assert_eq!((&found["contact"], &found["description"]), (&json!("#billing"), &Value::Null));
    assert!(is_accepted(&server, &first).await);

    // An object that was deleted elsewhere is created again.
    script.run("tokend client delete billing --yes");
    server.catch_up().await;
    assert_eq!(terraform.read(&mut client).await, None);
    terraform.create(&mut client).await;
    assert!(is_accepted(&server, &first).await);

    terraform.delete(&client).await;
    assert!(!is_accepted(&server, &first).await);
    terraform.delete(&client).await;
    assert_eq!(terraform.read(&mut client).await, None);
    assert!(!terraform.state.contains(&first.secret) && terraform.state.contains("#billing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_rotates_a_secret_by_its_digest() {
    let server = Server::start(Engine::Sqlite).await;
    let (script, mut terraform) = provider(&server).await;
    let (first, digest) = generate(&script, "first.secret");
    let (later, later_digest) = generate(&script, "later.secret");
    let billing: Value =
        serde_json::from_str(&read(&format!("{FOLDER}/billing.json"))).expect("JSON");
    let data = with_secret(&billing, &digest);
    let mut client = Object::new(&terraform, "billing", data, Some(billing));
    terraform.create(&mut client).await;

    let data = json!({ "label": "2027", "secret_digest": later_digest });
    let mut secret = Object::new(&terraform, "billing_secret", data.clone(), None);
    terraform.create(&mut secret).await;
    let found = terraform.read(&mut secret).await.expect("a secret");
    for (name, value) in data.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name}");
    }
    assert!(is_accepted(&server, &first).await && is_accepted(&server, &later).await);

    terraform.delete(&secret).await;
    assert!(is_accepted(&server, &first).await && !is_accepted(&server, &later).await);
    terraform.delete(&secret).await;
    terraform.delete(&client).await;
    for client in [&first, &later] {
        assert!(!terraform.state.contains(&client.secret), "a secret is in the state");
    }
    assert!(!terraform.state.contains("client_secret\""), "{}", terraform.state);
}
