//! Explains the two forms of GitHub subjects. If a trust has one form and a token the other, it
//! describes the difference and suggests a trust that accepts the token.

use serde_json::Value;

use crate::app::App;
use crate::model::claim_pattern::Pattern;
use crate::model::github_subject::{Form, GithubSubject};
use crate::model::remedy::{
    OperatorAction, Remedy, SubjectDifference, SubjectTrust, SubjectTrustKeys,
};
use crate::model::security::KeySource;
use crate::model::trust::{FederatedCredential, Unmet, scalar};
use crate::oauth::client_authentication::federation::{Mismatch, mismatch};

/// The maximum number of trusts that are compared for a request without a client id. No signature
/// has been verified then, so this must be cheap.
const MAX_TRUSTS: usize = 50;

/// Explanation of a mismatch between two subjects of GitHub.
#[derive(Debug, PartialEq, Eq)]
pub struct FormNote {
    /// The forms of the token and of the trust.
    pub reason: String,
    /// The trust that would accept the token.
    pub remedy: Remedy,
}

fn difference(wanted: &GithubSubject<'_>, sent: &GithubSubject<'_>) -> Option<SubjectDifference> {
    let has_names = wanted.has_names_of(sent);
    match (wanted.form(), sent.form()) {
        (Form::Names, Form::NamesAndIds) if has_names => Some(SubjectDifference::IdsSent),
        (Form::Names, Form::NamesAndIds) if wanted.has_owner_name_of(sent) => {
            Some(SubjectDifference::IdsSentByAnother)
        }
        (Form::NamesAndIds, Form::Names) if has_names => Some(SubjectDifference::NamesSent),
        (Form::NamesAndIds, Form::NamesAndIds) if wanted.has_ids_of(sent) => {
            Some(SubjectDifference::Renamed)
        }
        (Form::NamesAndIds, Form::NamesAndIds) if has_names => Some(SubjectDifference::OtherIds),
        _ => None,
    }
}

/// Explains a mismatch if two subjects of GitHub differ only in their owner or repository. Nothing
/// has been verified, so the operator must compare the suggestion with GitHub.
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
    let difference = difference(&wanted, &sent)?;
    let subject = wanted.for_repository_of(&sent);
    if !Pattern::parse("sub", &subject).ok()?.matches(text) {
        return None;
    }
    let ids = if difference == SubjectDifference::NamesSent { wanted.ids() } else { (None, None) };
    let action = OperatorAction::TrustSubject(Box::new(SubjectTrust {
        client_id: client_id.to_owned(),
        difference,
        wanted: wanted.full_name(),
        sent: sent.full_name(),
        issuer: trust.issuer.to_string(),
        audience: trust.audience.clone(),
        claims: claims(trust, ids),
        keys: match &trust.keys {
            None => SubjectTrustKeys::Discovered,
            Some(KeySource::Remote(uri)) => SubjectTrustKeys::Url(uri.to_string()),
            Some(KeySource::Inline(_)) => SubjectTrustKeys::Given,
        },
        subject,
    }));
    Some(FormNote { reason: reason(difference, &wanted, &sent), remedy: action.into() })
}

fn reason(
    difference: SubjectDifference,
    wanted: &GithubSubject<'_>,
    sent: &GithubSubject<'_>,
) -> String {
    let name = sent.full_name();
    match difference {
        SubjectDifference::IdsSent => format!(
            "GitHub sends the immutable form of the subject (names and ids) for {name}; the trust has the form with only names"
        ),
        SubjectDifference::IdsSentByAnother => format!(
            "GitHub sends the immutable form of the subject (names and ids) for {name}; the trust has the form with only names, of {}",
            wanted.full_name()
        ),
        SubjectDifference::NamesSent => format!(
            "GitHub sends the form of the subject with only names for {name}; the trust has the immutable form (names and ids)"
        ),
        SubjectDifference::Renamed => {
            format!("the ids are those of the trust, and the name is now {name}")
        }
        SubjectDifference::OtherIds => {
            "the names are those of the trust, and the ids are not: another \
             account or repository has that name now, or the trust has wrong ids"
                .to_owned()
        }
    }
}

/// Returns the other claims of the trust, with the ids as claims.
fn claims(
    trust: &FederatedCredential,
    (owner_id, repository_id): (Option<&str>, Option<&str>),
) -> Vec<(String, String)> {
    let is_kept = |claim: &str| {
        let is_replaced = (claim == "repository_owner_id" && owner_id.is_some())
            || (claim == "repository_id" && repository_id.is_some());
        claim != "sub" && !is_replaced
    };
    let kept = trust.conditions.iter().filter(|(claim, _)| is_kept(claim));
    let kept = kept.map(|(claim, pattern)| (claim.to_owned(), pattern.as_str().to_owned()));
    let ids = [("repository_owner_id", owner_id), ("repository_id", repository_id)];
    let ids = ids.into_iter().filter_map(|(claim, id)| Some((claim.to_owned(), id?.to_owned())));
    kept.chain(ids).collect()
}

/// Explains a token of a request without a client id. Returns the trust with the other form of the
/// subject, and its client.
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

/// Returns the subject of a token in the other form. GitHub also sends the ids as separate claims.
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
    use crate::model::trust::{Conditions, ExternalIssuer, TrustId};

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn noted(pattern: &str, subject: &str) -> Option<FormNote> {
        let conditions = [("sub", pattern), ("ref_protected", "true")]
            .map(|(claim, text)| (claim.to_owned(), Pattern::parse(claim, text).expect("one")));
        let trust = FederatedCredential {
            trust_id: TrustId::parse("tru_1").expect("an id"),
            issuer: ExternalIssuer::parse(ISSUER).expect("an issuer"),
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
    fn a_subject_in_the_other_github_form_is_explained() {
        for (pattern, subject, reason) in [
            (
                "repo:acme/api:ref:refs/heads/main",
                "repo:acme@123/api@456:ref:refs/heads/main",
                "immutable form of the subject (names and ids) for acme/api",
            ),
            (
                "repo:acme/*:environment:prod",
                "repo:acme@123/api@456:environment:prod",
                "the trust has the form with only names",
            ),
            (
                "repo:acme@123/api@456:environment:*",
                "repo:acme/api:environment:prod",
                "only names for acme/api; the trust has the immutable form",
            ),
            (
                "repo:acme@123/*:environment:prod",
                "repo:acme/api:environment:prod",
                "the trust has the immutable form",
            ),
            (
                "repo:acme/api:environment:prod",
                "repo:acme@123/web@456:environment:prod",
                "for acme/web; the trust has the form with only names, of acme/api",
            ),
            (
                "repo:acme@123/api@456:environment:prod",
                "repo:acme-inc@123/api@456:environment:prod",
                "the name is now acme-inc/api",
            ),
            (
                "repo:acme@123/api@456:environment:prod",
                "repo:acme@789/api@456:environment:prod",
                "the ids are not",
            ),
        ] {
            let note = noted(pattern, subject).expect(pattern);
            assert!(note.reason.contains(reason), "{pattern}: {note:?}");
        }
    }

    /// A token of another owner, of another branch or of a pull request must not be trusted, so no
    /// trust for it is recommended.
    #[test]
    fn no_trust_is_recommended_if_more_than_the_form_differs() {
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
