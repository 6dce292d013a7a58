//! The Rust snippet of `docs/getting-tokens.md`, compiled.

pub async fn access_token(issuer: &str, id: &str, secret: &str) -> reqwest::Result<String> {
    let answer: serde_json::Value = reqwest::Client::new()
        .post(format!("{issuer}/v1/oauth/token"))
        .basic_auth(id, Some(secret))
        .form(&[("grant_type", "client_credentials"), ("scope", "demo:read")])
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(answer["access_token"].as_str().unwrap_or_default().to_owned())
}
