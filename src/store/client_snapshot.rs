//! Clients as the memory of a server needs them: only what a token request looks at, and one row a
//! client, because there may be a million.

use crate::model::Malformed;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, GrantType};
use crate::model::grant::Grant;
use crate::model::rate::RateLimit;
use crate::model::secret::{SecretHash, SecretId, SecretKind};
use crate::model::security::ClientSecurity;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::FederatedCredential;
use crate::store::clients::{security, words};
use crate::store::grants::grant;
use crate::store::spiffe_trusts::{self, SpiffeTrustRow, spiffe_trusts, spiffe_trusts_where};
use crate::store::trusts::{self, TrustRow, trust, trusts_where};
use crate::store::{Store, StoreError, on_pool};

/// A client with its secrets and grants as lines. Nothing that stands in them holds a control
/// character, so tabs and line breaks keep them apart.
type Row = (
    String,
    String,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
    Option<String>,
    bool,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The columns of a [`Row`]; the condition follows.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, state, auth_methods, grant_types, token_lifetime, token_rate,
                key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks,
                assertion_audiences,
                (SELECT string_agg(
                    secret_id || '\t' || kind || '\t' || hash || '\t' || hint || '\t'
                        || COALESCE(CAST(expires_at AS TEXT), ''),
                    '\n')
                FROM client_secret WHERE client_secret.client_id = client.client_id),
                (SELECT string_agg(
                    resource || '\t' || COALESCE(networks, '') || COALESCE('\t' || scopes, ''),
                    '\n')
                FROM client_grant WHERE client_grant.client_id = client.client_id)
            FROM client
            WHERE ",
            $condition
        )
    };
}

impl StoredSecret {
    /// True as long as the secret counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.is_before(self.expires_at)
    }
}

/// Clients in the order of their ids; each with its identifier, for the case that the rest cannot
/// be read.
pub type Page = Vec<(String, Result<ClientSnapshot, StoreError>)>;

/// What a server remembers of a client.
#[derive(Debug)]
pub struct ClientSnapshot {
    /// Its identifier.
    pub client_id: ClientId,
    /// Whether it may get tokens.
    pub state: ClientState,
    /// How it may authenticate.
    pub auth_methods: Vec<AuthenticationMethod>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// How long its tokens live, if it says so.
    pub token_lifetime: Option<Lifetime>,
    /// How many tokens it may have, if it says so.
    pub token_rate: Option<RateLimit>,
    /// What it proves itself by besides secrets, and what it is held to.
    pub security: ClientSecurity,
    /// Its secrets, in no order.
    pub secrets: Vec<StoredSecret>,
    /// What it may ask for, in alphabetical order.
    pub grants: Vec<Grant>,
    /// Foreign issuers whose tokens authenticate it.
    pub trusts: Vec<FederatedCredential>,
    /// SPIFFE trust domains whose JWT-SVIDs authenticate it.
    pub spiffe_trusts: Vec<SpiffeTrust>,
}

/// What a server remembers of a secret.
#[derive(Debug)]
pub struct StoredSecret {
    /// Its identifier.
    pub secret_id: SecretId,
    /// Where it comes from.
    pub kind: SecretKind,
    /// The stored proof.
    pub hash: SecretHash,
    /// Its last characters.
    pub suffix: Box<str>,
    /// From when on it no longer counts.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// One client, if there is one of that id.
    pub async fn client_snapshot(
        &self,
        id: &ClientId,
    ) -> Result<Option<ClientSnapshot>, StoreError> {
        const SQL: &str = select!("client_id = $1");
        const TRUSTS: &str = trusts_where!("client_id = $1");
        const SPIFFE: &str = spiffe_trusts_where!("client_id = $1");
        on_pool!(self, |pool| {
            let row: Option<Row> =
                sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(pool).await?;
            let trusts: Vec<TrustRow> =
                sqlx::query_as(TRUSTS).bind(id.as_str()).fetch_all(pool).await?;
            let spiffe: Vec<SpiffeTrustRow> =
                sqlx::query_as(SPIFFE).bind(id.as_str()).fetch_all(pool).await?;
            row.map(|row| client(row, trusts, &spiffe)).transpose()
        })
    }

