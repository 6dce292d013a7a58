//! Secrets that were found where they must not be: in a repository, a log, a chat.
//!
//! A report takes any text. The secret itself is the right to report it, so the policy of its client
//! runs also if the caller must not see the client. Then the caller learns nothing about it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::admin::secret::{expire_immediately, expired_at};
use crate::admin::{AdminError, AuditedChange, Principal};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::leak_policy::LeakPolicy;
use crate::model::secret::{SecretId, SecretKind, SecretRecord};
use crate::model::time::Timestamp;
use crate::secrets::hash_queue::HashQueue;
use crate::secrets::offline;
use crate::secrets::secret::{MAX_SECRET_BYTES, found_in, suffix};
use crate::services::Services;
use crate::store::secrets::life::DueSecret;

/// The longest text of a report, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// The maximum number of generated secrets in one text.
const MAX_SECRETS: usize = 100;

/// How many hashes a report with a client costs, whatever it finds: so its time says nothing.
const HASHES_PER_REPORT: usize = 8;

/// The shortest word of a text that is tried as an imported secret.
const MIN_WORD_BYTES: usize = 8;

/// The seconds of [`LeakPolicy::EndIn24h`].
const GRACE_SECONDS: i64 = 86_400;

/// A text in which secrets may be.
#[derive(Debug)]
pub struct LeakReport {
    /// The text.
    pub text: SecretString,
    /// The client whose imported secrets are looked for. Secrets that tokend generated are found
    /// without it.
    pub client_id: Option<ClientId>,
}

/// The secrets that a report has found.
#[derive(Debug, Default)]
pub struct FoundSecrets {
    /// Those of clients that the caller may see.
    pub visible: Vec<DueSecret>,
    /// The others, of which the caller must learn nothing.
    pub hidden: Vec<DueSecret>,
}

/// What was done about a leaked secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LeakedSecret {
    /// The client.
    pub client_id: ClientId,
    /// The secret.
    pub secret_id: SecretId,
    /// The policy of the client.
    pub leak_policy: LeakPolicy,
    /// When it was first reported.
    pub leaked_at: Timestamp,
    /// When it ends, or when it has ended.
    #[schema(required = true)]
    pub expires_at: Option<Timestamp>,
}

/// Finds the secrets in a text, and changes nothing.
///
/// # Errors
/// [`AdminError::ScopeMissing`], a text with too many bytes or secrets, a full hash queue, or what
/// the database says.
pub async fn find(
    services: &Services,
    principal: &Principal,
    report: &LeakReport,
) -> Result<FoundSecrets, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let text = report.text.expose_secret();
    if text.len() > MAX_TEXT_BYTES {
        let problem = format!("has {} bytes; at most {MAX_TEXT_BYTES} are read", text.len());
        return Err(AdminError::invalid("text", problem));
    }
    let mut found = of_our_format(services, text).await?;
    if let Some(id) = &report.client_id {
        found.extend(imported(services, text, id).await?);
    }
    found.sort_by(|one, other| one.secret_id.cmp(&other.secret_id));
    found.dedup();
    let mut split = FoundSecrets::default();
    for secret in found {
        let owner = services.store.read().client_owner(&secret.client_id).await?;
        if principal.may_administer(owner.as_ref()) {
            &mut split.visible
        } else {
            &mut split.hidden
        }
        .push(secret);
    }
    Ok(split)
}

/// Does with secrets what the policy of each client says, and records an event for each. A
/// repetition that changes nothing is not an event.
pub async fn run_policies(
    services: &Services,
    principal: &Principal,
    secrets: &[DueSecret],
) -> Result<Vec<LeakedSecret>, AdminError> {
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let mut change = principal.begin(services).await?;
    let (mut done, mut has_changed) = (Vec::new(), false);
    for DueSecret { client_id, secret_id } in secrets {
        // It may have been deleted since it was found.
        let Some(found) = change.read().registration(client_id).await? else { continue };
        let secret = found.secrets.iter().find(|secret| secret.secret_id == *secret_id);
        let Some(secret) = secret else { continue };
        let leaked = leaked(&change, &found, secret);
        let after = (leaked.leaked_at, leaked.expires_at);
        if secret.leaked_at.map(|first| (first, secret.expires_at)) != Some(after) {
            record(&mut change, secret, &leaked).await?;
            has_changed = true;
        }
        done.push(leaked);
    }
    if has_changed {
        change.commit().await?;
    }
    Ok(done)
}

