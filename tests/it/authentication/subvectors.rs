//! The conformance vectors of `subvectors` for the trust conditions of clouds (`PyPI`), read from
//! the installed package. Each condition is written as trusts, and each token is compared.
//!
//! Patterns of tokend are narrower than those of the clouds by intent. So a vector that a cloud
//! accepts may be rejected here, and is then in a list below. The reverse never happens.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokend::model::claim_pattern::Pattern;
use tokend::model::time::Timestamp;
use tokend::model::trust::{Conditions, ExternalIssuer, FederatedCredential, TrustId};
use tokend::oauth::client_authentication::federation::mismatch;

use crate::support::foreign::libraries;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "tokend";

/// A condition: a claim, and the alternative texts of which one must match.
type Condition = (String, Vec<String>);

/// The result of the trusts for a token.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Matches,
    Differs,
    /// The trust cannot be registered.
    Refused,
    /// The condition has no counterpart among trusts; the text is the reason.
    NotExpressible(&'static str),
}

fn suites() -> Vec<Value> {
    let libraries = libraries().join("python/lib");
    let versions = std::fs::read_dir(&libraries).expect("not installed; run: make test");
    let folder = versions
        .map(|entry| entry.expect("an entry").path().join("site-packages/subvectors/vectors"))
        .find(|folder| folder.is_dir())
        .expect("subvectors is not installed; run: make test");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let read = |path| std::fs::read_to_string(path).expect("a file");
    files.iter().map(|path| serde_json::from_str(&read(path)).expect("JSON")).collect()
}

/// Parses the texts of one condition of AWS or of Azure's exact form.
fn texts(condition: &Value) -> Result<Condition, &'static str> {
    if condition.get("qualifier").is_some() {
        return Err("a set operator of AWS");
    }
    let texts: Vec<_> = match &condition["pattern"] {
        Value::Array(values) => values.iter().map(|value| value.as_str().expect("text")).collect(),
        value => vec![value.as_str().expect("text")],
    };
    let is_exact = condition["consumer"] != "aws-stringlike";
    if is_exact && texts.iter().any(|text| text.contains('*')) {
        return Err("a * that is no wildcard");
    }
    if !is_exact && texts.iter().any(|text| text.contains('?')) {
        return Err("a ? as a wildcard");
    }
    let claim = condition["claim"].as_str().unwrap_or("sub").to_owned();
    Ok((claim, texts.into_iter().map(str::to_owned).collect()))
}

/// Parses `claims['x'] eq 'y'` and `matches` (Azure), or `assertion.x == 'y'` (Google), joined by
/// `and` or `&&`.
fn expression(text: &str) -> Result<Vec<Condition>, &'static str> {
    let clauses = text.split(" and ").flat_map(|part| part.split(" && "));
    clauses.map(|clause| of_clause(clause.trim())).collect()
}

fn of_clause(clause: &str) -> Result<Condition, &'static str> {
    let unquoted = |text: &str| {
        let inner = text.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        inner.map(str::to_owned)
    };
    let name = |text: &str| {
        let text = text.trim();
        let plain = text.strip_prefix("assertion.").map(str::to_owned);
        let inner = text.strip_prefix("assertion[").or_else(|| text.strip_prefix("claims["));
        plain.or_else(|| unquoted(inner?.strip_suffix(']')?)).expect("the name of a claim")
    };
    for (operator, is_wild) in [(" eq ", false), (" matches ", true), (" == ", false)] {
        let Some((claim, value)) = clause.split_once(operator) else { continue };
        let value = unquoted(value).ok_or("a value that is no text")?;
        return match value {
            value if value.contains('?') && is_wild => Err("a ? as a wildcard"),
            value if value.contains('*') && !is_wild => Err("a * that is no wildcard"),
            value => Ok((name(claim), vec![value])),
        };
    }
    if let Some((claim, list)) = clause.split_once(" in ") {
        let list = list.trim().trim_matches(['[', ']']);
        return Ok((name(claim), list.split(',').filter_map(unquoted).collect()));
    }
    Err("an expression of CEL other than equality")
}

