//! GitHub sends subjects in two forms. If a trust has one and a token has the other, this says which,
//! and what would trust the token.

use std::fmt::Write;

use serde_json::Value;

use crate::app::App;
use crate::model::claim_pattern::Pattern;
use crate::model::github_subject::{self, Form, GithubSubject};
use crate::model::security::KeySource;
use crate::model::shell_word::quote;
use crate::model::trust::{FederatedCredential, Unmet, scalar};
use crate::oauth::client_authentication::federation::{Mismatch, mismatch};

/// The most trusts that are compared for a request that names no client. No signature has been
/// checked then, so it must be cheap.
const MAX_TRUSTS: usize = 50;

/// What a mismatch of two subjects of GitHub means.
#[derive(Debug, PartialEq, Eq)]
pub struct FormNote {
    /// Which form is sent, and which one the trust has.
    pub reason: String,
    /// What to do, with the command that trusts the token.
    pub remedy: String,
}

/// How the subject of a token differs from that of a trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// The token has ids, the trust has names alone.
    IdsSent,
    /// The same, and it is another repository of the owner: perhaps it was renamed.
    IdsSentByAnother,
    /// The token has names alone, the trust has ids.
    NamesSent,
    /// Both have ids: the same ones for other names.
    Renamed,
    /// Both have ids: other ones for the same names.
    OtherIds,
}

impl Difference {
    fn between(wanted: &GithubSubject<'_>, sent: &GithubSubject<'_>) -> Option<Self> {
        let has_names = wanted.has_names_of(sent);
        match (wanted.form(), sent.form()) {
            (Form::Names, Form::NamesAndIds) if has_names => Some(Self::IdsSent),
            (Form::Names, Form::NamesAndIds) if wanted.has_owner_name_of(sent) => {
                Some(Self::IdsSentByAnother)
            }
            (Form::NamesAndIds, Form::Names) if has_names => Some(Self::NamesSent),
            (Form::NamesAndIds, Form::NamesAndIds) if wanted.has_ids_of(sent) => {
                Some(Self::Renamed)
            }
            (Form::NamesAndIds, Form::NamesAndIds) if has_names => Some(Self::OtherIds),
            _ => None,
        }
    }
}

/// Explains a mismatch of a trust of that client, if two subjects of GitHub differ only in whose they
/// are. Nothing was verified, so what it suggests is to be compared with what GitHub says.
pub fn note(
    client_id: &str,
    trust: &FederatedCredential,
    mismatch: &Mismatch<'_>,
) -> Option<FormNote> {
    let Mismatch::Claim(Unmet { claim: "sub", pattern, value: Some(Value::String(text)) }) =
        mismatch
    else {
        return None;
    };
    let (wanted, sent) = (GithubSubject::parse(pattern.as_str())?, GithubSubject::parse(text)?);
    let difference = Difference::between(&wanted, &sent)?;
    let subject = wanted.for_repository_of(&sent);
    if !Pattern::parse("sub", &subject).ok()?.matches(text) {
        return None;
    }
    let ids = if difference == Difference::NamesSent { wanted.ids() } else { (None, None) };
    let command = command(client_id, trust, &subject, ids);
    Some(FormNote {
        reason: reason(difference, &wanted, &sent),
        remedy: remedy(difference, &wanted, &sent, &command),
    })
}

fn reason(difference: Difference, wanted: &GithubSubject<'_>, sent: &GithubSubject<'_>) -> String {
    let name = sent.full_name();
    match difference {
        Difference::IdsSent => format!(
            "GitHub sends the immutable form of the subject (names and ids) for {name}; the trust has the form with names alone"
        ),
        Difference::IdsSentByAnother => format!(
            "GitHub sends the immutable form of the subject (names and ids) for {name}; the trust has the form with names alone, of {}",
            wanted.full_name()
        ),
        Difference::NamesSent => format!(
            "GitHub sends the form of the subject with names alone for {name}; the trust has the immutable form (names and ids)"
        ),
        Difference::Renamed => {
            format!("the ids are those of the trust, and the name is now {name}")
        }
        Difference::OtherIds => "the names are those of the trust, and the ids are not: another \
             account or repository has that name now, or the trust has wrong ids"
            .to_owned(),
    }
}

