//! `tokend client revoke-grant` and `revoke-tokens`, and the parsing of grants in arguments.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::reference;
use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::{Global, output};
use crate::model::admin_preset::AdminPreset;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;

#[derive(Debug, Args)]
pub(crate) struct RevokeGrantArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The resource
    #[arg(long, value_name = "URI")]
    resource: String,
}

/// Runs `tokend client revoke-grant`.
pub(crate) async fn revoke(global: &Global, args: &RevokeGrantArgs) -> Result<(), CliError> {
    let resource = ResourceId::parse(&args.resource)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let grant = path(&["clients", &id, "grants", resource.as_str()]);
    api.send(&ApiRequest::delete(grant)).await?;
    let value = json!({ "client_id": id, "resource": resource, "revoked": true });
    let rows = [("client", id.clone()), ("revoked", resource.to_string())];
    output::one(global.output, &id, &value, &rows)
}

/// The response to a revocation of all tokens of a client.
#[derive(Deserialize)]
struct RevokedTokens {
    revoked_until: String,
}

/// Runs `tokend client revoke-tokens`.
pub(crate) async fn revoke_tokens(global: &Global, id: &str) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, id).await?;
    let place = path(&["clients", &id, "tokens", "revoke"]);
    let revoked: Object<RevokedTokens> = api.read(&ApiRequest::post(place, json!({}))).await?;
    let rows = [("client", id.clone()), ("tokens revoked until", revoked.object.revoked_until)];
    output::one(global.output, &id, &revoked.json, &rows)
}

/// Parses networks; `any` removes the limit, and no option leaves the networks unchanged. An empty
/// text is rejected, because it probably comes from an unset variable.
pub(crate) fn networks_or_any(texts: &[String]) -> Result<Option<Networks>, CliError> {
    match texts {
        [] => Ok(None),
        [any] if any == "any" => Ok(Some(Networks::default())),
        texts if texts.iter().any(|text| text.trim().is_empty()) => {
            Err(CliError::usage("a network is empty").with_remedy(ArgumentRemedy::GiveNetwork))
        }
        texts => Ok(Some(Networks::parse(&texts.join(" "))?)),
    }
}

/// Parses the administrator preset of the option `--admin`.
pub(crate) fn preset(text: &str) -> Result<AdminPreset, CliError> {
    AdminPreset::parse(text)
        .map_err(|malformed| CliError::usage(format!("--admin: '{text}': {malformed}")))
}

/// Parses the grants of `client create`: those of `--grant`, and the one that `--admin` implies.
pub(crate) fn grants(texts: &[String], admin: Option<&str>) -> Result<Vec<Grant>, CliError> {
    let mut grants = texts.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    let Some(preset) = admin.map(preset).transpose()? else { return Ok(grants) };
    let resource = ResourceId::parse(ResourceId::SERVER)?;
    if grants.iter().any(|grant| grant.resource == resource) {
        return Err(CliError::usage(format!(
            "--admin and --grant both give a grant of {resource}"
        ))
        .with_remedy(ArgumentRemedy::LeaveOneOut));
    }
    let scopes = GrantedScopes::Only(preset.granted());
    let (networks, claims) = (Networks::default(), StaticClaims::default());
    grants.push(Grant { resource, scopes, networks, claims });
    Ok(grants)
}

/// Parses `URI` or `URI=scope,scope`. The last equals sign is the separator, because the query of a
/// resource may contain others, and only if the text after it can be scopes.
pub(crate) fn parse(text: &str) -> Result<Grant, CliError> {
    let (resource, scopes) = match text.rsplit_once('=') {
        Some((resource, scopes)) if !resource.contains('?') || !scopes.is_empty() => {
            (resource, Some(scopes))
        }
        _ => (text, None),
    };
    let scopes = match scopes {
        None => GrantedScopes::All,
        Some(list) => GrantedScopes::Only(Scopes::parse(&list.replace(',', " "))?),
    };
    Ok(Grant {
        resource: ResourceId::parse(resource)?,
        scopes,
        networks: Networks::default(),
        claims: StaticClaims::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_resource_with_or_without_scopes() {
        let all = parse("https://a.example").expect("a grant");
        assert_eq!(all.scopes, GrantedScopes::All);
        let some = parse("https://a.example=orders:read,orders:write").expect("a grant");
        assert_eq!(some.resource.as_str(), "https://a.example");
        let scopes = Scopes::parse("orders:read orders:write").expect("scopes");
        assert_eq!(some.scopes, GrantedScopes::Only(scopes));
        assert!(parse("https://a.example=").is_err());
        assert!(parse("orders").is_err());
    }
}
