//! Members of a body, which can be absent, `null`, or a value. RFC 7396 treats the three
//! differently.

#![expect(clippy::option_option, reason = "a member is unchanged, unset or set")]

use serde::{Deserialize, Deserializer};

use crate::model::Malformed;
use crate::web::api::Problem;
use crate::web::api::json::at;

#[derive(Debug, Clone, Default)]
pub(super) enum Member<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Self::Null, Self::Value))
    }
}

/// The treatment of an absent member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omitted {
    /// The member stays unchanged, because the body is a merge patch (RFC 7396).
    Stays,
    /// The member gets its default, because the body is the whole object.
    HasDefault,
}

impl<T> Member<T> {
    /// Returns the new value, or `None` to leave the member unchanged. `null` means the default.
    pub(super) fn read<U: Default>(
        self,
        omitted: Omitted,
        parse: impl FnOnce(T) -> Result<U, Problem>,
    ) -> Result<Option<U>, Problem> {
        match self {
            Self::Absent if omitted == Omitted::Stays => Ok(None),
            Self::Absent | Self::Null => Ok(Some(U::default())),
            Self::Value(value) => parse(value).map(Some),
        }
    }
}

impl Member<String> {
    /// Like [`Self::read`], for a text that can be unset.
    pub(super) fn text<U>(
        self,
        omitted: Omitted,
        pointer: &str,
        parse: impl Fn(&str) -> Result<U, Malformed>,
    ) -> Result<Option<Option<U>>, Problem> {
        self.read(omitted, |text| at(pointer, parse(&text)).map(Some))
    }
}
