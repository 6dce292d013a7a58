//! Reading clients with all that belongs to them: one row a client, however many secrets it has.

use std::collections::HashMap;

use sqlx::{ColumnIndex, Database, Decode, FromRow, Row, Type};

use crate::model::Malformed;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::rate::RateLimit;
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use crate::model::time::{Lifetime, Timestamp};
use crate::model::usage::Usage;
use crate::store::clients::{security, words};
use crate::store::grants::grant;
use crate::store::spiffe_trusts::{self, SpiffeTrustRow, spiffe_trusts};
use crate::store::statement::{Statement, prepared};
use crate::store::trusts::{self, TrustRow, trust};
use crate::store::usage::usage;
use crate::store::{Store, StoreError, on_pool};

/// A client with its secrets, grants and use as lines. Nothing in them holds a control character, so
/// tabs and line breaks separate them.
const COLUMNS: &str = "
    SELECT client_id, name, state, auth_methods, grant_types, token_lifetime, token_rate, key_set,
        jwks_uri, dpop_bound, tls_subject, certificate_bound, networks, assertion_audiences,
        created_at, updated_at,
        (SELECT string_agg(
            s.secret_id || '\t' || s.kind || '\t' || s.hash || '\t' || s.hint || '\t' || s.label
                || '\t' || CAST(s.created_at AS TEXT)
                || '\t' || COALESCE(CAST(s.expires_at AS TEXT), '')
                || COALESCE(
                    '\t' || CAST(u.first_used_at AS TEXT) || '\t' || CAST(u.last_used_at AS TEXT)
                        || '\t' || CAST(u.uses AS TEXT) || '\t' || u.last_address, ''),
            '\n')
        FROM client_secret s
        LEFT JOIN secret_use u ON u.secret_id = s.secret_id
        WHERE s.client_id = client.client_id) AS secrets,
        (SELECT string_agg(
            g.resource || '\t' || COALESCE(g.networks, '') || COALESCE('\t' || g.scopes, ''), '\n')
        FROM client_grant g WHERE g.client_id = client.client_id) AS grants,
        (SELECT CAST(u.first_used_at AS TEXT) || '\t' || CAST(u.last_used_at AS TEXT)
                || '\t' || CAST(u.uses AS TEXT) || '\t' || u.last_address
        FROM client_use u WHERE u.client_id = client.client_id) AS own_use
    FROM client
    WHERE client_id IN ";

const TRUSTS: &str = "
    SELECT client_id, trust_id, issuer, key_set, jwks_uri, audience, conditions, created_at
    FROM client_trust
    WHERE client_id IN ";

const SPIFFE_TRUSTS: &str = "
    SELECT client_id, trust_id, trust_domain, bundle_endpoint, subject, created_at
    FROM client_spiffe_trust
    WHERE client_id IN ";

/// A row of [`COLUMNS`].
struct ClientRow {
    client_id: String,
    name: String,
    state: String,
    auth_methods: String,
    grant_types: String,
    token_lifetime: Option<i64>,
    token_rate: Option<String>,
    key_set: Option<String>,
    jwks_uri: Option<String>,
    dpop_bound: bool,
    tls_subject: Option<String>,
    certificate_bound: bool,
    networks: Option<String>,
    assertion_audiences: Option<String>,
    created_at: i64,
    updated_at: i64,
    secrets: Option<String>,
    grants: Option<String>,
    own_use: Option<String>,
}

impl<'r, R> FromRow<'r, R> for ClientRow
where
    R: Row,
    for<'name> &'name str: ColumnIndex<R>,
    String: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    i64: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    bool: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    <R as Row>::Database: Database,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            client_id: row.try_get("client_id")?,
            name: row.try_get("name")?,
            state: row.try_get("state")?,
            auth_methods: row.try_get("auth_methods")?,
            grant_types: row.try_get("grant_types")?,
            token_lifetime: row.try_get("token_lifetime")?,
            token_rate: row.try_get("token_rate")?,
            key_set: row.try_get("key_set")?,
            jwks_uri: row.try_get("jwks_uri")?,
            dpop_bound: row.try_get("dpop_bound")?,
            tls_subject: row.try_get("tls_subject")?,
            certificate_bound: row.try_get("certificate_bound")?,
            networks: row.try_get("networks")?,
            assertion_audiences: row.try_get("assertion_audiences")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            secrets: row.try_get("secrets")?,
            grants: row.try_get("grants")?,
            own_use: row.try_get("own_use")?,
        })
    }
}

/// Clients, each with its id for the case that the rest of it cannot be read.
pub type Registrations = Vec<(String, Result<Registration, StoreError>)>;

