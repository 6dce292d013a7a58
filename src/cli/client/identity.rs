//! The id and the name of a client for `tokend client create`.

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::model::client::{ClientId, ClientName};

#[derive(Debug, Args)]
pub(in crate::cli) struct IdentityArgs {
    /// The id that the client sends as `client_id`, without spaces.
    #[arg(
        value_name = "ID",
        help = "The id that the client sends as client_id, such as billing, svc:a or \
                https://agent.example.com/client.json; no spaces"
    )]
    client: Option<String>,
    /// A name for people; the id if omitted
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Generate the id; the argument, if there is one, is the name
    #[arg(long, conflicts_with = "id")]
    generate_id: bool,
    /// Deprecated, for one release: the id; the argument is the name
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// `None` if the server generates it.
    pub(in crate::cli) client_id: Option<ClientId>,
    /// `None` if it equals the id.
    pub(super) name: Option<ClientName>,
}

impl IdentityArgs {
    /// Parses the id and the name. Prints a note on standard error about deprecated arguments.
    ///
    /// # Errors
    /// A usage error for a missing id, two names, or a malformed id or name.
    pub(super) fn identity(&self) -> Result<Identity, CliError> {
        match (&self.id, &self.client) {
            (Some(id), _) => {
                output::hint(&format!(
                    "note: --id is deprecated and is removed in the next release; write: {}",
                    CommandLine::CreateClient { name: "NAME" }
                ));
                let client_id = Some(new_id("--id", id)?);
                Ok(Identity { client_id, name: self.argument_as_name()? })
            }
            (None, _) if self.generate_id => {
                Ok(Identity { client_id: None, name: self.argument_as_name()? })
            }
            (None, Some(text)) => self.argument_as_id(text),
            (None, None) => Err(CliError::usage("the client has no id")
                .with_remedy(ArgumentRemedy::GiveOrGenerateClientId)),
        }
    }

    /// Parses the argument as the id. For one release, text that cannot be an id is taken as the
    /// name.
    fn argument_as_id(&self, text: &str) -> Result<Identity, CliError> {
        let malformed = match ClientId::parse_new(text) {
            Ok(client_id) => {
                let name = self.name.as_deref().map(ClientName::parse).transpose()?;
                return Ok(Identity { client_id: Some(client_id), name });
            }
            Err(malformed) => malformed,
        };
        match ClientName::parse(text) {
            Ok(name) if self.name.is_none() => {
                let name_given = format!("\"{text}\"");
                output::hint(&format!(
                    "warning: {name_given} cannot be an id ({malformed}), so it is taken as the \
                     name, and the id is generated. The next release rejects this. Write: {}, or {}",
                    CommandLine::CreateClient { name: &name_given },
                    CommandLine::GenerateId
                ));
                Ok(Identity { client_id: None, name: Some(name) })
            }
            _ => Err(new_id("ID", text).err().unwrap_or_else(|| malformed.into())),
        }
    }

    /// Parses the argument as the name, if an option gives the id.
    fn argument_as_name(&self) -> Result<Option<ClientName>, CliError> {
        match (&self.client, &self.name) {
            (Some(_), Some(_)) => {
                Err(CliError::usage("two names are given").with_remedy(ArgumentRemedy::GiveOneName))
            }
            (Some(name), None) | (None, Some(name)) => Ok(Some(ClientName::parse(name)?)),
            (None, None) => Ok(None),
        }
    }
}

fn new_id(what: &str, text: &str) -> Result<ClientId, CliError> {
    ClientId::parse_new(text).map_err(|malformed| {
        CliError::usage(format!("{what}: '{}' is not an id: {malformed}", shown(text)))
            .with_remedy(ArgumentRemedy::FollowIdSyntax)
    })
}

/// Shortens a text and replaces its control characters, so that an error can quote it.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let start = start.replace(char::is_control, "?");
    if text.chars().nth(60).is_some() { format!("{start}…") } else { start }
}

/// Returns the form-encoded id for `curl -u` (RFC 6749, section 2.3.1); `None` if the id needs no
/// encoding.
pub(super) fn encoded_for_basic(id: &str) -> Option<String> {
    let needs_encoding = id.contains([':', '%', '+', ' ']);
    needs_encoding.then(|| form_urlencoded::byte_serialize(id.as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(words: [Option<&str>; 3], generate_id: bool) -> Result<Identity, CliError> {
        let [client, name, id] = words.map(|word| word.map(str::to_owned));
        IdentityArgs { client, name, generate_id, id }.identity()
    }

    fn pair(identity: &Identity) -> (&str, &str) {
        let id = identity.client_id.as_ref().map_or("generated", ClientId::as_str);
        (id, identity.name.as_ref().map_or("the id", ClientName::as_str))
    }

    /// Without `--name`, the name is the id.
    #[test]
    fn the_argument_is_the_id() {
        let plain = identity([Some("billing"), None, None], false).expect("an identity");
        assert_eq!(pair(&plain), ("billing", "the id"));
        let named = identity([Some("svc:a"), Some("Billing worker"), None], false);
        assert_eq!(pair(&named.expect("an identity")), ("svc:a", "Billing worker"));
        let url = "https://agent.example.com/client.json";
        assert_eq!(pair(&identity([Some(url), None, None], false).expect("one")), (url, "the id"));
    }

    /// With --id the argument is the name, for one release.
    #[test]
    fn the_old_form_still_works() {
        let old = identity([Some("Billing worker"), None, Some("billing")], false);
        assert_eq!(pair(&old.expect("an identity")), ("billing", "Billing worker"));
        let old = identity([Some("Billing worker"), None, None], false).expect("an identity");
        assert_eq!(pair(&old), ("generated", "Billing worker"));
        let old = identity([Some("Büro"), None, None], false).expect("an identity");
        assert_eq!(pair(&old), ("generated", "Büro"));
    }

    #[test]
    fn an_id_can_be_generated() {
        let named = identity([None, Some("Billing"), None], true).expect("an identity");
        assert_eq!(pair(&named), ("generated", "Billing"));
        let argument = identity([Some("Billing worker"), None, None], true).expect("one");
        assert_eq!(pair(&argument), ("generated", "Billing worker"));
        let bare = identity([None, None, None], true).expect("an identity");
        assert_eq!(pair(&bare), ("generated", "the id"));
    }

    #[test]
    fn an_invalid_identity_is_rejected() {
        let long = "a".repeat(257);
        for words in [
            [None, None, None],
            [None, Some("Billing"), None],
            [Some(""), None, None],
            [Some(&*long), None, None],
            [Some("a b"), Some("A B"), None],
            [Some("A"), None, Some("a b")],
            [Some("A"), Some("B"), Some("c")],
        ] {
            assert!(identity(words, false).is_err(), "{words:?}");
        }
        assert!(identity([Some("A"), Some("B"), None], true).is_err());
    }

    #[test]
    fn an_id_with_colons_is_shown_encoded() {
        let of = encoded_for_basic;
        assert_eq!(of("cl_A04G"), None);
        assert_eq!(of("a/b"), None);
        assert_eq!(of("svc:a").as_deref(), Some("svc%3Aa"));
        let url = "spiffe://example.org/worker";
        assert_eq!(of(url).as_deref(), Some("spiffe%3A%2F%2Fexample.org%2Fworker"));
    }
}
