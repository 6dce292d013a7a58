//! Changes of a client's state and secrets.

use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::ObjectKind;
use crate::admin::client::{self, MAX_REASON_CHARS};
use crate::admin::secret::{self, NewSecret};
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientState;
use crate::model::grant::Grant;
use crate::model::overlap::Overlap;
use crate::model::secret::SecretId;
use crate::model::time::Lifetime;
use crate::web::api::Problem;
use crate::web::console::clients::credentials::OVERLAPS;
use crate::web::console::clients::detail::parsed;
use crate::web::console::clients::new_secret;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown;
use crate::web::console::sign_in::gate::SignedIn;

pub(in crate::web::console) async fn set_state(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["state", "reason"])?;
    let path = shown::client_path(&id);
    let state = form.parsed("state", ClientState::parse)?;
    let state = state.ok_or_else(|| ConsoleError::invalid("state: active or disabled"))?;
    if state == ClientState::Disabled {
        signed_in.require_recent_authentication(&path)?;
    }
    let reason = reason(&form)?;
    let (services, id) = (&app.services, parsed(&id)?);
    client::set_state(services, &signed_in.principal, &id, state, reason).await?;
    let done = match state {
        ClientState::Active => Notice::ClientEnabled,
        ClientState::Disabled => Notice::ClientDisabled,
    };
    answer::changed(&app, &path, done).await
}

/// Returns the reason for the audit log.
pub(in crate::web::console) fn reason(form: &Form) -> Result<Option<&str>, ConsoleError> {
    let reason = form.text("reason");
    if reason.is_some_and(|text| text.chars().count() > MAX_REASON_CHARS) {
        return Err(ConsoleError::invalid(format!(
            "reason: at most {MAX_REASON_CHARS} characters"
        )));
    }
    Ok(reason)
}

/// Creates a new secret, shows it once, and ends the old ones after the overlap.
pub(in crate::web::console) async fn rotate(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["overlap", "overlap_exact", "lifetime", "label", "once"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let exact = form.parsed("overlap_exact", Overlap::parse)?;
    let overlap =
        exact.map_or_else(|| form.parsed("overlap", Overlap::parse), |it| Ok(Some(it)))?;
    let overlap = overlap.ok_or_else(|| ConsoleError::invalid("overlap: it is missing"))?;
    let page = shown::credentials_path(&id);
    if is_shorter_than_offered(overlap) {
        signed_in.require_recent_authentication(&page)?;
    }
    let new = new_secret_of(&form)?;
    let (services, id) = (&app.services, parsed(&id)?);
    let found = client::show(&services.store, &signed_in.principal, &id).await?;
    require_recent_authentication_for_administrator(&signed_in, &found.grants, &page)?;
    new_secret::claim(&app, &signed_in, &form).await?;
    let made = secret::rotation::rotate(services, &signed_in.principal, &id, &new, overlap).await?;
    answer::catch_up_or_log(&app).await;
    new_secret::page(&app, &signed_in, &found.client, &found.grants, &made)
}

/// True if an overlap may end before the shortest one that the form offers. Clients could then fail
/// before the operator notices. The immediate end in the form is not part of the comparison.
fn is_shorter_than_offered(overlap: Overlap) -> bool {
    let min_seconds = |overlap| match overlap {
        Overlap::None => 0,
        Overlap::For(time) => time.seconds(),
        Overlap::UntilUnused { window, max } => window.seconds().min(max.seconds()),
    };
    let offered = OVERLAPS.iter().filter_map(|(text, _)| Overlap::parse(text).ok());
    let offered = offered.filter(|offered| *offered != Overlap::None).map(min_seconds).min();
    min_seconds(overlap) < offered.unwrap_or_default()
}

/// Requires recent authentication before an administrator gets a credential or a right. An
/// administrator is a client with a grant for the server itself.
///
/// # Errors
/// A redirect to the sign-in.
pub(in crate::web::console) fn require_recent_authentication_for_administrator(
    signed_in: &SignedIn,
    grants: &[Grant],
    page: &str,
) -> Result<(), ConsoleError> {
    if grants.iter().any(|grant| grant.resource.is_built_in()) {
        signed_in.require_recent_authentication(page)?;
    }
    Ok(())
}

/// Adds a secret and shows it once. Other secrets stay valid.
pub(in crate::web::console) async fn add_secret(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["lifetime", "label", "once"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let new = new_secret_of(&form)?;
    let (services, id) = (&app.services, parsed(&id)?);
    let found = client::show(&services.store, &signed_in.principal, &id).await?;
    let page = shown::credentials_path(id.as_str());
    require_recent_authentication_for_administrator(&signed_in, &found.grants, &page)?;
    new_secret::claim(&app, &signed_in, &form).await?;
    let made = secret::add(services, &signed_in.principal, &id, &new).await?;
    answer::catch_up_or_log(&app).await;
    new_secret::page(&app, &signed_in, &found.client, &found.grants, &made)
}

fn new_secret_of(form: &Form) -> Result<NewSecret, ConsoleError> {
    let label = form.typed("label");
    Ok(NewSecret { label, lifetime: form.parsed("lifetime", Lifetime::parse)?, digest: None })
}

/// Ends a secret immediately or after a delay.
pub(in crate::web::console) async fn end_secret(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path((id, secret_id)): Path<(String, String)>,
) -> Answer {
    form.only(&["after"])?;
    let page = shown::credentials_path(&id);
    signed_in.require_recent_authentication(&page)?;
    let after = form.parsed("after", Lifetime::parse)?;
    let secret_id =
        SecretId::parse(&secret_id).map_err(|_| Problem::absent(ObjectKind::Secret, &secret_id))?;
    let principal = &signed_in.principal;
    secret::expire(&app.services, principal, &parsed(&id)?, &secret_id, after).await?;
    let done = if after.is_some() { Notice::SecretEnding } else { Notice::SecretEnded };
    answer::changed(&app, &page, done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_that_the_form_does_not_offer_is_compared_with_those_that_it_does() {
        for (text, is_shorter) in [
            ("0s", true),
            ("1s", true),
            ("5h", true),
            ("until_unused:1s,max:7d", true),
            ("6h", false),
            ("24h", false),
            ("until_unused:6h,max:7d", false),
        ] {
            let overlap = Overlap::parse(text).expect(text);
            assert_eq!(is_shorter_than_offered(overlap), is_shorter, "{text}");
        }
    }
}
