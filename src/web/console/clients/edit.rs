//! The form that edits a client: name, facts, limits and claims.

use std::collections::BTreeSet;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::client::claims::ClaimsChange;
use crate::admin::client::{self, ClientUpdate, RightsNeeded};
use crate::admin::facts::{FactsUpdate, LabelsUpdate};
use crate::admin::revision::Precondition;
use crate::app::App;
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientName, GrantType, Registration};
use crate::model::facts::{Contact, Description};
use crate::model::labels::Labels;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;
use crate::web::console::clients::changes::require_recent_authentication_for_administrator;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame};
use crate::web::console::clients::edit_fields::{EditedClient, words};
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::sign_in::gate::SignedIn;

const FIELDS: [&str; 17] = [
    "revision",
    "name",
    "description",
    "contact",
    "owner",
    "labels",
    "claims",
    "lifetime",
    "token_rate",
    "networks",
    "method",
    "grant_type",
    "dpop_bound",
    "certificate_bound",
    "leak_policy",
    "assertion_audiences",
    "admin_of",
];

#[derive(Template)]
#[template(path = "console/clients/edit.html")]
struct EditPage {
    frame: Frame,
    head: ClientHeader,
    problem: String,
    values: EditedClient,
    methods: Vec<Choice>,
    grant_types: Vec<Choice>,
    leak_policies: Vec<Choice>,
    owners: Vec<String>,
    may_claim: bool,
    may_limit: bool,
    may_secure: bool,
    server_lifetime: String,
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    signed_in.require(AdminScope::ClientsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let values = EditedClient::of(&found);
    answer::page(&form_page(&app, &signed_in, &found, values, String::new()))
}

fn form_page(
    app: &App,
    signed_in: &SignedIn,
    found: &Registration,
    values: EditedClient,
    problem: String,
) -> EditPage {
    let change = format!("{} {}", command(found, "client update"), values.options());
    let equivalent = Equivalent::new(change, "PATCH", &api_path(found, ""), &values.body());
    let is_chosen = |chosen: &[String], value: &str| chosen.iter().any(|known| known == value);
    let choice = |chosen: &[String], value: &str, name: &str| Choice {
        value: value.to_owned(),
        name: name.to_owned(),
        is_chosen: is_chosen(chosen, value),
    };
    let methods = AuthenticationMethod::ALL.map(AuthenticationMethod::as_str);
    let methods = methods.map(|method| choice(&values.methods, method, method));
    let mut types: Vec<&str> = vec!["client_credentials", GrantType::JWT_BEARER];
    types.extend(found.client.grant_types.iter().map(GrantType::as_str));
    let mut listed = BTreeSet::new();
    types.retain(|name| listed.insert(*name));
    let policies = [
        ("report", "Report it: the secret stays valid"),
        ("end_in_24h", "End the secret in 24 hours"),
        ("end_now", "End the secret at once"),
    ];
    EditPage {
        frame: frame(signed_in, found, equivalent),
        head: ClientHeader::of(signed_in, found, "edit"),
        problem,
        methods: methods.into(),
        grant_types: types.iter().map(|name| choice(&values.grant_types, name, name)).collect(),
        leak_policies: Choice::list(&policies, &values.leak_policy),
        owners: signed_in.owner_names(),
        may_claim: signed_in.may(AdminScope::GrantsWrite),
        may_limit: signed_in.may(AdminScope::AdminsWrite) && found.is_administrator(),
        may_secure: signed_in.may(AdminScope::SecretsWrite),
        values,
        server_lifetime: app.services.config.token.lifetime.to_string(),
    }
}

pub(in crate::web::console) async fn save(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&FIELDS)?;
    signed_in.require(AdminScope::ClientsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let page = format!("{}/edit", shown::client_path(&id));
    require_recent_authentication_for_administrator(&signed_in, &found.grants, &page)?;
    let done = match update_of(&form) {
        Ok(update) => {
            let id = &found.client.client_id;
            client::update(&app.services, &signed_in.principal, id, update).await
        }
        Err(problem) => return rejected(&app, &signed_in, &found, &form, problem),
    };
    match done {
        Ok(changed) => {
            let done = if changed.is_changed { Notice::Saved } else { Notice::Unchanged };
            answer::changed(&app, &shown::client_path(&id), done).await
        }
        Err(error) => {
            let problem = correctable(error)?;
            rejected(&app, &signed_in, &found, &form, problem)
        }
    }
}

/// Shows the form again with the problem.
fn rejected(
    app: &App,
    signed_in: &SignedIn,
    found: &Registration,
    form: &Form,
    problem: String,
) -> Answer {
    let values = EditedClient::typed(form);
    answer::rejected(&form_page(app, signed_in, found, values, problem))
}

/// Converts the form to an update. A missing field changes nothing, and an empty field unsets the
/// value.
fn update_of(form: &Form) -> Result<ClientUpdate, String> {
    let name = form.read("name", ClientName::parse)?.ok_or("name: it is missing")?;
    let revision = form.text("revision").ok_or("revision: it is missing")?;
    let methods = form.all("method").map(AuthenticationMethod::parse);
    let types = form.all("grant_type").map(GrantType::parse);
    let claims = form.read("claims", StaticClaims::parse)?.unwrap_or_default();
    let is_given = |name: &str| form.all(name).next().is_some();
    let labels = labels(form)?;
    Ok(ClientUpdate {
        precondition: Precondition::Revision(vec![revision.to_owned()]),
        // The form has every member, so only changed ones need a right.
        rights: RightsNeeded::ForEachDifference,
        name: Some(name),
        auth_methods: Some(list("method", methods)?),
        grant_types: Some(list("grant_type", types)?),
        token_lifetime: Some(form.read("lifetime", Lifetime::parse)?),
        token_rate: Some(form.read("token_rate", RateLimit::parse)?),
        dpop_bound: Some(form.has("dpop_bound")),
        certificate_bound: Some(form.has("certificate_bound")),
        networks: Some(form.read("networks", Networks::parse)?.unwrap_or_default()),
        assertion_audiences: Some(
            form.read("assertion_audiences", AssertionAudiences::parse)?.unwrap_or_default(),
        ),
        leak_policy: form.read("leak_policy", LeakPolicy::parse)?,
        claims: is_given("claims").then_some(ClaimsChange::Replace(claims)),
        facts: FactsUpdate {
            owner: Some(form.read("owner", Owner::parse)?),
            description: Some(form.read("description", Description::parse)?),
            contact: Some(form.read("contact", Contact::parse)?),
            labels: LabelsUpdate::Replace(labels),
        },
        admin_of: if is_given("admin_of") { Some(admin_of(form)?) } else { None },
        ..ClientUpdate::default()
    })
}

fn list<T>(
    name: &str,
    values: impl Iterator<Item = Result<T, Malformed>>,
) -> Result<Vec<T>, String> {
    values.collect::<Result<_, _>>().map_err(|problem| format!("{name}: {problem}"))
}

/// Parses labels, one `key=value` per line.
pub(in crate::web::console) fn labels(form: &Form) -> Result<Labels, String> {
    let pairs = form.lines("labels").map(|line| line.split_once('=').unwrap_or((line, "")));
    Labels::parse(pairs).map_err(|problem| format!("labels: {problem}"))
}

/// Parses the owners that an administrator is limited to; `None` without a limit.
fn admin_of(form: &Form) -> Result<Option<BTreeSet<Owner>>, String> {
    let words = words(form.text("admin_of").unwrap_or_default());
    let owners = words.iter().map(|word| Owner::parse(word));
    let owners: BTreeSet<Owner> =
        owners.collect::<Result<_, _>>().map_err(|problem| format!("admin_of: {problem}"))?;
    Ok((!owners.is_empty()).then_some(owners))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_a_form_has_is_changed_and_nothing_else() {
        let update = update_of(&form("name=A&revision=x&labels=a%3D1%0D%0Ab&owner=")).expect("one");
        assert!(update.claims.is_none() && update.admin_of.is_none() && update.state.is_none());
        assert_eq!(update.facts.owner, Some(None));
        let LabelsUpdate::Replace(labels) = update.facts.labels else { panic!("a replacement") };
        assert_eq!(labels.to_string(), "a=1 b=");
    }

    #[test]
    fn a_problem_names_its_field() {
        for (text, start) in [
            ("revision=x", "name: "),
            ("name=A", "revision: "),
            ("name=A&revision=x&lifetime=x", "lifetime: "),
            ("name=A&revision=x&networks=x", "networks: "),
            ("name=A&revision=x&claims=x", "claims: "),
            ("name=A&revision=x&labels=a+b%3Dc", "labels: "),
            ("name=A&revision=x&method=x", "method: "),
            ("name=A&revision=x&admin_of=a%2F", "admin_of: "),
        ] {
            let problem = update_of(&form(text)).expect_err("a problem");
            assert!(problem.starts_with(start), "{text}: {problem}");
        }
    }
}