/// The end of a secret by the policy of its client. An expiry is never extended.
fn leaked(change: &AuditedChange, found: &Registration, secret: &SecretRecord) -> LeakedSecret {
    let leak_policy = found.client.leak_policy;
    let end = match leak_policy {
        LeakPolicy::Report => None,
        LeakPolicy::EndIn24h => Some(change.now.plus_seconds(GRACE_SECONDS)),
        LeakPolicy::EndNow => Some(expire_immediately(change)),
    };
    LeakedSecret {
        client_id: found.client.client_id.clone(),
        secret_id: secret.secret_id.clone(),
        leak_policy,
        leaked_at: secret.leaked_at.unwrap_or(change.now),
        expires_at: [end, secret.expires_at].into_iter().flatten().min(),
    }
}

async fn record(
    change: &mut AuditedChange,
    secret: &SecretRecord,
    leaked: &LeakedSecret,
) -> Result<(), AdminError> {
    let LeakedSecret { client_id, secret_id, leak_policy, leaked_at, expires_at } = leaked;
    let mut after = secret.clone();
    if let Some(end) = expires_at {
        after = expired_at(secret, *end);
    }
    after.leaked_at = Some(*leaked_at);
    change.transaction.update_secret(client_id, &after).await?;
    let detail = json!({
        "secret_id": secret_id,
        "leak_policy": leak_policy,
        "was": { "expires_at": secret.expires_at },
        "is": { "expires_at": expires_at },
    });
    change.record(Action::SecretLeaked, EventSubject::Client(client_id.clone()), detail).await?;
    let policy = leak_policy.as_str();
    tracing::warn!(client.id = %client_id, secret.id = %secret_id, policy, "a secret was reported as leaked");
    Ok(())
}

/// The secrets in a text that tokend generated: those of a server by their tag, those that were
/// generated offline by their digest.
async fn of_our_format(services: &Services, text: &str) -> Result<Vec<DueSecret>, AdminError> {
    let unescaped = percent_decoded(text);
    let texts = [Some(text), unescaped.as_ref().map(|text| text.as_str())];
    let decoded: Vec<_> = texts.into_iter().flatten().flat_map(decoded_words).collect();
    let decoded = decoded.iter().map(|word| word.as_str());
    let texts = texts.into_iter().flatten().chain(decoded);
    let mut candidates: Vec<SecretString> =
        texts.flat_map(found_in).map(SecretString::from).collect();
    candidates.sort_by(|one, other| one.expose_secret().cmp(other.expose_secret()));
    candidates.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
    if candidates.len() > MAX_SECRETS {
        let problem = format!("contains more than {MAX_SECRETS} secrets; send it in parts");
        return Err(AdminError::invalid("text", problem));
    }
    let suffixes: Vec<_> = candidates.iter().map(|text| suffix(text.expose_secret())).collect();
    let suffixes: Vec<_> = suffixes.iter().map(String::as_str).collect();
    let digests: Vec<_> =
        candidates.iter().filter_map(|text| offline::digest_of(text.expose_secret())).collect();
    let stored = services.store.secrets_by_text(&suffixes, &digests).await?.into_iter();
    let stored = stored.filter(|stored| match stored.hash.digest() {
        Some(known) => digests.iter().any(|digest| offline::is_same(digest, known)),
        None => candidates.iter().map(ExposeSecret::expose_secret).any(|text| {
            let id = stored.client_id.as_str();
            suffix(text) == stored.suffix && services.keys.tag_key.is_tagged(id, text)
        }),
    });
    Ok(stored
        .map(|stored| DueSecret { client_id: stored.client_id, secret_id: stored.secret_id })
        .collect())
}

