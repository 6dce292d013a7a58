//! Signing in to the console at the identity provider of npm `oidc-provider`, with its own
//! defaults.

use std::collections::BTreeMap;

use reqwest::header::SET_COOKIE;
use rstest::rstest;

use crate::support::browser::console::{Browser, between};
use crate::support::browser::oidc::{
    assert_no_session, begin, entered, follow_callback, start_with_node,
};
use crate::support::{Answer, Engine, Server, client};

/// A browser at the provider: it follows redirects, keeps cookies and fills in forms.
struct Person<'a> {
    server: &'a Server,
    issuer: String,
    name: &'static str,
    cookies: BTreeMap<String, String>,
}

impl Person<'_> {
    /// Requests a URL of the provider, or sends a form there.
    async fn open(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Answer {
        let http = client();
        let url = reqwest::Url::parse(&self.issuer).expect("a URL").join(url).expect("a URL");
        let request = match form {
            Some(form) => http.post(url).form(form),
            None => http.get(url),
        };
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = Answer::of(request.header("cookie", pairs.join("; "))).await;
        for set in answer.headers.get_all(SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Fills in the forms of the provider until it redirects the browser to the console. Returns
    /// that URL, and the names of the forms.
    async fn answer_all(&mut self, url: &str) -> (String, Vec<String>) {
        let (mut url, mut forms) = (url.to_owned(), Vec::new());
        for _ in 0..20 {
            let answer = self.open(&url, None).await;
            if (300..400).contains(&answer.status) {
                answer.header("location").clone_into(&mut url);
                if url.starts_with(&self.server.management) {
                    return (url, forms);
                }
                continue;
            }
            assert_eq!(answer.status, 200, "{url}: {answer:?}");
            let prompt = between(&answer.text, "name=\"prompt\" value=\"", "\"")[0].to_owned();
            let action = between(&answer.text, "action=\"", "\"")[0].replace("&amp;", "&");
            let fields = [("prompt", prompt.as_str()), ("login", self.name), ("password", "any")];
            let sent = self.open(&action, Some(&fields)).await;
            assert!((300..400).contains(&sent.status), "{prompt}: {sent:?}");
            sent.header("location").clone_into(&mut url);
            forms.push(prompt);
        }
        panic!("it does not end: {forms:?}");
    }
}

/// The groups are in the ID token, or at the `UserInfo` endpoint.
#[rstest]
#[case(Engine::Sqlite, "id_token")]
#[case(Engine::Postgres, "userinfo")]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_a_real_provider(#[case] engine: Engine, #[case] place: &str) {
    let (provider, server) = start_with_node(engine, place).await;
    let issuer = provider.issuer.clone();
    let mut ana = Person { server: &server, issuer, name: "ana", cookies: BTreeMap::new() };
    let begun = begin(&Browser::new(&server), "").await;
    let (back, forms) = ana.answer_all(&begun.url).await;
    assert_eq!(forms, ["login", "consent"]);
    let answer = follow_callback(&server, &back, &begun.cookie).await;
    let browser = entered(&server, &answer);
    let page = browser.page("/console/sessions").await;
    assert!(page.contains(&format!("oidc:{}#ana", ana.issuer)), "{page}");
    assert_eq!(browser.get("/console/settings").await.status, 200);
    // The provider knows the person now and shows no form. A fresh authentication shows one.
    let begun = begin(&browser, "").await;
    let (back, forms) = ana.answer_all(&begun.url).await;
    assert!(forms.is_empty(), "{forms:?}");
    let browser = entered(&server, &follow_callback(&server, &back, &begun.cookie).await);
    let begun = begin(&browser, "?fresh=1").await;
    let (back, forms) = ana.answer_all(&begun.url).await;
    assert_eq!(forms, ["login"], "max_age=0");
    let browser = entered(&server, &follow_callback(&server, &back, &begun.cookie).await);
    let client = server.client().await;
    let path = format!("/console/clients/{}/state", client.id);
    let answer = browser.send(&path, &[("state", "disabled")]).await;
    assert!(answer.header("location").ends_with("?done=disabled"), "{answer:?}");

    // A person without a group that has rights.
    let (name, issuer) = ("eve", ana.issuer.clone());
    let mut eve = Person { server: &server, issuer, name, cookies: BTreeMap::new() };
    let begun = begin(&Browser::new(&server), "").await;
    let (back, _) = eve.answer_all(&begun.url).await;
    let answer = follow_callback(&server, &back, &begun.cookie).await;
    assert_no_session(&answer, 403);
    assert!(answer.text.contains("The claim groups has staff."), "{}", answer.text);
    // The provider accepts its code once.
    assert_no_session(&follow_callback(&server, &back, &begun.cookie).await, 401);
}
