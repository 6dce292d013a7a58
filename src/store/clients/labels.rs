//! The labels of clients, one per row, by which lists find clients. The column `client.labels`
//! contains the same labels as one text.

use crate::model::client::Client;
use crate::model::labels;
use crate::store::StoreError;
use crate::store::row::table_row;
use crate::store::write_transaction::{WriteTransaction, on_write};

table_row! {
    /// A row of `client_label`.
    struct LabelRow in "client_label" {
        client_id: String,
        label: String,
    }
}

impl WriteTransaction {
    /// Adds the labels of a client whose labels are not yet in the table.
    pub(super) async fn add_labels(&mut self, client: &Client) -> Result<(), StoreError> {
        for (key, value) in client.facts.labels.iter() {
            let client_id = client.client_id.as_str().to_owned();
            let row = LabelRow { client_id, label: labels::text(key, value) };
            self.insert(row, "label of that key", "client").await?;
        }
        Ok(())
    }

    /// Replaces the labels of a client.
    pub(super) async fn replace_labels(&mut self, client: &Client) -> Result<(), StoreError> {
        const CLEAR: &str = "DELETE FROM client_label WHERE client_id = $1";
        let id = client.client_id.as_str();
        on_write!(self, |connection| {
            sqlx::query(CLEAR).bind(id).execute(connection).await?;
            Ok(())
        })?;
        self.add_labels(client).await
    }
}
