use proptest::prelude::*;

use super::*;

fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).expect(text)
}

fn pattern(text: &str) -> SpiffeIdPattern {
    SpiffeIdPattern::parse(text).expect(text)
}

#[test]
fn an_id_has_a_trust_domain_and_a_path_in_one_spelling() {
    let worker = id("spiffe://acme.example/ns/prod/Worker_1.a-b");
    assert_eq!(worker.trust_domain().as_str(), "acme.example");
    assert_eq!(worker.segments(), 3);
    assert_eq!(id("spiffe://acme_1.example-x").segments(), 0);
    for bad in [
        "",
        "acme.example/a",
        "https://acme.example/a",
        "SPIFFE://acme.example/a",
        "spiffe:/acme.example/a",
        "spiffe:///a",
        "spiffe://Acme.example/a",
        "spiffe://acme.example:443/a",
        "spiffe://user@acme.example/a",
        "spiffe://acme.example/",
        "spiffe://acme.example/a/",
        "spiffe://acme.example//a",
        "spiffe://acme.example/a/./b",
        "spiffe://acme.example/a/../b",
        "spiffe://acme.example/a%2Fb",
        "spiffe://acme.example/a%2e%2e",
        "spiffe://acme%2Eexample/a",
        "spiffe://acme.example/a?b",
        "spiffe://acme.example/a#b",
        "spiffe://acme.example/a b",
        "spiffe://acme.example/a\\b",
        "spiffe://acme.example/\u{430}",
        "spiffe://acme.example/a\0",
        " spiffe://acme.example/a",
        "spiffe://acme.example/a\n",
        "spiffe://acme.example/*",
    ] {
        assert!(SpiffeId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn lengths_are_bounded() {
    let name = "a".repeat(TrustDomain::MAX_LENGTH);
    assert!(TrustDomain::parse(&name).is_ok());
    assert!(TrustDomain::parse(&format!("{name}a")).is_err());
    assert!(TrustDomain::parse("spiffe://acme.example").is_err());
    let longest = format!("spiffe://a/{}", "b".repeat(SpiffeId::MAX_LENGTH - 11));
    assert!(SpiffeId::parse(&longest).is_ok());
    assert!(SpiffeId::parse(&format!("{longest}b")).is_err());
    let deep = format!("spiffe://a{}/*", "/b".repeat(SpiffeIdPattern::MAX_PREFIX_SEGMENTS));
    assert!(SpiffeIdPattern::parse(&deep).is_ok());
    assert!(SpiffeIdPattern::parse(&deep.replacen("/b", "/b/b", 1)).is_err());
}

#[test]
fn a_prefix_accepts_whole_segments_of_its_own_trust_domain() {
    let prod = pattern("spiffe://acme.example/ns/prod/*");
    assert!(prod.matches(&id("spiffe://acme.example/ns/prod/worker")));
    assert!(prod.matches(&id("spiffe://acme.example/ns/prod/sa/worker")));
    for other in [
        "spiffe://acme.example/ns/prod",
        "spiffe://acme.example/ns/production",
        "spiffe://acme.example/ns/production/worker",
        "spiffe://acme.example/ns/prod-2/worker",
        "spiffe://acme.example/ns",
        "spiffe://acme.example/NS/prod/worker",
        "spiffe://acme.example.evil/ns/prod/worker",
        "spiffe://evil.example/ns/prod/worker",
        "spiffe://evil.example/acme.example/ns/prod/worker",
    ] {
        assert!(!prod.matches(&id(other)), "{other}");
    }
    assert!(prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/production/worker")));
    assert!(!prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/prod")));
    assert!(!prod.ends_within_a_segment_of(&id("spiffe://acme.example/ns/prod/worker")));
    assert_eq!(prod.to_string(), "spiffe://acme.example/ns/prod/*");
    let exact = pattern("spiffe://acme.example/worker");
    assert!(exact.matches(&id("spiffe://acme.example/worker")));
    assert!(!exact.matches(&id("spiffe://acme.example/worker/2")));
}

#[test]
fn a_wildcard_is_the_last_segment_and_never_a_trust_domain() {
    for (bad, word) in [
        ("spiffe://acme.example/*", "every workload"),
        ("spiffe://*/worker", "not the last segment"),
        ("spiffe://*", "not the last segment"),
        ("spiffe://acme.example/ns/*/worker", "not the last segment"),
        ("spiffe://acme.example/ns/prod*", "not the last segment"),
        ("spiffe://acme.example/ns/*/*", "not the last segment"),
        ("spiffe://acme.example", "trust domain itself"),
        ("/*", "not the last segment"),
        ("worker", "begins with"),
        ("*", "not the last segment"),
    ] {
        let problem = SpiffeIdPattern::parse(bad).expect_err(bad).to_string();
        assert!(problem.contains(word), "{bad}: {problem}");
    }
}

#[test]
fn the_prefixes_of_an_id_are_those_of_the_patterns_that_accept_it() {
    let worker = id("spiffe://acme.example/ns/prod/worker");
    let prefixes: Vec<_> = worker.prefixes().collect();
    assert_eq!(prefixes, ["spiffe://acme.example/ns/", "spiffe://acme.example/ns/prod/"]);
    assert_eq!(id("spiffe://acme.example/worker").prefixes().count(), 0);
    assert_eq!(id("spiffe://acme.example").prefixes().count(), 0);
    let deep = id(&format!("spiffe://a{}", "/b".repeat(1000)));
    assert_eq!(deep.prefixes().count(), SpiffeIdPattern::MAX_PREFIX_SEGMENTS);
}

/// Generates texts that are nearly SPIFFE IDs.
fn text() -> impl Strategy<Value = String> {
    let pieces = &[
        "spiffe://",
        "spiffe:",
        "/",
        "/",
        "//",
        "acme",
        "acme",
        ".",
        "..",
        "-",
        "_",
        "A",
        "%2e",
        "%2F",
        "*",
        "/*",
        "ns",
        "prod",
        "uction",
        "?",
        "#",
        "@",
        ":",
        "\\",
        " ",
        "\u{e9}",
    ][..];
    let piece = proptest::sample::select(pieces);
    let nearly = proptest::collection::vec(piece, 0..8)
        .prop_map(|pieces| format!("spiffe://acme{}", pieces.concat()));
    prop_oneof![3 => nearly, 1 => ".{0,60}"]
}

/// Extracts the trust domain and the segments without the code under test.
fn parts(text: &str) -> (String, Vec<String>) {
    let mut parts = text.trim_start_matches("spiffe://").split('/').map(str::to_owned);
    (parts.next().unwrap_or_default(), parts.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// A parsed ID keeps its text. It contains only allowed characters, and no segment that a path
    /// resolver treats specially.
    #[test]
    fn a_parsed_id_keeps_its_text_and_needs_no_normalization(text in text()) {
        let Ok(id) = SpiffeId::parse(&text) else { return Ok(()) };
        prop_assert_eq!(id.as_str(), &text);
        let (domain, segments) = parts(&text);
        prop_assert_eq!(id.trust_domain().as_str(), domain);
        prop_assert_eq!(id.segments(), segments.len());
        for segment in segments {
            prop_assert!(!matches!(segment.as_str(), "" | "." | ".."));
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)));
        }
        // A URL parser sees the same ID, without any normalization.
        let url = url::Url::parse(&text).expect("a URL");
        prop_assert_eq!(url.as_str(), &text);
    }

    #[test]
    fn a_pattern_accepts_only_whole_segments_of_its_trust_domain(one in text(), other in text()) {
        let (Ok(pattern), Ok(id)) = (SpiffeIdPattern::parse(&one), SpiffeId::parse(&other)) else {
            return Ok(());
        };
        prop_assert_eq!(pattern.to_string(), one.clone());
        let (wanted_domain, mut wanted) = parts(&one);
        let (domain, segments) = parts(&other);
        let is_prefix = wanted.last().is_some_and(|last| last == "*");
        if is_prefix {
            wanted.pop();
        }
        let is_below = segments.len() > wanted.len() && segments.starts_with(&wanted);
        let is_wanted = if is_prefix { is_below } else { segments == wanted };
        let expected = domain == wanted_domain && is_wanted;
        prop_assert_eq!(pattern.matches(&id), expected);
        // The lookup by prefix finds the same patterns.
        if let SpiffeIdPattern::Below(prefix) = &pattern {
            let is_found = id.prefixes().any(|found| found == format!("{prefix}/"));
            prop_assert_eq!(is_found, expected);
        }
    }
}
