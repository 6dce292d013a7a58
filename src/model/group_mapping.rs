//! Mapping of a person's groups to rights: the setting `console.oidc.groups`.

use std::collections::BTreeSet;

use crate::model::Malformed;
use crate::model::admin_preset::AdminPreset;
use crate::model::admin_scope::AdminScope;
use crate::model::owner::Owner;

/// The rights of an administrator that is not a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedRights {
    /// The scopes of `urn:tokend`.
    pub scopes: BTreeSet<AdminScope>,
    /// The owners whose objects the administrator may manage; `None` means all.
    pub owners: Option<BTreeSet<Owner>>,
}

/// A group and its rights.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MappedGroup {
    group: String,
    rights: MappedRights,
}

/// Groups with their rights, in the order of the setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMapping(Vec<MappedGroup>);

impl GroupMapping {
    /// Parses entries `GROUP=RIGHTS` or `GROUP=RIGHTS@OWNERS`. Rights are an administrator preset
    /// or scopes of `urn:tokend`. Several scopes or owners are joined with `+`. The last `=` ends
    /// the name of the group, so the name may be a distinguished name.
    ///
    /// # Errors
    /// The first entry that is invalid or repeats a group.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Malformed> {
        let mut mapping = Self::default();
        for entry in entries {
            let problem = |what: String| Malformed::because(format!("{entry:?}: {what}"));
            let Some((group, rights)) = entry.rsplit_once('=') else {
                return Err(problem("it has no equals sign; write GROUP=viewer".to_owned()));
            };
            let group = group.trim();
            if group.is_empty() {
                return Err(problem("the name of the group is missing".to_owned()));
            }
            if mapping.0.iter().any(|known| known.group == group) {
                return Err(problem("the group is named twice".to_owned()));
            }
            let rights = rights_of(rights.trim()).map_err(|malformed| problem(malformed.0))?;
            mapping.0.push(MappedGroup { group: group.to_owned(), rights });
        }
        Ok(mapping)
    }

    /// True if no group has rights.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the group has rights.
    pub fn names(&self, group: &str) -> bool {
        self.0.iter().any(|known| known.group == group)
    }

    /// Returns the rights of a person with these groups; `None` if no group is mapped.
    ///
    /// The first matching entry decides. Later entries only add owners, and only if they have the
    /// same scopes: the scopes of one group must never apply to the owners of another.
    pub fn rights(&self, groups: &[String]) -> Option<MappedRights> {
        let mut fitting =
            self.0.iter().filter(|known| groups.contains(&known.group)).map(|known| &known.rights);
        let mut rights = fitting.next()?.clone();
        for other in fitting.filter(|other| other.scopes == rights.scopes).collect::<Vec<_>>() {
            rights.owners = match (rights.owners.take(), &other.owners) {
                (Some(owners), Some(more)) => Some(owners.union(more).cloned().collect()),
                _ => None,
            };
        }
        Some(rights)
    }
}

fn rights_of(text: &str) -> Result<MappedRights, Malformed> {
    let (scopes, owners) = match text.split_once('@') {
        Some((scopes, owners)) => (scopes, Some(owners)),
        None => (text, None),
    };
    let scopes = match AdminPreset::parse(scopes) {
        Ok(preset) => preset.scopes().into_iter().collect(),
        Err(_) => scopes.split('+').map(scope).collect::<Result<_, _>>()?,
    };
    let owners = owners.map(|text| text.split('+').map(Owner::parse).collect::<Result<_, _>>());
    Ok(MappedRights { scopes, owners: owners.transpose()? })
}

fn scope(text: &str) -> Result<AdminScope, Malformed> {
    AdminScope::parse(text).map_err(|_| {
        let presets = AdminPreset::ALL.map(AdminPreset::as_str).join(", ");
        let scopes = AdminScope::ALL.map(AdminScope::as_str).join(", ");
        Malformed::because(format!(
            "{text:?} is neither a kind of administrator ({presets}) nor a scope ({scopes})"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(entries: &[&str]) -> GroupMapping {
        GroupMapping::parse(entries.iter().copied()).expect("a mapping")
    }

    fn rights(mapping: &GroupMapping, groups: &[&str]) -> Option<(usize, Option<Vec<String>>)> {
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        let MappedRights { scopes, owners } = mapping.rights(&groups)?;
        let names = |owners: BTreeSet<Owner>| owners.iter().map(ToString::to_string).collect();
        Some((scopes.len(), owners.map(names)))
    }

    #[test]
    fn a_group_maps_to_a_preset_or_to_scopes() {
        let dn = "CN=ops,OU=groups,DC=example";
        let mapping = mapping(&[
            "platform = admin",
            "audit=audit:read+clients:read",
            "payments=owner@payments+billing",
            &format!("{dn}=viewer"),
        ]);
        assert_eq!(rights(&mapping, &["platform"]), Some((15, None)));
        assert_eq!(rights(&mapping, &["audit"]), Some((2, None)));
        let owners = Some(vec!["billing".to_owned(), "payments".to_owned()]);
        assert_eq!(rights(&mapping, &["payments"]), Some((11, owners)));
        assert_eq!(rights(&mapping, &[dn]), Some((6, None)));
        for groups in [&["Platform"][..], &["", "other", "CN=ops"], &[]] {
            assert_eq!(rights(&mapping, groups), None, "{groups:?}");
        }
    }

    #[test]
    fn scopes_of_one_group_never_hold_for_owners_of_another() {
        let mapping = mapping(&[
            "a=editor@a",
            "b=editor@b",
            "reader=viewer",
            "everywhere=editor",
            "admin=admin",
        ]);
        let owners = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(rights(&mapping, &["a"]), Some((9, owners(&["a"]))));
        assert_eq!(rights(&mapping, &["b", "a"]), Some((9, owners(&["a", "b"]))));
        assert_eq!(rights(&mapping, &["reader", "a"]), Some((9, owners(&["a"]))));
        assert_eq!(rights(&mapping, &["a", "everywhere"]), Some((9, None)));
        assert_eq!(rights(&mapping, &["b", "admin"]), Some((9, owners(&["b"]))), "the first");
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        for (entries, word) in [
            (&["platform"][..], "no equals sign"),
            (&["=admin"], "name of the group"),
            (&["a=root"], "neither a kind"),
            (&["a="], "neither a kind"),
            (&["a=clients:read+"], "neither a kind"),
            (&["a=owner@"], "an owner is"),
            (&["a=owner@x+"], "an owner is"),
            (&["a=admin", "a=viewer"], "twice"),
        ] {
            let error = GroupMapping::parse(entries.iter().copied()).expect_err(word).to_string();
            assert!(error.contains(word), "{entries:?}: {error}");
        }
    }
}
