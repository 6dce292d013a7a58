//! The field values of the form that edits a client, as stored or as entered.

use serde_json::{Map, Value, json};

use crate::admin::revision::Revision;
use crate::model::client::{GrantType, Registration};
use crate::model::facts::{Contact, Description};
use crate::model::owner::Owner;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;
use crate::text::shell::quote;
use crate::web::console::page_parts::form::Form;

/// The fields of a client as texts.
#[derive(Default)]
pub(in crate::web::console) struct EditedClient {
    pub(in crate::web::console) revision: String,
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) description: String,
    pub(in crate::web::console) contact: String,
    pub(in crate::web::console) owner: String,
    pub(in crate::web::console) labels: String,
    pub(in crate::web::console) claims: String,
    pub(in crate::web::console) lifetime: String,
    pub(in crate::web::console) token_rate: String,
    pub(in crate::web::console) networks: String,
    pub(in crate::web::console) methods: Vec<String>,
    pub(in crate::web::console) grant_types: Vec<String>,
    pub(in crate::web::console) dpop_bound: bool,
    pub(in crate::web::console) certificate_bound: bool,
    pub(in crate::web::console) leak_policy: String,
    pub(in crate::web::console) assertion_audiences: String,
    pub(in crate::web::console) admin_of: String,
}

/// Formats static claims for editing; empty if there are none.
pub(in crate::web::console) fn claims_text(claims: &StaticClaims) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let value: Value = serde_json::from_str(&claims.json()).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

impl EditedClient {
    pub(in crate::web::console) fn of(found: &Registration) -> Self {
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

    /// Returns the entered values, for a form that is shown again.
    pub(in crate::web::console) fn typed(form: &Form) -> Self {
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

    /// Returns the options of the command that sets the same values. Empty values are omitted,
    /// because they need no option.
    pub(in crate::web::console) fn options(&self) -> String {
        let texts = [
            ("--name", self.name.as_str()),
            ("--owner", &self.owner),
            ("--description", &self.description),
            ("--contact", &self.contact),
            ("--token-ttl", &self.lifetime),
            ("--token-rate", &self.token_rate),
            ("--leak-policy", &self.leak_policy),
            ("--dpop-bound", if self.dpop_bound { "true" } else { "" }),
            ("--certificate-bound", if self.certificate_bound { "true" } else { "" }),
        ];
        let mut options: Vec<_> =
            texts.into_iter().map(|(option, text)| (option, text.to_owned())).collect();
        let mut add = |option, texts: Vec<String>| {
            options.extend(texts.into_iter().map(|text| (option, text)));
        };
        add("--label", self.labels.lines().map(str::to_owned).collect());
        add("--auth-method", self.methods.clone());
        add("--grant-type", self.grant_types.clone());
        add("--network", words(&self.networks));
        add("--assertion-audience", words(&self.assertion_audiences));
        add("--admin-of", words(&self.admin_of));
        let claim = |(name, value): (String, Value)| format!("{name}={value}");
        add("--claim", self.claims().into_iter().map(claim).collect());
        let given = options.iter().filter(|(_, text)| !text.is_empty());
        given
            .map(|(option, text)| format!("{option} {}", quote(text)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the body of the API request that sets the same values.
    pub(in crate::web::console) fn body(&self) -> String {
        let text = |text: &str| (!text.is_empty()).then(|| json!(text));
        let list = |list: Vec<String>| (!list.is_empty()).then(|| json!(list));
        let is_set = |is_set: bool| is_set.then_some(json!(true));
        let seconds = Lifetime::parse(&self.lifetime).ok().map(Lifetime::seconds);
        let labels = labels_of(&self.labels);
        let claims = self.claims();
        let members = [
            ("name", text(&self.name)),
            ("owner", text(&self.owner)),
            ("description", text(&self.description)),
            ("contact", text(&self.contact)),
            ("labels", (!labels.is_empty()).then_some(Value::Object(labels))),
            ("auth_methods", list(self.methods.clone())),
            ("grant_types", list(self.grant_types.clone())),
            ("token_ttl_seconds", seconds.map(|seconds| json!(seconds))),
            ("token_rate", text(&self.token_rate)),
            ("leak_policy", text(&self.leak_policy)),
            ("dpop_bound_access_tokens", is_set(self.dpop_bound)),
            ("tls_client_certificate_bound_access_tokens", is_set(self.certificate_bound)),
            ("networks", list(words(&self.networks))),
            ("assertion_audiences", list(words(&self.assertion_audiences))),
            ("claims", (!claims.is_empty()).then_some(Value::Object(claims))),
            ("admin_of", list(words(&self.admin_of))),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect()).to_string()
    }

    /// Returns the static claims, if their text is an object.
    fn claims(&self) -> Map<String, Value> {
        serde_json::from_str(&self.claims).unwrap_or_default()
    }

    /// True if the client uses only the client credentials grant and has no further restrictions.
    /// The advanced part of the form is then collapsed.
    pub(in crate::web::console) fn is_plain(&self) -> bool {
        let only = GrantType::ClientCredentials;
        let has_limits = !self.assertion_audiences.is_empty() || !self.admin_of.is_empty();
        !self.dpop_bound
            && !self.certificate_bound
            && !has_limits
            && self.grant_types == [only.as_str()]
    }
}

/// Converts labels, one per line, to the JSON object of the admin API.
pub(in crate::web::console) fn labels_of(text: &str) -> Map<String, Value> {
    let pairs = text.lines().map(|line| line.split_once('=').unwrap_or((line, "")));
    pairs.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// Splits a field with several values at spaces and commas.
pub(in crate::web::console) fn words(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
