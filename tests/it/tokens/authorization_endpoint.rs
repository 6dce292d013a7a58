//! The authorization endpoint, which exists because libraries reject metadata without one. It
//! rejects every request, and never redirects.

use rstest::rstest;

use crate::support::{Answer, Engine, Server};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The request of a client for people (RFC 6749, section 4.1.1), with markup in each value.
const QUERY: &str = "response_type=code&client_id=%3Cb%3Exyzzy&redirect_uri=https%3A%2F%2Fevil.example%2F\
                     &state=%22%3E%3Cscript%3E&code_challenge=abc&code_challenge_method=S256";

/// A person gets a page, a program gets the error code of the RFC; neither gets a redirect (G-07,
/// W-27).
#[rstest]
#[case("")]
#[case("/tenant/a")]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_a_page_and_a_program_an_error(#[case] path: &str) {
    let issuer = format!("{{base}}{path}");
    let server = Server::with(Engine::Sqlite, &[("TOKEND_ISSUER", &issuer)]).await;
    let metadata = format!("{path}/.well-known/oauth-authorization-server");
    let metadata = server.get(&metadata).await.json();
    let endpoint = metadata["authorization_endpoint"].as_str().expect("an endpoint");
    assert_eq!(endpoint, format!("{}{path}/v1/oauth/authorize", server.base));
    let asked = format!("{endpoint}?{QUERY}");

    let page = Answer::of(server.http.get(&asked).header("accept", BROWSER)).await;
    assert_eq!(page.status, 400, "{page:?}");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.text.contains("issues access tokens to machines"), "{}", page.text);
    for part in ["<script", "<b>", "evil.example", "src=", "xyzzy"] {
        assert!(!page.text.contains(part), "{part} in {}", page.text);
    }

    for address in [asked.clone(), endpoint.to_owned(), format!("{endpoint}/")] {
        let answer = Answer::of(server.http.get(&address)).await;
        answer.assert_rejected(400, "unsupported_response_type");
        assert!(answer.description().contains("/v1/oauth/token"), "{answer:?}");
        assert!(!answer.text.contains("evil.example"), "{answer:?}");
    }
    let posted = server.http.post(endpoint).form(&[("response_type", "code")]);
    Answer::of(posted).await.assert_rejected(400, "unsupported_response_type");
    for answer in [Answer::of(server.http.get(&asked)).await, page] {
        assert!(answer.headers.get("location").is_none(), "{answer:?}");
        assert!(answer.header("x-request-id").starts_with("req_"), "{answer:?}");
    }
    let put = Answer::of(server.http.put(endpoint)).await;
    put.assert_rejected(405, "invalid_request");
    assert_eq!(put.header("allow"), "GET, HEAD, POST");
}

/// The setting removes the endpoint and both members.
#[tokio::test(flavor = "multi_thread")]
async fn the_setting_removes_the_endpoint_and_its_metadata() {
    let settings = [("TOKEND_METADATA_AUTHORIZATION_ENDPOINT", "false")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    for member in ["authorization_endpoint", "code_challenge_methods_supported"] {
        assert!(metadata.get(member).is_none(), "{metadata}");
    }
    let path = "/v1/oauth/authorize";
    server.get(path).await.assert_rejected(404, "not_found");
    let browser = server.http.get(server.url(path)).header("accept", BROWSER);
    Answer::of(browser).await.assert_rejected(404, "not_found");
}
