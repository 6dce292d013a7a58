//! The frame of each page: head, navigation, signed-in user, and the equivalent command and API
//! request.

use crate::model::admin_scope::AdminScope;
use crate::model::owner::Owner;
use crate::text::shell::quote;
use crate::web::console::page_parts::assets::{self, Icon};
use crate::web::console::security::cookie::Theme;
use crate::web::console::sign_in::gate::SignedIn;

/// The assets of a page without a session.
pub(in crate::web::console) struct Outside {
    pub(in crate::web::console) stylesheet: &'static str,
    pub(in crate::web::console) script: &'static str,
    pub(in crate::web::console) mark: &'static str,
}

impl Default for Outside {
    fn default() -> Self {
        Self { stylesheet: assets::stylesheet(), script: assets::script(), mark: assets::mark() }
    }
}

pub(in crate::web::console) struct NavLink {
    pub(in crate::web::console) path: &'static str,
    pub(in crate::web::console) name: &'static str,
    pub(in crate::web::console) icon: Icon,
    pub(in crate::web::console) is_current: bool,
}

/// The navigation links: path, name, icon, and required scope.
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

/// The equivalent of a page without the console.
pub(in crate::web::console) struct Equivalent {
    pub(in crate::web::console) command: String,
    /// The request to the admin API.
    pub(in crate::web::console) request: String,
}

impl Equivalent {
    /// Creates an equivalent from a command and a request. The body is JSON or empty.
    pub(in crate::web::console) fn new(
        command: impl Into<String>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Self {
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

    /// Creates the equivalent of a list. Each filter has the command option, the query parameter
    /// and the value, if it is set.
    pub(in crate::web::console) fn of_list(
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

pub(in crate::web::console) struct Frame {
    pub(in crate::web::console) title: String,
    pub(in crate::web::console) issuer: String,
    pub(in crate::web::console) version: &'static str,
    pub(in crate::web::console) theme: Theme,
    pub(in crate::web::console) who: String,
    /// The owners that the rights are limited to, as text; empty without a limit.
    pub(in crate::web::console) limits: String,
    pub(in crate::web::console) form_token: String,
    pub(in crate::web::console) nav: Vec<NavLink>,
    pub(in crate::web::console) equivalent: Option<Equivalent>,
    /// The notice about a completed action.
    pub(in crate::web::console) notice: Option<&'static str>,
    pub(in crate::web::console) path: String,
    pub(in crate::web::console) outside: Outside,
}

impl Frame {
    /// Creates the frame of a page. `section` is the path of its navigation link.
    pub(in crate::web::console) fn new(signed_in: &SignedIn, title: &str, section: &str) -> Self {
        let may = |scope: Option<AdminScope>| scope.is_none_or(|scope| signed_in.may(scope));
        // Settings belong to the whole server.
        let links = LINKS.into_iter().filter(|(path, .., scope)| {
            may(*scope) && (signed_in.sees_all() || *path != "/console/settings")
        });
        let nav = links.map(|(path, name, icon, _)| NavLink {
            path,
            name,
            icon: Icon::new(icon),
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

    pub(in crate::web::console) fn with_equivalent(self, equivalent: Equivalent) -> Self {
        Self { equivalent: Some(equivalent), ..self }
    }

    /// Returns the theme attribute; `None` if the system decides.
    pub(in crate::web::console) fn theme_name(&self) -> Option<&'static str> {
        (self.theme != Theme::System).then(|| self.theme.as_str())
    }

    pub(in crate::web::console) fn has_theme(&self, name: &str) -> bool {
        self.theme.as_str() == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggested_curl_quotes_path_and_body() {
        let equivalent = Equivalent::new("x", "POST", "/v1/a/$(b)`c`'d'?e&f", r#"{"a":"$(b)'"}"#);
        assert_eq!(
            equivalent.request,
            "curl -s -X POST -H \"Authorization: Bearer $TOKEN\" \
             -H 'Content-Type: application/json' -d '{\"a\":\"$(b)'\\''\"}' \
             \"$TOKEND_SERVER\"'/v1/a/$(b)`c`'\\''d'\\''?e&f'"
        );
    }
}
