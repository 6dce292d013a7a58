//! Settings of the console and its identity provider.

use secrecy::SecretString;

use crate::config::parse::boolean;
use crate::config::read::SettingsReader;
use crate::config::{OidcSettings, ProviderUrl};
use crate::model::group_mapping::GroupMapping;

const ISSUER: &str = "console.oidc.issuer";
const CLIENT_ID: &str = "console.oidc.client_id";
const CLIENT_SECRET: &str = "console.oidc.client_secret";
const SCOPES: &str = "console.oidc.scopes";
const GROUPS_CLAIM: &str = "console.oidc.groups_claim";
const GROUPS: &str = "console.oidc.groups";

/// The maximum length of a client id and of the name of a claim, in bytes.
const MAX_TEXT_BYTES: usize = 200;

impl SettingsReader<'_> {
    /// Parses `console.enabled`; records a problem.
    pub(in crate::config) fn console(&mut self) -> Option<bool> {
        self.parsed("console.enabled", boolean)
    }

    /// Parses the identity provider and records every problem. `Some(None)` means that none is set.
    #[expect(clippy::option_option, reason = "outer None: a problem; inner None: not set")]
    pub(in crate::config) fn oidc(&mut self) -> Option<Option<Box<OidcSettings>>> {
        let groups = self.groups();
        let scopes = self.oidc_scopes();
        let is_set = |key: &str| !self.settings.text(key).is_empty();
        let needed = [CLIENT_ID, CLIENT_SECRET];
        if !is_set(ISSUER) {
            if let Some(key) =
                [CLIENT_ID, CLIENT_SECRET, GROUPS].into_iter().find(|key| is_set(key))
            {
                let problem = format!("is set, but `{ISSUER}` is not");
                self.complain(key, &problem, "E-CONF-VALUE", "set the issuer, or remove this one");
                return None;
            }
            return groups.zip(scopes).map(|_| None);
        }
        let missing: Vec<_> = needed.into_iter().filter(|key| !is_set(key)).collect();
        for key in &missing {
            let problem = format!("is not set, but `{ISSUER}` is");
            let remedy =
                "register a confidential client at the provider; set its id and its secret";
            self.complain(key, &problem, "E-CONF-VALUE", remedy);
        }
        let issuer = self.provider_url();
        let groups_claim = self.parsed(GROUPS_CLAIM, short_text);
        if !missing.is_empty() {
            return None;
        }
        let client_id = self.parsed(CLIENT_ID, short_text);
        Some(Some(Box::new(OidcSettings {
            issuer: issuer?,
            client_id: client_id?,
            client_secret: SecretString::from(self.settings.text(CLIENT_SECRET)),
            scopes: scopes?,
            groups_claim: groups_claim?,
            groups: groups?,
        })))
    }

    fn provider_url(&mut self) -> Option<ProviderUrl> {
        let parsed = ProviderUrl::parse(&self.settings.text(ISSUER));
        parsed
            .map_err(|(problem, remedy)| self.complain(ISSUER, &problem, "E-CONF-VALUE", remedy))
            .ok()
    }

    fn groups(&mut self) -> Option<GroupMapping> {
        let items = self.settings.items(GROUPS);
        let mapping = GroupMapping::parse(items.iter().map(String::as_str));
        mapping
            .map_err(|problem| {
                let problem = format!("has an entry that cannot be read: {problem}");
                let remedy = "write GROUP=viewer, editor, owner or admin; GROUP=owner@TEAM for the objects of a team";
                self.complain(GROUPS, &problem, "E-CONF-VALUE", remedy);
            })
            .ok()
    }

    fn oidc_scopes(&mut self) -> Option<Vec<String>> {
        let scopes = self.settings.items(SCOPES);
        // RFC 6749, section 3.3.
        let is_scope = |scope: &String| {
            let is_part = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
            !scope.is_empty() && scope.bytes().all(is_part)
        };
        let problem = if let Some(wrong) = scopes.iter().find(|scope| !is_scope(scope)) {
            format!("contains {wrong:?}, which is not a scope")
        } else if !scopes.is_empty() && !scopes.iter().any(|scope| scope == "openid") {
            "lacks openid, without which the provider gives no ID token".to_owned()
        } else {
            return Some(scopes);
        };
        self.complain(SCOPES, &problem, "E-CONF-VALUE", "write a list such as openid,groups");
        None
    }
}

