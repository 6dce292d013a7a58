//! A line of an import file as typed data. The parser checks everything that does not need the
//! database.

use secrecy::SecretString;

use crate::admin::import::facts::FactsLine;
use crate::admin::import::hash_format;
use crate::admin::import::keys::{keys, tls_subject};
use crate::admin::import::members::{CLIENT, JsonType, MAX_GRANTS};
use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::admin::import::{spiffe_trusts, trusts};
use crate::admin::trust::NewTrust;
use crate::model::Malformed;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, ClientState, GrantType};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::leak_policy::LeakPolicy;
use crate::model::rate::RateLimit;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::secret::SecretHash;
use crate::model::security::{KeySource, Networks, TlsSubject};
use crate::model::spiffe_trust::SpiffeSource;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::secrets::secret::check_imported;

/// The maximum number of secrets in a line. The server's limit of valid secrets is checked later.
const MAX_SECRETS: usize = 100;

/// The members of a client in a line. `None` is an absent member; [`Given::Default`] is `null`.
#[derive(Debug)]
pub(in crate::admin) struct ClientLine {
    pub(in crate::admin) line: usize,
    /// The path of the client in the line: empty, or for example `clients[0].`.
    pub(in crate::admin) path: String,
    pub(in crate::admin) client_id: ClientId,
    pub(in crate::admin) name: Option<Given<ClientName>>,
    pub(in crate::admin) state: Option<ClientState>,
    pub(in crate::admin) facts: FactsLine,
    pub(in crate::admin) auth_methods: Option<Vec<AuthenticationMethod>>,
    pub(in crate::admin) grant_types: Option<Vec<GrantType>>,
    pub(in crate::admin) token_lifetime: Option<Given<Lifetime>>,
    pub(in crate::admin) token_rate: Option<Given<RateLimit>>,
    pub(in crate::admin) leak_policy: Option<Given<LeakPolicy>>,
    pub(in crate::admin) networks: Option<Networks>,
    pub(in crate::admin) keys: Option<Given<KeySource>>,
    pub(in crate::admin) dpop_bound: Option<bool>,
    pub(in crate::admin) certificate_bound: Option<bool>,
    pub(in crate::admin) tls_subject: Option<Given<TlsSubject>>,
    pub(in crate::admin) assertion_audiences: Option<AssertionAudiences>,
    pub(in crate::admin) grants: Option<Vec<Grant>>,
    pub(in crate::admin) claims: Option<StaticClaims>,
    pub(in crate::admin) trusts: Option<Vec<NewTrust>>,
    pub(in crate::admin) spiffe_trusts: Option<Vec<SpiffeSource>>,
    pub(in crate::admin) secrets: Vec<SecretLine>,
}

/// A secret in a line.
#[derive(Debug)]
pub(in crate::admin) struct SecretLine {
    pub(in crate::admin) imported: ImportedSecret,
    pub(in crate::admin) label: Option<String>,
    pub(in crate::admin) expires_at: Option<Given<Timestamp>>,
}

/// A secret of another system, in plain text or hashed.
#[derive(Debug)]
pub(in crate::admin) enum ImportedSecret {
    Plain(SecretString),
    Hash(SecretHash),
}

/// Parses a line and reports every problem. Returns `None` if there is one.
pub(in crate::admin) fn parse(
    json: &str,
    line: usize,
    problems: &mut Problems,
) -> Option<ClientLine> {
    let before = problems.count();
    let object = Object::parse(json, &CLIENT, line, String::new(), problems)?;
    let secrets = secrets(&object, problems);
    let input = of_object(&object, line, problems).filter(|_| problems.count() == before)?;
    Some(ClientLine { secrets, ..input })
}

/// Parses a client from an object with the members of a line, without secrets. Returns `None` after
/// a problem.
pub(in crate::admin) fn of_object(
    object: &Object<'_>,
    line: usize,
    problems: &mut Problems,
) -> Option<ClientLine> {
    let before = problems.count();
    let client_id = object.parsed("client_id", ClientId::parse_new, problems);
    let name = object.nullable("name", ClientName::parse, problems);
    let state = object.parsed("state", ClientState::parse, problems);
    let facts = FactsLine::parse(object, problems);
    let auth_methods = object.list("auth_methods", AuthenticationMethod::parse, problems);
    let grant_types = object.list("grant_types", GrantType::parse, problems);
    let token_lifetime = duration(object, "token_lifetime", problems);
    let token_rate = object.nullable("token_rate", RateLimit::parse, problems);
    let leak_policy = object.nullable("leak_policy", LeakPolicy::parse, problems);
    let networks = networks(object, problems);
    let keys = keys(object, problems);
    let dpop_bound = object.value("dpop_bound_access_tokens", problems);
    let certificate_bound = object.value("tls_client_certificate_bound_access_tokens", problems);
    let tls_subject = tls_subject(object, problems);
    let assertion_audiences = assertion_audiences(object, problems);
    let grants = grants(object, problems);
    let claims = object.claims(problems);
    let trusts = trusts::parse(object, problems);
    let spiffe_trusts = spiffe_trusts::parse(object, problems);
    if problems.count() > before {
        return None;
    }
    Some(ClientLine {
        line,
        path: object.path().to_owned(),
        client_id: client_id?,
        name,
        state,
        facts,
        auth_methods,
        grant_types,
        token_lifetime,
        token_rate,
        leak_policy,
        networks,
        keys,
        dpop_bound,
        certificate_bound,
        tls_subject,
        assertion_audiences,
        grants,
        claims,
        trusts,
        spiffe_trusts,
        secrets: Vec::new(),
    })
}

