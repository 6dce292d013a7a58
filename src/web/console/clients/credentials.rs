//! The credentials of a client: secrets, keys, certificates and trusts.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::client;
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::secret::SecretRecord;
use crate::model::security::KeySource;
use crate::model::time::{Timestamp, in_words};
use crate::model::trust::TrustId;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame};
use crate::web::console::clients::new_secret;
use crate::web::console::page_parts::answer::{self, Answer, AppState};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge, Choice, Time};
use crate::web::console::sign_in::gate::SignedIn;

#[derive(Template)]
#[template(path = "console/clients/credentials.html")]
struct CredentialsPage {
    frame: Frame,
    head: ClientHeader,
    secrets: Vec<SecretRow>,
    others: Vec<OtherCredential>,
    /// The last use of the other credentials, which share one record.
    other_used: Option<OtherUse>,
    may_change: bool,
    may_rotate: bool,
    overlaps: Vec<Choice>,
    lifetimes: Vec<Choice>,
    /// Detects a repeated submission of the form.
    once: String,
    /// Like `once`, for the form that adds a secret.
    another_once: String,
}

struct SecretRow {
    id: String,
    suffix: String,
    label: String,
    created: Time,
    expires: Option<Time>,
    used: Option<Time>,
    uses: String,
    address: String,
    state: Badge,
    is_live: bool,
    is_safe: bool,
    reason: String,
    /// The expected effect of ending the secret, based on its usage.
    would_break: String,
    end_path: String,
}

struct OtherCredential {
    kind: &'static str,
    what: String,
    created: Option<Time>,
    /// The path of the removal form; empty if it cannot be removed here.
    remove_path: String,
    /// The key to remove, if the client has several.
    name: String,
}

/// The time and address of the last use.
struct OtherUse {
    time: Time,
    address: String,
}

/// The overlaps that the form offers.
pub(in crate::web::console) const OVERLAPS: [(&str, &str); 4] = [
    ("until_unused:6h,max:7d", "when unused for 6 hours, after 7 days at the latest"),
    ("24h", "in 24 hours"),
    ("7d", "in 7 days"),
    ("0s", "now: it leaked"),
];

/// The lifetimes of a new secret that forms offer.
pub(in crate::web::console) const LIFETIMES: [(&str, &str); 4] =
    [("180d", "180 days"), ("90d", "90 days"), ("365d", "1 year"), ("", "no expiry")];

impl SecretRow {
    fn of(path: &str, secret: &SecretRecord, now: Timestamp) -> Self {
        let is_live = secret.is_valid(now);
        let status = secret.status.as_ref();
        let state = match (is_live, &secret.replaced_by) {
            (false, _) => Badge::new("off", "ended"),
            (true, Some(_)) => Badge::new("warn", "replaced"),
            (true, None) if status.is_some_and(|status| status.expiring_soon) => {
                Badge::new("warn", "expires soon")
            }
            (true, None) => Badge::new("good", "current"),
        };
        let safe = status.map(|status| &status.safe_to_end);
        Self {
            id: secret.secret_id.to_string(),
            suffix: secret.suffix.clone(),
            label: secret.label.clone(),
            created: Time::of(secret.created_at, now),
            expires: Time::maybe(secret.expires_at, now),
            used: secret.usage.map(|usage| Time::of(usage.last_used_at, now)),
            uses: secret
                .usage
                .map(|usage| shown::counted(usage.uses, "time", "times"))
                .unwrap_or_default(),
            address: secret.usage.map(|usage| usage.last_address.to_string()).unwrap_or_default(),
            state,
            is_live,
            is_safe: safe.is_some_and(|safe| safe.safe),
            reason: safe.map(|safe| safe.reason.clone()).unwrap_or_default(),
            would_break: would_break(secret, safe.is_some_and(|safe| safe.safe), now),
            end_path: format!("{path}/secrets/{}/end", secret.secret_id),
        }
    }
}

