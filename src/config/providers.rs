//! Providers of settings for figment, which give each value and each layer its own origin.

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

/// Returns the dotted keys of all values in a figment, in the order of figment's map.
pub(super) fn leaves(figment: &Figment) -> Result<Vec<String>, String> {
    let root: Dict = figment.extract().map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    collect_leaves("", &root, &mut found);
    Ok(found)
}

fn collect_leaves(prefix: &str, dict: &Dict, found: &mut Vec<String>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => collect_leaves(&key, inner, found),
            _ => found.push(key),
        }
    }
}

/// One value with its own origin.
pub(super) struct SingleValue {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) origin: String,
}

impl Provider for SingleValue {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = Value::from(self.value.clone());
        let nested = figment::util::nest(&self.key, value);
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

pub(super) struct NamedLayer<P> {
    pub(super) name: String,
    pub(super) inner: P,
}

impl<P: Provider> Provider for NamedLayer<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.inner.data()
    }
}
