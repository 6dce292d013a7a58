//! The values of the form that edits a client: as they are stored, or as a person typed them.

use serde_json::{Map, Value, json};

use crate::admin::revision::Revision;
use crate::model::client::{GrantType, Registration};
use crate::model::facts::{Contact, Description};
use crate::model::owner::Owner;
use crate::model::shell_word::quote;
use crate::model::static_claims::StaticClaims;
use crate::web::console::form::Form;

/// A client as texts of a form.
#[derive(Default)]
pub(super) struct EditedClient {
    pub(super) revision: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) contact: String,
    pub(super) owner: String,
    pub(super) labels: String,
    pub(super) claims: String,
    pub(super) lifetime: String,
    pub(super) token_rate: String,
    pub(super) networks: String,
    pub(super) methods: Vec<String>,
    pub(super) grant_types: Vec<String>,
    pub(super) dpop_bound: bool,
    pub(super) certificate_bound: bool,
    pub(super) leak_policy: String,
    pub(super) assertion_audiences: String,
    pub(super) admin_of: String,
}

/// Static claims as a person edits them; empty if there is none.
pub(super) fn claims_text(claims: &StaticClaims) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let value: Value = serde_json::from_str(&claims.json()).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

impl EditedClient {
    /// The values of a client.
    pub(super) fn of(found: &Registration) -> Self {
        let (client, security) = (&found.client, &found.client.security);
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let owners = client.admin_of.iter().flatten().map(Owner::as_str).collect::<Vec<_>>();
        let networks = &security.networks;
        let audiences: Vec<_> = security.assertion_audiences.iter().collect();
        Self {
            revision: Revision::of_client(found).as_str().to_owned(),
            name: client.name.as_str().to_owned(),
            description: text(client.facts.description.as_ref().map(Description::as_str)),
            contact: text(client.facts.contact.as_ref().map(Contact::as_str)),
            owner: text(client.facts.owner.as_ref().map(Owner::as_str)),
            labels: client.facts.labels.texts().collect::<Vec<_>>().join("\n"),
            claims: claims_text(&client.claims),
            lifetime: client.token_lifetime.map(|it| it.to_string()).unwrap_or_default(),
            token_rate: client.token_rate.as_ref().map(ToString::to_string).unwrap_or_default(),
            networks: if networks.is_anywhere() { String::new() } else { networks.to_string() },
            methods: client.auth_methods.iter().map(|it| it.as_str().to_owned()).collect(),
            grant_types: client.grant_types.iter().map(|it| it.as_str().to_owned()).collect(),
            dpop_bound: security.dpop_bound,
            certificate_bound: security.certificate_bound,
            leak_policy: client.leak_policy.as_str().to_owned(),
            assertion_audiences: audiences.join(" "),
            admin_of: owners.join(" "),
        }
    }

    /// The values of a form that is shown again.
    pub(super) fn typed(form: &Form) -> Self {
        Self {
            revision: form.typed("revision"),
            name: form.typed("name"),
            description: form.typed("description"),
            contact: form.typed("contact"),
            owner: form.typed("owner"),
            labels: form.typed("labels"),
            claims: form.typed("claims"),
            lifetime: form.typed("lifetime"),
            token_rate: form.typed("token_rate"),
            networks: form.typed("networks"),
            methods: form.all("method").map(str::to_owned).collect(),
            grant_types: form.all("grant_type").map(str::to_owned).collect(),
            dpop_bound: form.has("dpop_bound"),
            certificate_bound: form.has("certificate_bound"),
            leak_policy: form.typed("leak_policy"),
            assertion_audiences: form.typed("assertion_audiences"),
            admin_of: form.typed("admin_of"),
        }
    }

    /// The options of the command and the body of the request that set the same values.
    pub(super) fn without_console(&self) -> (String, String) {
        let texts = [
            ("--name", "name", &self.name),
            ("--description", "description", &self.description),
            ("--contact", "contact", &self.contact),
            ("--owner", "owner", &self.owner),
        ];
        let given = texts.into_iter().filter(|(.., value)| !value.is_empty());
        let (mut options, mut body) = (Vec::new(), Map::new());
        for (option, member, value) in given {
            options.push(format!("{option} {}", quote(value)));
            body.insert(member.to_owned(), json!(value));
        }
        for network in self.networks.split(' ').filter(|it| !it.is_empty()) {
            options.push(format!("--network {}", quote(network)));
        }
        if !self.networks.is_empty() {
            let networks: Vec<_> = self.networks.split(' ').collect();
            body.insert("networks".to_owned(), json!(networks));
        }
        if !self.lifetime.is_empty() {
            options.push(format!("--token-ttl {}", quote(&self.lifetime)));
        }
        if !self.token_rate.is_empty() {
            options.push(format!("--token-rate {}", quote(&self.token_rate)));
            body.insert("token_rate".to_owned(), json!(self.token_rate));
        }
        (options.join(" "), Value::Object(body).to_string())
    }

    /// True if the client has one of the standard grant types alone and no further limit, so that
    /// the rest of the form begins closed.
    pub(super) fn is_plain(&self) -> bool {
        let only = GrantType::ClientCredentials;
        let has_limits = !self.assertion_audiences.is_empty() || !self.admin_of.is_empty();
        !self.dpop_bound
            && !self.certificate_bound
            && !has_limits
            && self.grant_types == [only.as_str()]
    }
}
