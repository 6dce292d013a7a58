//! The admin API as commands call it: in this process over the local database, or of a server that
//! `--server` names. A command builds a request and shows the answer, whichever of the two it is.

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

/// What is said of an answer that cannot be read.
const UNREADABLE: &str = "the server sent an answer that this version of tokend cannot read";

/// What a command does with the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiUse {
    /// It only reads. Over the local database that needs no master key.
    Read,
    /// The same, and it fetches remote key sets by the settings.
    Fetch,
    /// It changes something.
    Change,
}

/// The admin API.
pub(crate) enum Api {
    /// Answered in this process.
    Local(Box<LocalApi>),
    /// Answered by a server.
    Remote(Box<RemoteApi>),
}

impl Api {
    /// The API of the server that the command line or the environment names, or else the one over
    /// the local database.
    pub(crate) async fn open(global: &Global, api_use: ApiUse) -> Result<Self, CliError> {
        match global.server() {
            Some(server) => Ok(Self::Remote(Box::new(RemoteApi::new(&server, global.force)?))),
            None => Ok(Self::Local(Box::new(LocalApi::open(global, api_use).await?))),
        }
    }

    /// Sends a request that makes no secret; gives the JSON of the answer, or `null` if it has no
    /// body.
    pub(crate) async fn send(&self, request: &ApiRequest) -> Result<Value, Failure> {
        match self {
            Self::Local(api) => api.send(request, None).await,
            Self::Remote(api) => api.send(request).await,
        }
    }

    /// The same, with the answer in a typed form next to its JSON.
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
        // Taken out, because to read it would copy every object.
        let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
            return Err(CliError::server(UNREADABLE).into());
        };
        let data = objects.into_iter().map(Object::of).collect::<Result<_, _>>()?;
        let RawPage { next_cursor, remaining, unreadable } = parsed(&page)?;
        Ok(Page { data, next_cursor, remaining, unreadable })
    }

    /// Gets ready for a request that issues a token of this client. A server always is; a command
    /// loads this one client and the signing keys.
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

    /// True if a server answers.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// What fetches key sets by the settings of the local database; `None` if a server answers.
    pub(crate) fn fetcher(&self) -> Option<&Fetcher> {
        match self {
            Self::Local(api) => Some(&api.services().fetcher),
            Self::Remote(_) => None,
        }
    }

    /// The present time, for relative times in tables.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Local(api) => api.services().clock.now(),
            Self::Remote(_) => Clock::System.now(),
        }
    }

    /// The server, as a file names it that a command leaves behind; empty for the local database.
    pub(crate) fn server(&self) -> String {
        match self {
            Self::Local(_) => String::new(),
            Self::Remote(api) => api.server(),
        }
    }

    /// The signing algorithm of the server, as the local settings say it; `None` if a server answers.
    pub(crate) fn default_algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Local(api) => Some(api.services().config.token.algorithm),
            Self::Remote(_) => None,
        }
    }
}

impl LocalApi {
    /// Sends a request that makes a secret. `delivery` receives the answer before the commit.
    pub(crate) async fn send_and_deliver(
        &self,
        request: &ApiRequest,
        delivery: Delivery,
    ) -> Result<Value, Failure> {
        self.send(request, Some(delivery)).await
    }

    /// The services of the local database.
    pub(crate) fn services(&self) -> &Services {
        &self.api.app().services
    }
}

/// An object of the API: its JSON as it came, which is printed, and what a table shows of it.
#[derive(Debug, Clone)]
pub(crate) struct Object<T> {
    /// The JSON.
    pub(crate) json: Value,
    /// The members that a table shows.
    pub(crate) object: T,
}

impl<T: DeserializeOwned> Object<T> {
    /// Reads an object of the API.
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
    // The text of the answer may hold a secret, and serde would repeat a part of it.
    T::deserialize(json).map_err(|_| CliError::server(UNREADABLE))
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// The objects.
    pub(crate) data: Vec<Object<T>>,
    /// The place of the next page.
    pub(crate) next_cursor: Option<String>,
    /// How many objects follow, if the request asks for it.
    pub(crate) remaining: Option<i64>,
    /// Objects that cannot be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// An object that cannot be read.
#[derive(Debug, Deserialize)]
pub(crate) struct Unreadable {
    /// Its identifier. Earlier servers call it `client_id`.
    #[serde(alias = "client_id")]
    pub(crate) id: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

#[derive(Deserialize)]
struct RawPage {
    next_cursor: Option<String>,
    remaining: Option<i64>,
    #[serde(default)]
    unreadable: Vec<Unreadable>,
}