fn remedy(
    difference: Difference,
    wanted: &GithubSubject<'_>,
    sent: &GithubSubject<'_>,
    command: &str,
) -> String {
    let name = sent.full_name();
    let lookup = github_subject::lookup(&name);
    let compare = format!(
        "First compare the ids with `{lookup}`: the signature of the token was not checked."
    );
    // The command comes last, without a full stop, so that it is copied as it is.
    match difference {
        Difference::IdsSent => format!("{compare} Then trust the immutable form: {command}"),
        Difference::IdsSentByAnother => format!(
            "{compare} If {} was renamed to {name}, trust the immutable form: {command}",
            wanted.full_name()
        ),
        Difference::NamesSent => format!(
            "Opt in to immutable subjects in the OIDC settings of the repository. Or trust the names, with the ids as claims: {command}"
        ),
        Difference::Renamed => format!("Trust the new name: {command}"),
        Difference::OtherIds => format!(
            "Compare the ids with `{lookup}`. If the token has them, the trust is wrong. Then trust the right ids: {command}"
        ),
    }
}

/// The command that adds the same trust with another subject, and with ids as claims.
fn command(
    client_id: &str,
    trust: &FederatedCredential,
    subject: &str,
    (owner_id, repository_id): (Option<&str>, Option<&str>),
) -> String {
    let mut command = format!(
        "tokend client trust add {} --issuer {} --audience {} --subject {}",
        quote(client_id),
        quote(trust.issuer.as_str()),
        quote(&trust.audience),
        quote(subject)
    );
    let is_kept = |claim: &str| {
        let is_replaced = (claim == "repository_owner_id" && owner_id.is_some())
            || (claim == "repository_id" && repository_id.is_some());
        claim != "sub" && !is_replaced
    };
    for (claim, pattern) in trust.conditions.iter().filter(|(claim, _)| is_kept(claim)) {
        let _ = write!(command, " --claim {}", quote(&format!("{claim}={}", pattern.as_str())));
    }
    for (claim, id) in [("repository_owner_id", owner_id), ("repository_id", repository_id)] {
        if let Some(id) = id {
            let _ = write!(command, " --claim {claim}={id}");
        }
    }
    match &trust.keys {
        None => {}
        Some(KeySource::Remote(uri)) => {
            let _ = write!(command, " --jwks-uri {}", quote(&uri.to_string()));
        }
        Some(KeySource::Inline(_)) => command.push_str(" --jwks FILE"),
    }
    command
}

/// Explains a token of a request that names no client: the trust that has the other form of its
/// subject, and the client of that trust.
pub(super) fn of_any_client(app: &App, claims: &Value) -> Option<(String, FormNote)> {
    let issuer = claims["iss"].as_str()?;
    let twin = twin(claims)?;
    let candidates = app.directory.trust_candidates(issuer, Some(&twin), MAX_TRUSTS).ok()?;
    candidates.iter().find_map(|candidate| {
        let entry = app.directory.client(candidate.client_id.as_str())?;
        let known =
            entry.trusts().iter().find(|known| known.trust.trust_id == candidate.trust_id)?;
        let id = entry.client_id.as_str();
        let note = note(id, &known.trust, &mismatch(&known.trust, claims)?)?;
        Some((format!("trust {} of client {id}", candidate.trust_id), note))
    })
}

