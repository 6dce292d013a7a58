//! History of the demo: a sequence of changes, each with its time.

use std::collections::BTreeMap;

use crate::admin::grant_request::{self, NewGrantRequest};
use crate::admin::resource::{self, NewResource};
use crate::admin::secret::{self, NewSecret};
use crate::admin::signing_key::rotation::RotationPolicy;
use crate::admin::{Actor, Principal, client, signing_key, trust};
use crate::app::App;
use crate::cli::dev::demo_data::catalogue::{
    Catalogue, DemoClient, DemoResource, RESOURCES, resource_id,
};
use crate::cli::dev::demo_data::registration::{facts, new_client, new_trust};
use crate::cli::dev::demo_data::{DAY_SECONDS, FreshSecrets, HISTORY_DAYS, HOUR_SECONDS};
use crate::cli::error::CliError;
use crate::model::client::{ClientId, ClientState};
use crate::model::console_session::OperatorLimits;
use crate::model::grant_request::Remark;
use crate::model::overlap::Overlap;
use crate::model::owner::Owner;
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::signing_key::Algorithm;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};

enum Step<'a> {
    Keys,
    Resource(&'a DemoResource),
    Client(&'a DemoClient),
    Rotate { client: &'static str, by: &'static str, overlap: Overlap },
    Disable { client: &'static str, by: &'static str, reason: &'static str },
    Request(Request),
}

/// A team's request for a grant of another team's resource.
struct Request {
    team: &'static str,
    by: &'static str,
    client: &'static str,
    resource: &'static str,
    scopes: &'static str,
    message: &'static str,
    /// `None` for a pending request.
    decision: Option<Decision>,
}

enum Decision {
    Approved,
    Rejected(&'static str),
}

/// The history of the demo while it is written.
pub(super) struct History<'a> {
    app: &'a App,
    steps: BTreeMap<(i64, usize), Step<'a>>,
    now: Timestamp,
    /// The generated secrets by client.
    pub(super) secrets: FreshSecrets,
}

impl<'a> History<'a> {
    /// Plans the history of the clients up to `now`.
    pub(super) fn new(app: &'a App, catalogue: &'a Catalogue, now: Timestamp) -> Self {
        let steps = BTreeMap::new();
        let mut history = Self { app, steps, now, secrets: FreshSecrets::new() };
        // The number of a step breaks ties and spreads the steps over a day.
        for resource in &RESOURCES {
            history.at_hour(HISTORY_DAYS * 24, Step::Resource(resource));
        }
        for client in &catalogue.clients {
            history.at_hour(client.days_old * 24, Step::Client(client));
        }
        history.plan_keys();
        history.plan_rotations();
        history.plan_requests();
        history
    }

    fn at_hour(&mut self, hours_ago: i64, step: Step<'a>) {
        let number = self.steps.len();
        let spread = i64::try_from(number % 50).unwrap_or_default() * 61;
        let at = self.now.minus_seconds(hours_ago * HOUR_SECONDS).0 + spread;
        self.steps.insert((at.min(self.now.0), number), step);
    }

    /// Plans the current signing key and its successor, which signs from half a day later.
    fn plan_keys(&mut self) {
        self.at_hour(24 * 89 + 12, Step::Keys);
        self.at_hour(12, Step::Keys);
    }

    fn plan_rotations(&mut self) {
        let day = Overlap::For(Lifetime::stored(DAY_SECONDS));
        let until_unused = Overlap::UntilUnused {
            window: Lifetime::stored(6 * HOUR_SECONDS),
            max: Lifetime::stored(Overlap::DEFAULT_MAX_SECONDS),
        };
        let rotations = [
            (24 * 92, "picking-tablets", "ana", Overlap::None),
            (24 * 44, "warehouse-gateway", "ben", day),
            (24 * 9, "nightly-reports", "mia", day),
            (30, "dashboard", "mia", until_unused),
            (2, "checkout", "ana", day),
        ];
        for (hours, client, by, overlap) in rotations {
            self.at_hour(hours, Step::Rotate { client, by, overlap });
        }
        let disabled = [
            (24 * 20, "checkout-staging", "ana", "replaced by previews"),
            (53, "churn-study", "mia", "the study has ended"),
        ];
        for (hours, client, by, reason) in disabled {
            self.at_hour(hours, Step::Disable { client, by, reason });
        }
    }

    fn plan_requests(&mut self) {
        let request = |team, by, client, resource, scopes, message, decision| {
            Step::Request(Request { team, by, client, resource, scopes, message, decision })
        };
        let approved = Some(Decision::Approved);
        let rejected = Some(Decision::Rejected("Use the monthly export instead."));
        self.at_hour(
            24 * 16,
            request(
                "insights",
                "mia",
                "data-lake-loader",
                "tracking",
                "tracking:read",
                "Delivery times for the board report.",
                approved,
            ),
        );
        self.at_hour(
            24 * 6,
            request(
                "insights",
                "mia",
                "ab-tests",
                "ledger",
                "ledger:read",
                "Revenue by variant.",
                rejected,
            ),
        );
        self.at_hour(
            20,
            request(
                "payments",
                "ana",
                "refund-service",
                "tracking",
                "tracking:read",
                "A refund waits until the parcel is back.",
                None,
            ),
        );
        self.at_hour(
            3,
            request(
                "logistics",
                "ben",
                "returns-desk",
                "invoices",
                "invoices:read",
                "To show the invoice of a return.",
                None,
            ),
        );
    }

    /// Writes every pending step.
    pub(super) async fn write(&mut self) -> Result<(), CliError> {
        for ((at, _), step) in std::mem::take(&mut self.steps) {
            let clock = &self.app.services.clock;
            clock.jump(at - clock.now().0);
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<(), CliError> {
        match step {
            Step::Keys => self.rotate_keys().await,
            Step::Resource(resource) => self.resource(resource).await,
            Step::Client(client) => self.client(client).await,
            Step::Rotate { client, by, overlap } => {
                let (services, id) = (&self.app.services, ClientId::parse(client)?);
                let lifetime = Lifetime::stored(180 * DAY_SECONDS);
                let new = NewSecret { lifetime: Some(lifetime), ..NewSecret::default() };
                let made =
                    secret::rotation::rotate(services, &person(by), &id, &new, overlap).await?;
                self.secrets.extend(made.plain.map(|secret| (client.to_owned(), secret)));
                Ok(())
            }
            Step::Disable { client, by, reason } => {
                let (services, id) = (&self.app.services, ClientId::parse(client)?);
                let state = ClientState::Disabled;
                client::set_state(services, &person(by), &id, state, Some(reason)).await?;
                self.secrets.remove(client);
                Ok(())
            }
            Step::Request(request) => self.request(request).await,
        }
    }

    /// Creates the signing keys that are due. If the server ran before, its keys stay unchanged.
    async fn rotate_keys(&self) -> Result<(), CliError> {
        self.app.catch_up().await.map_err(crate::services::StartError::from)?;
        let now = self.app.services.clock.now();
        let keyring = self.app.directory.keyring();
        if keyring.records().iter().any(|key| key.created_at > now) {
            return Ok(());
        }
        let made =
            signing_key::rotation::rotate_due_keys(self.app, RotationPolicy::CreateDue).await;
        made.map_err(|error| CliError::failed(error.to_string()))
    }

    async fn resource(&self, demo: &DemoResource) -> Result<(), CliError> {
        let services = &self.app.services;
        let resource = ResourceId::parse(&demo.id())?;
        if services.store.resource(&resource).await?.is_some() {
            return Ok(());
        }
        let scopes = demo.scopes.iter().map(|text| ResourceScope::parse(text));
        let new = NewResource {
            resource,
            scopes: scopes.collect::<Result<_, _>>()?,
            token_lifetime: demo.lifetime.map(Lifetime::parse).transpose()?,
            signing_algorithm: demo.algorithm.map(Algorithm::parse).transpose()?,
            token_typ: TokenTyp::default(),
            facts: facts(demo.team, Some(demo.description), None)?,
        };
        resource::create(services, &dev(), new).await?;
        Ok(())
    }

    async fn client(&mut self, demo: &DemoClient) -> Result<(), CliError> {
        let services = &self.app.services;
        let id = ClientId::parse(&demo.id)?;
        if services.store.registration(&id).await?.is_some() {
            return Ok(());
        }
        let by = person(match demo.team.as_str() {
            "payments" => "ana",
            "logistics" => "ben",
            _ => "mia",
        });
        let (_, secret) = client::create(services, &by, new_client(demo, id.clone())?).await?;
        self.secrets.extend(secret.map(|secret| (demo.id.clone(), secret)));
        if let Some(new) = new_trust(&demo.credential)? {
            trust::add(services, &by, &id, new).await?;
        }
        Ok(())
    }

    async fn request(&self, request: Request) -> Result<(), CliError> {
        let services = &self.app.services;
        let owners = Some([Owner::parse(request.team)?].into());
        let limits = OperatorLimits { scopes: None, owners };
        let by = Principal::operator_within(Actor::new("operator", request.by), limits);
        let new = NewGrantRequest {
            client_id: ClientId::parse(request.client)?,
            resource: ResourceId::parse(&resource_id(request.resource))?,
            scopes: Scopes::parse(request.scopes)?,
            networks: Networks::default(),
            claims: StaticClaims::default(),
            message: Some(Remark::parse(request.message)?),
        };
        let made = grant_request::create(services, &by, new).await?.value;
        services.clock.jump(HOUR_SECONDS);
        let (id, revision) = (&made.request_id, made.revision);
        match request.decision {
            None => {}
            Some(Decision::Approved) => {
                grant_request::approve(services, &person("ben"), id, revision).await?;
            }
            Some(Decision::Rejected(reason)) => {
                let reason = Some(Remark::parse(reason)?);
                grant_request::reject(services, &person("ana"), id, reason).await?;
            }
        }
        Ok(())
    }
}

/// Returns `dev` as the actor, which the first event must have.
fn dev() -> Principal {
    Principal::operator(Actor::new("dev", "demo"))
}

/// Returns a person at the command line as the actor.
fn person(name: &str) -> Principal {
    Principal::operator(Actor::new("cli", name))
}
