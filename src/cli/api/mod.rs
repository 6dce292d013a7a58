//! The admin API as commands call it: in this process over the local database, or at the server
//! that `--server` names. A command builds a request and shows the response, the same in both
//! cases.

mod access_token;
pub(in crate::cli) mod connection;
mod credentials;
mod events;
mod failure;
mod lines;
mod local;
mod remote;
mod request;
mod server_url;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::model::signing_key::Algorithm;
use crate::model::time::{Clock, Timestamp};
use crate::outbound::Fetcher;
use crate::services::Services;
use crate::web::Delivery;

pub(crate) use events::SentEvent;
pub(crate) use failure::Failure;
pub(crate) use lines::AnswerLines;
pub(crate) use local::LocalApi;
pub(crate) use remote::{NamedServer, RemoteApi};
pub(crate) use request::{ApiRequest, path};

/// The error for a response that cannot be read.
const UNREADABLE: &str = "the server sent an answer that this version of tokend cannot read";

/// The access that a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiUse {
    /// Only reads. Over the local database this needs no master key.
    Read,
    /// Reads, and fetches remote key sets according to the settings.
    Fetch,
    Change,
}

/// The admin API.
pub(crate) enum Api {
    /// Served in this process.
    Local(Box<LocalApi>),
    /// Served by a server.
    Remote(Box<RemoteApi>),
}

impl Api {
    /// Opens the API of the server that the command line or the environment names. Without one,
    /// opens the API over the local database.
    pub(crate) async fn open(global: &Global, api_use: ApiUse) -> Result<Self, CliError> {
        match global.server() {
            Some(server) => Ok(Self::Remote(Box::new(RemoteApi::new(&server, global.force)?))),
            None => Ok(Self::Local(Box::new(LocalApi::open(global, api_use).await?))),
        }
    }

    /// Sends a request that creates no secret. Returns the JSON of the response, or `null` if it
    /// has no body.
    pub(crate) async fn send(&self, request: &ApiRequest) -> Result<Value, Failure> {
        match self {
            Self::Local(api) => api.send(request, None).await,
            Self::Remote(api) => api.send(request).await,
        }
    }

    /// Like [`Api::send`], but also parses the response.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
    ) -> Result<Object<T>, Failure> {
        Ok(Object::of(self.send(request).await?)?)
    }

    /// Reads one page of a list.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        cursor: Option<&str>,
    ) -> Result<Page<T>, Failure> {
        let request = match cursor {
            Some(cursor) => request.clone().with("cursor", cursor),
            None => request.clone(),
        };
        let mut page = self.send(&request).await?;
        // Takes the objects out, because parsing them in place would copy each one.
        let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
            return Err(CliError::server(UNREADABLE).into());
        };
        let data = objects.into_iter().map(Object::of).collect::<Result<_, _>>()?;
        let RawPage { next_cursor, remaining, unreadable } = parsed(&page)?;
        Ok(Page { data, next_cursor, remaining, unreadable })
    }

    /// Prepares for a request that issues a token to this client. A server is always prepared; the
    /// local API loads this client and the signing keys.
    pub(crate) async fn prepare_to_issue(
        &mut self,
        global: &Global,
        client: &str,
    ) -> Result<(), CliError> {
        match self {
            Self::Local(api) => Box::pin(api.prepare_to_issue(global, client)).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// True if a server handles the requests.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Returns the fetcher of key sets with the local settings; `None` if a server handles the
    /// requests.
    pub(crate) fn fetcher(&self) -> Option<&Fetcher> {
        match self {
            Self::Local(api) => Some(&api.services().fetcher),
            Self::Remote(_) => None,
        }
    }

    /// Returns the current time, for relative times in tables.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Local(api) => api.services().clock.now(),
            Self::Remote(_) => Clock::System.now(),
        }
    }

    /// Returns the URL of the server, as it is recorded in a leftover file; empty for the local
    /// database.
    pub(crate) fn server(&self) -> String {
        match self {
            Self::Local(_) => String::new(),
            Self::Remote(api) => api.server(),
        }
    }

    /// Returns the signing algorithm of the local settings; `None` if a server handles the
    /// requests.
    pub(crate) fn default_algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Local(api) => Some(api.services().config.token.algorithm),
            Self::Remote(_) => None,
        }
    }
}

impl LocalApi {
    /// Sends a request that creates a secret. `delivery` receives the response before the commit.
    pub(crate) async fn send_and_deliver(
        &self,
        request: &ApiRequest,
        delivery: Delivery,
    ) -> Result<Value, Failure> {
        self.send(request, Some(delivery)).await
    }

    pub(crate) fn services(&self) -> &Services {
        &self.api.app().services
    }
}

/// An object of the API: the received JSON, which is printed, and the parsed members that a table
/// shows.
#[derive(Debug, Clone)]
pub(crate) struct Object<T> {
    /// The JSON as received.
    pub(crate) json: Value,
    pub(crate) object: T,
}

impl<T: DeserializeOwned> Object<T> {
    pub(crate) fn of(json: Value) -> Result<Self, CliError> {
        let object = parsed(&json)?;
        Ok(Self { json, object })
    }
}

impl<T> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

fn parsed<T: DeserializeOwned>(json: &Value) -> Result<T, CliError> {
    // An error of serde would quote a part of the response, which may contain a secret.
    T::deserialize(json).map_err(|_| CliError::server(UNREADABLE))
}

#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<Object<T>>,
    pub(crate) next_cursor: Option<String>,
    /// The number of objects that follow, if the request asks for it.
    pub(crate) remaining: Option<i64>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// An object that cannot be read.
#[derive(Debug, Deserialize)]
pub(crate) struct Unreadable {
    /// The identifier of the object. Earlier servers name this member `client_id`.
    #[serde(alias = "client_id")]
    pub(crate) id: String,
    pub(crate) problem: String,
}

#[derive(Deserialize)]
struct RawPage {
    next_cursor: Option<String>,
    remaining: Option<i64>,
    #[serde(default)]
    unreadable: Vec<Unreadable>,
}
