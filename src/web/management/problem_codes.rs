//! The codes of problems of the request itself, as `docs/admin-api.md` lists them. Those of verbs are
//! in `docs/errors.md`.

use std::collections::BTreeMap;
use std::path::Path;

/// Each code with its status and its meaning, in the order of the page.
const CODES: [(&str, u16, &str); 28] = [
    ("token_missing", 401, "The request has no access token."),
    (
        "invalid_token",
        401,
        "The access token is malformed, has expired, was revoked or is for another API.",
    ),
    (
        "invalid_dpop_proof",
        401,
        "The DPoP proof is missing or wrong, or the listener does not know its URL.",
    ),
    ("use_dpop_nonce", 401, "The DPoP proof needs the nonce of `DPoP-Nonce`."),
    ("not_found", 404, "Nothing is at this path."),
    (
        "method_not_allowed",
        405,
        "The path does not take the method. `Allow` has those that it takes.",
    ),
    ("invalid_path", 400, "The path is not UTF-8."),
    ("invalid_header", 400, "`If-Match` is not the `ETag` of the object."),
    ("invalid_query", 400, "A parameter is unknown, or its value is wrong."),
    ("invalid_json", 400, "The body is not JSON."),
    ("invalid_body", 400, "The body cannot be read to its end."),
    ("unsupported_media_type", 415, "`Content-Type` is not the one of the route."),
    ("body_too_large", 413, "The body is larger than the route takes."),
    ("body_too_slow", 408, "The body did not arrive in time."),
    ("revision_required", 428, "An approval does not name the revision that was read."),
    (
        "too_many_requests",
        429,
        "The caller has made too many requests of this kind in this minute.",
    ),
    ("import_in_progress", 409, "The instance runs another import."),
    ("invalid_idempotency_key", 400, "`Idempotency-Key` is not a valid key."),
    ("idempotency_key_reused", 422, "The key came with another request before."),
    ("idempotency_key_in_use", 409, "The first request with the key is running."),
    ("too_many_idempotency_keys", 429, "The caller has the maximum of keys."),
    ("not_acceptable", 406, "`Accept` excludes the media type of a stream."),
    ("invalid_last_event_id", 400, "`Last-Event-ID` is not the sequence of an event."),
    ("event_not_found", 409, "The log ends before the event of `Last-Event-ID`."),
    ("log_replaced", 409, "The log was replaced, most likely by a backup."),
    ("too_many_streams", 429, "The caller or the instance has the maximum of open streams."),
    ("temporarily_unavailable", 503, "The server stops, or a request took too long. Try again."),
    ("server_error", 500, "The server failed. Its log has the reason, under the request id."),
];

/// Codes whose status is given where no literal stands next to it.
const WITHOUT_STATUS: [&str; 2] = ["invalid_dpop_proof", "use_dpop_nonce"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The codes in the sources, with their statuses.
fn codes_in_sources() -> BTreeMap<String, u16> {
    let files = std::fs::read_dir(root().join("src/web/management")).expect("a folder");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()));
    let mut found = BTreeMap::new();
    for text in texts.map_while(Result::ok) {
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

/// The number of a status by the name of its constant.
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
        CODES.iter().map(|(code, status, _)| ((*code).to_owned(), *status)).collect();
    for code in WITHOUT_STATUS {
        assert_eq!(known.remove(code), Some(401), "{code}");
    }
    assert_eq!(codes_in_sources(), known, "CODES of problem_codes.rs is not what the sources have");
}

#[test]
fn the_table_of_the_page_is_current() {
    let path = root().join("docs/admin-api.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let head = "| Code | Status | Meaning |\n|---|---|---|\n";
    let (before, _) = page.split_once(head).expect("the table at the end of the page");
    let rows =
        CODES.map(|(code, status, meaning)| format!("| `{code}` | {status} | {meaning} |\n"));
    let more = "\nThe codes of verbs, such as `client_not_found`, are in [errors.md](errors.md).\n";
    let expected = format!("{before}{head}{}{more}", rows.concat());
    let environment = crate::config::environment();
    if environment.iter().any(|(name, value)| name == "UPDATE_DOCS" && value == "1") {
        std::fs::write(&path, &expected).expect("written");
        return;
    }
    assert_eq!(page, expected, "regenerate it: UPDATE_DOCS=1 cargo test --lib problem_codes");
}
