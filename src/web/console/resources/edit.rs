//! The form that edits a resource.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::admin::facts::{FactsUpdate, LabelsUpdate};
use crate::admin::resource::{self, ResourceUpdate};
use crate::admin::revision::{Precondition, Revision};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::facts::{Contact, Description};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceScope, TokenTyp};
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;
use crate::text::shell::quote;
use crate::web::console::clients::edit::labels;
use crate::web::console::clients::edit_fields::labels_of;
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::resources::detail::find;
use crate::web::console::sign_in::gate::SignedIn;

const FIELDS: [&str; 9] = [
    "revision",
    "scopes",
    "lifetime",
    "algorithm",
    "typ",
    "owner",
    "description",
    "contact",
    "labels",
];

#[derive(Template)]
#[template(path = "console/resources/edit.html")]
struct EditPage {
    frame: Frame,
    id: String,
    path: String,
    problem: String,
    values: ResourceFormValues,
    owners: Vec<String>,
    algorithms: Vec<Choice>,
    kinds: Vec<Choice>,
    server_lifetime: String,
}

/// The fields of a resource as texts.
struct ResourceFormValues {
    revision: String,
    scopes: String,
    lifetime: String,
    algorithm: String,
    typ: String,
    owner: String,
    description: String,
    contact: String,
    labels: String,
}

impl ResourceFormValues {
    fn of(found: &Resource) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let scopes = found.scopes.iter().map(|scope| match scope.description.as_str() {
            "" => scope.name.to_string(),
            description => format!("{}={description}", scope.name),
        });
        Self {
            revision: Revision::of_resource(found).as_str().to_owned(),
            scopes: scopes.collect::<Vec<_>>().join("\n"),
            lifetime: found.token_lifetime.map(|it| it.to_string()).unwrap_or_default(),
            algorithm: text(found.signing_algorithm.map(Algorithm::as_str)),
            typ: found.token_typ.as_str().to_owned(),
            owner: text(found.facts.owner.as_ref().map(Owner::as_str)),
            description: text(found.facts.description.as_ref().map(Description::as_str)),
            contact: text(found.facts.contact.as_ref().map(Contact::as_str)),
            labels: found.facts.labels.texts().collect::<Vec<_>>().join("\n"),
        }
    }

    fn typed(form: &Form) -> Self {
        Self {
            revision: form.typed("revision"),
            scopes: form.typed("scopes"),
            lifetime: form.typed("lifetime"),
            algorithm: form.typed("algorithm"),
            typ: form.typed("typ"),
            owner: form.typed("owner"),
            description: form.typed("description"),
            contact: form.typed("contact"),
            labels: form.typed("labels"),
        }
    }

    /// Returns the options of the command that sets the same values. Empty values are omitted.
    fn options(&self) -> String {
        let texts = [
            ("--token-ttl", &self.lifetime),
            ("--signing-alg", &self.algorithm),
            ("--token-typ", &self.typ),
            ("--owner", &self.owner),
            ("--description", &self.description),
            ("--contact", &self.contact),
        ];
        let lists = [("--scope", &self.scopes), ("--label", &self.labels)];
        let lines = lines_of(&lists).chain(texts.map(|(option, text)| (option, text.as_str())));
        let given = lines.filter(|(_, text)| !text.is_empty());
        given.map(|(option, text)| format!(" {option} {}", quote(text))).collect()
    }

    /// Returns the body of the API request that sets the same values.
    fn body(&self) -> String {
        let text = |text: &str| (!text.is_empty()).then(|| json!(text));
        let scopes = self.scopes.lines().map(|line| match line.split_once('=') {
            Some((name, description)) => json!({ "name": name, "description": description }),
            None => json!({ "name": line }),
        });
        let labels = labels_of(&self.labels);
        let seconds = Lifetime::parse(&self.lifetime).ok().map(Lifetime::seconds);
        let members = [
            ("scopes", Some(scopes.collect())),
            ("token_ttl_seconds", seconds.map(|seconds| json!(seconds))),
            ("signing_alg", text(&self.algorithm)),
            ("token_typ", text(&self.typ)),
            ("owner", text(&self.owner)),
            ("description", text(&self.description)),
            ("contact", text(&self.contact)),
            ("labels", (!labels.is_empty()).then_some(Value::Object(labels))),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect()).to_string()
    }
}

