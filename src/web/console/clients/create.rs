//! Creation of a client: a form, and the page of its secret.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::State;

use crate::admin::client::{self, NewClient};
use crate::admin::resource;
use crate::admin::secret::{MadeSecret, NewSecret};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName};
use crate::model::facts::{Description, Facts};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::{ScopeName, Scopes};
use crate::model::security::{ClientSecurity, Networks};
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, in_words};
use crate::web::console::clients::changes::require_recent_authentication_for_administrator;
use crate::web::console::clients::credentials::LIFETIMES;
use crate::web::console::clients::new_secret;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::sign_in::gate::SignedIn;

/// The maximum number of resources in the form.
const MAX_OFFERED: usize = 200;

const FIELDS: [&str; 10] = [
    "name",
    "client_id",
    "owner",
    "description",
    "api",
    "scope",
    "credential",
    "lifetime",
    "label",
    "once",
];

/// The credentials that the form offers: a value, a name, and the next page. A secret has no next
/// page.
const CREDENTIALS: [(&str, &str, &str); 5] = [
    ("secret", "A secret", ""),
    ("key", "A key of its own: it signs, and nothing secret is shared", "keys/new"),
    ("github", "GitHub Actions: its workflows have tokens already", "trusts/new?kind=github"),
    ("kubernetes", "Kubernetes: its service account", "trusts/new?kind=kubernetes"),
    ("issuer", "Another identity provider, such as GitLab or Azure", "trusts/new?kind=issuer"),
];

/// The separator of resource and scope in a checkbox value. Neither may contain a space.
const DIVIDER: char = ' ';

#[derive(Template)]
#[template(path = "console/clients/create.html")]
struct CreatePage {
    frame: Frame,
    problem: String,
    name: String,
    client_id: String,
    owner: String,
    owners: Vec<String>,
    description: String,
    apis: Vec<ApiChoice>,
    credentials: Vec<Choice>,
    lifetimes: Vec<Choice>,
    label: String,
    once: String,
    may_grant: bool,
    may_give_secret: bool,
    warn_before: String,
    token_lifetime: String,
}

struct ApiChoice {
    resource: String,
    number: usize,
    is_all: bool,
    scopes: Vec<ScopeChoice>,
}

struct ScopeChoice {
    name: String,
    description: String,
    value: String,
    is_chosen: bool,
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
) -> Answer {
    signed_in.require(AdminScope::ClientsWrite)?;
    answer::page(&form_page(&app, &signed_in, &Form::default(), String::new()).await?)
}

async fn form_page(
    app: &App,
    signed_in: &SignedIn,
    form: &Form,
    problem: String,
) -> Result<CreatePage, ConsoleError> {
    let may_grant = signed_in.may(AdminScope::GrantsWrite);
    let may_read = signed_in.may(AdminScope::ResourcesRead);
    let apis = if may_grant && may_read { apis(app, signed_in, form).await? } else { Vec::new() };
    let equivalent = Equivalent::new(
        "tokend client create billing --grant https://orders.example.com=orders:read",
        "POST",
        "/v1/clients",
        "{\"name\":\"Billing\",\"grants\":[{\"resource\":\"https://orders.example.com\",\"scopes\":[\"orders:read\"]}]}",
    );
    Ok(CreatePage {
        frame: Frame::new(signed_in, "Create client", "/console/clients")
            .with_equivalent(equivalent),
        problem,
        name: form.typed("name"),
        client_id: form.typed("client_id"),
        owner: form.typed("owner"),
        owners: signed_in.owner_names(),
        description: form.typed("description"),
        apis,
        credentials: Choice::list(
            &CREDENTIALS.map(|(value, name, _)| (value, name)),
            form.text("credential").unwrap_or(CREDENTIALS[0].0),
        ),
        lifetimes: Choice::list(&LIFETIMES, form.text("lifetime").unwrap_or(LIFETIMES[0].0)),
        label: form.typed("label"),
        once: new_secret::once()?,
        may_grant,
        may_give_secret: signed_in.may(AdminScope::SecretsWrite),
        warn_before: in_words(app.services.config.secrets.warn_before.seconds()),
        token_lifetime: in_words(app.services.config.token.lifetime.seconds()),
    })
}

async fn apis(
    app: &App,
    signed_in: &SignedIn,
    form: &Form,
) -> Result<Vec<ApiChoice>, ConsoleError> {
    let known = resource::list(&app.services.store, &signed_in.principal).await?;
    let known = known.into_iter().filter(|resource| !resource.resource.is_built_in());
    let choice = |(number, resource): (usize, crate::model::resource::Resource)| {
        let id = resource.resource.to_string();
        let scopes = resource.scopes.into_iter().map(|scope| {
            let value = format!("{id}{DIVIDER}{}", scope.name);
            let is_chosen = form.all("scope").any(|chosen| chosen == value);
            let (name, description) = (scope.name.to_string(), scope.description);
            ScopeChoice { name, description, value, is_chosen }
        });
        let scopes = scopes.collect();
        ApiChoice {
            is_all: form.all("api").any(|chosen| chosen == id),
            scopes,
            resource: id,
            number,
        }
    };
    Ok(known.take(MAX_OFFERED).enumerate().map(choice).collect())
}

