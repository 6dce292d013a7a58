//! The timeline of signing keys: published, signing, verifying, gone.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};

use crate::admin::signing_key::{self, KeyStep, ShownSigningKey};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::key_timeline::KeyState;
use crate::model::time::{Timestamp, in_words};
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Badge, Choice, Time, Unreadable};
use crate::web::console::sign_in::gate::SignedIn;

/// The size of the timeline, and the space for names.
const WIDTH: i64 = 900;
const NAMES: i64 = 150;
const ROW: i64 = 38;
const TOP: i64 = 26;

/// The maximum past on the timeline in seconds: 120 days.
const MAX_PAST_SECONDS: i64 = 120 * 86_400;

/// The maximum number of keys on the timeline.
const MAX_DRAWN: usize = 12;

#[derive(Template)]
#[template(path = "console/signing_keys/list.html")]
pub(in crate::web::console) struct KeysPage {
    frame: Frame,
    /// The effects of a rejected step; empty otherwise.
    problem: String,
    may_change: bool,
    algorithms: Vec<Choice>,
    /// The number and size of the published keys, because some gateways limit both.
    key_set: String,
    rows: Vec<KeyRow>,
    unreadable: Vec<Unreadable>,
    timeline: Option<Timeline>,
    rotation: String,
    publish_before: String,
}

struct KeyRow {
    kid: String,
    path: String,
    may_retire: bool,
    may_revoke: bool,
    short: String,
    algorithm: &'static str,
    state: Badge,
    created: Time,
    signs_from: Time,
    signs_until: Option<Time>,
    leaves: Option<Time>,
    next: String,
    next_at: Option<Time>,
    readers: String,
}

struct Timeline {
    width: i64,
    height: i64,
    bottom: i64,
    now: i64,
    lines: Vec<Line>,
    ticks: Vec<Tick>,
}

struct Line {
    name: String,
    text_y: i64,
    spans: Vec<Span>,
}

/// The period of a key in one state.
struct Span {
    x: i64,
    y: i64,
    width: i64,
    class: &'static str,
    title: String,
}

struct Tick {
    x: i64,
    name: String,
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    Form::of_query(&request).only(&["done"])?;
    signed_in.require(AdminScope::KeysRead)?;
    answer::page(&keys_page(&app, &signed_in, String::new()).await?)
}

/// Builds the page, with the problem of a rejected step if there is one.
pub(in crate::web::console) async fn keys_page(
    app: &App,
    signed_in: &SignedIn,
    problem: String,
) -> Result<KeysPage, ConsoleError> {
    let keys = signing_key::list(&app.services).await?;
    let unreadable = Unreadable::list(signing_key::unreadable(&app.services).await?);
    let settings = &app.services.config.keys;
    let may_change = signed_in.may(AdminScope::KeysWrite);
    let equivalent = if may_change {
        Equivalent::new("tokend key rotate", "POST", "/v1/signing-keys/rotate", "{}")
    } else {
        Equivalent::new("tokend key list", "GET", "/v1/signing-keys", "")
    };
    let algorithms: std::collections::BTreeSet<_> =
        keys.iter().map(|key| key.algorithm.as_str()).collect();
    let algorithms: Vec<_> = algorithms.into_iter().map(|name| (name, name)).collect();
    let own = app.services.config.token.algorithm.as_str();
    let published =
        keys.iter().filter(|key| !matches!(key.state, KeyState::Gone | KeyState::Revoked));
    let jwks: Vec<_> =
        published.filter_map(|key| key.public_jwk.as_ref()).map(|jwk| jwk.get().len()).collect();
    Ok(KeysPage {
        frame: Frame::new(signed_in, "Signing keys", "/console/signing-keys")
            .with_equivalent(equivalent),
        problem,
        may_change,
        algorithms: Choice::list(&algorithms, own),
        key_set: format!(
            "{}, about {}",
            shown::counted(i64::try_from(jwks.len()).unwrap_or(i64::MAX), "key", "keys"),
            shown::counted(
                i64::try_from(jwks.iter().sum::<usize>()).unwrap_or(i64::MAX),
                "byte",
                "bytes"
            )
        ),
        rows: keys.iter().map(|key| KeyRow::of(key, signed_in.now)).collect(),
        unreadable,
        timeline: Timeline::of(&keys, signed_in.now),
        rotation: in_words(settings.rotation_interval.seconds()),
        publish_before: in_words(settings.publish_before.seconds()),
    })
}

fn short(kid: &str) -> String {
    let start: String = kid.chars().take(8).collect();
    format!("{start}…")
}

