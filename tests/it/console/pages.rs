//! The structure of every page: one heading, labelled fields, links that resolve, nothing inline.

use std::collections::BTreeSet;

use crate::console::attacks::PAGES;
use crate::support::api::ALL_SCOPES;
use crate::support::browser::console::{Browser, between, limits};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server};

/// The pages of one client.
pub const CLIENT_PAGES: [&str; 12] = [
    "",
    "/edit",
    "/delete",
    "/credentials",
    "/keys/new",
    "/trusts/new?kind=github",
    "/trusts/new?kind=kubernetes",
    "/trusts/new?kind=spiffe",
    "/access",
    "/try",
    "/activity",
    "/audit",
];

/// Returns the tags of a page, without the texts between them.
fn tags(page: &str) -> Vec<&str> {
    between(page, "<", ">")
}

/// Returns the value of an attribute of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

fn name_of(tag: &str) -> &str {
    tag.split([' ', '\n']).next().unwrap_or_default()
}

/// Returns the structural faults of a page.
fn faults(page: &str) -> Vec<String> {
    let tags = tags(page);
    let mut faults = Vec::new();
    let mut fault = |condition: bool, text: String| {
        if condition {
            faults.push(text);
        }
    };
    let count = |name: &str| tags.iter().filter(|tag| name_of(tag) == name).count();
    fault(count("h1") != 1, format!("{} headings of the first level", count("h1")));
    fault(count("main") != 1, "no landmark for the content".to_owned());
    fault(count("title") < 1, "no title".to_owned());
    fault(count("style") > 0, "a style of its own".to_owned());
    fault(count("table") != count("caption"), "a table without a caption".to_owned());
    let labelled: BTreeSet<_> = tags.iter().filter_map(|tag| attribute(tag, "for")).collect();
    let ids: Vec<_> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    fault(ids.len() != distinct.len(), format!("an id twice: {ids:?}"));
    for tag in &tags {
        fault(tag.contains(" style="), format!("a style in <{tag}>"));
        let has_handler = [" onclick=", " onload=", " onsubmit=", " onchange="];
        fault(has_handler.iter().any(|name| tag.contains(name)), format!("code in <{tag}>"));
        let is_field = matches!(name_of(tag), "input" | "select" | "textarea");
        let kind = attribute(tag, "type").unwrap_or("text");
        if is_field && kind != "hidden" {
            let id = attribute(tag, "id").unwrap_or_default();
            fault(!labelled.contains(id), format!("no label for <{tag}>"));
        }
        if is_field && attribute(tag, "id") != Some("stored") {
            fault(attribute(tag, "name").is_none(), format!("no name for <{tag}>"));
        }
        if name_of(tag) == "script" {
            fault(attribute(tag, "src").is_none(), "code in the page".to_owned());
        }
        if name_of(tag) == "th" {
            fault(attribute(tag, "scope").is_none(), format!("no scope: <{tag}>"));
        }
        if let Some(target) = attribute(tag, "aria-labelledby") {
            fault(!ids.contains(&target), format!("aria-labelledby={target} leads nowhere"));
        }
    }
    let forms = page.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(""));
    for form in forms.filter(|form| form.contains("method=\"post\"")) {
        let is_open = form.contains("/console/sign-in/");
        fault(!is_open && !form.contains("name=\"form_token\""), format!("no token: {form}"));
    }
    faults
}