/// Parses a duration: a number of seconds, or a string with a unit.
pub(in crate::admin) fn duration(
    object: &Object<'_>,
    name: &str,
    problems: &mut Problems,
) -> Option<Given<Lifetime>> {
    let Some(json) = object.json(name) else {
        return object.is_given(name).then_some(Given::Default);
    };
    if JsonType::of(json) == JsonType::String {
        return object.parsed(name, Lifetime::parse, problems).map(Given::Value);
    }
    let seconds: Result<i64, _> = serde_json::from_str(json);
    match seconds.map_err(|_| Malformed::because("is not a whole number of seconds")) {
        Ok(seconds) => {
            object.noted(name, Lifetime::from_seconds(seconds), problems).map(Given::Value)
        }
        Err(malformed) => object.noted(name, Err(malformed), problems),
    }
}

fn networks(object: &Object<'_>, problems: &mut Problems) -> Option<Networks> {
    let texts = object.list("networks", |text| Ok(text.to_owned()), problems)?;
    let is_empty = |text: &String| text.trim().is_empty();
    if texts.iter().any(is_empty) {
        // An empty text would silently mean no restriction.
        let empty = Malformed::because("an element is empty; leave it out");
        return object.noted("networks", Err(empty), problems);
    }
    object.noted("networks", Networks::parse(&texts.join(" ")), problems)
}

fn assertion_audiences(object: &Object<'_>, problems: &mut Problems) -> Option<AssertionAudiences> {
    let urls = object.list("assertion_audiences", one_audience, problems)?;
    object.noted("assertion_audiences", AssertionAudiences::parse(&urls.join(" ")), problems)
}

/// Rejects a list in one string, which would otherwise be parsed as several URLs.
fn one_audience(text: &str) -> Result<String, Malformed> {
    let count = AssertionAudiences::parse(text)?.iter().count();
    if count == 1 && !text.contains(' ') {
        return Ok(text.to_owned());
    }
    Err(Malformed::because("an element is one URL"))
}

fn grants(object: &Object<'_>, problems: &mut Problems) -> Option<Vec<Grant>> {
    let mut grants: Vec<Grant> = Vec::new();
    for grant in object.objects("grants", MAX_GRANTS, problems)? {
        let Some(resource) = grant.parsed("resource", ResourceId::parse, problems) else {
            continue;
        };
        let scopes = match grant.list("scopes", ScopeName::parse, problems) {
            None => GrantedScopes::All,
            Some(names) => {
                let names: Vec<_> = names.iter().map(ScopeName::as_str).collect();
                let parsed = Scopes::parse(&names.join(" "));
                let parsed = grant.noted("scopes", parsed, problems);
                GrantedScopes::Only(parsed.unwrap_or_default())
            }
        };
        let networks = networks(&grant, problems).unwrap_or_default();
        if grants.iter().any(|other| other.resource == resource) {
            let twice = Malformed::because(format!("a second grant of {resource}"));
            grant.noted::<()>("resource", Err(twice), problems);
        }
        let claims = grant.claims(problems).unwrap_or_default();
        grants.push(Grant { resource, scopes, networks, claims });
    }
    grants.sort_by(|one, other| one.resource.cmp(&other.resource));
    Some(grants)
}

/// Returns the secret of the client itself and those of `secrets`.
fn secrets(object: &Object<'_>, problems: &mut Problems) -> Vec<SecretLine> {
    let own = imported_secret(object, problems);
    let own = own.map(|imported| SecretLine { imported, label: None, expires_at: None });
    let listed = object.objects("secrets", MAX_SECRETS, problems).unwrap_or_default();
    let listed = listed.into_iter().filter_map(|secret| {
        let label = secret.nullable("label", label, problems).and_then(Given::into_value);
        let expires_at = secret.nullable("expires_at", Timestamp::parse, problems);
        Some(SecretLine { imported: imported_secret(&secret, problems)?, label, expires_at })
    });
    let listed: Vec<_> = listed.collect();
    own.into_iter().chain(listed).collect()
}

fn imported_secret(object: &Object<'_>, problems: &mut Problems) -> Option<ImportedSecret> {
    if object.json("client_secret").is_some() {
        let plain: SecretString = object.value("client_secret", problems)?;
        let checked = check_imported(&plain).map_err(|error| Malformed::because(error.to_string()));
        return object
            .noted("client_secret", checked, problems)
            .map(|()| ImportedSecret::Plain(plain));
    }
    object.json("secret_hash")?;
    let hash: SecretString = object.value("secret_hash", problems)?;
    object.noted("secret_hash", hash_format::parse(&hash), problems).map(ImportedSecret::Hash)
}

