//! The two forms of GitHub Actions subjects: with names only, and with names and ids.
//!
//! Repositories created, renamed or transferred since 2026-07-15 send the immutable form,
//! `repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID:…`. Older ones send `repo:OWNER/NAME:…` until they opt
//! in. GitHub sends both ids or none, and names there never contain `@`. An account that takes over
//! an abandoned name has another id.

use crate::model::Malformed;

/// The form of a subject or of a pattern for subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `repo:OWNER/NAME:…`
    Names,
    /// `repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID:…`
    NamesAndIds,
}

impl Form {
    /// Returns the form of an owner or repository segment; `None` for a segment that GitHub does
    /// not send.
    pub fn of_segment(segment: &str) -> Option<Self> {
        let Some((name, id)) = segment.split_once('@') else { return Some(Self::Names) };
        let is_id = (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        (!name.is_empty() && is_id).then_some(Self::NamesAndIds)
    }
}

/// A GitHub subject, or a pattern that could match one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GithubSubject<'a> {
    owner: Named<'a>,
    repository: Named<'a>,
    /// The rest after the repository, including the colon: `:ref:refs/heads/main`.
    context: &'a str,
}

/// A name, with its id in the immutable form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named<'a> {
    segment: &'a str,
    name: &'a str,
    id: Option<&'a str>,
}

impl<'a> GithubSubject<'a> {
    /// Parses a subject or a pattern; `None` if it is not a GitHub subject. The repository of a
    /// pattern may be `*`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let Parts { owner, repository, context } = Parts::of(text)?;
        let (owner, repository) = (Named::parse(owner)?, Named::parse(repository)?);
        let has_one_form = owner.id.is_some() == repository.id.is_some() || repository.is_any();
        (has_one_form && !owner.is_any()).then_some(Self { owner, repository, context })
    }

    /// Returns the form of the subject.
    pub fn form(&self) -> Form {
        if self.owner.id.is_some() { Form::NamesAndIds } else { Form::Names }
    }

    /// Returns the repository as people write it, `OWNER/NAME`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner.name, self.repository.name)
    }

    /// Returns the name of the owner.
    pub fn owner(&self) -> &'a str {
        self.owner.name
    }

    /// True if it matches every repository of the owner.
    pub fn is_of_any_repository(&self) -> bool {
        self.repository.is_any()
    }

    /// Returns the ids of the owner and the repository.
    pub fn ids(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.owner.id, self.repository.id)
    }

    /// Returns the subject in the form with names only.
    pub fn with_names(&self) -> String {
        format!("repo:{}/{}{}", self.owner.name, self.repository.name, self.context)
    }

    /// Returns the subject with these ids; a `*` is unchanged.
    pub fn with_ids(&self, owner: &str, repository: &str) -> String {
        let Self { owner: Named { name, .. }, context, .. } = self;
        match self.repository.name {
            "*" => format!("repo:{name}@{owner}/*{context}"),
            of => format!("repo:{name}@{owner}/{of}@{repository}{context}"),
        }
    }

    /// Returns this pattern for the owner and repository of `subject`; a `*` is unchanged.
    pub fn for_repository_of(&self, subject: &GithubSubject<'_>) -> String {
        let repository = if self.repository.is_any() { "*" } else { subject.repository.segment };
        format!("repo:{}/{repository}{}", subject.owner.segment, self.context)
    }

    /// True if both have the same owner name. GitHub compares names case-insensitively.
    pub fn has_owner_name_of(&self, other: &GithubSubject<'_>) -> bool {
        self.owner.name.eq_ignore_ascii_case(other.owner.name)
    }

    /// True if both have the same names, where `*` matches any name.
    pub fn has_names_of(&self, other: &GithubSubject<'_>) -> bool {
        let is_repository = self.repository.name.eq_ignore_ascii_case(other.repository.name);
        self.has_owner_name_of(other) && (self.repository.is_any() || is_repository)
    }

    /// True if both have the same ids, where `*` matches any id.
    pub fn has_ids_of(&self, other: &GithubSubject<'_>) -> bool {
        let is_repository = self.repository.id == other.repository.id;
        self.owner.id.is_some()
            && self.owner.id == other.owner.id
            && (self.repository.is_any() || is_repository)
    }
}

