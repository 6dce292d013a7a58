//! Finds out for the operator why a secret was wrong, and how to fix it.
//!
//! Variants of the presented secret are tried here, **for diagnosis only, never for acceptance**.
//! They are compared only by the tag of a secret, which costs a microsecond. A rejection shows only
//! the last characters of a complete secret, which are its checksum.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::app::App;
use crate::directory::{ClientEntry, SecretEntry};
use crate::model::reason_code::ReasonCode;
use crate::model::rejection::UnknownId;
use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::time::{Timestamp, in_words};
use crate::oauth::caller::{SecretCredentials, SecretMethod};
use crate::oauth::client_authentication::rejection;
use crate::oauth::error::OAuthError;
use crate::secrets::offline;
use crate::secrets::secret::{self, SecretFormat};

const COLONS: &str = "The credentials contain several colons, so the end of the id is unclear. Form-encode id and secret before they are joined (RFC 6749, section 2.3.1): a colon is %3A.";

const CODING: &str =
    "In Basic encode id and secret once; in a JSON or form body let the library do it, once.";

const TRIM: &str = "Remove the line break or the space: tr -d '\\r\\n' < FILE, or echo -n instead of echo. Most libraries do not trim what they read from a file.";

const UNQUOTE: &str = "Remove the quotation marks. docker --env-file and Kubernetes manifests keep them as a part of the value.";

/// Rejects an unknown client id. The id is not repeated unchanged, because it may be a secret.
pub(super) fn unknown_client(app: &App, credentials: &SecretCredentials) -> OAuthError {
    let error = unknown_id(app, &credentials.client_id);
    let is_basic = credentials.method == SecretMethod::Basic;
    if is_basic && credentials.secret.expose_secret().contains(':') {
        return error.with_remedy(COLONS);
    }
    error
}

/// Like `unknown_client`, for a request without a secret.
pub(super) fn unknown_id(app: &App, id: &str) -> OAuthError {
    let unknown = |reason: String, remedy: Remedy| {
        OAuthError::authentication_failed(reason)
            .because(ReasonCode::UnknownClient)
            .with_remedy(remedy)
    };
    if secret::format_of(id) != SecretFormat::Foreign {
        return unknown(
            "a client secret was sent as the client id".to_owned(),
            "The two are swapped: put the id first. Rotate the secret if the request was logged."
                .into(),
        );
    }
    for (variant, mistake) in variants(id) {
        if app.directory.client(&variant).is_some() {
            let what = mistake.description();
            return unknown(
                format!("no client has that id, but {} would be one: the id {what}", *variant),
                mistake.remedy().into(),
            );
        }
    }
    unknown(UnknownId::of(id).to_string(), OperatorAction::CompareClientIds.into())
}

/// Rejects a secret that is not a valid secret of a known client.
pub(super) fn wrong_secret(
    app: &App,
    entry: &ClientEntry,
    credentials: &SecretCredentials,
    now: Timestamp,
) -> OAuthError {
    let presented = credentials.secret.expose_secret();
    let tag_key = &app.services.keys.tag_key;
    let is_own = |text: &str| {
        tag_key.is_tagged(&credentials.client_id, text) || by_digest(entry, text).is_some()
    };
    for (variant, mistake) in variants(presented) {
        if is_own(&variant) {
            let reason = format!("the secret is this client's, but it {}", mistake.description());
            return rejection(entry, &reason).with_remedy(mistake.remedy());
        }
    }
    if entry.secrets.is_empty() && !is_own(presented) {
        return without_secret(entry);
    }
    match secret::format_of(presented) {
        SecretFormat::Damaged => rejection(
            entry,
            "the secret was cut or mistyped: its checksum does not match",
        )
        .with_remedy(
            "Copy it again as a whole: tkd_ or tkg_ and 49 letters and digits, without a line break.",
        ),
        SecretFormat::Whole if !is_own(presented) => {
            rejection(entry, "the secret was generated for another client or by another server")
                .with_suffix(secret::suffix(presented))
                .with_remedy(OperatorAction::GiveOwnSecret)
        }
        SecretFormat::Whole => ended(entry, presented, now),
        SecretFormat::Offline => offline_secret(entry, presented, now),
        SecretFormat::Foreign if presented.starts_with("eyJ") => {
            rejection(entry, "the value sent as secret looks like a token")
                .with_remedy("Send the client's secret; a JWT belongs in client_assertion.")
        }
        SecretFormat::Foreign => {
            let mut reason =
                "the secret is wrong, and it does not have the form of this server's secrets".to_owned();
            let oddities: Vec<_> = oddities(presented).collect();
            if !oddities.is_empty() {
                let all: Vec<_> = oddities.iter().map(|odd| odd.description()).collect();
                reason.push_str(&format!(". What arrived {}", all.join("; ")));
            }
            rejection(entry, &reason).with_remedy(oddities.first().map_or(
                "Compare it with its source; an imported secret cannot be shown again.",
                |first| first.remedy(),
            ))
        }
    }
}

