//! Taking clients over from another system, with the ids and secrets they have.

use std::collections::HashSet;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::admin::client::Fields;
use crate::admin::{Actor, AdminError, Work, client, grant, secret};
use crate::app::Foundation;
use crate::crypto::argon2id;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, GrantType};
use crate::model::event::{Action, Subject};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::rate::RateLimit;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::secret::SecretRecord;
use crate::model::security::{Networks, Security};
use crate::model::time::Lifetime;

/// One line of an import file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client_id: String,
    client_secret: Option<SecretString>,
    secret_hash: Option<String>,
    name: Option<String>,
    #[serde(default)]
    grants: Vec<GrantLine>,
    #[serde(default)]
    auth_methods: Vec<String>,
    #[serde(default)]
    grant_types: Vec<String>,
    token_lifetime: Option<i64>,
    token_rate: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantLine {
    resource: String,
    scopes: Option<Vec<String>>,
}

/// A line that has been understood.
struct Import {
    client: NewImport,
    proof: Proof,
    grants: Vec<Grant>,
}

struct NewImport {
    client_id: ClientId,
    fields: Fields,
}

enum Proof {
    Plain(SecretString),
    Record(SecretRecord),
}

/// Takes over every client of a text with one JSON object a line: all of them, or none and a list
/// of what is wrong with which line. Gives the ids.
pub async fn import(
    foundation: &Arc<Foundation>,
    actor: &Actor,
    text: &str,
) -> Result<Vec<ClientId>, AdminError> {
    let imports = understand(foundation, text).await?;
    let imports = hash_all(foundation, imports).await?;
    let mut work = Work::begin(foundation, actor).await?;
    let mut ids = Vec::new();
    for (new, record, grants) in imports {
        let client = new.fields.registered(new.client_id.clone(), work.now);
        work.change.create_client(&client).await.map_err(|error| match error.into() {
            AdminError::Conflict(_) => AdminError::Conflict(format!(
                "there is already a client {}; nothing was imported",
                client.client_id
            )),
            other => other,
        })?;
        work.change.add_secret(&new.client_id, &record).await?;
        for grant in &grants {
            work.change.put_grant(&new.client_id, grant).await?;
        }
        let detail =
            json!({ "name": client.name, "secret_id": record.secret_id, "grants": grants });
        let subject = Subject::Client(new.client_id.clone());
        work.record(Action::ClientImported, subject, detail).await?;
        ids.push(new.client_id);
    }
    work.commit().await?;
    Ok(ids)
}

async fn understand(foundation: &Foundation, text: &str) -> Result<Vec<Import>, AdminError> {
    let mut imports = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match understand_line(foundation, line).await {
            Ok(import) if seen.insert(import.client.client_id.clone()) => imports.push(import),
            Ok(import) => problems.push(format!(
                "line {}: client {} stands twice",
                index + 1,
                import.client.client_id
            )),
            Err(AdminError::Store(error)) => return Err(AdminError::Store(error)),
            Err(other) => problems.push(format!("line {}: {other}", index + 1)),
        }
    }
    if problems.is_empty() {
        return Ok(imports);
    }
    let count = problems.len();
    problems.truncate(20);
    Err(AdminError::invalid(
        "import",
        format!("{count} unusable lines, nothing was imported\n  {}", problems.join("\n  ")),
    ))
}

async fn understand_line(foundation: &Foundation, line: &str) -> Result<Import, AdminError> {
    // serde_json's own message may quote a value, and the value may be the secret.
    let line: Line = serde_json::from_str(line).map_err(|error| {
        let what = if error.is_data() {
            "has missing, unknown or mistyped members"
        } else {
            "is not valid JSON"
        };
        AdminError::invalid("the object", format!("{what} (column {})", error.column()))
    })?;
    let client_id =
        ClientId::parse_new(&line.client_id).map_err(AdminError::malformed("client_id"))?;
    let name = line.name.as_deref().unwrap_or(&line.client_id);
    let name = ClientName::parse(name).map_err(AdminError::malformed("name"))?;
    let proof = match (line.client_secret, line.secret_hash) {
        (Some(plain), None) => {
            crate::crypto::secret::check_imported(&plain)?;
            Proof::Plain(plain)
        }
        (None, Some(hash)) => {
            let hash = argon2id::check_imported(&hash)?;
            Proof::Record(secret::record_of_import(foundation, hash, String::new())?)
        }
        _ => {
            let problem = "give either client_secret or secret_hash";
            return Err(AdminError::invalid("client_secret", problem));
        }
    };
    let grants = line.grants.iter().map(understand_grant).collect::<Result<Vec<_>, _>>()?;
    for wanted in &grants {
        grant::check(foundation, wanted).await?;
    }
    let token_lifetime = line
        .token_lifetime
        .map(Lifetime::from_seconds)
        .transpose()
        .map_err(AdminError::malformed("token_lifetime"))?;
    client::check_lifetime(foundation, token_lifetime)?;
    let token_rate = line.token_rate.as_deref().map(RateLimit::parse).transpose();
    let token_rate = token_rate.map_err(AdminError::malformed("token_rate"))?;
    let fields = Fields {
        name,
        auth_methods: parsed("auth_methods", &line.auth_methods, AuthenticationMethod::parse)?,
        grant_types: parsed("grant_types", &line.grant_types, GrantType::parse)?,
        token_lifetime,
        token_rate,
        security: Security::default(),
    };
    let new = NewImport { client_id, fields };
    Ok(Import { client: new, proof, grants })
}

fn understand_grant(line: &GrantLine) -> Result<Grant, AdminError> {
    let resource = ResourceId::parse(&line.resource).map_err(AdminError::malformed("resource"))?;
    let scopes = match &line.scopes {
        None => GrantedScopes::All,
        Some(names) => GrantedScopes::Only(
            parsed("scopes", names, ScopeName::parse)?.into_iter().collect::<Scopes>(),
        ),
    };
    Ok(Grant { resource, scopes, networks: Networks::default() })
}

fn parsed<T>(
    field: &'static str,
    words: &[String],
    parse: fn(&str) -> Result<T, crate::model::Malformed>,
) -> Result<Vec<T>, AdminError> {
    words.iter().map(|word| parse(word).map_err(AdminError::malformed(field))).collect()
}

/// Hashes every plain secret, on as many threads as there are cores.
async fn hash_all(
    foundation: &Arc<Foundation>,
    imports: Vec<Import>,
) -> Result<Vec<(NewImport, SecretRecord, Vec<Grant>)>, AdminError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Arc::new(tokio::sync::Semaphore::new(cores));
    let mut hashing = Vec::new();
    for Import { client, proof, grants } in imports {
        let (foundation, turns) = (foundation.clone(), turns.clone());
        let task = tokio::spawn(async move {
            let record = match proof {
                Proof::Record(record) => record,
                Proof::Plain(plain) => {
                    let _turn = turns.acquire_owned().await;
                    tokio::task::spawn_blocking(move || secret::take_over(&foundation, &plain))
                        .await
                        .map_err(|_| crate::crypto::CryptoError::Failed("hashing a secret"))??
                }
            };
            Ok::<_, AdminError>((client, record, grants))
        });
        hashing.push(task);
    }
    let mut hashed = Vec::new();
    for task in hashing {
        let outcome = task.await;
        hashed.push(outcome.map_err(|_| crate::crypto::CryptoError::Failed("hashing a secret"))??);
    }
    Ok(hashed)
}
