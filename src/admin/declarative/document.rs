//! Declarations as text: YAML or JSON, one or more documents, each value with its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// The maximum size of all declarations together, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// The maximum number of values in a text, including those that aliases repeat.
const MAX_NODES: usize = 1_000_000;

/// The maximum number of anchors and of aliases in a text.
const MAX_ALIASES: usize = 10_000;

/// The maximum nesting depth of lists and objects.
const MAX_DEPTH: usize = 32;

/// The member of an object that contains several documents.
const DOCUMENTS: &str = "documents";

/// A text with declarations.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The origin of the text, such as the name of a file.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A value with the line on which it begins, or 0 if it has no line.
#[derive(Debug, Clone)]
pub(super) struct Node {
    line: u64,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// One document: an object with resources and clients.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    /// The name of the text; `None` if a program sent it.
    file: Option<String>,
    /// The position in the text: empty, or for example `documents[1].`.
    prefix: String,
    node: Node,
}

impl Declaration {
    /// Parses the documents of a text.
    ///
    /// # Errors
    /// A sentence that names the file and the line.
    pub(super) fn read(source: &SourceText) -> Result<Vec<Self>, String> {
        let nodes = nodes(&source.text).map_err(|problem| format!("{}:{problem}", source.name))?;
        Ok(nodes.into_iter().flat_map(|node| Self::unfold(Some(&source.name), node)).collect())
    }

    /// Returns the documents of a JSON value.
    pub(super) fn of_json(value: Value) -> Vec<Self> {
        Self::unfold(None, Node::of_json(value, 0))
    }

    /// Returns the document itself, or those in its member `documents`.
    fn unfold(file: Option<&str>, node: Node) -> Vec<Self> {
        let document = |prefix: String, node| Self { file: file.map(str::to_owned), prefix, node };
        match node.content {
            Content::Map(members) if holds_documents(&members) => {
                let lists = members.into_iter().flat_map(|(_, node)| match node.content {
                    Content::List(nodes) => nodes,
                    _ => Vec::new(),
                });
                let prefix = |index| format!("{DOCUMENTS}[{index}].");
                let numbered = lists.enumerate();
                numbered.map(|(index, node)| document(prefix(index), node)).collect()
            }
            content => vec![document(String::new(), Node { line: node.line, content })],
        }
    }

    pub(super) fn json(&self) -> String {
        self.to_json().to_string()
    }

    pub(super) fn to_json(&self) -> Value {
        self.node.to_json()
    }

    /// Returns the JSON pointer for a problem. `text` begins with the path of the member.
    pub(super) fn pointer(&self, text: &str) -> String {
        let outer = match self.prefix.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
            Some((index, _)) => format!("/{DOCUMENTS}/{index}"),
            None => String::new(),
        };
        outer + &self.node.pointer_of(text)
    }

    /// Prefixes a problem with the position of its member. `text` begins with the path of the
    /// member.
    pub(super) fn describe(&self, text: &str) -> String {
        let end = text.find([' ', ':']).unwrap_or(text.len());
        let line = self.node.line_of(&text[..end]);
        match &self.file {
            Some(file) if line > 0 => format!("{file}:{line}: {}{text}", self.prefix),
            Some(file) => format!("{file}: {}{text}", self.prefix),
            None => format!("{}{text}", self.prefix),
        }
    }
}

/// True for an object whose only member is a list of documents.
fn holds_documents(members: &[(String, Node)]) -> bool {
    matches!(members, [(name, Node { content: Content::List(_), .. })] if name == DOCUMENTS)
}

impl Node {
    /// Returns the JSON pointer (RFC 6901) of the value at a path, or of its nearest existing
    /// parent.
    fn pointer_of(&self, path: &str) -> String {
        let (mut node, mut rest, mut pointer) = (self, path, String::new());
        loop {
            let next = match &node.content {
                Content::List(items) => rest.strip_prefix('[').and_then(|rest| {
                    let (index, rest) = rest.split_once(']')?;
                    Some((index.to_owned(), items.get(index.parse::<usize>().ok()?)?, rest))
                }),
                // Names of claims and labels may contain a dot, so the longest matching name is
                // used.
                Content::Map(members) => {
                    let rest = rest.strip_prefix('.').unwrap_or(rest);
                    let fitting = members.iter().filter_map(|(name, node)| {
                        let behind = rest.strip_prefix(name.as_str())?;
                        let is_whole =
                            behind.is_empty() || behind.starts_with(['.', '[', ' ', ':']);
                        (is_whole && !name.is_empty()).then_some((name, node, behind))
                    });
                    let longest = fitting.max_by_key(|(name, ..)| name.len());
                    longest.map(|(name, node, behind)| {
                        (name.replace('~', "~0").replace('/', "~1"), node, behind)
                    })
                }
                Content::Scalar(_) => None,
            };
            let Some((segment, inner, behind)) = next else { return pointer };
            pointer.push('/');
            pointer.push_str(&segment);
            (node, rest) = (inner, behind);
        }
    }