/// Splits fields into lines, each with its command option.
fn lines_of<'a>(
    fields: &'a [(&'static str, &String)],
) -> impl Iterator<Item = (&'static str, &'a str)> {
    fields.iter().flat_map(|(option, text)| text.lines().map(|line| (*option, line)))
}

fn edit_page(
    app: &App,
    signed_in: &SignedIn,
    found: &Resource,
    values: ResourceFormValues,
    problem: String,
) -> EditPage {
    let token = &app.services.config.token;
    let id = found.resource.to_string();
    let server = format!("as the server: {}", token.algorithm.as_str());
    let mut algorithms = vec![("", server.as_str())];
    algorithms.extend(Algorithm::ALL.iter().map(|known| (known.as_str(), known.as_str())));
    let kinds =
        [("at+jwt", "at+jwt (RFC 9068)"), ("JWT", "JWT, for a verifier that accepts no other")];
    let change = format!("tokend resource update {}{}", quote(&id), values.options());
    let path = format!("/v1/resources/{}", shown::segment(&id));
    let equivalent = Equivalent::new(change, "PATCH", &path, &values.body());
    EditPage {
        frame: Frame::new(signed_in, &format!("Edit {id}"), "/console/resources")
            .with_equivalent(equivalent),
        path: shown::resource_path(&id),
        problem,
        owners: signed_in.owner_names(),
        algorithms: Choice::list(&algorithms, &values.algorithm),
        kinds: Choice::list(&kinds, &values.typ),
        server_lifetime: token.lifetime.to_string(),
        values,
        id,
    }
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::ResourcesRead)?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    answer::page(&edit_page(
        &app,
        &signed_in,
        &found,
        ResourceFormValues::of(&found),
        String::new(),
    ))
}

pub(in crate::web::console) async fn save(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&FIELDS)?;
    signed_in.require(AdminScope::ResourcesWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let rejected = |problem: String| {
        answer::rejected(&edit_page(
            &app,
            &signed_in,
            &found,
            ResourceFormValues::typed(&form),
            problem,
        ))
    };
    let update = match update_of(&form) {
        Ok(update) => update,
        Err(problem) => return rejected(problem),
    };
    let principal = &signed_in.principal;
    match resource::update(&app.services, principal, &found.resource, update).await {
        Ok(changed) => {
            let done = if changed.is_changed { Notice::Saved } else { Notice::Unchanged };
            answer::changed(&app, &shown::resource_path(&id), done).await
        }
        Err(error) => rejected(correctable(error)?),
    }
}

/// Converts the form to an update. The form has every member.
fn update_of(form: &Form) -> Result<ResourceUpdate, String> {
    let revision = form.text("revision").ok_or("revision: it is missing")?;
    let scopes = form.lines("scopes").map(ResourceScope::parse).collect::<Result<Vec<_>, _>>();
    Ok(ResourceUpdate {
        precondition: Precondition::Revision(vec![revision.to_owned()]),
        scopes: Some(scopes.map_err(|problem| format!("scopes: {problem}"))?),
        token_lifetime: Some(form.read("lifetime", Lifetime::parse)?),
        signing_algorithm: Some(form.read("algorithm", Algorithm::parse)?),
        token_typ: form.read("typ", TokenTyp::parse)?,
        facts: FactsUpdate {
            owner: Some(form.read("owner", Owner::parse)?),
            description: Some(form.read("description", Description::parse)?),
            contact: Some(form.read("contact", Contact::parse)?),
            labels: LabelsUpdate::Replace(labels(form)?),
        },
        ..ResourceUpdate::default()
    })
}
