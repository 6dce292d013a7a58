//! Values of the model from the texts of a test.

use tokend::admin::{Actor, Principal};
use tokend::model::client::{AuthenticationMethod, ClientId};
use tokend::model::grant::{Grant, GrantedScopes};
use tokend::model::resource::ResourceId;
use tokend::model::scope::Scopes;
use tokend::model::security::Networks;
use tokend::model::static_claims::StaticClaims;
use tokend::model::time::{Clock, Lifetime, Timestamp};

/// The time of the clocks of tests: the real time, so that other libraries, which use the real
/// clock, agree.
pub fn now() -> Timestamp {
    Clock::System.now()
}

pub fn operator() -> Principal {
    Principal::operator(Actor::new("test", "it"))
}

/// Returns a client that follows no redirect: the token path has none.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("an HTTP client")
}

pub fn grant(resource: &str, scopes: Option<&str>) -> Grant {
    Grant {
        resource: ResourceId::parse(resource).expect("a resource"),
        scopes: match scopes {
            None => GrantedScopes::All,
            Some(text) => GrantedScopes::Only(Scopes::parse(text).expect("scopes")),
        },
        networks: Networks::default(),
        claims: StaticClaims::default(),
    }
}

pub fn lifetime(seconds: i64) -> Lifetime {
    Lifetime::from_seconds(seconds).expect("a lifetime")
}

pub fn method(name: &str) -> AuthenticationMethod {
    AuthenticationMethod::parse(name).expect("a method")
}

pub fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).expect("a client id")
}