/// Rejects a secret of a client that has no secrets. The reason lists its other credentials.
fn without_secret(entry: &ClientEntry) -> OAuthError {
    let means = other_means(entry);
    let reason = if means.is_empty() {
        "the client has no secret, and nothing else to authenticate by".to_owned()
    } else {
        format!("the client has no secret; it has {}", means.join(", "))
    };
    rejection(entry, &reason).with_remedy(if means.is_empty() {
        OperatorAction::AddCredential
    } else {
        OperatorAction::UseOtherCredential
    })
}

/// Lists the credentials of a client other than secrets.
pub(super) fn other_means(entry: &ClientEntry) -> Vec<String> {
    let Some(security) = entry.security.as_deref() else { return Vec::new() };
    let trusts = match security.trusts.len() + security.spiffe_trusts.len() {
        0 => None,
        1 => Some("1 trust".to_owned()),
        count => Some(format!("{count} trusts")),
    };
    let keys = security.keys.as_ref().map(|_| "public keys".to_owned());
    let subject = security.tls_subject.as_ref().map(|subject| format!("certificate {subject}"));
    keys.into_iter().chain(subject).chain(trusts).collect()
}

/// Rejects a secret that the client had before.
fn ended(entry: &ClientEntry, presented: &str, now: Timestamp) -> OAuthError {
    let suffix = secret::suffix(presented);
    let has_suffix = |known: &&SecretEntry| *known.stored.suffix == *suffix;
    let known = entry.secrets.iter().find(has_suffix);
    match known.and_then(|known| Some((known, known.stored.expires_at?))) {
        Some((known, end)) if end <= now => {
            let (id, ago) = (known.stored.secret_id.as_str(), in_words(now.seconds_since(end)));
            rejection(entry, &format!("the secret {id} expired at {end}, {ago} ago"))
        }
        _ => rejection(entry, "the secret was this client's and has been removed"),
    }
    .because(ReasonCode::ExpiredSecret)
    .with_suffix(suffix)
    .with_remedy(OperatorAction::ReplaceSecret)
}

/// Rejects a secret that was generated offline and whose digest is not valid for this client. The
/// digest is not shown: a remedy with it would register the secret of an attacker.
fn offline_secret(entry: &ClientEntry, presented: &str, now: Timestamp) -> OAuthError {
    let known = by_digest(entry, presented);
    match known.and_then(|known| Some((known.stored.secret_id.as_str(), known.stored.expires_at?)))
    {
        Some((id, end)) => {
            let ago = in_words(now.seconds_since(end));
            rejection(entry, &format!("the secret {id} expired at {end}, {ago} ago"))
                .because(ReasonCode::ExpiredSecret)
                .with_remedy(OperatorAction::ReplaceSecret)
        }
        None => rejection(
            entry,
            "the secret was generated offline (tkg_), and its digest is not registered for this \
             client",
        )
        .with_remedy(OperatorAction::CompareDigests),
    }
}

/// Finds the secret of a client whose registered digest is that of `text`.
fn by_digest<'a>(entry: &'a ClientEntry, text: &str) -> Option<&'a SecretEntry> {
    let digest = offline::digest_of(text)?;
    let has_digest = |known: &&SecretEntry| {
        let registered = known.stored.hash.digest();
        registered.is_some_and(|registered| offline::is_same(registered, &digest))
    };
    entry.secrets.iter().find(has_digest)
}

/// Possible mistakes in a secret of another system. Its variants are not tried, because each one
/// would cost a hash.
fn oddities(text: &str) -> impl Iterator<Item = Mistake> {
    let is_hex = |byte: u8| byte.is_ascii_hexdigit();
    let is_encoded = text
        .as_bytes()
        .windows(3)
        .any(|three| three[0] == b'%' && is_hex(three[1]) && is_hex(three[2]));
    let odd = [
        (text != text.trim(), Mistake::Untrimmed),
        (is_quoted(text.trim()), Mistake::Quoted),
        (is_encoded, Mistake::PerhapsEncoded),
        (text.trim().contains(' '), Mistake::PerhapsPlus),
    ];
    odd.into_iter().filter_map(|(is_so, what)| is_so.then_some(what))
}

