//! The problems of an import file, each with its line, up to a readable number.

use crate::admin::{AdminError, Conflict};

/// The maximum number of problems that are listed.
const MAX_LISTED: usize = 20;

/// The problems found so far.
#[derive(Debug, Default)]
pub(in crate::admin) struct Problems {
    listed: Vec<(usize, String)>,
    count: usize,
    lines: usize,
    last_line: usize,
    /// True if every problem so far is a client that already exists.
    are_conflicts: bool,
}

impl Problems {
    /// Returns the number of problems.
    pub(in crate::admin) fn count(&self) -> usize {
        self.count
    }

    /// Adds a problem of a line. `text` is a sentence without a full stop that begins with the path
    /// of the member, such as `grants[0].scopes`. It may repeat names from the file, but never
    /// values that may be secrets.
    pub(in crate::admin) fn add(&mut self, line: usize, text: &str) {
        self.note(line, text, false);
    }

    /// Adds the problem that the client of a line already exists.
    pub(in crate::admin) fn add_conflict(&mut self, line: usize, text: &str) {
        self.note(line, text, true);
    }

    fn note(&mut self, line: usize, text: &str, is_conflict: bool) {
        self.are_conflicts = is_conflict && (self.count == 0 || self.are_conflicts);
        self.count += 1;
        if self.last_line != line {
            (self.last_line, self.lines) = (line, self.lines + 1);
        }
        if self.listed.len() < MAX_LISTED {
            // A name from the file must not control the terminal.
            let text = text.replace(char::is_control, "?");
            self.listed.push((line, text));
        }
    }

    /// Returns the listed problems, each with its line.
    pub(in crate::admin) fn listed(&self) -> impl Iterator<Item = (usize, &str)> {
        self.listed.iter().map(|(line, text)| (*line, text.as_str()))
    }

    /// Returns the problems as text, one per line in the format of `describe`.
    pub(in crate::admin) fn list(self, describe: impl Fn(usize, &str) -> String) -> String {
        let listed =
            self.listed.iter().map(|(line, text)| format!("\n  {}", describe(*line, text)));
        let mut list: String = listed.collect();
        if let Some(more) = self.count.checked_sub(self.listed.len()).filter(|more| *more > 0) {
            list.push_str(&format!("\n  and {more} more"));
        }
        list
    }

    /// Returns an error that lists the problems, if there are any.
    pub(in crate::admin) fn into_result(self) -> Result<(), AdminError> {
        if self.count == 0 {
            return Ok(());
        }
        let (count, lines, are_conflicts) = (self.count, self.lines, self.are_conflicts);
        let list = self.list(|line, text| format!("line {line}: {text}"));
        let text = format!("{count} problems in {lines} lines; nothing was imported{list}");
        Err(if are_conflicts {
            Conflict::Import(text).into()
        } else {
            AdminError::invalid("import", text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_problems_is_bounded_and_counts_omitted_ones() {
        let mut problems = Problems::default();
        for line in 1..=100 {
            problems.add(line, "a\u{1b}[31m");
            problems.add(line, "b");
        }
        let text = problems.into_result().expect_err("an error").to_string();
        assert!(text.contains("200 problems in 100 lines") && text.contains("180 more"), "{text}");
        assert!(text.contains("line 1: a?[31m") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(text.lines().count(), 22);
    }

    #[test]
    fn problems_are_a_conflict_only_if_all_are_conflicts() {
        let mut problems = Problems::default();
        problems.add_conflict(1, "client a exists");
        problems.add_conflict(2, "client b exists");
        assert!(matches!(problems.into_result(), Err(AdminError::Conflict(_))));
        let mut problems = Problems::default();
        problems.add(1, "a");
        problems.add_conflict(2, "client b exists");
        assert!(matches!(problems.into_result(), Err(AdminError::Invalid { .. })));
        assert!(Problems::default().into_result().is_ok());
    }
}
