//! Rotation, retirement and revocation of signing keys. A step that breaks tokens or verifiers must
//! be confirmed.

use axum::Extension;
use axum::extract::{Path, State};

use crate::admin::signing_key::change::{KeyChange, Start};
use crate::admin::{AdminError, Changed, ObjectKind, Principal, signing_key};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::signing_key::{Algorithm, KeyId};
use crate::model::time::Lifetime;
use crate::web::api::Problem;
use crate::web::console::clients::changes::reason;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::console::signing_keys::list;

const PAGE: &str = "/console/signing-keys";

/// Returns the caller. A confirmed step is forced.
fn principal(signed_in: &SignedIn, form: &Form) -> Principal {
    let principal = signed_in.principal.clone();
    if form.has("force") { principal.forced() } else { principal }
}

fn key_id(kid: &str) -> Result<KeyId, ConsoleError> {
    KeyId::parse(kid).map_err(|_| Problem::absent(ObjectKind::SigningKey, kid).into())
}

/// Redirects with a notice, or shows the effects that need confirmation.
async fn after(
    app: &App,
    signed_in: &SignedIn,
    changed: Result<Changed<KeyChange>, AdminError>,
    done: Notice,
) -> Answer {
    match changed {
        Ok(_) => answer::changed(app, PAGE, done).await,
        Err(error) => {
            let problem = correctable(error)?;
            answer::rejected(&list::keys_page(app, signed_in, problem).await?)
        }
    }
}

/// Makes the next key sign early.
pub(in crate::web::console) async fn rotate(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
) -> Answer {
    form.only(&["algorithm", "start", "force"])?;
    signed_in.require(AdminScope::KeysWrite)?;
    signed_in.require_recent_authentication(PAGE)?;
    let algorithm = form.parsed("algorithm", Algorithm::parse)?;
    let start = match form.text("start") {
        None => Start::WhenKnown,
        Some("0s") => Start::Now,
        Some(_) => form.parsed("start", Lifetime::parse)?.map_or(Start::WhenKnown, Start::In),
    };
    let principal = principal(&signed_in, &form);
    let changed =
        signing_key::change::rotate_now(&app.services, &principal, algorithm, start).await;
    after(&app, &signed_in, changed, Notice::SigningKeyRotated).await
}

/// Stops a key from signing. Its tokens stay valid.
pub(in crate::web::console) async fn retire(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(kid): Path<String>,
) -> Answer {
    form.only(&["force"])?;
    signed_in.require(AdminScope::KeysWrite)?;
    signed_in.require_recent_authentication(PAGE)?;
    let principal = principal(&signed_in, &form);
    let changed = signing_key::change::retire(&app.services, &principal, &key_id(&kid)?).await;
    after(&app, &signed_in, changed, Notice::SigningKeyRetired).await
}

/// Removes a key from the key set immediately. Its tokens become invalid.
pub(in crate::web::console) async fn revoke(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(kid): Path<String>,
) -> Answer {
    form.only(&["reason", "force"])?;
    signed_in.require(AdminScope::KeysWrite)?;
    signed_in.require_recent_authentication(PAGE)?;
    let reason = reason(&form)?;
    let principal = principal(&signed_in, &form);
    let changed =
        signing_key::change::revoke(&app.services, &principal, &key_id(&kid)?, reason).await;
    after(&app, &signed_in, changed, Notice::SigningKeyRevoked).await
}
