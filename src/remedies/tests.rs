//! Tests of the texts. `cli/remedies/tests.rs` checks that their commands and options exist.

use super::*;
use crate::model::remedy::{OperatorAction, SubjectDifference, SubjectTrust, SubjectTrustKeys};

fn trust(difference: SubjectDifference, subject: &str, claims: &[(&str, &str)]) -> String {
    let action = OperatorAction::TrustSubject(Box::new(SubjectTrust {
        client_id: "deploy".to_owned(),
        difference,
        wanted: "acme/api".to_owned(),
        sent: "acme/web".to_owned(),
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        audience: "https://id.example.com".to_owned(),
        subject: subject.to_owned(),
        claims: claims.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        keys: SubjectTrustKeys::Discovered,
    }));
    of_rejection(&action.into(), None)
}

#[test]
fn the_command_that_trusts_a_subject_can_be_copied() {
    let main = "repo:acme@123/api@456:ref:refs/heads/main";
    for (difference, subject, claims, text) in [
        (
            SubjectDifference::IdsSent,
            main,
            &[("ref_protected", "true")][..],
            "tokend client trust add deploy --issuer https://token.actions.githubusercontent.com --audience https://id.example.com --subject repo:acme@123/api@456:ref:refs/heads/main --claim ref_protected=true",
        ),
        (
            SubjectDifference::NamesSent,
            "repo:acme/api:environment:*",
            &[("repository_owner_id", "123"), ("repository_id", "456")],
            "--subject 'repo:acme/api:environment:*' --claim repository_owner_id=123 --claim repository_id=456",
        ),
        (SubjectDifference::Renamed, main, &[], &format!("--subject {main}")),
    ] {
        let remedy = trust(difference, subject, claims);
        assert!(remedy.ends_with(text), "{remedy}");
    }
    let remedy = trust(SubjectDifference::IdsSentByAnother, main, &[]);
    assert!(remedy.contains("If acme/api was renamed to acme/web"), "{remedy}");
    let remedy = trust(SubjectDifference::OtherIds, main, &[]);
    assert!(remedy.contains("gh api repos/acme/web --jq '.owner.id, .id'"), "{remedy}");
}

#[test]
fn commands_name_the_client_of_the_rejection() {
    let of = |client| of_rejection(&OperatorAction::EnableClient.into(), client);
    assert!(of(Some("a b")).contains("tokend client enable 'a b'."));
    assert!(of(None).contains("tokend client enable ID."));
}