fn conditions(condition: &Value) -> Result<Vec<Condition>, &'static str> {
    match condition["consumer"].as_str().expect("a consumer") {
        "aws-all" => condition["of"].as_array().expect("conditions").iter().map(texts).collect(),
        "azure-fic-flexible" | "gcp-cel" => {
            expression(condition["pattern"].as_str().expect("an expression"))
        }
        "aws-stringlike" | "aws-stringequals" | "azure-fic-exact" => Ok(vec![texts(condition)?]),
        other => panic!("an unknown consumer: {other}"),
    }
}

/// Returns every combination of the alternatives, one for each trust.
fn combinations(conditions: &[Condition]) -> Vec<BTreeMap<String, String>> {
    conditions.iter().fold(vec![BTreeMap::new()], |known, (claim, texts)| {
        let with = |one: &BTreeMap<String, String>, text: &String| {
            let mut one = one.clone();
            assert_eq!(one.insert(claim.clone(), text.clone()), None, "two conditions for {claim}");
            one
        };
        known.iter().flat_map(|one| texts.iter().map(move |text| with(one, text))).collect()
    })
}

/// Creates a trust; its audience is a separate member. Returns `None` if it cannot be registered.
fn trust(mut conditions: BTreeMap<String, String>) -> Option<FederatedCredential> {
    let audience = conditions.remove("aud").unwrap_or_else(|| AUDIENCE.to_owned());
    let patterns: Result<BTreeMap<_, _>, _> = conditions
        .into_iter()
        .map(|(claim, text)| Pattern::parse(&claim, &text).map(|pattern| (claim, pattern)))
        .collect();
    Some(FederatedCredential {
        trust_id: TrustId::parse("tru_1").expect("an id"),
        issuer: ExternalIssuer::parse(ISSUER).expect("an issuer"),
        keys: None,
        audience,
        conditions: Conditions::new(patterns.ok()?).ok()?,
        created_at: Timestamp(0),
    })
}

fn outcome(vector: &Value) -> Outcome {
    let conditions = match conditions(&vector["condition"]) {
        Ok(conditions) => conditions,
        Err(why) => return Outcome::NotExpressible(why),
    };
    let mut claims = vector.get("claims").cloned().unwrap_or_else(|| json!({}));
    claims["sub"] = vector["subject"].clone();
    claims["iss"] = json!(ISSUER);
    if claims.get("aud").is_none() {
        claims["aud"] = json!(AUDIENCE);
    }
    let trusts: Option<Vec<_>> = combinations(&conditions).into_iter().map(trust).collect();
    let Some(trusts) = trusts else { return Outcome::Refused };
    if trusts.iter().any(|trust| mismatch(trust, &claims).is_none()) {
        Outcome::Matches
    } else {
        Outcome::Differs
    }
}

/// Here the `*` of a cloud spans several segments. That of tokend matches one segment, and never
/// `pull_request`.
const NARROWER: [&str; 15] = [
    "circleci-aws-project-wildcard-org-wide",
    "gh-aws-all-aws-branch-wildcard-example",
    "gh-aws-multivalue-loose-value-poisons-list",
    "gh-aws-org-wide-wildcard-repo",
    "gh-aws-pull-request-subject",
    "gh-aws-ref-wildcard-spans-nested-branch",
    "gh-aws-repo-wide-wildcard-suffix",
    "gh-flex-matches-org-wide-wildcard",
    "gh-flex-org-wide-wildcard-with-owner-id",
    "gitlab-aws-group-wide-wildcard-stringlike",
    "gitlab-aws-subgroup-nesting-wildcard",
    "gl-flex-matches-group-wildcard",
    "tfc-aws-org-wide-wildcard",
    "tfc-aws-workspace-wildcard-project-wide",
    "tfc-flex-org-wide-wildcard",
];

