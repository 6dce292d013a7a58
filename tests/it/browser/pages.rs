//! Every page of the console in a real browser: accessible in both themes (axe-core, WCAG 2.2 AA),
//! without an error or a violation of its policy, by keyboard alone, and on a narrow screen.

use rstest::rstest;
use serde_json::Value;

use crate::commands::first_minute::{Dev, new_dev};
use crate::support::browser::chromium::{Chromium, Look, Theme};
use crate::support::browser::console_tour::{Demo, OUTSIDE, STOPS, visit_outside};
use crate::support::browser::webdriver::key;
use crate::support::process::Cli;

/// Returns the source of axe-core, which `.ci/install` installs.
pub fn axe() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/interop/node/node_modules/axe-core/axe.min.js"
    );
    std::fs::read_to_string(path).expect("axe-core: run sh .ci/install")
}

const RULES: &str = "wcag2a wcag2aa wcag21a wcag21aa wcag22aa best-practice";

/// Finds visible elements left of the window, where scrolling cannot reach them.
const CUT_OFF: &str = "
    const isCut = it => {
        const box = it.getBoundingClientRect();
        return box.width > 1 && box.height > 1 && box.left < 0 && it.checkVisibility();
    };
    const all = document.querySelectorAll('main *, header *, nav *');
    return [...all].filter(isCut).map(it => it.outerHTML.slice(0, 120));";

/// Returns the violations that axe-core finds on the page.
async fn violations(browser: &Chromium, axe: &str) -> Vec<String> {
    browser.session.run(axe).await;
    let tags: Vec<String> = RULES.split(' ').map(|tag| format!("'{tag}'")).collect();
    let script = format!(
        "const done = arguments[arguments.length - 1];
         axe.run(document, {{ runOnly: [{}] }}).then(found => done(found.violations))
            .catch(error => done([{{ id: String(error), nodes: [] }}]));",
        tags.join(",")
    );
    let found = browser.session.run_async(&script).await;
    let found = found.as_array().expect("a list");
    let node = |node: &Value| format!("{} {}", node["html"], node["failureSummary"]);
    let violation = |found: &Value| {
        let nodes: Vec<_> = found["nodes"].as_array().into_iter().flatten().map(node).collect();
        format!("{}: {}", found["id"], nodes.join("\n  "))
    };
    found.iter().map(violation).collect()
}

/// A server with the demo data.
struct DemoServer {
    _dev: Dev,
    /// The folder of its database, which must exist as long as the server runs.
    _cli: Cli,
    /// The address of its console, without a slash at the end.
    base: String,
    /// A link that signs in.
    link: String,
}

async fn demo() -> DemoServer {
    // A busy disk must not fail the test.
    let cli = new_dev().await.set("TOKEND_DATABASE_TIMEOUT", "60s");
    let dev = Dev::start(&cli, &["--demo-data"]);
    let link = dev.screen.split("console:  ").nth(1).expect("a link");
    let link = link.split_whitespace().next().expect("a link").to_owned();
    let base = link.split("/console/").next().expect("an address").to_owned();
    DemoServer { _dev: dev, _cli: cli, base, link }
}

#[rstest]
#[case::light(Look::WIDE)]
#[case::dark(Look { theme: Theme::Dark, ..Look::WIDE })]
#[case::narrow(Look::NARROW)]
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_and_reports_nothing(#[case] look: Look) {
    let server = demo().await;
    let (base, link) = (&server.base, &server.link);
    let browser = Chromium::start(look).await;
    let axe = axe();
    let mut faults = Vec::new();
    for stop in &OUTSIDE {
        visit_outside(&browser, base, stop).await;
        check(&browser, stop.name, &axe, &mut faults).await;
    }
    let demo = Demo::enter(&browser, base, link).await;
    for stop in &STOPS {
        demo.visit(stop).await;
        check(&browser, stop.name, &axe, &mut faults).await;
    }
    assert!(faults.is_empty(), "{look:?}: {}", faults.join("\n"));
}

