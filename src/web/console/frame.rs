//! What surrounds each page: the head, the navigation, who is signed in, and how to do the same
//! without the console.

use crate::model::admin_scope::AdminScope;
use crate::model::owner::Owner;
use crate::model::shell_word::quote;
use crate::web::console::assets::{self, Icon};
use crate::web::console::cookie::Theme;
use crate::web::console::gate::SignedIn;

/// What a page without a session loads.
pub(super) struct Outside {
    pub(super) stylesheet: &'static str,
    pub(super) script: &'static str,
    pub(super) mark: &'static str,
}

impl Default for Outside {
    fn default() -> Self {
        Self { stylesheet: assets::stylesheet(), script: assets::script(), mark: assets::mark() }
    }
}

/// A link of the navigation.
pub(super) struct NavLink {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) icon: Icon,
    pub(super) is_current: bool,
}

/// The links of the navigation: path, name, icon, and the scope that the page needs.
const LINKS: [(&str, &str, &str, Option<AdminScope>); 9] = [
    ("/console/", "Overview", "overview", None),
    ("/console/clients", "Clients", "client", Some(AdminScope::ClientsRead)),
    ("/console/resources", "Resources", "resource", Some(AdminScope::ResourcesRead)),
    ("/console/grant-requests", "Grant requests", "request", Some(AdminScope::ClientsRead)),
    ("/console/rejections", "Rejections", "rejection", Some(AdminScope::ClientsRead)),
    ("/console/signing-keys", "Signing keys", "key", Some(AdminScope::KeysRead)),
    ("/console/audit", "Audit log", "audit", Some(AdminScope::AuditRead)),
    ("/console/settings", "Settings", "settings", Some(AdminScope::ServerRead)),
    ("/console/sessions", "Sessions", "session", None),
];

/// How to do without the console what a page does.
pub(super) struct Equivalent {
    /// The command.
    pub(super) command: String,
    /// The request of the admin API.
    pub(super) request: String,
}

impl Equivalent {
    /// A command, and a request: a method with a path, and a body as JSON or nothing.
    pub(super) fn new(command: impl Into<String>, method: &str, path: &str, body: &str) -> Self {
        let mut request = String::from("curl -s");
        if method != "GET" {
            request += &format!(" -X {method}");
        }
        request += " -H \"Authorization: Bearer $TOKEN\"";
        if !body.is_empty() {
            request += &format!(" -H 'Content-Type: application/json' -d {}", quote(body));
        }
        request += &format!(" \"$TOKEND_SERVER\"{}", quote(path));
        Self { command: command.into(), request }
    }

    /// A list with the filters that are given: the option of the command, the parameter of the
    /// request, and the value.
    pub(super) fn of_list(
        command: &str,
        path: &str,
        filters: &[(&str, &str, Option<&str>)],
    ) -> Self {
        let mut command = command.to_owned();
        let mut asked = form_urlencoded::Serializer::new(String::new());
        for (option, parameter, value) in filters {
            if let Some(value) = value {
                command += &format!(" {option} {}", quote(value));
                asked.append_pair(parameter, value);
            }
        }
        let asked = asked.finish();
        let separator = if asked.is_empty() { "" } else { "?" };
        Self::new(command, "GET", &format!("{path}{separator}{asked}"), "")
    }
}

/// What surrounds a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) issuer: String,
    pub(super) version: &'static str,
    pub(super) theme: Theme,
    pub(super) who: String,
    /// What the rights are limited to, in words; empty if they are not.
    pub(super) limits: String,
    pub(super) form_token: String,
    pub(super) nav: Vec<NavLink>,
    pub(super) equivalent: Option<Equivalent>,
    /// What has just been done.
    pub(super) notice: Option<&'static str>,
    pub(super) path: String,
    pub(super) outside: Outside,
}

impl Frame {
    /// The frame of a page with this title. `section` is the path of its link in the navigation.
    pub(super) fn new(signed_in: &SignedIn, title: &str, section: &str) -> Self {
        let may = |scope: Option<AdminScope>| scope.is_none_or(|scope| signed_in.may(scope));
        // The settings are of the whole server.
        let links = LINKS.into_iter().filter(|(path, .., scope)| {
            may(*scope) && (signed_in.sees_all() || *path != "/console/settings")
        });
        let nav = links.map(|(path, name, icon, _)| NavLink {
            path,
            name,
            icon: Icon(icon),
            is_current: path == section,
        });
        let owners = signed_in.principal.owners();
        let limits = owners.map(|owners| {
            let names: Vec<_> = owners.iter().map(Owner::as_str).collect();
            format!("limited to {}", names.join(", "))
        });
        Self {
            title: title.to_owned(),
            issuer: signed_in.issuer.clone(),
            version: env!("CARGO_PKG_VERSION"),
            theme: signed_in.theme,
            who: signed_in.session.holder.short_name(),
            limits: limits.unwrap_or_default(),
            form_token: signed_in.form_token.clone(),
            nav: nav.collect(),
            equivalent: None,
            notice: signed_in.notice,
            path: signed_in.path.clone(),
            outside: Outside::default(),
        }
    }

    /// The same with a way to do it without the console.
    pub(super) fn with_equivalent(self, equivalent: Equivalent) -> Self {
        Self { equivalent: Some(equivalent), ..self }
    }

    /// The attribute of the theme; nothing if the system decides.
    pub(super) fn theme_name(&self) -> Option<&'static str> {
        (self.theme != Theme::System).then(|| self.theme.as_str())
    }

    /// True for the theme that is in use.
    pub(super) fn has_theme(&self, name: &str) -> bool {
        self.theme.as_str() == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_path_and_the_body_as_they_are() {
        let equivalent = Equivalent::new("x", "POST", "/v1/a/$(b)`c`'d'?e&f", r#"{"a":"$(b)'"}"#);
        assert_eq!(
            equivalent.request,
            "curl -s -X POST -H \"Authorization: Bearer $TOKEN\" \
             -H 'Content-Type: application/json' -d '{\"a\":\"$(b)'\\''\"}' \
             \"$TOKEND_SERVER\"'/v1/a/$(b)`c`'\\''d'\\''?e&f'"
        );
    }
}
