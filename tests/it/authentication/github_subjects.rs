//! Both forms of the subjects of GitHub: with names only, and with names and ids.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::client::GrantType;
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::process::{Cli, Run};
use crate::support::{Answer, Engine, Server, TestClient, method};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const NAMES: &str = "repo:acme/api:ref:refs/heads/main";
const IDS: &str = "repo:acme@123/api@456:ref:refs/heads/main";

/// A server, a client without a secret, and the key of the issuer.
struct Stage {
    server: Server,
    client: TestClient,
    key: KeyPair,
}

impl Stage {
    async fn new(engine: Engine) -> Self {
        let server = Server::start(engine).await;
        let client =
            server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]).await;
        Self { server, client, key: KeyPair::new(Algorithm::Rs256) }
    }

    /// Runs a command on the server's database.
    async fn run(&self, arguments: Vec<String>, input: String) -> Run {
        let place = self.server.place.clone();
        let running = tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            Cli::at(place).run_with(&arguments, &input)
        });
        let run = running.await.expect("a command");
        self.server.catch_up().await;
        run
    }

    /// Runs `client trust add` with this pattern.
    async fn trust(&self, subject: &str) -> Run {
        let text = format!(
            "client trust add {} --issuer {GITHUB} --audience {} --jwks - --subject",
            self.client.id, self.server.base
        );
        let mut arguments: Vec<_> = text.split(' ').map(str::to_owned).collect();
        arguments.push(subject.to_owned());
        self.run(arguments, self.key.jwk.to_string()).await
    }

    /// Returns a token of GitHub with this time. The command line uses another clock than the
    /// server.
    fn token(&self, subject: &str, more: &Value, now: i64) -> String {
        let mut claims = json!({
            "iss": GITHUB, "sub": subject, "aud": self.server.base, "exp": now + 300, "iat": now,
        });
        for (claim, value) in more.as_object().into_iter().flatten() {
            claims[claim] = value.clone();
        }
        let token = self.key.sign(&claims);
        self.server.keep_secret(&token);
        token
    }

    async fn ask(&self, subject: &str, more: &Value, client_id: Option<&str>) -> Answer {
        let token = self.token(subject, more, self.server.clock.now().0);
        let mut form = vec![("grant_type", GrantType::JWT_BEARER), ("assertion", token.as_str())];
        form.extend(client_id.map(|id| ("client_id", id)));
        Answer::of(self.server.http.post(self.server.token_url()).form(&form)).await
    }

    /// Returns the reason and the remedy of a rejection, as the command shows them.
    async fn explain(&self, answer: &Answer) -> (String, String) {
        answer.assert_rejected(400, "invalid_grant");
        self.server.app.write_rejections().await.expect("written");
        let id = answer.header("x-request-id");
        let arguments = ["explain", id, "-o", "json"].map(str::to_owned).to_vec();
        let run = self.run(arguments, String::new()).await;
        let found: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let of = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
        (of("reason"), of("remedy"))
    }

    /// Requests a token with and without a client id, tests it, and checks that all three report
    /// the same; returns the recommended command.
    async fn recommended_command(&self, subject: &str, more: &Value, reason: &str) -> Vec<String> {
        let named = self.ask(subject, more, Some(&self.client.id)).await;
        let (told, remedy) = self.explain(&named).await;
        assert!(told.contains(reason), "{reason}: {told}");
        let unnamed = self.ask(subject, more, None).await;
        let (told, same) = self.explain(&unnamed).await;
        assert!(told.contains(reason) && told.contains(&self.client.id), "{told}");
        assert_eq!(remedy, same);
        // The answer does not reveal it to the caller.
        assert_eq!(
            named.description().split("id ").next(),
            unnamed.description().split("id ").next()
        );
        assert!(!named.description().contains("repo:"), "{named:?}");
        let now = tokend::model::time::Clock::System.now().0;
        let arguments = ["client", "trust", "test", &self.client.id].map(str::to_owned).to_vec();
        let run = self.run(arguments, self.token(subject, more, now)).await;
        assert!(run.code == 8 && run.stderr.contains(reason), "{run:?}");
        assert!(run.stderr.contains(&remedy), "{remedy}: {run:?}");
        words(&remedy)
    }
}

