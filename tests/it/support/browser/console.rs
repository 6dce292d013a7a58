//! The console from the view of a browser: a cookie, pages and forms.

use std::collections::BTreeSet;

use reqwest::header::SET_COOKIE;
use secrecy::{ExposeSecret, SecretString};
use tokend::admin::{Actor, console};
use tokend::model::admin_scope::AdminScope;
use tokend::model::console_session::OperatorLimits;
use tokend::model::owner::Owner;

use crate::support::{Answer, Server, TestClient};

/// A browser with its cookie.
pub struct Browser<'a> {
    pub server: &'a Server,
    pub cookie: String,
}

/// Returns the limits of a link.
pub fn limits(scopes: Option<&[&str]>, owners: Option<&[&str]>) -> OperatorLimits {
    let scope = |text: &&str| AdminScope::parse(text).expect("a scope");
    let owner = |text: &&str| Owner::parse(text).expect("an owner");
    OperatorLimits {
        scopes: scopes.map(|texts| texts.iter().map(scope).collect::<BTreeSet<_>>()),
        owners: owners.map(|texts| texts.iter().map(owner).collect::<BTreeSet<_>>()),
    }
}

/// Creates a link; returns its secret.
pub async fn link(server: &Server, limits: OperatorLimits) -> SecretString {
    let actor = Actor::new("cli", "ana");
    let made = console::create_link(server.services(), &actor, "ana", limits).await;
    let secret = made.expect("a link").secret;
    server.keep_secret(secret.expose_secret());
    secret
}

/// Returns the cookie that an answer sets, in the form of a request header.
pub fn cookie(answer: &Answer) -> String {
    let set = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("text"));
    let set = set.into_iter().find(|set| set.contains("tokend_session="));
    set.expect("a cookie").split(';').next().expect("a pair").to_owned()
}

/// Returns the texts between two others.
pub fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// Returns the text of the element with this id.
pub fn element(page: &str, id: &str) -> String {
    let start = format!("id=\"{id}\"");
    let rest = page.split(&start).nth(1).unwrap_or_else(|| panic!("{id}: {page}"));
    let text = rest.split_once('>').expect("an element").1.split('<').next().expect("a text");
    let entities =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    entities.into_iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

impl<'a> Browser<'a> {
    /// Returns a browser without a cookie.
    pub fn new(server: &'a Server) -> Self {
        Self { server, cookie: String::new() }
    }

    /// Returns a browser that is signed in by a link with these limits.
    pub async fn by_link(server: &'a Server, limits: OperatorLimits) -> Self {
        let secret = link(server, limits).await;
        let browser = Self::new(server);
        let fields = [("link", secret.expose_secret())];
        let answer = browser.post("/console/sign-in/link", &fields).await;
        Self { server, cookie: browser.entered(&answer) }
    }

    /// Returns a browser that is signed in as an administrator.
    pub async fn by_client(server: &'a Server, client: &TestClient) -> Self {
        let browser = Self::new(server);
        let answer = browser.sign_in_as(client).await;
        Self { server, cookie: browser.entered(&answer) }
    }

    pub async fn sign_in_as(&self, client: &TestClient) -> Answer {
        let fields = [("client_id", client.id.as_str()), ("client_secret", &client.secret)];
        self.post("/console/sign-in/client", &fields).await
    }

    fn entered(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = cookie(answer);
        let secret = cookie.split_once('=').expect("a value").1;
        self.server.keep_secret(secret);
        cookie
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Like [`Self::get`], with some headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.server.http.get(format!("{}{path}", self.server.management));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    /// Returns an existing page.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text
    }

    /// Sends a form like a page of the console, but without a token.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.server.management.clone();
        let headers = [("sec-fetch-site", "same-origin"), ("origin", origin.as_str())];
        self.post_with(path, fields, &headers).await
    }

    /// Sends a form with only these headers.
    pub async fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.server.http.post(format!("{}{path}", self.server.management));
        request = request.form(fields);
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Answer::of(request).await;
        self.server.catch_up().await;
        answer
    }

    /// Returns the token of the forms of this session.
    pub async fn form_token(&self) -> String {
        let page = self.page("/console/sessions").await;
        let start = "name=\"form_token\" value=\"";
        between(&page, start, "\"").first().expect("a form").to_string()
    }

    /// Sends a form of a page, with the token.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token().await;
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    /// Returns the hidden field of a page that limits its form to one use.
    pub async fn once(&self, path: &str) -> String {
        let page = self.page(path).await;
        between(&page, "name=\"once\" value=\"", "\"").first().expect("a field").to_string()
    }
}
