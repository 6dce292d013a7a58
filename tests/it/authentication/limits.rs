//! Rate limits: guesses at imported secrets, and the tokens of one client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rstest::rstest;
use tokend::admin;
use tokend::admin::client::ClientUpdate;
use tokend::model::rate::RateLimit;

use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, TestClient, client_id, operator,
};

/// Creates an instance with a client of another system, with a secret that could be guessed.
async fn with_imported(engine: Engine, settings: &[(&str, &str)]) -> (Server, TestClient) {
    let server = Server::with(engine, settings).await;
    let line = format!(
        r#"{{"client_id":"legacy","client_secret":"hush-hush-hush","grants":[{{"resource":"{ORDERS}"}}]}}"#
    );
    server.import(&line).await;
    server.keep_secret("hush-hush-hush");
    (server, TestClient { id: "legacy".into(), secret: "hush-hush-hush".into() })
}

/// RFC 6749, section 2.3.1 (W-11, W-12, N-11, C-196): guesses are limited, for unknown and known
/// clients alike, and do not lock out the correct secret.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_limited_and_the_right_secret_is_not_locked_out(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (server, legacy) =
        with_imported(engine, &[("TOKEND_LIMITS_GUESSES_PER_CLIENT", "3/m")]).await;
    let guess = async |id: &str, number: i32| {
        server.basic(id, &format!("guess {number}"), &CLIENT_CREDENTIALS).await
    };
    let mut faces = Vec::new();
    for id in ["legacy", "nobody"] {
        for number in 0..3 {
            guess(id, number).await.assert_rejected(401, "invalid_client");
        }
        let beyond = guess(id, 3).await;
        beyond.assert_rejected(429, "temporarily_unavailable");
        let seconds: u32 = beyond.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{beyond:?}");
        faces.push((beyond.description(), seconds));
    }
    assert_eq!(faces[0], faces[1], "an unknown client is told something else");
    // Its very first verification, from the same address, in the same minute.
    for _ in 0..3 {
        server.ask(&legacy).await.token();
    }
    guess("legacy", 4).await.assert_rejected(429, "temporarily_unavailable");
    server.clock.advance(60);
    server.catch_up().await;
    guess("legacy", 5).await.assert_rejected(401, "invalid_client");
}

/// The limit by address covers all clients together; generated secrets are not affected.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_not_guess_through_all_clients(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings =
        [("TOKEND_LIMITS_GUESSES_PER_ADDRESS", "5/m"), ("TOKEND_PROXY_TRUSTED", "127.0.0.0/8")];
    let (server, legacy) = with_imported(engine, &settings).await;
    let minted = server.client().await;
    let from = async |address: &str, id: &str, secret: &str| {
        let request = server
            .http
            .post(server.token_url())
            .header("x-forwarded-for", address)
            .basic_auth(id, Some(secret))
            .form(&CLIENT_CREDENTIALS);
        Answer::of(request).await
    };
    for number in 0..5 {
        let answer = from("192.0.2.1", &format!("client {number}"), "guess").await;
        answer.assert_rejected(401, "invalid_client");
    }
    from("192.0.2.1", "yet another", "guess").await.assert_rejected(429, "temporarily_unavailable");
    from("192.0.2.2", "yet another", "guess").await.assert_rejected(401, "invalid_client");
    from("192.0.2.1", &minted.id, &minted.secret).await.token();
    from("192.0.2.1", &legacy.id, &legacy.secret).await.token();
}

/// C-125: the limit includes guesses at other endpoints.
#[tokio::test(flavor = "multi_thread")]
async fn the_guess_limit_includes_every_endpoint() {
    let settings = [("TOKEND_LIMITS_GUESSES_PER_CLIENT", "3/m")];
    let (server, legacy) = with_imported(Engine::Sqlite, &settings).await;
    let guess = async |path: &str, number: i32| {
        let secret = format!("guess {number}");
        let guesser = TestClient { secret, ..legacy.clone() };
        server.post(path, &guesser, &[("token", "a.b.c"), CLIENT_CREDENTIALS[0]]).await
    };
    let paths = ["/v1/oauth/revoke", "/v1/oauth/introspect", "/v1/oauth/token"];
    for (path, number) in paths.into_iter().zip(0..) {
        guess(path, number).await.assert_rejected(401, "invalid_client");
    }
    for path in paths {
        let beyond = guess(path, 3).await;
        beyond.assert_rejected(429, "temporarily_unavailable");
        assert_ne!(beyond.header("retry-after"), "", "{path}");
    }
}

