//! The declared resources and clients, parsed from declarations.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::admin::declarative::digests::{self, DeclaredDigest};
use crate::admin::declarative::document::{Declaration, MAX_BYTES, SourceText};
use crate::admin::declarative::members::{DOCUMENT, MAX_OBJECTS, SCOPE, SECRET_POLICY};
use crate::admin::import::facts::FactsLine;
use crate::admin::import::line::{self, ClientLine, duration};
use crate::admin::import::members::JsonType;
use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::admin::resource::NewResource;
use crate::admin::secret::NewSecret;
use crate::admin::{AdminError, InvalidValue};
use crate::model::Malformed;
use crate::model::facts::Facts;
use crate::model::owner::Owner;
use crate::model::plural;
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;

/// Declarations as documents, whose members have not been checked yet.
#[derive(Debug)]
pub struct Declarations {
    pub(super) documents: Vec<Declaration>,
}

impl Declarations {
    /// Parses texts in YAML or JSON.
    ///
    /// # Errors
    /// Invalid, with the file and the line of the first text that cannot be parsed.
    pub fn read(sources: &[SourceText]) -> Result<Self, AdminError> {
        let size: usize = sources.iter().map(|source| source.text.len()).sum();
        if size > MAX_BYTES {
            let max = MAX_BYTES >> 20;
            let text = format!("they have {size} bytes; at most {max} MiB are read at once");
            return Err(AdminError::invalid("declarations", text));
        }
        let mut documents = Vec::new();
        for source in sources {
            let read = Declaration::read(source);
            documents.extend(read.map_err(|problem| AdminError::invalid("declarations", problem))?);
        }
        Ok(Self { documents })
    }

    /// Takes documents from a JSON value: one document, or an object with the member `documents`.
    pub fn of_json(value: Value) -> Self {
        Self { documents: Declaration::of_json(value) }
    }

    /// Returns the documents as one JSON value, which [`Self::of_json`] accepts.
    pub fn to_json(&self) -> Value {
        let documents: Vec<Value> = self.documents.iter().map(Declaration::to_json).collect();
        serde_json::json!({ "documents": documents })
    }

    /// Checks everything that does not need the database: the members and their values.
    ///
    /// # Errors
    /// Invalid, with every problem and its position: the file and line for texts, the path for
    /// JSON.
    pub fn check(&self, source: Option<&SourceName>) -> Result<(), AdminError> {
        DeclaredObjects::parse(self, source).map(|_| ())
    }

    /// Returns an error that lists all problems with their positions, if there are any.
    pub(super) fn settle(&self, problems: Problems) -> Result<(), AdminError> {
        let count = problems.count();
        if count == 0 {
            return Ok(());
        }
        let places = problems.listed().map(|(document, text)| {
            let document = self.documents.get(document);
            let pointer = document.map(|document| document.pointer(text)).unwrap_or_default();
            (pointer, text.to_owned())
        });
        let places = places.collect();
        let list = problems.list(|document, text| match self.documents.get(document) {
            Some(document) => document.describe(text),
            None => text.to_owned(),
        });
        let count = plural::counted(count, "problem", "problems");
        let text = format!("{count}; nothing was applied{list}");
        Err(AdminError::invalid("declarations", InvalidValue::Places { text, places }))
    }
}

/// A declared resource.
#[derive(Debug)]
pub(super) struct DeclaredResource {
    /// The index of its document.
    pub(super) document: usize,
    /// The path in the document, such as `resources[0].`.
    pub(super) path: String,
    pub(super) source: Option<SourceName>,
    pub(super) new: NewResource,
}

/// A declared client.
#[derive(Debug)]
pub(super) struct DeclaredClient {
    pub(super) source: Option<SourceName>,
    pub(super) line: ClientLine,
    pub(super) secret: SecretPolicy,
    pub(super) digests: Vec<DeclaredDigest>,
    pub(super) admin_of: Option<BTreeSet<Owner>>,
}

/// The declared member `secret` of a client.
#[derive(Debug)]
pub(super) enum SecretPolicy {
    /// The member is absent.
    Default,
    /// The client never gets a secret.
    None,
    /// The client gets a secret if it has no valid one.
    Ensure(NewSecret),
}

/// Everything that the documents declare.
#[derive(Debug, Default)]
pub(super) struct DeclaredObjects {
    pub(super) resources: Vec<DeclaredResource>,
    pub(super) clients: Vec<DeclaredClient>,
    /// The sources that the documents name.
    pub(super) sources: BTreeSet<SourceName>,
}

