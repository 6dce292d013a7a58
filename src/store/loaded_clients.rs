//! Reads clients for the directory: only the fields that token requests need, and page by page,
//! because there may be a million clients.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::model::client::ClientId;
use crate::model::client_settings::ClientTokenSettings;
use crate::model::grant::HeldGrant;
use crate::model::owner::Owner;
use crate::model::secret::LoadedSecret;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::store::clients::TokenRow;
use crate::store::clients::child_rows::{ChildRows, Children, ClientSet};
use crate::store::row::TableRow;
use crate::store::secrets::TokenSecretRow;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Clients with their ids. The id is available even if the rest of the client cannot be decoded.
pub type Page = Vec<(String, Result<LoadedClient, StoreError>)>;

/// The id of the last client that was read: empty before the first page, `None` after the last one
/// or after a failed read of clients.
type Cursor = Option<String>;

/// The number of tasks that read all clients. A single task leaves cores idle, because the database
/// and the decoder wait for each other. On two cores, two tasks read a million clients in three
/// quarters of the time that one task takes.
const READER_TASKS: usize = 2;

/// The fields of a client that the directory keeps.
#[derive(Debug)]
pub struct LoadedClient {
    /// The client's own settings.
    pub client: ClientTokenSettings,
    /// The owner of the client.
    pub owner: Option<Owner>,
    /// The secrets, oldest first.
    pub secrets: Vec<LoadedSecret>,
    /// The grants, in alphabetical order of their resources.
    pub grants: Vec<HeldGrant>,
    /// The external issuers whose tokens authenticate the client.
    pub trusts: Vec<FederatedCredential>,
    /// The SPIFFE trust domains whose JWT-SVIDs authenticate the client.
    pub spiffe_trusts: Vec<SpiffeTrust>,
}

/// All clients, page by page, read by separate tasks. They end when this is dropped.
pub struct ClientPages {
    pages: mpsc::Receiver<Result<Page, StoreError>>,
    tasks: JoinSet<()>,
}

impl ClientPages {
    /// Returns the next page; `None` after the last one. Pages are in no particular order.
    ///
    /// # Errors
    /// If a read of the database fails. The remaining pages are then incomplete.
    ///
    /// # Panics
    /// If a task has panicked.
    pub async fn next(&mut self) -> Result<Option<Page>, StoreError> {
        if let Some(page) = self.pages.recv().await {
            return page.map(Some);
        }
        while let Some(result) = self.tasks.join_next().await {
            if let Err(error) = result {
                match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(_) => return Err(sqlx::Error::WorkerCrashed.into()),
                }
            }
        }
        Ok(None)
    }
}

impl Store {
    /// Returns the existing clients among `ids`, in no particular order. Each client costs one
    /// index lookup per table.
    pub async fn clients_of(&self, ids: &[ClientId]) -> Result<Page, StoreError> {
        let ids: Vec<_> = ids.iter().map(ClientId::as_str).collect();
        let clients = ClientSet::Of(&ids);
        let mut statement = Statement::default();
        statement.push(TokenRow::SELECT).push("WHERE ");
        clients.push(&mut statement);
        let mut reader = self.read();
        let rows = reader.rows::<TokenRow>(&statement).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        Ok(page(rows, ChildRows::read(&mut reader, clients).await?))
    }

    /// Starts tasks that read all clients, each on a separate connection. A page has at most
    /// `page_size` clients. It costs one range scan per table, regardless of the number of clients.
    #[must_use]
    pub fn all_clients(&self, page_size: u32) -> ClientPages {
        let cursor = Arc::new(Mutex::new(Some(String::new())));
        let (sender, pages) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        for number in 0..READER_TASKS {
            let reader = self.bulk_reader();
            let (cursor, sender) = (cursor.clone(), sender.clone());
            tasks.spawn(async move {
                // If there are connections for some tasks only, these read everything.
                if number == 0 || reader.ping().await.is_ok() {
                    reader.send_pages(&cursor, page_size, &sender).await;
                }
                reader.close().await;
            });
        }
        ClientPages { pages, tasks }
    }

    /// Sends pages until no client is left, until a read fails, or until the receiver is dropped.
    async fn send_pages(
        &self,
        cursor: &Mutex<Cursor>,
        page_size: u32,
        sender: &mpsc::Sender<Result<Page, StoreError>>,
    ) {
        while let Some(page) = self.read_next_page(cursor, page_size).await.transpose() {
            let is_last = page.is_err();
            if sender.send(page).await.is_err() || is_last {
                break;
            }
        }
    }

    /// Reads the page after the cursor, and moves the cursor to the end of the page. Only the rows
    /// of the clients are read under the lock, so that the tasks read child rows in parallel.
    async fn read_next_page(
        &self,
        cursor: &Mutex<Cursor>,
        page_size: u32,
    ) -> Result<Option<Page>, StoreError> {
        let mut cursor = cursor.lock().await;
        // If this read fails, the cursor stays `None`, so that the other tasks stop too.
        let Some(after) = cursor.take() else { return Ok(None) };
        let mut statement = Statement::default();
        statement.push(TokenRow::SELECT).push_with(
            "WHERE client_id > ? ORDER BY client_id LIMIT ?",
            [after.as_str().into(), i64::from(page_size).into()],
        );
        let mut reader = self.read();
        let rows = reader.rows::<TokenRow>(&statement).await?;
        let Some(last) = rows.last().map(|row| row.client_id.clone()) else { return Ok(None) };
        *cursor = Some(last.clone());
        drop(cursor);
        let clients = ClientSet::Range { after: &after, last: &last };
        let children = ChildRows::read(&mut reader, clients).await?;
        Ok(Some(page(rows, children)))
    }
}

fn page(rows: Vec<TokenRow>, mut children: ChildRows<TokenSecretRow>) -> Page {
    let with_children = |row: TokenRow| {
        let id = row.client_id.clone();
        let children = children.take(&id);
        (id, loaded(row, children))
    };
    rows.into_iter().map(with_children).collect()
}

fn loaded(
    row: TokenRow,
    children: Result<Children<TokenSecretRow>, StoreError>,
) -> Result<LoadedClient, StoreError> {
    let Children { secrets, grants, trusts, spiffe_trusts } = children?;
    let secrets = secrets.into_iter().map(TokenSecretRow::decode).collect::<Result<_, _>>()?;
    let owner = row.owner.as_deref().map(Owner::stored);
    Ok(LoadedClient { client: row.decode()?, owner, secrets, grants, trusts, spiffe_trusts })
}