impl KeyRow {
    fn of(key: &ShownSigningKey, now: Timestamp) -> Self {
        let state = match key.state {
            KeyState::Published => Badge::new("warn", "published"),
            KeyState::Signing => Badge::new("good", "signing"),
            KeyState::Verifying => Badge::new("", "verify only"),
            KeyState::Gone => Badge::new("off", "gone"),
            KeyState::Revoked => Badge::new("bad", "revoked"),
        };
        let next = key.next_step.map_or("", |next| match next.step {
            KeyStep::Signs => "begins to sign",
            KeyStep::SuccessorPublished => "its successor is published",
            KeyStep::StopsSigning => "stops signing",
            KeyStep::LeavesKeySet => "leaves the key set",
        });
        let readers = key.readers.as_ref().map(|readers| match (readers.behind, readers.active) {
            (_, 0) => "no API has read the key set lately".to_owned(),
            (0, 1) => "its 1 reader knows it".to_owned(),
            (0, active) => format!("all {active} readers know it"),
            (1, active) => format!("1 of {active} readers does not know it yet"),
            (behind, active) => format!("{behind} of {active} readers do not know it yet"),
        });
        Self {
            kid: key.kid.as_str().to_owned(),
            path: format!("/console/signing-keys/{}", shown::segment(key.kid.as_str())),
            may_retire: matches!(key.state, KeyState::Published | KeyState::Signing),
            may_revoke: !matches!(key.state, KeyState::Gone | KeyState::Revoked),
            short: short(key.kid.as_str()),
            algorithm: key.algorithm.as_str(),
            state,
            created: Time::of(key.created_at, now),
            signs_from: Time::of(key.signs_from, now),
            signs_until: Time::maybe(key.signs_until, now),
            leaves: Time::maybe(key.leaves_at, now),
            next: next.to_owned(),
            next_at: key.next_step.map(|next| Time::of(next.at, now)),
            readers: readers.unwrap_or_default(),
        }
    }
}

impl Timeline {
    /// Builds the timeline of all keys that are not gone.
    fn of(keys: &[ShownSigningKey], now: Timestamp) -> Option<Self> {
        let drawn = keys.iter().filter(|key| !matches!(key.state, KeyState::Gone));
        let drawn: Vec<_> = drawn.take(MAX_DRAWN).collect();
        let earliest = drawn.iter().map(|key| key.created_at.0).min()?;
        let latest = drawn.iter().filter_map(|key| key.leaves_at.or(key.signs_until)).max();
        let start = earliest.max(now.0 - MAX_PAST_SECONDS);
        let end = latest.map_or(now.0 + 86_400, |time| time.0).max(now.0 + 86_400);
        let scale = Scale { start, end };
        let lines: Vec<_> =
            drawn.iter().zip(0..).map(|(key, place)| Line::of(key, place, &scale)).collect();
        let bottom = TOP + i64::try_from(lines.len()).unwrap_or(0) * ROW;
        let ticks = (0..=4).map(|part| {
            let time = Timestamp(start + (end - start) / 4 * part);
            let name = time.to_string().get(..10).unwrap_or_default().to_owned();
            Tick { x: scale.x(time), name }
        });
        Some(Self {
            width: WIDTH,
            height: bottom + 8,
            bottom,
            now: scale.x(now),
            lines,
            ticks: ticks.collect(),
        })
    }
}

/// Maps times to horizontal positions.
struct Scale {
    start: i64,
    end: i64,
}

impl Scale {
    fn x(&self, time: Timestamp) -> i64 {
        let whole = (self.end - self.start).max(1);
        let passed = time.0.clamp(self.start, self.end) - self.start;
        NAMES + passed.saturating_mul(WIDTH - NAMES - 40) / whole
    }
}

impl Line {
    fn of(key: &ShownSigningKey, place: i64, scale: &Scale) -> Self {
        let y = TOP + place * ROW;
        let end = Timestamp(scale.end);
        let until = key.signs_until.unwrap_or(end);
        let leaves = key.leaves_at.unwrap_or(end);
        let span = |class, name: &str, from: Timestamp, to: Timestamp| {
            let (x, to_x) = (scale.x(from), scale.x(to));
            let title = format!("{name} from {from} to {to}");
            (to_x > x).then_some(Span { x, y: y + 6, width: to_x - x, class, title })
        };
        let spans = [
            span("warn", "published", key.created_at, key.signs_from),
            span("good", "signing", key.signs_from, until),
            span("soft", "verify only", until, leaves),
        ];
        let name = format!("{} {}", short(key.kid.as_str()), key.algorithm.as_str());
        Self { name, text_y: y + 21, spans: spans.into_iter().flatten().collect() }
    }
}