impl<'a> Named<'a> {
    fn parse(segment: &'a str) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let form = Form::of_segment(segment)?;
        let (name, id) = match segment.split_once('@') {
            Some((name, id)) if form == Form::NamesAndIds => (name, Some(id)),
            _ => (segment, None),
        };
        let is_name = !name.is_empty() && name.bytes().all(is_part);
        (is_name || segment == "*").then_some(Self { segment, name, id })
    }

    fn is_any(&self) -> bool {
        self.segment == "*"
    }
}

/// The unchecked parts of a text that starts like a GitHub subject.
struct Parts<'a> {
    owner: &'a str,
    repository: &'a str,
    context: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (owner, rest) = text.strip_prefix("repo:")?.split_once('/')?;
        let (repository, context) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
        let is_other = owner.contains(':') || repository.contains('/');
        (!is_other).then_some(Self { owner, repository, context })
    }

    /// Returns suggested corrections, without and with ids.
    fn forms(&self) -> [String; 2] {
        let Self { owner, repository, context } = self;
        let name = |segment: &str, placeholder: &str| {
            let name = segment.split('@').next().unwrap_or_default();
            let name = name.trim_matches(['*', '-']);
            if name.is_empty() || name.contains('*') {
                placeholder.to_owned()
            } else {
                name.to_owned()
            }
        };
        let id = |segment: &str, placeholder: &str| match segment.split_once('@') {
            Some((_, id)) if Form::of_segment(segment).is_some() => id.to_owned(),
            _ => placeholder.to_owned(),
        };
        let (owner_name, repository_name) = (name(owner, "OWNER"), name(repository, "NAME"));
        let (owner_id, repository_id) = (id(owner, "OWNER_ID"), id(repository, "REPOSITORY_ID"));
        [
            format!("repo:{owner_name}/{repository_name}{context}"),
            format!("repo:{owner_name}@{owner_id}/{repository_name}@{repository_id}{context}"),
        ]
    }

    /// Returns the command that prints the ids.
    fn lookup(&self) -> String {
        let [names, _] = self.forms();
        let repository =
            Parts::of(&names).map(|parts| format!("{}/{}", parts.owner, parts.repository));
        lookup(&repository.unwrap_or_else(|| "OWNER/NAME".to_owned()))
    }
}

/// Returns the GitHub CLI command that prints the ids of the owner and the repository `OWNER/NAME`.
pub fn lookup(full_name: &str) -> String {
    format!("gh api repos/{full_name} --jq '.owner.id, .id'")
}

/// Rejects a GitHub pattern that could match another owner or matches no subject that GitHub sends.
/// The error suggests a correct pattern.
pub fn check_pattern(text: &str) -> Result<(), Malformed> {
    let Some(parts) = Parts::of(text) else { return Ok(()) };
    let Parts { owner, repository, .. } = parts;
    let [names, ids] = parts.forms();
    let problem = if repository == "*" && !owner.contains('*') {
        let form = Form::of_segment(owner);
        let what = form.is_none().then(|| format!("'{owner}' is not OWNER or OWNER@OWNER_ID"));
        what.map(|what| {
            let owner = owner.split('@').next().unwrap_or("OWNER");
            format!("{what}. Write 'repo:{owner}@OWNER_ID/*{}'", parts.context)
        })
    } else if let Some(part) = [owner, repository].into_iter().find(|part| part.contains('*')) {
        Some(star_problem(part, &parts, &names, &ids))
    } else if Form::of_segment(owner).is_none()
        || Form::of_segment(owner) != Form::of_segment(repository)
    {
        Some(format!(
            "'{text}' is not a subject that GitHub sends: it has the numeric ids of both the owner and the repository, or none. Write '{names}' or '{ids}'; the ids are printed by: {}",
            parts.lookup()
        ))
    } else {
        None
    };
    problem.map_or(Ok(()), |problem| Err(Malformed::because(problem)))
}

