//! Tests that `docs/admin-api.md` lists the codes of request problems. `docs/errors.md` lists the
//! codes of admin operations.

use std::collections::BTreeMap;
use std::path::Path;

use crate::web::api::openapi::problems::OF_REQUESTS;

/// The codes whose literal is not next to a status in the source.
const WITHOUT_STATUS: [&str; 2] = ["invalid_dpop_proof", "use_dpop_nonce"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Extracts the codes and their statuses from the sources.
fn codes_in_sources() -> BTreeMap<String, u16> {
    let files = std::fs::read_dir(root().join("src/web/api")).expect("a folder");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()));
    let mut found = BTreeMap::new();
    // A folder cannot be read as text.
    for text in texts.flatten() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.split_whitespace().collect();
        let with_status = code.split("(StatusCode::").skip(1).filter_map(|rest| {
            let (status, rest) = rest.split_once(",\"")?;
            let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
            status.chars().all(is_name).then_some((status, rest))
        });
        let bad = code.split("bad_request(\"").skip(1).map(|rest| ("BAD_REQUEST", rest));
        for (status, rest) in with_status.chain(bad) {
            let name = rest.split('"').next().unwrap_or_default().to_owned();
            found.insert(name, status_of(status));
        }
    }
    found
}

/// Returns the number of a status constant.
fn status_of(name: &str) -> u16 {
    let numbers = (400..600).filter_map(|number| axum::http::StatusCode::from_u16(number).ok());
    let with_reason = numbers.filter(|status| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_uppercase().replace([' ', '-'], "_") == name
    });
    with_reason.map(|status| status.as_u16()).next().expect("a status")
}

#[test]
fn each_code_of_the_sources_has_a_row_and_each_row_a_code() {
    let mut known: BTreeMap<String, u16> =
        OF_REQUESTS.iter().map(|(status, code, _)| ((*code).to_owned(), *status)).collect();
    for code in WITHOUT_STATUS {
        assert_eq!(known.remove(code), Some(401), "{code}");
    }
    assert_eq!(codes_in_sources(), known, "OF_REQUESTS is not what the sources have");
}

#[test]
fn the_table_of_the_page_is_current() {
    let path = root().join("docs/admin-api.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let head = "| Code | Status | Meaning |\n|---|---|---|\n";
    let (before, _) = page.split_once(head).expect("the table at the end of the page");
    let rows =
        OF_REQUESTS.map(|(status, code, meaning)| format!("| `{code}` | {status} | {meaning} |\n"));
    let more = "\nThe codes of rejected changes, such as `client_not_found`, are in \
                [Error codes](errors.md#reasons-why-a-change-was-not-made-admin_code).\n";
    let expected = format!("{before}{head}{}{more}", rows.concat());
    let environment = crate::config::environment();
    if environment.iter().any(|(name, value)| name == "UPDATE_DOCS" && value == "1") {
        std::fs::write(&path, &expected).expect("written");
        return;
    }
    assert_eq!(page, expected, "regenerate it: make docs");
}