impl DeclaredObjects {
    /// Parses the objects of all documents. `source` is the one that the caller names. A document
    /// without a source gets it, and every other document must name the same one.
    ///
    /// # Errors
    /// Invalid, with every problem and its position.
    pub(super) fn parse(
        declarations: &Declarations,
        source: Option<&SourceName>,
    ) -> Result<Self, AdminError> {
        let (mut problems, mut declared) = (Problems::default(), Self::default());
        for (number, document) in declarations.documents.iter().enumerate() {
            let json = document.json();
            // An empty document declares nothing.
            if json == "null" {
                continue;
            }
            let object = Object::parse(&json, &DOCUMENT, number, String::new(), &mut problems);
            if let Some(object) = object {
                declared.add(number, &object, source, &mut problems);
            }
        }
        let mut seen = HashMap::new();
        for resource in &declared.resources {
            let place = (resource.document, format!("{}resource", resource.path));
            note_duplicate(&mut seen, "resource", &resource.new.resource, place, &mut problems);
        }
        for client in &declared.clients {
            let place = (client.line.line, format!("{}client_id", client.line.path));
            note_duplicate(&mut seen, "client", &client.line.client_id, place, &mut problems);
        }
        declarations.settle(problems)?;
        Ok(declared)
    }

    fn add(
        &mut self,
        number: usize,
        object: &Object<'_>,
        named: Option<&SourceName>,
        problems: &mut Problems,
    ) {
        let given = object.nullable("source", SourceName::parse, problems);
        let given = given.and_then(Given::into_value);
        if let (Some(given), Some(named)) = (&given, named)
            && given != named
        {
            let text = format!("{given} is given, expected {named}, which the caller names");
            object.noted::<()>("source", Err(Malformed::because(text)), problems);
        }
        let source = given.or_else(|| named.cloned());
        self.sources.extend(source.clone());
        for found in object.objects("resources", MAX_OBJECTS, problems).unwrap_or_default() {
            if let Some(new) = resource(&found, number, problems) {
                let (path, source) = (found.path().to_owned(), source.clone());
                self.resources.push(DeclaredResource { document: number, path, source, new });
            }
        }
        for found in object.objects("clients", MAX_OBJECTS, problems).unwrap_or_default() {
            let secret = secret_policy(&found, number, problems);
            let digests = digests::parse(&found, problems);
            let owners = found.list("admin_of", Owner::parse, problems);
            let line = line::of_object(&found, number, problems);
            if let (Some(line), Some(secret)) = (line, secret) {
                let admin_of = owners.map(|owners| owners.into_iter().collect());
                let source = source.clone();
                self.clients.push(DeclaredClient { source, line, secret, digests, admin_of });
            }
        }
    }
}

/// Records an object, and reports it if it was declared before.
fn note_duplicate(
    seen: &mut HashMap<(&'static str, String), String>,
    kind: &'static str,
    id: &impl Display,
    (document, place): (usize, String),
    problems: &mut Problems,
) {
    let id = id.to_string();
    if let Some(first) = seen.insert((kind, id.clone()), format!("document {document}, {place}")) {
        problems.add(document, &format!("{place}: duplicate {kind} {id}, first in {first}"));
    }
}

/// Parses a resource. Returns `None` after a problem.
fn resource(object: &Object<'_>, document: usize, problems: &mut Problems) -> Option<NewResource> {
    let before = problems.count();
    let resource = object.parsed("resource", ResourceId::parse, problems);
    let mut facts = Facts::default();
    FactsLine::parse(object, problems).apply_to(&mut facts);
    let scopes = scopes(object, document, problems);
    let token_lifetime = duration(object, "token_lifetime", problems).and_then(Given::into_value);
    let algorithm = object.parsed("signing_alg", Algorithm::parse, problems);
    let token_typ = object.parsed("token_typ", TokenTyp::parse, problems);
    if problems.count() > before {
        return None;
    }
    Some(NewResource {
        resource: resource?,
        scopes,
        token_lifetime,
        signing_algorithm: algorithm,
        token_typ: token_typ.unwrap_or_default(),
        facts,
    })
}

/// Parses scopes: names, or objects with a name and a description.
fn scopes(object: &Object<'_>, document: usize, problems: &mut Problems) -> Vec<ResourceScope> {
    let items: Vec<&RawValue> = object.value("scopes", problems).unwrap_or_default();
    let mut scopes = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let place = format!("scopes[{index}]");
        if let Ok(name) = serde_json::from_str::<String>(item.get()) {
            let name = object.noted(&place, ScopeName::parse(&name), problems);
            scopes.extend(name.map(|name| ResourceScope { name, description: String::new() }));
        } else if JsonType::of(item.get()) == JsonType::Object {
            let path = format!("{}.", object.place(&place));
            scopes.extend(scope(item.get(), document, path, problems));
        } else {
            let received = JsonType::of(item.get()).as_str();
            let expected = "a name, or an object with name and description";
            let text = format!("{} is {received}, expected {expected}", object.place(&place));
            problems.add(document, &text);
        }
    }
    scopes
}