/// The text without percent-encoding, as in a URL or a form; `None` if it has none. It is decoded
/// once, so it never becomes longer.
fn percent_decoded(text: &str) -> Option<Zeroizing<String>> {
    let has_escape = text.contains('%');
    let decoded = || percent_decode_str(text).decode_utf8_lossy().into_owned();
    has_escape.then(decoded).filter(|decoded| decoded != text).map(Zeroizing::new)
}

/// The words of a text that are Base64, decoded: credentials of HTTP Basic are.
fn decoded_words(text: &str) -> Vec<Zeroizing<String>> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    let decoded = text.split(is_end).filter_map(|word| STANDARD.decode(word).ok());
    decoded.filter_map(|bytes| String::from_utf8(bytes).ok()).map(Zeroizing::new).collect()
}

/// The imported secrets of a client that are words of a text. It costs the same number of hashes
/// for every client, also if the client does not exist.
async fn imported(
    services: &Services,
    text: &str,
    id: &ClientId,
) -> Result<Vec<DueSecret>, AdminError> {
    let known = services.store.registration(id).await?.map(|found| found.secrets);
    let known = known.unwrap_or_default();
    let words = words(text);
    let is_possible = |word: &str, secret: &SecretRecord| {
        let has_suffix = secret.suffix.is_empty() || secret.suffix == suffix(word);
        secret.kind == SecretKind::Imported && has_suffix
    };
    let pairs = words.iter().flat_map(|word| {
        let possible = known.iter().filter(|it| is_possible(word.expose_secret(), it));
        possible.map(move |secret| (word, secret))
    });
    let pairs: Vec<_> = pairs.take(HASHES_PER_REPORT).collect();
    let mut found = Vec::new();
    let nothing = SecretString::from("");
    for place in 0..HASHES_PER_REPORT {
        let Some((word, secret)) = pairs.get(place) else {
            services.hasher.verify_nothing(HashQueue::Imported, &nothing).await?;
            continue;
        };
        if services.hasher.verify(HashQueue::Imported, word, &secret.hash).await? {
            let (client_id, secret_id) = (id.clone(), secret.secret_id.clone());
            found.push(DueSecret { client_id, secret_id });
        }
    }
    Ok(found)
}

/// What may be an imported secret: the text as a whole, and its words. A word with percent-encoding
/// is followed by what it encodes.
fn words(text: &str) -> Vec<SecretString> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';');
    let whole = text.trim();
    let in_text = whole.split(is_end).filter(|word| *word != whole);
    let assigned = whole.split(is_end).filter_map(|word| word.split_once('=').map(|(_, it)| it));
    let is_fit = |word: &SecretString| {
        (MIN_WORD_BYTES..=MAX_SECRET_BYTES).contains(&word.expose_secret().len())
    };
    let all = [whole].into_iter().chain(in_text).chain(assigned).flat_map(|word| {
        let decoded = percent_decoded(word).map(|decoded| SecretString::from(decoded.as_str()));
        [SecretString::from(word)].into_iter().chain(decoded)
    });
    all.filter(is_fit).take(HASHES_PER_REPORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_text_are_the_text_itself_and_its_parts() {
        let of = |text: &str| -> Vec<String> {
            words(text).iter().map(|word| word.expose_secret().to_owned()).collect()
        };
        assert_eq!(of(" tfSl0c6-as-it-was\n"), ["tfSl0c6-as-it-was"]);
        assert_eq!(
            of("SECRET=\"abcdefgh=\" key=12345678"),
            ["SECRET=\"abcdefgh=\" key=12345678", "abcdefgh=", "key=12345678", "12345678"]
        );
        assert!(of("short").is_empty() && of(&"x".repeat(257)).is_empty());
        assert_eq!(of(&"abcdefgh ".repeat(50)).len(), HASHES_PER_REPORT);
        assert_eq!(
            of("?p=a%2Bb%40cdef"),
            ["?p=a%2Bb%40cdef", "?p=a+b@cdef", "a%2Bb%40cdef", "a+b@cdef"]
        );
    }

    #[test]
    fn credentials_of_http_basic_are_decoded() {
        let decoded =
            decoded_words("curl -H 'Authorization: Basic YTp0a2RfYg==' https://a.example");
        assert!(decoded.iter().any(|word| word.as_str() == "a:tkd_b"));
    }
}