fn short_text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let is_short = text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control);
    if is_short { Ok(text.to_owned()) } else { Err("is longer than 200 characters".to_owned()) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::config::sources::Flags;
    use crate::config::{Config, Requirement};

    const SET: [(&str, &str); 3] = [
        ("TOKEND_CONSOLE_OIDC_ISSUER", "https://login.example.com/"),
        ("TOKEND_CONSOLE_OIDC_CLIENT_ID", "tokend"),
        ("TOKEND_CONSOLE_OIDC_CLIENT_SECRET", "hunter2"),
    ];

    fn load(flags: &Flags, pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = pairs.collect();
        Config::load(flags, &environment, Requirement::Nothing)
            .map_err(|error| format!("{error} {:?}", error.problems()))
    }

    #[test]
    fn three_settings_configure_a_provider_and_its_secret_is_redacted() {
        assert!(load(&Flags::default(), &[]).expect("settings").oidc.is_none());
        let config = load(&Flags::default(), &SET).expect("settings");
        let oidc = config.oidc.as_ref().expect("a provider");
        assert_eq!(oidc.issuer.issuer().as_str(), "https://login.example.com/");
        assert_eq!(oidc.client_secret.expose_secret(), "hunter2");
        assert!(oidc.groups.is_empty() && oidc.scopes.is_empty());
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn combinations_that_do_not_fit_are_problems_with_a_remedy() {
        let [issuer, id, secret] = SET;
        let groups = ("TOKEND_CONSOLE_OIDC_GROUPS", "a=admin");
        for (pairs, words) in [
            (&[issuer][..], &["`console.oidc.client_id` is not set", "client_secret` is not"][..]),
            (&[issuer, id], &["`console.oidc.client_secret` is not set", "confidential client"]),
            (&[id], &["`console.oidc.client_id` is set, but `console.oidc.issuer` is not"]),
            (&[secret], &["client_secret` is set, but", "(not shown)"]),
            (&[groups], &["`console.oidc.groups` is set, but", "set the issuer"]),
            (
                &[("TOKEND_CONSOLE_OIDC_ISSUER", "http://login.example.com"), id, secret],
                &["must be https", "loopback"],
            ),
            (
                &[issuer, id, secret, ("TOKEND_CONSOLE_OIDC_GROUPS", "a=root")],
                &["has an entry that cannot be read", "GROUP=viewer"],
            ),
            (
                &[issuer, id, secret, ("TOKEND_CONSOLE_OIDC_SCOPES", "groups")],
                &["lacks openid", "openid,groups"],
            ),
            (
                &[issuer, id, secret, ("TOKEND_CONSOLE_OIDC_SCOPES", "openid,a b")],
                &["which is not a scope"],
            ),
            (
                &[issuer, id, secret, ("TOKEND_CONSOLE_OIDC_GROUPS_CLAIM", "")],
                &["`console.oidc.groups_claim` is empty"],
            ),
        ] {
            let problem = load(&Flags::default(), pairs).expect_err("a problem");
            for word in words {
                assert!(problem.contains(word), "{word}: {problem}");
            }
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    /// A distinguished name contains commas, which separate the entries in an environment variable.
    #[test]
    fn a_list_in_a_file_may_name_any_group_and_the_file_of_the_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.toml");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "from a file\n").expect("written");
        let text = format!(
            "[console.oidc]\nissuer = \"https://a.example\"\nclient_id = \"t\"\n\
             client_secret_file = {secret:?}\ngroups = [\"CN=ops,DC=acme=admin\", \"b=viewer@x\"]\n"
        );
        std::fs::write(&file, text).expect("written");
        let flags = Flags { files: vec![file], ..Flags::default() };
        let oidc = load(&flags, &[]).expect("settings").oidc.expect("a provider");
        assert!(oidc.groups.names("CN=ops,DC=acme") && oidc.groups.names("b"));
        assert_eq!(oidc.client_secret.expose_secret(), "from a file");
        let set = vec!["console.oidc.client_secret=hunter2".to_owned()];
        let problem = load(&Flags { set, ..Flags::default() }, &[]).expect_err("a problem");
        assert!(problem.contains("E-CONF-SECRET") && !problem.contains("hunter2"), "{problem}");
    }
}
