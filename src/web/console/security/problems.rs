//! Errors that only pages of the console have.

use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};

use crate::model::person::Person;
use crate::text::escaping;
use crate::web::api::Problem;

/// 404 for a page that does not exist. The path is not repeated, because it may contain a link
/// secret.
pub(in crate::web::console) fn no_page() -> Problem {
    let detail = "The console has no page at this path.";
    Problem::new(StatusCode::NOT_FOUND, "page_not_found", detail)
}

/// 405 for a method that the path does not accept. After a form was sent, its URL stays in the
/// address bar.
pub(in crate::web::console) fn other_method(method: &Method) -> Problem {
    let (detail, allowed) = match *method {
        Method::GET | Method::HEAD => {
            ("This address takes a form of the console. Open the page of the form again.", "POST")
        }
        Method::POST => ("This page takes no form.", "GET, HEAD"),
        _ => ("The console takes no such method.", "GET, HEAD, POST"),
    };
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        .with_header(ALLOW, allowed)
}

pub(in crate::web::console) fn plain_http() -> Problem {
    let detail = "The console is open over https, or over plain HTTP as localhost. Its operator \
                  puts a proxy with TLS before it and sets management.url.";
    Problem::new(StatusCode::FORBIDDEN, "https_required", detail)
}

pub(in crate::web::console) fn other_site() -> Problem {
    let detail = "The form was not sent by a page of this console. Open the page here and send it \
                  again. Behind a proxy: it passes the header Host on, and management.url is the \
                  URL in the browser.";
    Problem::new(StatusCode::FORBIDDEN, "cross_site_form", detail)
}

/// 403 for a form of another session.
pub(in crate::web::console) fn other_session() -> Problem {
    let detail = "The form belongs to another session. Open the page again and repeat the change.";
    Problem::new(StatusCode::FORBIDDEN, "form_expired", detail)
}

/// 409 for a form that was sent before.
pub(in crate::web::console) fn sent_twice() -> Problem {
    let detail = "This form has been sent before, and what it made is not shown again. The client \
                  shows what exists.";
    Problem::new(StatusCode::CONFLICT, "form_sent_twice", detail)
}

/// 412 for a form whose object has changed in the meantime.
pub(in crate::web::console) fn changed_since() -> Problem {
    let detail = "The object was changed since this form was opened. Open the form again and \
                  repeat the change.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "form_outdated", detail)
}

/// 403 for an authenticated client that may not use the console.
pub(in crate::web::console) fn not_an_administrator() -> Problem {
    let detail = "This client may not sign in to the console. It needs a grant of urn:tokend, the \
                  grant type client_credentials and a valid secret, and must be permitted from \
                  this address. Its tokens are not bound to a key or a \
                  certificate, because a cookie is not.";
    Problem::new(StatusCode::FORBIDDEN, "not_an_administrator", detail)
}

/// 403 for a person whose groups have no rights. It lists the received groups, so that an
/// administrator can be told what is missing.
pub(in crate::web::console) fn no_mapped_group(
    person: &Person,
    groups: Option<&[String]>,
    claim: &str,
) -> Problem {
    const MAX_NAMED: usize = 20;
    let subject = person.subject.as_str();
    let missing = match groups {
        None => format!("The identity provider sent no list of groups in the claim {claim}."),
        Some([]) => format!("The claim {claim} has no group."),
        Some(groups) => {
            let named = groups.iter().take(MAX_NAMED);
            let named: Vec<_> = named.map(|name| escaping::escape_start(name, 100)).collect();
            let more = if groups.len() > MAX_NAMED { " and others" } else { "" };
            format!("The claim {claim} has {}{more}.", named.join(", "))
        }
    };
    let detail = format!(
        "You have signed in as {subject}, and none of your groups has access to this console. \
         {missing} An operator adds one of your groups to the setting console.oidc.groups."
    );
    Problem::new(StatusCode::FORBIDDEN, "no_mapped_group", detail)
}