/// Describes the effect of ending a secret.
fn would_break(secret: &SecretRecord, is_safe: bool, now: Timestamp) -> String {
    let Some(usage) = secret.usage else {
        return "Nothing has used it yet: no program would break.".to_owned();
    };
    let ago = in_words(now.seconds_since(usage.last_used_at).max(0));
    let address = usage.last_address;
    if is_safe {
        return format!("No program seems to use it: its last use was {ago} ago, from {address}.");
    }
    let uses = shown::counted(usage.uses, "use", "uses");
    format!(
        "The program at {address} used it {ago} ago ({uses} in all). It gets no more tokens with \
         this secret."
    )
}

fn others(path: &str, found: &Registration, now: Timestamp) -> Vec<OtherCredential> {
    let security = &found.client.security;
    let other = |kind, what: String, created, remove_path: String, name: String| OtherCredential {
        kind,
        what,
        created,
        remove_path,
        name,
    };
    let keys_path = format!("{path}/keys/remove");
    let mut others = Vec::new();
    if let Some(KeySource::Remote(uri)) = &security.keys {
        let what = uri.as_str().to_owned();
        others.push(other("Keys by URL", what, None, keys_path.clone(), String::new()));
    }
    for key in client::key::list(found) {
        let thumbprint = key.thumbprint.unwrap_or_default();
        let name = key.kid.unwrap_or(thumbprint);
        let what = format!("{name} ({})", key.algorithms);
        others.push(other("Key", what, None, keys_path.clone(), name));
    }
    if let Some(subject) = &security.tls_subject {
        let what = subject.to_string();
        others.push(other("Certificate", what, None, String::new(), String::new()));
    }
    let remove = |id: &TrustId| format!("{path}/trusts/{id}/remove");
    for trust in &found.trusts {
        let conditions = trust.conditions.iter();
        let conditions =
            conditions.map(|(claim, pattern)| format!("{claim} = {}", pattern.as_str()));
        let conditions: Vec<_> = conditions.collect();
        let what = format!("{}: {}", trust.issuer.as_str(), conditions.join(", "));
        let created = Some(Time::of(trust.created_at, now));
        others.push(other("Trust", what, created, remove(&trust.trust_id), String::new()));
    }
    for trust in &found.spiffe_trusts {
        let what = trust.source.subject().to_string();
        let created = Some(Time::of(trust.created_at, now));
        others.push(other("SPIFFE trust", what, created, remove(&trust.trust_id), String::new()));
    }
    others
}

/// Shows the credentials of a client.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    let found = find(&app, &signed_in, &id).await?;
    let head = ClientHeader::of(&signed_in, &found, "credentials");
    let now = signed_in.now;
    let rotation = format!("{} --overlap 24h", command(&found, "client rotate-secret"));
    let body = "{\"overlap\":\"24h\"}";
    let equivalent = Equivalent::new(rotation, "POST", &api_path(&found, "/secrets/rotate"), body);
    // Newest first, because that secret is usually needed.
    let secrets = found.secrets.iter().rev().map(|secret| SecretRow::of(&head.path, secret, now));
    let page = CredentialsPage {
        frame: frame(&signed_in, &found, equivalent),
        secrets: secrets.collect(),
        others: others(&head.path, &found, now),
        other_used: found.usage.map(|usage| OtherUse {
            time: Time::of(usage.last_used_at, now),
            address: usage.last_address.to_string(),
        }),
        may_change: signed_in.may(AdminScope::SecretsWrite),
        may_rotate: found.secrets.iter().any(|secret| secret.is_valid(now)),
        overlaps: Choice::list(&OVERLAPS, OVERLAPS[0].0),
        lifetimes: Choice::list(&LIFETIMES, LIFETIMES[0].0),
        once: new_secret::once()?,
        another_once: new_secret::once()?,
        head,
    };
    answer::page(&page)
}