/// Parses the label of a secret: at most 100 characters, without control characters.
pub(in crate::admin) fn label(text: &str) -> Result<String, Malformed> {
    if text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(Malformed::because(
            "a label has at most 100 characters, none of them a control character",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<ClientLine, String> {
        let mut problems = Problems::default();
        let line = parse(json, 7, &mut problems);
        match problems.into_result() {
            Ok(()) => Ok(line.expect("a line without problems")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// O-14: the error names the unknown member, the intended one, and all known ones.
    #[test]
    fn an_unknown_member_is_named_with_the_known_ones() {
        let error_of = |json: &str| parsed(json).expect_err(json);
        let error = error_of(r#"{"client_id":"a","client_secret":"x","token_ttl":900}"#);
        assert!(error.contains("line 7: token_ttl is not a member of a client."), "{error}");
        assert!(error.contains("Did you mean token_lifetime?"), "{error}");
        for member in CLIENT.names() {
            assert!(error.contains(member), "{member}: {error}");
        }
        let error = error_of(r#"{"client_id":"a","grants":[{"resource":"urn:a","scops":[]}]}"#);
        assert!(error.contains("grants[0].scops is not a member of a grant"), "{error}");
        assert!(error.contains("Did you mean scopes?"), "{error}");
        let error = error_of(r#"{"client_id":"a","secrets":[{"secret":"hush"}]}"#);
        assert!(error.contains("secrets[0].secret is not a member of a secret"), "{error}");
    }

    /// All problems of a line are reported at once, without any value that may be a secret.
    #[test]
    fn every_problem_is_reported_without_secrets() {
        let error = parsed(
            r#"{"client_id":"a b","client_secret":["hush"],"secret_hash":"hush","state":"on",
                "token_lifetime":"15","networks":["10.0.0.0/8",7],"auth_methods":"none",
                "grants":[{"scopes":["a b"]},3],"trusts":[{"issuer":"https://a.example"}],
                "client_id":"b","secrets":[{"client_secret":"hush","secret_hash":"hush"},{}],
                "jwks":{"keys":[]},"jwks_uri":null,"name":""}"#,
        );
        let error = error.expect_err("problems");
        for words in [
            "client_id: a client id has no space",
            "client_secret is a list, expected a string",
            "secret_hash: ",
            "state: a client is active or disabled",
            "token_lifetime: has no unit",
            "networks[1] is a number, expected a string",
            "auth_methods is a string, expected a list of strings",
            "grants[0].resource is missing",
            "grants[1] is a number, expected an object",
            "trusts[0].conditions is missing",
            "client_id is given twice",
            "secrets[0]: give exactly one of",
            "secrets[1]: give exactly one of",
            "jwks and jwks_uri are given",
            "name: a name is 1 to 100",
        ] {
            assert!(error.contains(words), "no {words:?} in {error}");
        }
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_value_other_than_an_object_is_rejected_without_being_repeated() {
        for (json, words) in [
            ("[\"hush\"]", "the line is a list, expected an object"),
            ("\"hush\"", "the line is a string"),
            ("{\"client_id\":\"hush\"", "not valid JSON (column"),
            ("{\"client_id\":\"a\"} hush", "not valid JSON"),
            ("null", "the line is null"),
        ] {
            let error = parsed(json).expect_err(json);
            assert!(error.contains(words) && !error.contains("hush"), "{json}: {error}");
        }
    }

    /// An absent member differs from one that is reset to its default.
    #[test]
    fn null_means_the_default() {
        let line = parsed(
            r#"{"client_id":"a","name":null,"token_lifetime":null,"jwks":null,
                "tls_client_auth_san_dns":null,"token_rate":"off","networks":[]}"#,
        )
        .expect("a line");
        assert_eq!(line.name, Some(Given::Default));
        assert_eq!(line.token_lifetime, Some(Given::Default));
        assert_eq!(line.keys, Some(Given::Default));
        assert_eq!(line.tls_subject, Some(Given::Default));
        assert_eq!(line.token_rate, Some(Given::Value(RateLimit::Unlimited)));
        assert!(line.networks.is_some_and(|networks| networks.is_anywhere()));
        assert!(line.grants.is_none() && line.dpop_bound.is_none() && line.secrets.is_empty());
    }

    #[test]
    fn a_lifetime_is_seconds_or_a_duration() {
        for (text, seconds) in [("900", 900), ("\"15m\"", 900), ("\"1h\"", 3600)] {
            let line = format!(r#"{{"client_id":"a","token_lifetime":{text}}}"#);
            let lifetime = parsed(&line).expect(text).token_lifetime.expect(text);
            assert_eq!(lifetime.value().map(|lifetime| lifetime.seconds()), Some(seconds));
        }
        for text in ["0", "1.5", "-1", "\"900\"", "1e99", "true"] {
            let line = format!(r#"{{"client_id":"a","token_lifetime":{text}}}"#);
            assert!(parsed(&line).is_err(), "{text}");
        }
    }
}