/// Returns why a `*` in an owner or a repository is rejected.
fn star_problem(part: &str, parts: &Parts<'_>, names: &str, ids: &str) -> String {
    let lookup = parts.lookup();
    match part.split_once('@') {
        Some((_, id)) if id.contains('*') => format!(
            "'{part}' has a * in place of an id: it would match another owner or repository that takes the name. A * stands for a whole segment between / or :. Write the ids, '{ids}'; they are printed by: {lookup}"
        ),
        Some(_) => format!(
            "'{part}' has a * in place of a name; a * stands for a whole segment between / or :. To match an id whatever the name is, write the claims repository_id=REPOSITORY_ID and repository_owner_id=OWNER_ID instead of the subject"
        ),
        None if part == "*" => format!(
            "the * could match another owner: any account can have a repository with that name. Write the owner out, '{names}' or '{ids}'"
        ),
        None => format!(
            "'{part}' has a * in it, and could match another owner or repository; a * stands for a whole segment between / or :. To trust both forms of the subject, add two trusts, '{names}' and '{ids}'; the ids are printed by: {lookup}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_parsed_and_other_texts_are_rejected() {
        for (text, form) in [
            ("repo:acme/api:ref:refs/heads/main", Form::Names),
            ("repo:acme/api", Form::Names),
            ("repo:acme/*:environment:prod", Form::Names),
            ("repo:acme@1/api@2:ref:refs/heads/a@3/b", Form::NamesAndIds),
            ("repo:acme@1/api@2", Form::NamesAndIds),
            ("repo:acme@1/*:environment:prod", Form::NamesAndIds),
        ] {
            assert_eq!(GithubSubject::parse(text).map(|read| read.form()), Some(form), "{text}");
        }
        for text in [
            "repo:acme@1/api:x",
            "repo:acme/api@2:x",
            "repo:acme@/api@2",
            "repo:@1/api@2",
            "repo:acme@1@2/api@3",
            "repo:acme@x/api@2",
            "repo:acme@1/a/b@2",
            "repo:*/api:x",
            "repo:ac me/api:x",
            "repo:acme",
            "repo:a:b/c",
            "project_path:acme/api:x",
            "",
        ] {
            assert_eq!(GithubSubject::parse(text), None, "{text}");
        }
        let read = GithubSubject::parse("repo:acme@1/api@2:x").expect("a subject");
        assert_eq!(read.with_names(), "repo:acme/api:x");
        assert_eq!(read.with_ids("7", "8"), "repo:acme@7/api@8:x");
        assert_eq!((read.full_name().as_str(), read.ids()), ("acme/api", (Some("1"), Some("2"))));
    }

    #[test]
    fn a_rejected_pattern_suggests_a_valid_one() {
        for (text, written) in [
            ("repo:acme@*/api@*:x", "'repo:acme@OWNER_ID/api@REPOSITORY_ID:x'"),
            ("repo:acme@1/api@*:x", "'repo:acme@1/api@REPOSITORY_ID:x'"),
            ("repo:*@1/api@2:x", "repository_owner_id="),
            ("repo:acme*/api*:x", "'repo:acme/api:x' and 'repo:acme@OWNER_ID/api@REPOSITORY_ID:x'"),
            ("repo:acme/api-*:x", "'repo:acme/api:x'"),
            ("repo:*/api:x", "'repo:OWNER/api:x'"),
            ("repo:*/*:x", "'repo:OWNER/NAME:x'"),
            ("repo:acme@1/api:x", "'repo:acme/api:x' or 'repo:acme@1/api@REPOSITORY_ID:x'"),
            ("repo:acme/api@2:x", "'repo:acme@OWNER_ID/api@2:x'"),
            ("repo:acme@one/api@2:x", "'repo:acme@OWNER_ID/api@2:x'"),
            ("repo:acme@/*:x", "'repo:acme@OWNER_ID/*:x'"),
        ] {
            let problem = check_pattern(text).expect_err(text).0;
            assert!(problem.contains(written), "{text}: {problem}");
        }
        let problem = check_pattern("repo:acme@1/api:x").expect_err("half").0;
        assert!(problem.ends_with("gh api repos/acme/api --jq '.owner.id, .id'"), "{problem}");
        for text in ["repo:acme@1/*:x", "repo:acme/*", "repo:acme@1/api@2:x", "repo:acme", "x@y"] {
            assert_eq!(check_pattern(text), Ok(()), "{text}");
        }
    }
}