fn is_quoted(text: &str) -> bool {
    let ends = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    ends('"') || ends('\'')
}

/// A common mistake with an id or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    Untrimmed,
    Quoted,
    Plus,
    Base64,
    EncodedTwice,
    EncodedThrice,
    /// The text looks percent-encoded, which may be intended.
    PerhapsEncoded,
    /// The text has a space, which may be intended.
    PerhapsPlus,
}

impl Mistake {
    /// Returns a description of the mistake, to follow "it".
    fn description(self) -> &'static str {
        match self {
            Self::Untrimmed => "has a line break or a space at its end or beginning",
            Self::Quoted => "is in quotation marks",
            Self::Plus => "was not form-encoded: a + became a space",
            Self::Base64 => "was encoded as Base64 once more than it was decoded",
            Self::EncodedTwice => {
                "was percent-encoded once more than it was decoded (encoded twice, or where it must be plain)"
            }
            Self::EncodedThrice => "was percent-encoded three times",
            Self::PerhapsEncoded => {
                "contains a percent sequence: was it encoded once more than it was decoded?"
            }
            Self::PerhapsPlus => {
                "contains a space: a + that is not encoded as %2B becomes one where forms are \
                 decoded"
            }
        }
    }

    /// Returns how the caller can fix the mistake.
    fn remedy(self) -> &'static str {
        match self {
            Self::Untrimmed => TRIM,
            Self::Quoted => UNQUOTE,
            Self::Base64 => {
                "Send it as it is: in Basic the library encodes ID:SECRET in Base64, once."
            }
            Self::Plus
            | Self::EncodedTwice
            | Self::EncodedThrice
            | Self::PerhapsEncoded
            | Self::PerhapsPlus => CODING,
        }
    }
}

/// Returns the text with each common mistake undone, and the mistake.
fn variants(text: &str) -> Vec<(Zeroizing<String>, Mistake)> {
    let mut found = Vec::new();
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if trimmed != text {
        found.push((trimmed, Mistake::Untrimmed));
    }
    let quoted = trimmed.trim_matches(['"', '\'']);
    if quoted != trimmed {
        found.push((quoted, Mistake::Quoted));
    }
    let mut found: Vec<_> =
        found.into_iter().map(|(text, what)| (Zeroizing::new(text.to_owned()), what)).collect();
    if trimmed.contains(' ') {
        let plus = Zeroizing::new(trimmed.replace(' ', "+"));
        found.push((plus, Mistake::Plus));
    }
    if let Some(inner) =
        BASE64_STANDARD.decode(trimmed).ok().and_then(|b| String::from_utf8(b).ok())
    {
        found.push((Zeroizing::new(inner), Mistake::Base64));
    }
    let mut rest = Zeroizing::new(trimmed.to_owned());
    for mistake in [Mistake::EncodedTwice, Mistake::EncodedThrice] {
        if !rest.contains('%') {
            break;
        }
        rest = Zeroizing::new(percent_decode_str(&rest).decode_utf8_lossy().into_owned());
        found.push((rest.clone(), mistake));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_usual_mistake_has_a_corrected_variant() {
        let texts = |text: &str| -> Vec<String> {
            variants(text).iter().map(|(variant, _)| variant.to_string()).collect()
        };
        assert!(texts("abc").is_empty());
        assert_eq!(texts("abc\r\n"), ["abc"]);
        assert_eq!(texts("'abc'"), ["abc"]);
        assert_eq!(texts("a%255Fb"), ["a%5Fb", "a_b"]);
        assert_eq!(texts("a b"), ["a+b"]);
        assert_eq!(texts("\u{feff}abc"), ["abc"]);
        assert_eq!(texts("dGtkX2E="), ["tkd_a"]);
    }

    #[test]
    fn oddities_of_a_presented_secret_are_reported() {
        assert_eq!(oddities("plain+100%").count(), 0);
        for odd in ["a\n", "a%2Bb", "a b", "\"a\""] {
            assert_eq!(oddities(odd).count(), 1, "{odd:?}");
        }
    }
}
