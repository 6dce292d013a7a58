// cargo add reqwest --features json,form; cargo add serde_json
async fn access_token() -> Result<String, Box<dyn std::error::Error>> {
    let secret = std::env::var("CLIENT_SECRET")?;
    let answer: serde_json::Value = reqwest::Client::new()
        .post(@TOKEN_URL@)
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", @CLIENT_ID@),
            ("client_secret", secret.as_str()),
            ("resource", @RESOURCE@),
            ("scope", @SCOPE@),
        ])
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    // Use it until it expires: expires_in is its lifetime in seconds.
    Ok(answer["access_token"].as_str().unwrap_or_default().to_owned())
}