fn scope(
    json: &str,
    document: usize,
    path: String,
    problems: &mut Problems,
) -> Option<ResourceScope> {
    let object = Object::parse(json, &SCOPE, document, path, problems)?;
    let name = object.parsed("name", ScopeName::parse, problems);
    let description = object.value::<String>("description", problems).unwrap_or_default();
    let described = ResourceScope::parse(&format!("a={description}"));
    let description = object.noted("description", described, problems)?.description;
    Some(ResourceScope { name: name?, description })
}

/// Parses the member `secret`. Returns `None` after a problem.
fn secret_policy(
    object: &Object<'_>,
    document: usize,
    problems: &mut Problems,
) -> Option<SecretPolicy> {
    let Some(json) = object.json("secret") else {
        let is_given = object.is_given("secret");
        return Some(if is_given { SecretPolicy::None } else { SecretPolicy::Default });
    };
    let path = format!("{}.", object.place("secret"));
    let policy = Object::parse(json, &SECRET_POLICY, document, path, problems)?;
    let label = policy.nullable("label", line::label, problems).and_then(Given::into_value);
    let lifetime = duration(&policy, "expires_in", problems).and_then(Given::into_value);
    let label = label.unwrap_or_default();
    Some(SecretPolicy::Ensure(NewSecret { label, lifetime, digest: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, source: Option<&str>) -> Result<DeclaredObjects, String> {
        let text = SourceText { name: "a.yaml".to_owned(), text: text.to_owned() };
        let source = source.map(|name| SourceName::parse(name).expect("a source"));
        let declarations = Declarations::read(&[text]);
        let declared = declarations.and_then(|read| DeclaredObjects::parse(&read, source.as_ref()));
        declared.map_err(|error| error.to_string())
    }

    #[test]
    fn every_problem_has_a_line_and_a_suggestion() {
        let text = "source: a b\nresources:\n- resource: urn:a\n  scope: [x]\n  scopes: [7, {nam: x}]\nclients:\n- client_id: b\n  secret: {ttl: 1d}\n  grants:\n  - resource: urn:a\n    scops: [x]\n- client_id: b\n- name: c\n";
        let problem = parse(text, None).expect_err("problems");
        for words in [
            "a.yaml:1: source: a source is",
            "a.yaml:4: resources[0].scope is not a member of a resource. Did you mean scopes?",
            "a.yaml:5: resources[0].scopes[0] is a number",
            "a.yaml:5: resources[0].scopes[1].nam is not a member of a scope. Did you mean name?",
            "a.yaml:8: clients[0].secret.ttl is not a member of a secret policy",
            "a.yaml:11: clients[0].grants[0].scops is not a member of a grant. Did you mean scopes?",
            "a.yaml:13: clients[2].client_id is missing",
        ] {
            assert!(problem.contains(words), "no {words:?} in {problem}");
        }
        let twice = parse("clients:\n- client_id: b\n- client_id: b\n", None).expect_err("twice");
        assert!(twice.contains("a.yaml:3: clients[1].client_id: duplicate client b"), "{twice}");
    }

    #[test]
    fn a_document_has_one_source() {
        let text = "source: a\nclients: [{client_id: x}]\n---\nclients: [{client_id: y}]\n";
        let declared = parse(text, None).expect("two documents");
        assert_eq!(declared.clients.len(), 2);
        let sources: Vec<_> = declared
            .clients
            .iter()
            .map(|client| client.source.as_ref().map(SourceName::as_str))
            .collect();
        assert_eq!(sources, [Some("a"), None]);
        let declared = parse(text, Some("a")).expect("one source");
        assert!(declared.clients.iter().all(|client| client.source.is_some()));
        let problem = parse(text, Some("b")).expect_err("another source");
        assert!(problem.contains("a.yaml:1: source: a is given, expected b"), "{problem}");
    }

    #[test]
    fn an_empty_document_declares_nothing() {
        for text in ["", "---\n", "# nothing\n", "clients: []\n"] {
            assert!(parse(text, None).expect(text).clients.is_empty(), "{text}");
        }
    }
}