/// Checks a page and records its faults.
pub async fn check(browser: &Chromium, name: &str, axe: &str, faults: &mut Vec<String>) {
    // An error status of a page is logged as well.
    let reports = browser.reports().await.into_iter();
    let is_expected = |report: &String| {
        report.contains("the server responded with a status of")
            && ["not-found", "rejected", "failed"].iter().any(|part| name.contains(part))
    };
    faults.extend(reports.filter(|report| !is_expected(report)).map(|it| format!("{name}: {it}")));
    let wide =
        browser.session.run("return document.documentElement.scrollWidth - innerWidth").await;
    if wide.as_i64().unwrap_or(1) > 0 {
        faults.push(format!("{name}: the page is {wide} px wider than the window"));
    }
    let hidden = browser.session.run(CUT_OFF).await;
    let hidden = hidden.as_array().into_iter().flatten();
    faults.extend(hidden.map(|it| format!("{name}: left of the window: {it}")));
    faults.extend(violations(browser, axe).await.into_iter().map(|it| format!("{name}: {it}")));
    // Reports of axe-core itself.
    browser.reports().await;
}

/// Returns the name of the focused element, and true if the focus is visible.
async fn focused(browser: &Chromium) -> (String, bool) {
    let found = browser
        .session
        .run(
            "const it = document.activeElement, style = getComputedStyle(it);
             const name = it.getAttribute('aria-label') || it.labels?.[0]?.textContent
                 || it.textContent || it.name;
             const box = it.getBoundingClientRect();
             const isSeen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
                 && box.width > 0 && box.top >= 0 && box.top < innerHeight;
             return [name.trim(), isSeen];",
        )
        .await;
    let name = found[0].as_str().unwrap_or_default().to_owned();
    (name, found[1].as_bool().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_reaches_everything_in_order_and_the_focus_is_seen() {
    let server = demo().await;
    let (base, link) = (&server.base, &server.link);
    let browser = Chromium::start(Look::WIDE).await;
    Demo::enter(&browser, base, link).await;
    browser.open(&format!("{base}/console/clients")).await;
    let mut names = Vec::new();
    for _ in 0..24 {
        browser.session.press(key::TAB).await;
        let (name, is_seen) = focused(&browser).await;
        assert!(is_seen, "the focus on {name:?} is not seen, after {names:?}");
        names.push(name);
    }
    assert_eq!(names[0], "Skip to content");
    let place = |name: &str| {
        names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}: {names:?}"))
    };
    let order = ["tokend", "operator:dev", "Overview", "Clients", "Sessions", "Create client"];
    let order = order.into_iter().chain(["Search", "State", "Owner", "Label", "Resource", "Find"]);
    let places: Vec<_> = order.map(place).collect();
    assert!(places.is_sorted(), "{names:?}");
    // The skip link skips the menus.
    browser.open(&format!("{base}/console/clients")).await;
    browser.session.press(key::TAB).await;
    browser.session.press(key::ENTER).await;
    browser.session.press(key::TAB).await;
    assert_eq!(focused(&browser).await.0, "Create client");
    browser.assert_silent().await;
}

/// Writes a picture of the page into a folder of target/screenshots.
pub async fn picture(browser: &Chromium, folder: &str, name: &str) {
    let folder = format!("{}/target/screenshots/{folder}", env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let picture = browser.picture().await;
    std::fs::write(format!("{folder}/{name}.png"), picture).expect("a file");
}

/// Writes a picture of every page into target/screenshots: `make screenshots`.
#[rstest]
#[case::light("light", Look::WIDE)]
#[case::dark("dark", Look { theme: Theme::Dark, ..Look::WIDE })]
#[case::narrow("narrow", Look::NARROW)]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "draws pictures: make screenshots"]
async fn pictures_of_every_page(#[case] folder: &str, #[case] look: Look) {
    let server = demo().await;
    let (base, link) = (&server.base, &server.link);
    let browser = Chromium::start(look).await;
    for stop in &OUTSIDE {
        visit_outside(&browser, base, stop).await;
        picture(&browser, folder, stop.name).await;
    }
    let demo = Demo::enter(&browser, base, link).await;
    for stop in &STOPS {
        demo.visit(stop).await;
        picture(&browser, folder, stop.name).await;
    }
}
