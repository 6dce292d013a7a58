//! Notes and warnings about a new trust: its patterns, and a test fetch of its keys.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::output;
use crate::model::claim_pattern::Pattern;
use crate::model::github_subject::{self, Form, GithubSubject};
use crate::outbound::Fetcher;
use crate::remote_keys::{RemoteSource, fetch_keys};

/// The time limit for fetching the keys of an issuer or a bundle endpoint.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches the keys of a new trust once and prints the result. A failure does not affect the trust:
/// the issuer may become reachable later, and the server fetches the keys itself.
pub(super) async fn try_keys(fetcher: &Fetcher, source: &RemoteSource, name: &str) {
    let outcome = tokio::time::timeout(CHECK_TIMEOUT, fetch_keys(fetcher, source)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(format!("no answer within {CHECK_TIMEOUT:?}")));
    let is_bundle = matches!(source, RemoteSource::Bundle(_));
    let (keys, token) = if is_bundle { ("bundle", "JWT-SVID") } else { ("key set", "token") };
    output::hint(&match outcome.map(|keys| keys.names().len()) {
        Ok(0) if is_bundle => format!(
            "warning: the bundle of {name} was fetched, and no key in it verifies JWT-SVIDs: a key \
             needs use jwt-svid, and must be EC P-256, EC P-384 or RSA"
        ),
        Ok(count) if is_bundle => {
            format!("checked: the bundle of {name} was fetched; usable keys for JWT-SVIDs: {count}")
        }
        Ok(count) => {
            format!("checked: the key set of {name} was fetched, with {count} usable keys")
        }
        Err(problem) => format!(
            "warning: the {keys} of {name} cannot be fetched from here: {problem}. The trust is \
             added; no {token} meets it until the server can fetch the {keys}."
        ),
    });
}

/// Returns notes and warnings about the patterns of a trust in this issuer.
pub(crate) fn of_patterns(issuer: &str, conditions: &BTreeMap<String, Pattern>) -> Vec<String> {
    let excluding = conditions.values().filter(|pattern| pattern.excludes_pull_requests());
    let mut notes: Vec<_> = excluding
        .map(|pattern| {
            format!(
                "note: '{}' does not match pull_request, which runs code that was not reviewed. To trust pull requests, write pull_request in place of the last *.",
                pattern.as_str()
            )
        })
        .collect();
    let Some(subject) = conditions.get("sub").map(Pattern::as_str) else { return notes };
    if names_pull_requests(subject) {
        notes.push(
            "warning: this subject is that of every pull request of the repository, whose code has \
             not been reviewed. Trust a branch or an environment instead."
                .to_owned(),
        );
    }
    if is_github(issuer) {
        notes.extend(GithubSubject::parse(subject).map(|subject| of_form(&subject)));
    }
    notes
}

/// True for the subject that GitHub issues to workflows of pull requests.
fn names_pull_requests(subject: &str) -> bool {
    subject.starts_with("repo:") && subject.ends_with(":pull_request")
}

/// True for the issuers of github.com and ghe.com, which send both forms of the subject. The issuer
/// of an enterprise may have its own path. GitHub Enterprise Server sends only names.
fn is_github(issuer: &str) -> bool {
    let url = url::Url::parse(issuer).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    host == "token.actions.githubusercontent.com"
        || (host.starts_with("token.actions.") && host.ends_with(".ghe.com"))
}

/// Describes the form of a subject and the other form of it.
fn of_form(subject: &GithubSubject<'_>) -> String {
    match subject.form() {
        Form::Names => {
            let ids = if subject.is_of_any_repository() {
                "gh api users/OWNER --jq .id".replace("OWNER", subject.owner())
            } else {
                github_subject::lookup(&subject.full_name())
            };
            format!(
                "note: this trust does not match the immutable form of the subject, '{}'. GitHub sends that form for repositories that were created, renamed or transferred since 2026-07-15. If yours is one, trust that form instead; the ids are printed by: {ids}",
                subject.with_ids("OWNER_ID", "REPOSITORY_ID")
            )
        }
        Form::NamesAndIds => format!(
            "note: this trust matches only the immutable form of the subject. GitHub sends '{}' for repositories from before 2026-07-15, until they opt in to immutable subjects in their OIDC settings.",
            subject.with_names()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(issuer: &str, subject: &str) -> Vec<String> {
        let pattern = Pattern::parse("sub", subject).expect("a pattern");
        of_patterns(issuer, &BTreeMap::from([("sub".to_owned(), pattern)]))
    }

    #[test]
    fn a_note_shows_the_other_form_of_a_github_subject() {
        let issuer = "https://token.actions.githubusercontent.com";
        let of_one = notes(issuer, "repo:acme/api:environment:prod");
        assert!(of_one[0].contains("'repo:acme@OWNER_ID/api@REPOSITORY_ID:environment:prod'"));
        assert!(of_one[0].ends_with("gh api repos/acme/api --jq '.owner.id, .id'"), "{of_one:?}");
        let of_all = notes(issuer, "repo:acme/*:environment:prod");
        assert!(of_all[0].contains("'repo:acme@OWNER_ID/*:environment:prod'"), "{of_all:?}");
        assert!(of_all[0].ends_with("gh api users/acme --jq .id"), "{of_all:?}");
        let of_ids = notes(issuer, "repo:acme@1/api@2:environment:prod");
        assert!(of_ids[0].contains("GitHub sends 'repo:acme/api:environment:prod'"), "{of_ids:?}");
        for (issuer, count) in [
            ("https://token.actions.githubusercontent.com/acme", 1),
            ("https://token.actions.acme.ghe.com", 1),
            ("https://token.actions.githubusercontent.com.evil.example", 0),
            ("https://git.example.com/_services/token", 0),
            ("acme", 0),
        ] {
            assert_eq!(notes(issuer, "repo:acme/api:x").len(), count, "{issuer}");
        }
        assert_eq!(notes(issuer, "repo:acme@1/api@2:pull_request").len(), 2);
    }
}