#[test]
fn the_page_checker_finds_faults() {
    let good = "<title>a</title><main><h1>a</h1><label for=\"a\">A</label><input id=\"a\" name=\"a\"></main>";
    assert_eq!(faults(good), [""; 0]);
    for bad in [
        "<title>a</title><main></main>",
        "<title>a</title><main><h1>a</h1><h1>b</h1></main>",
        "<title>a</title><main><h1 style=\"a\">a</h1></main>",
        "<title>a</title><main><h1>a</h1><script>b</script></main>",
        "<title>a</title><main><h1>a</h1><input name=\"a\"></main>",
        "<title>a</title><main><h1>a</h1><form method=\"post\" action=\"/\"></form></main>",
    ] {
        assert!(!faults(bad).is_empty(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_is_well_formed_for_each_caller_and_all_links_resolve() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    server.app.write_usage().await.expect("written");
    let administrator = server.administrator(ALL_SCOPES).await;
    let resource = format!("/console/resources/{}", ORDERS.replace(':', "%3A").replace('/', "%2F"));
    let mut paths: BTreeSet<String> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    paths.insert(resource);
    for rest in CLIENT_PAGES {
        paths.insert(format!("/console/clients/{}{rest}", client.id));
    }
    let callers = [
        Browser::by_link(&server, limits(None, None)).await,
        Browser::by_link(&server, limits(None, Some(&["payments"]))).await,
        Browser::by_link(&server, limits(Some(&["clients:read", "keys:read"]), None)).await,
        Browser::by_client(&server, &administrator).await,
    ];
    for (place, browser) in callers.iter().enumerate() {
        let (mut known, mut shown) = (paths.clone(), 0);
        let mut waiting: Vec<String> = known.iter().cloned().collect();
        while let Some(path) = waiting.pop() {
            let answer = browser.get(&path).await;
            assert!([200, 303, 403, 404].contains(&answer.status), "{path}: {answer:?}");
            let is_given = paths.contains(&path);
            assert!(is_given || answer.status < 400, "{place}: a link to {path}: {answer:?}");
            if answer.status == 303 {
                let to = answer.header("location");
                assert!(!to.starts_with("/console/sign-in"), "{path}: the session has ended");
                continue;
            }
            shown += usize::from(answer.status == 200);
            if !answer.header("content-type").starts_with("text/html") {
                continue;
            }
            let tells = answer.text.contains("<details class=\"same\">");
            assert!(answer.status != 200 || tells, "{place} {path}: no command does the same");
            let faults = faults(&answer.text);
            assert!(faults.is_empty(), "{place} {path}: {faults:#?}\n{}", answer.text);
            let links = tags(&answer.text).into_iter().filter(|tag| name_of(tag) == "a");
            let links = links.filter_map(|tag| attribute(tag, "href")).map(str::to_owned);
            let links =
                links.map(|link| link.split('#').next().unwrap_or("").replace("&#38;", "&"));
            let local = links.filter(|link| link.starts_with("/console"));
            let new: Vec<String> = local.filter(|link| known.insert(link.clone())).collect();
            waiting.extend(new);
        }
        // The first caller may see everything; each other one sees a part.
        assert!(shown > if place == 0 { paths.len() } else { 5 }, "{place}: {shown} pages");
    }
}

#[tokio::test]
async fn pages_without_a_session_are_well_formed() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    for path in ["/console/sign-in", "/console/sign-in?next=/console/clients&fresh=1"] {
        let page = browser.page(path).await;
        assert!(faults(&page).is_empty(), "{path}: {:#?}", faults(&page));
    }
    let answer = browser.get("/console/clients").await;
    assert_eq!(answer.status, 303);
    let place = answer.header("location");
    assert!(place.starts_with("/console/sign-in?next="), "{place}");
    let answer = browser.get("/console").await;
    assert_eq!(answer.header("location"), "/console/");
    let answer = browser.post("/console/sign-in/link", &[("link", "x")]).await;
    assert!(faults(&answer.text).is_empty(), "{:#?}", faults(&answer.text));
    // A link of another site sends no strict cookie: the page reloads itself.
    let headers = [("sec-fetch-site", "cross-site")];
    let page = browser.get_with("/console/sign-in?next=/console/clients", &headers).await;
    assert!(page.text.contains("url=/console/clients"), "{page:?}");
}

/// Returns the size of a body on the wire to a browser.
async fn wire_size(browser: &Browser<'_>, path: &str) -> usize {
    let request = browser.server.http.get(format!("{}{path}", browser.server.management));
    let request = request.header("cookie", &browser.cookie).header("accept-encoding", "gzip");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("a body").len()
}

/// The first visit: the sign-in, the overview, and all their files.
#[tokio::test]
async fn a_first_visit_is_at_most_60_kb_on_the_wire() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    for _ in 0..20 {
        server.basic(&client.id, "wrong", &CLIENT_CREDENTIALS).await;
    }
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let mut paths: BTreeSet<String> = BTreeSet::new();
    let mut size = 0;
    for path in ["/console/sign-in", "/console/", "/console/clients", "/console/settings"] {
        size += wire_size(&browser, path).await;
        let page = browser.page(path).await;
        let assets = between(&page, "/console/assets/", "\"");
        paths.extend(assets.iter().filter_map(|name| name.split('#').next()).map(str::to_owned));
    }
    assert!(paths.len() >= 4, "{paths:?}");
    for path in paths {
        size += wire_size(&browser, &format!("/console/assets/{path}")).await;
    }
    assert!(size < 60_000, "{size}");
}

/// Lists are compressed for a browser that accepts that.
#[tokio::test]
async fn a_list_is_compressed() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for path in ["audit", "clients", "rejections", "resources"] {
        let url = format!("{}/console/{path}", server.management);
        let request = server.http.get(url).header("cookie", &browser.cookie);
        let answer = Answer::of(request.header("accept-encoding", "gzip")).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"), "{path}");
        let page = browser.get(&format!("/console/{path}")).await;
        assert!(!page.headers.contains_key("content-encoding"), "{path}");
    }
}

/// After sending a form, its address is in the address bar. Reloading shows an explanation.
#[tokio::test]
async fn a_get_of_a_form_address_returns_a_405_page() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let of_client = ["rotate", "test-token", "secrets/sec_1/end"];
    let of_client = of_client.map(|rest| format!("/console/clients/{}/{rest}", client.id));
    let others = ["sign-in/link", "theme", "signing-keys/rotate"];
    let others = others.map(|rest| format!("/console/{rest}"));
    for path in of_client.iter().chain(&others) {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        assert_eq!(answer.header("allow"), "POST", "{path}");
        assert_eq!(between(&answer.text, "<h1>", "<").len(), 1, "{path}: {answer:?}");
    }
}
