//! Members of a body: absent, `null`, or a value, which differ in RFC 7396.

#![expect(clippy::option_option, reason = "a member that stays, is unset or is set")]

use serde::{Deserialize, Deserializer};

use crate::model::Malformed;
use crate::web::api::Problem;
use crate::web::api::json::at;

/// A member of a body.
#[derive(Debug, Clone, Default)]
pub(super) enum Member<T> {
    /// The body lacks it.
    #[default]
    Absent,
    /// It is `null`.
    Null,
    /// It has a value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Self::Null, Self::Value))
    }
}

/// What becomes of a member that the body lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omitted {
    /// It stays as it is: the body is a merge patch (RFC 7396).
    Stays,
    /// It has its default: the body is the whole object.
    HasDefault,
}

impl<T> Member<T> {
    /// The new value, `None` for one that stays. `null` is the default.
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
    /// The same for a text that may be unset.
    pub(super) fn text<U>(
        self,
        omitted: Omitted,
        pointer: &str,
        parse: impl Fn(&str) -> Result<U, Malformed>,
    ) -> Result<Option<Option<U>>, Problem> {
        self.read(omitted, |text| at(pointer, parse(&text)).map(Some))
    }
}