    /// At most `limit` clients whose identifier follows `after`.
    pub async fn stored_clients(&self, after: &str, limit: u32) -> Result<Page, StoreError> {
        const SQL: &str = select!("client_id > $1 ORDER BY client_id LIMIT $2");
        // Few clients have any, so these are not a part of each row.
        const TRUSTS: &str = trusts_where!("client_id > $1 AND client_id <= $2");
        const SPIFFE: &str = spiffe_trusts_where!("client_id > $1 AND client_id <= $2");
        on_pool!(self, |pool| {
            let rows: Vec<Row> =
                sqlx::query_as(SQL).bind(after).bind(i64::from(limit)).fetch_all(pool).await?;
            let last = rows.last().map_or("", |row| row.0.as_str());
            let trusts: Vec<TrustRow> =
                sqlx::query_as(TRUSTS).bind(after).bind(last).fetch_all(pool).await?;
            let spiffe: Vec<SpiffeTrustRow> =
                sqlx::query_as(SPIFFE).bind(after).bind(last).fetch_all(pool).await?;
            let mut trusts_of = trusts::by_client(trusts);
            let mut spiffe_of = spiffe_trusts::by_client(spiffe);
            let clients = rows.into_iter().map(|row| {
                let trusts = trusts_of.remove(&row.0).unwrap_or_default();
                let spiffe = spiffe_of.remove(&row.0).unwrap_or_default();
                (row.0.clone(), client(row, trusts, &spiffe))
            });
            Ok(clients.collect())
        })
    }
}

fn client(
    row: Row,
    trusts: Vec<TrustRow>,
    spiffe: &[SpiffeTrustRow],
) -> Result<ClientSnapshot, StoreError> {
    let (
        id,
        state,
        auth_methods,
        grant_types,
        token_lifetime,
        token_rate,
        key_set,
        jwks_uri,
        dpop_bound,
        tls_subject,
        certificate_bound,
        networks,
        assertion_audiences,
        secrets,
        grants,
    ) = row;
    let secrets = secrets.unwrap_or_default();
    let grants = grants.unwrap_or_default();
    let mut grants = grants
        .lines()
        .map(|line| {
            let (resource, rest) = line.split_once('\t').unwrap_or((line, ""));
            match rest.split_once('\t') {
                Some((networks, scopes)) => grant(resource, Some(scopes), networks),
                None => grant(resource, None, rest),
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Here, where it costs nothing: the database would sort the two of each client anew.
    grants.sort_by(|one, other| one.resource.cmp(&other.resource));
    Ok(ClientSnapshot {
        client_id: ClientId::parse(&id)?,
        state: ClientState::parse(&state)?,
        auth_methods: words(&auth_methods, AuthenticationMethod::parse)?,
        grant_types: words(&grant_types, GrantType::parse)?,
        token_lifetime: token_lifetime.map(Lifetime::from_seconds).transpose()?,
        token_rate: token_rate.as_deref().map(RateLimit::parse).transpose()?,
        security: security((
            key_set,
            jwks_uri,
            dpop_bound,
            tls_subject,
            certificate_bound,
            networks,
            assertion_audiences,
        ))?,
        secrets: secrets.lines().map(secret).collect::<Result<_, _>>()?,
        grants,
        trusts: trusts.into_iter().map(trust).collect::<Result<_, _>>()?,
        spiffe_trusts: spiffe_trusts(spiffe)?,
    })
}

fn secret(line: &str) -> Result<StoredSecret, StoreError> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [secret_id, kind, hash, hint, expires_at] = fields[..] else {
        return Err(Malformed::because("a secret has a control character in it").into());
    };
    let expires_at = match expires_at {
        "" => None,
        seconds => Some(
            seconds
                .parse()
                .map_err(|_| Malformed::because("the end of a secret is not a number"))?,
        ),
    };
    Ok(StoredSecret {
        secret_id: SecretId::parse(secret_id)?,
        kind: SecretKind::parse(kind)?,
        hash: SecretHash::from_phc(hash),
        suffix: hint.into(),
        expires_at: expires_at.map(Timestamp),
    })
}