/// Creates a client and shows its secret once.
pub(in crate::web::console) async fn create(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
) -> Answer {
    form.only(&FIELDS)?;
    signed_in.require(AdminScope::ClientsWrite)?;
    let new = match new_client(&form, signed_in.may(AdminScope::SecretsWrite)) {
        Ok(new) => new,
        Err(problem) => return rejected(&app, &signed_in, &form, problem).await,
    };
    require_recent_authentication_for_administrator(
        &signed_in,
        &new.grants,
        "/console/clients/new",
    )?;
    new_secret::claim(&app, &signed_in, &form).await?;
    let made = client::create(&app.services, &signed_in.principal, new).await;
    let (made, plain) = match made {
        Ok(made) => made,
        Err(error) => return rejected(&app, &signed_in, &form, correctable(error)?).await,
    };
    answer::catch_up_or_log(&app).await;
    let client = &made.client;
    let Some(record) = made.secrets.first().cloned() else {
        let path = shown::client_path(client.client_id.as_str());
        let asked = form.text("credential");
        let next =
            CREDENTIALS.iter().find(|(value, _, page)| Some(*value) == asked && !page.is_empty());
        let next = next.filter(|_| signed_in.may(AdminScope::SecretsWrite));
        let place = next.map_or_else(|| path.clone(), |(.., page)| format!("{path}/{page}"));
        return Ok(answer::see_other(&place));
    };
    let secret = MadeSecret { record, plain, old_secrets_end: None };
    new_secret::page(&app, &signed_in, client, &made.grants, &secret)
}

/// Shows the form again with the problem.
async fn rejected(app: &App, signed_in: &SignedIn, form: &Form, problem: String) -> Answer {
    answer::rejected(&form_page(app, signed_in, form, problem).await?)
}

/// Converts the form to a client. All other members have their defaults.
fn new_client(form: &Form, may_give_secret: bool) -> Result<NewClient, String> {
    let name = form.text("name").ok_or("Name: it is missing.")?;
    let field =
        |name: &'static str| move |problem: crate::model::Malformed| format!("{name}: {problem}");
    let lifetime = form.read("lifetime", Lifetime::parse)?;
    let secret = NewSecret { label: form.typed("label"), lifetime, digest: None };
    let owner = form.text("owner").map(Owner::parse).transpose().map_err(field("Owner"))?;
    let description = form.text("description").map(Description::parse).transpose();
    let description = description.map_err(field("Description"))?;
    let id = form.text("client_id").map(ClientId::parse_new).transpose();
    let credential = form.text("credential").unwrap_or(CREDENTIALS[0].0);
    if !CREDENTIALS.iter().any(|(known, ..)| *known == credential) {
        return Err("Credential: choose it in the form.".to_owned());
    }
    let has_secret = credential == CREDENTIALS[0].0;
    // Keys and tokens of other issuers use the same authentication method.
    let methods = if has_secret { Vec::new() } else { vec![AuthenticationMethod::PrivateKeyJwt] };
    Ok(NewClient {
        name: Some(ClientName::parse(name).map_err(field("Name"))?),
        client_id: id.map_err(field("Client id"))?,
        auth_methods: methods,
        grant_types: Vec::new(),
        token_lifetime: None,
        token_rate: None,
        grants: grants(form)?,
        claims: StaticClaims::default(),
        security: ClientSecurity::default(),
        leak_policy: LeakPolicy::default(),
        facts: Facts { owner, description, ..Facts::default() },
        admin_of: None,
        secret: (may_give_secret && has_secret).then_some(secret),
    })
}

/// Converts the checkboxes to grants of all or some scopes of a resource.
fn grants(form: &Form) -> Result<Vec<Grant>, String> {
    let mut wanted: BTreeMap<&str, Option<Vec<ScopeName>>> = BTreeMap::new();
    for text in form.all("scope") {
        let (resource, scope) = text.split_once(DIVIDER).ok_or("Scope: choose it in the form.")?;
        let scope = ScopeName::parse(scope).map_err(|problem| format!("Scope: {problem}"))?;
        wanted.entry(resource).or_insert_with(|| Some(Vec::new())).iter_mut().for_each(|scopes| {
            scopes.push(scope.clone());
        });
    }
    for resource in form.all("api") {
        wanted.insert(resource, None);
    }
    let grant = |(resource, scopes): (&str, Option<Vec<ScopeName>>)| {
        let resource =
            ResourceId::parse(resource).map_err(|problem| format!("Resource: {problem}"))?;
        let scopes = match scopes {
            None => GrantedScopes::All,
            Some(scopes) => GrantedScopes::Only(scopes.into_iter().collect::<Scopes>()),
        };
        let (networks, claims) = (Networks::default(), StaticClaims::default());
        Ok(Grant { resource, scopes, networks, claims })
    };
    wanted.into_iter().map(grant).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn ticked_scopes_become_grants() {
        let form = form("name=A&scope=urn:a+read&scope=urn:a+write&scope=urn:b+x&api=urn:b");
        let new = new_client(&form, true).expect("a client");
        let shown: Vec<_> = new
            .grants
            .iter()
            .map(|grant| match &grant.scopes {
                GrantedScopes::All => format!("{} all", grant.resource),
                GrantedScopes::Only(scopes) => format!("{} {scopes}", grant.resource),
            })
            .collect();
        assert_eq!(shown, ["urn:a read write", "urn:b all"]);
        assert!(new.secret.is_some() && new.admin_of.is_none());
        let new = new_client(&self::form("name=A&credential=github"), true).expect("a client");
        assert!(new.secret.is_none());
        assert_eq!(new.auth_methods, [AuthenticationMethod::PrivateKeyJwt]);
    }

    #[test]
    fn a_problem_names_its_field() {
        for (text, start) in [
            ("", "Name: "),
            ("name=A&client_id=a+b", "Client id: "),
            ("name=A&owner=a+b", "Owner: "),
            ("name=A&scope=x", "Scope: "),
            ("name=A&api=x", "Resource: "),
            ("name=A&credential=x", "Credential: "),
        ] {
            let problem = new_client(&form(text), true).expect_err("a problem");
            assert!(problem.starts_with(start), "{text}: {problem}");
        }
    }
}
