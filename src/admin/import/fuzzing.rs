//! A function for fuzz targets: parses an import file without a database. The server does not call
//! it.

use std::io::BufRead;

use crate::admin::AdminError;
use crate::admin::import::line;
use crate::admin::import::problems::Problems;
use crate::admin::import::source::{SourceLine, SourceLines};
use crate::model::client::ClientId;

/// Parses every line of `source` like an import, up to the point where the database is needed.
/// Returns the client ids in the order of the lines.
///
/// # Errors
/// Invalid, with every wrong line.
pub fn read<R: BufRead>(source: R) -> Result<Vec<ClientId>, AdminError> {
    let mut lines = SourceLines::new(source);
    let mut problems = Problems::default();
    let mut ids = Vec::new();
    let unreadable = |error: std::io::Error| AdminError::invalid("import", error.to_string());
    while let Some(line) = lines.next_line().map_err(unreadable)? {
        match line {
            SourceLine::Text(number, text) => {
                ids.extend(line::parse(&text, number, &mut problems).map(|line| line.client_id));
            }
            SourceLine::Unreadable(number, problem) => {
                problems.add(number, &format!("the line is {problem}"));
            }
        }
    }
    problems.into_result()?;
    Ok(ids)
}