/// The subject of a token in the other form. GitHub sends the ids as claims of their own, too.
fn twin(claims: &Value) -> Option<String> {
    let sent = GithubSubject::parse(claims["sub"].as_str()?)?;
    if sent.form() == Form::NamesAndIds {
        return Some(sent.with_names());
    }
    let (owner, repository) =
        (scalar(&claims["repository_owner_id"])?, scalar(&claims["repository_id"])?);
    Some(sent.with_ids(&owner, &repository))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::time::Timestamp;
    use crate::model::trust::{Conditions, ForeignIssuer, TrustId};

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn noted(pattern: &str, subject: &str) -> Option<FormNote> {
        let conditions = [("sub", pattern), ("ref_protected", "true")]
            .map(|(claim, text)| (claim.to_owned(), Pattern::parse(claim, text).expect("one")));
        let trust = FederatedCredential {
            trust_id: TrustId::parse("tru_1").expect("an id"),
            issuer: ForeignIssuer::parse(ISSUER).expect("an issuer"),
            keys: None,
            audience: "https://id.example.com".to_owned(),
            conditions: Conditions::new(BTreeMap::from(conditions)).expect("conditions"),
            created_at: Timestamp(0),
        };
        let claims = json!({
            "iss": ISSUER, "aud": trust.audience, "sub": subject, "ref_protected": "true",
        });
        note("deploy", &trust, &mismatch(&trust, &claims).expect("a mismatch"))
    }

    #[test]
    fn each_form_is_told_where_the_other_was_meant() {
        for (pattern, subject, reason, more) in [
            (
                "repo:acme/api:ref:refs/heads/main",
                "repo:acme@123/api@456:ref:refs/heads/main",
                "immutable form of the subject (names and ids) for acme/api",
                "--subject repo:acme@123/api@456:ref:refs/heads/main --claim ref_protected=true",
            ),
            (
                "repo:acme/*:environment:prod",
                "repo:acme@123/api@456:environment:prod",
                "the trust has the form with names alone",
                "--subject 'repo:acme@123/*:environment:prod' --claim",
            ),
            (
                "repo:acme@123/api@456:environment:*",
                "repo:acme/api:environment:prod",
                "names alone for acme/api; the trust has the immutable form",
                "--subject 'repo:acme/api:environment:*' --claim ref_protected=true --claim repository_owner_id=123 --claim repository_id=456",
            ),
            (
                "repo:acme@123/*:environment:prod",
                "repo:acme/api:environment:prod",
                "the trust has the immutable form",
                "--subject 'repo:acme/*:environment:prod' --claim ref_protected=true --claim repository_owner_id=123",
            ),
            (
                "repo:acme/api:environment:prod",
                "repo:acme@123/web@456:environment:prod",
                "for acme/web; the trust has the form with names alone, of acme/api",
                "If acme/api was renamed to acme/web",
            ),
            (
                "repo:acme@123/api@456:environment:prod",
                "repo:acme-inc@123/api@456:environment:prod",
                "the name is now acme-inc/api",
                "--subject repo:acme-inc@123/api@456:environment:prod",
            ),
            (
                "repo:acme@123/api@456:environment:prod",
                "repo:acme@789/api@456:environment:prod",
                "the ids are not",
                "gh api repos/acme/api --jq '.owner.id, .id'",
            ),
        ] {
            let note = noted(pattern, subject).expect(pattern);
            assert!(note.reason.contains(reason), "{pattern}: {note:?}");
            assert!(note.remedy.contains(more), "{pattern}: {note:?}");
        }
    }

    /// Another owner, another branch, a pull request: a token that must not be trusted is not
    /// recommended.
    #[test]
    fn what_differs_in_more_than_its_form_is_not_recommended() {
        for (pattern, subject) in [
            ("repo:acme/api:environment:prod", "repo:evil@1/api@2:environment:prod"),
            ("repo:acme/api:environment:prod", "repo:acme@1/api@2:environment:dev"),
            ("repo:acme/api:environment:prod", "repo:acme@1/api:environment:prod"),
            ("repo:acme/api:environment:prod", "repo:acme/web:environment:prod"),
            ("repo:acme/api:*", "repo:acme@1/api@2:pull_request"),
            ("repo:acme@1/api@2:environment:prod", "repo:evil@3/api@4:environment:prod"),
            ("repo:acme/api:environment:prod", "repo:acme@1/api@2';x:environment:prod"),
        ] {
            assert_eq!(noted(pattern, subject), None, "{pattern} {subject}");
        }
    }
}