/// Splits the command in a remedy as a shell does, with the key on standard input.
fn words(remedy: &str) -> Vec<String> {
    let from = remedy.find("tokend client trust add").expect("a command");
    let command = remedy[from..].split(". ").next().expect("a command");
    let mut words = vec![String::new()];
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 {
            words.last_mut().expect("a word").push_str(part);
            continue;
        }
        for (position, plain) in part.split(' ').enumerate() {
            if position > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("a word").push_str(plain);
        }
    }
    words
        .into_iter()
        .skip(1)
        .map(|word| if word == "FILE" { "-".to_owned() } else { word })
        .collect()
}

/// The repository was renamed or is new, and the trust is older.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_names_only_trust_suggests_a_trust_of_the_immutable_subject(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let run = stage.trust(NAMES).await;
    assert!(
        run.code == 0 && run.stderr.contains("repo:acme@OWNER_ID/api@REPOSITORY_ID:ref"),
        "{run:?}"
    );
    stage.ask(NAMES, &Value::Null, None).await.token();
    let reason = "GitHub sends the immutable form of the subject (names and ids) for acme/api";
    let command = stage.recommended_command(IDS, &Value::Null, reason).await;
    assert!(command.contains(&IDS.to_owned()), "{command:?}");
    assert_eq!(stage.run(command, stage.key.jwk.to_string()).await.code, 0);
    for client_id in [None, Some(stage.client.id.as_str())] {
        stage.ask(IDS, &Value::Null, client_id).await.token();
        for other in [
            "repo:acme@124/api@456:ref:refs/heads/main",
            "repo:acme@123/api@457:ref:refs/heads/main",
            "repo:acme@123/api@4567:ref:refs/heads/main",
            "repo:acme@123/api:ref:refs/heads/main",
            "repo:acme/api@456:ref:refs/heads/main",
            "repo:evil@123/api@456:ref:refs/heads/main",
            "repo:acme@123/api@456:pull_request",
        ] {
            let answer = stage.ask(other, &Value::Null, client_id).await;
            answer.assert_rejected(400, "invalid_grant");
        }
    }
}

/// The trust has the immutable form, and the repository still sends names only.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_trust_suggests_a_trust_of_the_names_only_subject(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let run = stage.trust(IDS).await;
    assert!(run.code == 0 && run.stderr.contains("matches only the immutable form"), "{run:?}");
    stage.ask(IDS, &Value::Null, None).await.token();
    let ids = json!({ "repository_owner_id": "123", "repository_id": "456" });
    let reason = "GitHub sends the form of the subject with only names for acme/api";
    let command = stage.recommended_command(NAMES, &ids, reason).await;
    assert!(command.contains(&"repository_id=456".to_owned()), "{command:?}");
    assert_eq!(stage.run(command, stage.key.jwk.to_string()).await.code, 0);
    stage.ask(NAMES, &ids, None).await.token();
    // Another account that now uses the name.
    let other = json!({ "repository_owner_id": "789", "repository_id": "999" });
    stage.ask(NAMES, &other, Some(&stage.client.id)).await.assert_rejected(400, "invalid_grant");
}

/// A `*` never matches an id, and the rejection of a pattern suggests another one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_star_never_spans_the_id_of_another_owner(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    for (pattern, written) in [
        (
            "repo:acme@*/api@*:environment:prod",
            "'repo:acme@OWNER_ID/api@REPOSITORY_ID:environment:prod'",
        ),
        ("repo:acme*/api*:environment:prod", "'repo:acme/api:environment:prod' and"),
        (
            "repo:acme@123/api:environment:prod",
            "'repo:acme@123/api@REPOSITORY_ID:environment:prod'",
        ),
        ("repo:*@123/api@456:environment:prod", "claims repository_id="),
        ("repo:*/api@456:environment:prod", "could match another owner"),
    ] {
        let run = stage.trust(pattern).await;
        assert!(run.code == 2 && run.stderr.contains(written), "{pattern}: {run:?}");
    }
    assert_eq!(stage.trust("repo:acme@123/*:environment:prod").await.code, 0);
    assert_eq!(stage.trust("repo:other/*:environment:prod").await.code, 0);
    for (subject, is_accepted) in [
        ("repo:acme@123/api@456:environment:prod", true),
        ("repo:other/api:environment:prod", true),
        ("repo:acme@1234/api@456:environment:prod", false),
        ("repo:acme@123/api:environment:prod", false),
        ("repo:acme@123@9/api@456:environment:prod", false),
        ("repo:other@1/api@456:environment:prod", false),
        ("repo:other/api@456:environment:prod", false),
    ] {
        let answer = stage.ask(subject, &Value::Null, Some(&stage.client.id)).await;
        assert_eq!(answer.status == 200, is_accepted, "{subject}: {answer:?}");
    }
}