/// No trust can be registered: a `*` in a part of a segment or before the owner, or conditions that
/// name no workload.
const UNREGISTERED: [&str; 28] = [
    "bitbucket-aws-aud-only-workspace-wide",
    "circleci-aws-docs-projectid-aud-pin",
    "circleci-aws-ssh-rerun-debug-token-admitted",
    "circleci-aws-vcs-ref-branch-pin-v2",
    "circleci-gcp-project-id-claim-pin",
    "gh-aws-actor-id-pin-survives-rename",
    "gh-aws-aud-pinned-official-action",
    "gh-aws-branch-prefix-collision",
    "gh-aws-branch-wildcard-zero-width",
    "gh-aws-docs-actor-name-pin-recycled",
    "gh-aws-environment-colon-wildcard-fix-widens",
    "gh-aws-format-tolerant-wildcard-admits-prefix-orgs",
    "gh-aws-jwr-condition-key-sha-pin",
    "gh-aws-jwr-condition-key-tag-pin-mutable",
    "gh-aws-jwr-key-stays-name-based-under-immutable-sub",
    "gh-aws-ref-key-alone-omits-the-repository",
    "gh-aws-repository-owner-id-alone-is-org-wide",
    "gh-aws-workflow-name-pin-attacker-chosen",
    "gh-flex-and-reusable-workflow-pin",
    "gh-gcp-in-list-multi-org",
    "gh-gcp-owner-only-org-wide-danger",
    "gitlab-gcp-namespace-condition-baseline",
    "gitlab-gcp-refprotected-string-guard",
    "tfc-flex-workspace-wildcard-project-wide",
    "tfc-gcp-immutable-id-run-phase-apply",
    "tfc-gcp-immutable-org-and-workspace-id-pin",
    "tfc-gcp-org-id-only-baseline",
    "tfc-gcp-workspace-name-shared-issuer-spoof",
];

/// The corpus rates these as dangerous, and a trust that spells them out accepts them: a name that
/// was abandoned and taken by another account, an explicit pull request, or each branch of a
/// repository.
const DANGEROUS: [&str; 19] = [
    "gh-aws-repo-only-customized-sub-admits-everything",
    "gh-aws-environment-colon-twin-collides",
    "gh-aws-docs-customized-sub-omits-the-repo",
    "gh-aws-immutable-custom-sub-keeps-the-ids",
    "gh-flex-matches-branch-wildcard",
    "gh-flex-eq-pull-request-scanner-blindspot",
    "gh-flex-branch-wildcard-with-repository-id",
    "az-fic-pull-request-danger",
    "gh-gcp-name-recycle-danger",
    "gh-gcp-pull-request-danger",
    "gitlab-aws-ref-type-confusion-wildcard",
    "gitlab-aws-any-branch-no-refprotected",
    "gitlab-aws-merge-request-source-branch-admitted",
    "gitlab-aws-path-reuse-no-projectid",
    "gl-flex-matches-any-branch",
    "gl-flex-eq-path-reuse-squatter-no-lever",
    "gitlab-az-fic-path-reuse-squatter",
    "tfc-aws-run-phase-wildcard-collapses-plan-apply",
    "tfc-flex-run-phase-wildcard-collapses-plan-apply",
];

/// The conditions that cannot be written as trusts, and their number.
const NOT_EXPRESSIBLE: [(&str, usize); 5] = [
    ("a * that is no wildcard", 6),
    ("a ? as a wildcard", 3),
    ("a set operator of AWS", 7),
    ("a value that is no text", 2),
    ("an expression of CEL other than equality", 7),
];

#[test]
fn no_trust_accepts_what_a_cloud_rejects_and_each_stricter_one_is_known() {
    let mut by_kind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut same = 0;
    for suite in suites() {
        for vector in suite["vectors"].as_array().expect("vectors") {
            let id = vector["id"].as_str().expect("an id").to_owned();
            let is_match = vector["expect"] == "match";
            let is_dangerous = vector["judgment"]["grade"] == "dangerous";
            let kind = match (outcome(vector), is_match) {
                (Outcome::Matches, false) => panic!("{id} is accepted"),
                (Outcome::Matches, true) if is_dangerous => "dangerous",
                (Outcome::Matches, true) | (Outcome::Differs | Outcome::Refused, false) => {
                    same += 1;
                    continue;
                }
                (Outcome::Differs, true) => "narrower",
                (Outcome::Refused, true) => "unregistered",
                (Outcome::NotExpressible(why), _) => why,
            };
            by_kind.entry(kind).or_default().push(id);
        }
    }
    let mut found = |kind: &str| {
        let mut ids = by_kind.remove(kind).unwrap_or_default();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&str]| {
        let mut ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(found("narrower"), sorted(&NARROWER));
    assert_eq!(found("unregistered"), sorted(&UNREGISTERED));
    assert_eq!(found("dangerous"), sorted(&DANGEROUS));
    for (why, count) in NOT_EXPRESSIBLE {
        assert_eq!(found(why).len(), count, "{why}");
    }
    assert_eq!(by_kind, BTreeMap::new());
    assert_eq!(same, 76);
}