impl Store {
    /// One client with all that belongs to it.
    pub async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        let found = self.registrations(&[id.as_str()]).await?.pop();
        found.map(|(_, registration)| registration).transpose()
    }

    /// The clients of these ids that exist, in the order of `ids`; at most a few thousand, because
    /// each id is a value of one statement.
    pub async fn registrations(&self, ids: &[&str]) -> Result<Registrations, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (mut clients, mut trusts) = (Statement::default(), Statement::default());
        clients.push(COLUMNS).push_list(ids.iter().copied());
        trusts.push(TRUSTS).push_list(ids.iter().copied());
        trusts.push(" ORDER BY created_at, trust_id");
        let mut spiffe = Statement::default();
        spiffe.push(SPIFFE_TRUSTS).push_list(ids.iter().copied());
        spiffe.push(" ORDER BY created_at, trust_id");
        let (rows, trusts, spiffe): (Vec<ClientRow>, Vec<TrustRow>, Vec<SpiffeTrustRow>) =
            on_pool!(self, |pool| {
                let rows = prepared!(sqlx::query_as, clients).fetch_all(pool).await?;
                let trusts = prepared!(sqlx::query_as, trusts).fetch_all(pool).await?;
                let spiffe = prepared!(sqlx::query_as, spiffe).fetch_all(pool).await?;
                Ok((rows, trusts, spiffe))
            })?;
        let mut trusts_of = trusts::by_client(trusts);
        let mut spiffe_of = spiffe_trusts::by_client(spiffe);
        let mut found: HashMap<String, ClientRow> =
            rows.into_iter().map(|row| (row.client_id.clone(), row)).collect();
        let in_order = ids.iter().filter_map(|id| found.remove(*id)).map(|row| {
            let trusts = trusts_of.remove(&row.client_id).unwrap_or_default();
            let spiffe = spiffe_of.remove(&row.client_id).unwrap_or_default();
            (row.client_id.clone(), registration(row, trusts, &spiffe))
        });
        Ok(in_order.collect())
    }
}

fn registration(
    row: ClientRow,
    trusts: Vec<TrustRow>,
    spiffe: &[SpiffeTrustRow],
) -> Result<Registration, StoreError> {
    let lines = |text: Option<String>| text.unwrap_or_default();
    let (secrets, grants, own_use) = (lines(row.secrets), lines(row.grants), lines(row.own_use));
    let mut secrets = secrets.lines().map(secret).collect::<Result<Vec<_>, _>>()?;
    secrets.sort_by(|one, other| {
        (one.created_at, &one.secret_id).cmp(&(other.created_at, &other.secret_id))
    });
    let mut grants = grants.lines().map(granted).collect::<Result<Vec<_>, _>>()?;
    grants.sort_by(|one, other| one.resource.cmp(&other.resource));
    let client = Client {
        client_id: ClientId::parse(&row.client_id)?,
        name: ClientName::parse(&row.name)?,
        state: ClientState::parse(&row.state)?,
        auth_methods: words(&row.auth_methods, AuthenticationMethod::parse)?,
        grant_types: words(&row.grant_types, GrantType::parse)?,
        token_lifetime: row.token_lifetime.map(Lifetime::from_seconds).transpose()?,
        token_rate: row.token_rate.as_deref().map(RateLimit::parse).transpose()?,
        security: security((
            row.key_set,
            row.jwks_uri,
            row.dpop_bound,
            row.tls_subject,
            row.certificate_bound,
            row.networks,
            row.assertion_audiences,
        ))?,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    };
    Ok(Registration {
        client,
        secrets,
        grants,
        trusts: trusts.into_iter().map(trust).collect::<Result<_, _>>()?,
        spiffe_trusts: spiffe_trusts(spiffe)?,
        usage: used(&own_use.split('\t').collect::<Vec<_>>())?,
    })
}

fn secret(line: &str) -> Result<SecretRecord, StoreError> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [secret_id, kind, hash, hint, label, created_at, expires_at, ref use_of_it @ ..] =
        fields[..]
    else {
        return Err(Malformed::because("a secret has a control character in it").into());
    };
    let expires_at = if expires_at.is_empty() { None } else { Some(number(expires_at)?) };
    Ok(SecretRecord {
        secret_id: SecretId::parse(secret_id)?,
        kind: SecretKind::parse(kind)?,
        hash: SecretHash::from_phc(hash),
        suffix: hint.to_owned(),
        label: label.to_owned(),
        created_at: Timestamp(number(created_at)?),
        expires_at: expires_at.map(Timestamp),
        usage: used(use_of_it)?,
    })
}

fn granted(line: &str) -> Result<crate::model::grant::Grant, StoreError> {
    let (resource, rest) = line.split_once('\t').unwrap_or((line, ""));
    match rest.split_once('\t') {
        Some((networks, scopes)) => grant(resource, Some(scopes), networks),
        None => grant(resource, None, rest),
    }
}

fn used(fields: &[&str]) -> Result<Option<Usage>, StoreError> {
    let [first, last, uses, address] = *fields else { return Ok(None) };
    let address = Some(address.to_owned());
    usage((Some(number(first)?), Some(number(last)?), Some(number(uses)?), address))
}

fn number(text: &str) -> Result<i64, Malformed> {
    text.parse().map_err(|_| Malformed::because("a time or a count is not a number"))
}