/// Generated secrets cannot be guessed, so nothing is counted: a wrong secret costs no hash and the
/// answer stays 401.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_imported_secrets_there_is_nothing_to_limit(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let settings = [("TOKEND_LIMITS_GUESSES_PER_CLIENT", "1/d")];
    let server = Server::with(engine, &settings).await;
    let client = server.client().await;
    for id in [client.id.as_str(), "nobody"] {
        for _ in 0..5 {
            server
                .basic(id, "wrong", &CLIENT_CREDENTIALS)
                .await
                .assert_rejected(401, "invalid_client");
        }
    }
    assert_eq!(server.services().hasher.checks(), 0);
}

/// D4, W-11, SECURITY 8: while one address floods an imported client with guesses, its owner gets
/// the first token anyway, from the same address or another.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_does_not_exclude_other_clients(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    first_token_during_a_flood(engine).await;
}

/// As above, and the owner waits two seconds at most.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn the_first_token_during_a_flood_takes_two_seconds_at_most(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let took = first_token_during_a_flood(engine).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Sends guesses at an imported client until its owner has a token. Returns how long the owner
/// waited.
async fn first_token_during_a_flood(engine: Engine) -> Duration {
    let settings =
        [("TOKEND_LIMITS_GUESSES_PER_CLIENT", "5/m"), ("TOKEND_SECRETS_ARGON2_MEMORY", "8MiB")];
    let (server, legacy) = with_imported(engine, &settings).await;
    let server = Arc::new(server);
    let is_over = Arc::new(AtomicBool::new(false));
    let guesses = Arc::new(AtomicUsize::new(0));
    let guessing: Vec<_> = (0..16)
        .map(|guesser| {
            let (server, is_over, guesses) = (server.clone(), is_over.clone(), guesses.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let secret = format!("guess {guesser} {}", guesses.load(Ordering::Relaxed));
                    let answer = server.basic("legacy", &secret, &CLIENT_CREDENTIALS).await;
                    assert!(matches!(answer.status, 401 | 429), "{answer:?}");
                    guesses.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let many = || guesses.load(Ordering::Relaxed) >= 50;
    eventually("the flood", async || many().then_some(())).await;
    let asked = Instant::now();
    // On a busy machine, the server may answer with `Retry-After`.
    eventually("a token for the owner", async || {
        let answer = server.ask(&legacy).await;
        if answer.status == 200 {
            return Some(answer.token());
        }
        answer.assert_rejected(503, "temporarily_unavailable");
        None
    })
    .await;
    let took = asked.elapsed();
    is_over.store(true, Ordering::Relaxed);
    for task in guessing {
        task.await.expect("a guesser");
    }
    took
}

/// SECURITY 7, T-05: unknown and known clients take the same time. The requests alternate, so that
/// load affects both equally. Medians exclude single pauses.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: make test-slow"]
async fn response_time_does_not_reveal_whether_a_client_exists(
    #[values(false, true)] with_imports: bool,
) {
    let settings = [
        ("TOKEND_LIMITS_GUESSES_PER_CLIENT", "100000/m"),
        ("TOKEND_LIMITS_GUESSES_PER_ADDRESS", "100000/m"),
    ];
    let (server, legacy) = if with_imports {
        with_imported(Engine::Sqlite, &settings).await
    } else {
        let server = Server::with(Engine::Sqlite, &settings).await;
        let client = server.client().await;
        (server, client)
    };
    // It was verified before, which must make no difference.
    server.ask(&legacy).await.token();
    let unknown = format!("{}y", &legacy.id[..legacy.id.len() - 1]);
    // Other load on the machine may favour one side by chance, but not every time.
    let mut apart = Vec::new();
    for _ in 0..3 {
        apart.push(medians_apart(&server, &legacy.id, &unknown).await);
        if apart.last().is_some_and(|apart| *apart < 0.05) {
            return;
        }
    }
    panic!("a known and an unknown client are apart by {apart:.3?} of their time");
}

/// Returns the difference of the medians of 2,000 rejections each, relative to the larger one.
async fn medians_apart(server: &Server, known: &str, unknown: &str) -> f64 {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..4000 {
        let (place, id) = if number % 2 == 0 { (0, known) } else { (1, unknown) };
        let asked = Instant::now();
        let answer = server.basic(id, "a wrong secret of some length", &CLIENT_CREDENTIALS).await;
        times[place].push(asked.elapsed());
        assert_eq!(answer.status, 401);
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    (known - unknown).abs() / known.max(unknown)
}

/// N-11 (C-196): a client that requests a token for each call is told to reuse it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_rate_limit_rejects_a_client_and_advises_token_reuse(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_LIMITS_TOKENS_PER_CLIENT", "3/m")]).await;
    // Rates are counted from full hours; the test must not cross one.
    server.clock.advance(3600 - server.clock.now().0.rem_euclid(3600));
    server.catch_up().await;
    let ordinary = server.client().await;
    let other = server.client().await;
    let free = server.new_client(|new| new.token_rate = Some(RateLimit::Unlimited)).await;
    let own = RateLimit::parse("1/h").expect("a rate");
    let narrow = server.new_client(|new| new.token_rate = Some(own)).await;
    for _ in 0..3 {
        server.ask(&ordinary).await.token();
        // A request that is rejected for another reason is not counted as a token.
        server
            .ask_for(&ordinary, &[("scope", "orders:burn")])
            .await
            .assert_rejected(400, "invalid_scope");
    }
    let beyond = server.ask(&ordinary).await;
    beyond.assert_rejected(429, "temporarily_unavailable");
    assert!(beyond.description().contains("3 tokens per minute"), "{beyond:?}");
    assert!(beyond.description().contains("keep it and use it again until it expires"));
    let seconds: i64 = beyond.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{beyond:?}");
    server.ask(&other).await.token();
    server.ask(&narrow).await.token();
    server.ask(&narrow).await.assert_rejected(429, "temporarily_unavailable");
    for _ in 0..5 {
        server.ask(&free).await.token();
    }
    server.clock.advance(seconds);
    server.catch_up().await;
    server.ask(&ordinary).await.token();
    // An unauthenticated caller learns nothing about it, and does not use it up.
    let stranger = TestClient { secret: "wrong".into(), ..narrow.clone() };
    server.ask(&stranger).await.assert_rejected(401, "invalid_client");

    // A change takes effect at the next request, and earlier requests stay counted.
    let set = async |rate: &str| {
        let rate = Some(RateLimit::parse(rate).expect("a rate"));
        let update = ClientUpdate { token_rate: Some(rate), ..ClientUpdate::default() };
        admin::client::update(server.services(), &operator(), &client_id(&narrow.id), update)
            .await
            .expect("updated");
        server.catch_up().await;
    };
    set("2/h").await;
    server.ask(&narrow).await.token();
    server.ask(&narrow).await.assert_rejected(429, "temporarily_unavailable");
    set("off").await;
    server.ask(&narrow).await.token();
}

/// The rate of a client is set on the command line.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_the_rate_of_a_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["client", "create", "a", "--id", "a", "--token-rate", "60/m"]);
    assert_eq!(cli.json(&["client", "show", "a"])["token_rate"], "60/m");
    cli.json(&["client", "update", "a", "--token-rate", "off"]);
    assert_eq!(cli.json(&["client", "show", "a"])["token_rate"], "off");
    cli.json(&["client", "update", "a", "--token-rate", "default"]);
    assert!(cli.json(&["client", "show", "a"])["token_rate"].is_null());
    let run = cli.run(&["client", "update", "a", "--token-rate", "many"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("60/m"), "{run:?}");
}