    fn of_json(value: Value, line: u64) -> Self {
        let content = match value {
            Value::Array(items) => {
                Content::List(items.into_iter().map(|item| Self::of_json(item, line)).collect())
            }
            Value::Object(members) => {
                let members = members.into_iter();
                Content::Map(
                    members.map(|(name, value)| (name, Self::of_json(value, line))).collect(),
                )
            }
            scalar => Content::Scalar(scalar),
        };
        Self { line, content }
    }

    fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(members) => {
                let members = members.iter().map(|(name, node)| (name.clone(), node.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Returns the line of the value at a path such as `clients[0].grants[1].scopes`, or of its
    /// nearest existing parent.
    fn line_of(&self, path: &str) -> u64 {
        let mut node = self;
        for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
            let next = match (&node.content, part.strip_suffix(']')) {
                (Content::List(items), Some(index)) => {
                    index.parse().ok().and_then(|index: usize| items.get(index))
                }
                (Content::Map(members), None) => {
                    members.iter().find(|(name, _)| name == part).map(|(_, node)| node)
                }
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.line
    }
}

/// Parses the documents of a text. YAML includes JSON, except for a sequence of several objects.
fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let yaml = of_yaml(text);
    if yaml.is_err()
        && text.trim_start().starts_with('{')
        && let Some(nodes) = of_json_stream(text)
    {
        return Ok(nodes);
    }
    yaml
}

fn of_yaml(text: &str) -> Result<Vec<Node>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 3 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_depth: MAX_DEPTH,
            max_total_scalar_bytes: MAX_BYTES,
        },
        with_snippet: false,
        // `y` and `no` are strings, as in YAML 1.2.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let error = error.to_string();
        let first = error.lines().next().unwrap_or_default();
        format!("{line}: it cannot be read as YAML or JSON: {first}")
    })
}

/// Parses a sequence of JSON objects; each value gets the line of its object.
fn of_json_stream(text: &str) -> Option<Vec<Node>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut nodes, mut line, mut counted) = (Vec::new(), 1, 0);
    loop {
        let skipped = text[stream.byte_offset()..].trim_start();
        let start = text.len() - skipped.len();
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        match stream.next() {
            Some(Ok(value)) => nodes.push(Node::of_json(value, line)),
            Some(Err(_)) => return None,
            None => return Some(nodes),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number is not finite"))?;
        Ok(Content::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Content::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Declaration>, String> {
        Declaration::read(&SourceText { name: "a.yaml".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn yaml_and_json_give_the_same_documents() {
        let yaml =
            "source: a\nclients:\n  - client_id: b\n    labels: {x: '1'}\n---\nclients: []\n";
        let json = "{\"source\":\"a\",\"clients\":[{\"client_id\":\"b\",\"labels\":{\"x\":\"1\"}}]}\n{\"clients\":[]}";
        let list = "{\"documents\":[{\"source\":\"a\",\"clients\":[{\"client_id\":\"b\",\"labels\":{\"x\":\"1\"}}]},{\"clients\":[]}]}";
        for text in [yaml, json, list] {
            let documents = read(text).expect(text);
            let found: Vec<_> = documents.iter().map(Declaration::json).collect();
            assert_eq!(found.len(), 2, "{text}");
            let first: Value = serde_json::from_str(&found[0]).expect("JSON");
            assert_eq!(first["clients"][0]["labels"]["x"], "1", "{text}");
        }
    }

    #[test]
    fn a_problem_names_the_line_of_its_member() {
        let documents = read(
            "# c\nclients:\n  - client_id: a\n    grants:\n      - resource: b\n        scops: []\n",
        );
        let document = &documents.expect("a document")[0];
        let text = "clients[0].grants[0].scops is not a member";
        assert_eq!(document.describe(text), format!("a.yaml:6: {text}"));
        let text = "clients[0].name: is wrong";
        assert_eq!(document.describe(text), format!("a.yaml:3: {text}"), "the nearest place");
        let json = read("{}\n{\"clients\":\n [7]}\n").expect("JSON");
        assert_eq!(json[1].describe("clients[0] is"), "a.yaml:2: clients[0] is");
    }

    /// "Billion laughs": each alias expands to ten of the previous one.
    #[test]
    fn an_alias_bomb_is_rejected() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        let problem = read(&text).expect_err("a bomb");
        assert!(problem.starts_with("a.yaml:"), "{problem}");
        let deep = "[".repeat(10_000);
        assert!(read(&deep).is_err(), "too deep");
    }

    #[test]
    fn what_is_not_yaml_is_rejected_with_its_line() {
        for (text, line) in
            [("a: b\n c: d\n", "a.yaml:2"), ("a: 1\na: 2\n", "a.yaml:2"), ("{\"a\": ", "a.yaml:")]
        {
            let problem = read(text).expect_err(text);
            assert!(problem.starts_with(line), "{problem}");
        }
    }
}
