//! The bundle of a SPIFFE trust domain, whose keys verify its JWT-SVIDs (SPIFFE Trust Domain and
//! Bundle, section 4).

use std::time::Duration;

use crate::jose::external_jwks::{ExternalJwks, ExternalJwksError, JWT_SVID, Points, key, members};

impl ExternalJwks {
    /// Parses a bundle that was fetched. Returns only the keys for JWT-SVIDs. Keys for X.509-SVIDs
    /// and for unknown uses are skipped.
    ///
    /// # Errors
    /// If the text is not a key set, or has too many keys.
    pub fn bundle(text: &str) -> Result<Self, ExternalJwksError> {
        let (values, mut others) = members(text)?;
        let keys = values
            .into_iter()
            .filter(|value| value["use"] == JWT_SVID)
            .filter_map(|value| key(value, Points::Checked).ok());
        let refresh_hint = others.remove("spiffe_refresh_hint").and_then(|hint| hint.as_u64());
        Ok(Self { keys: keys.collect(), refresh_hint: refresh_hint.map(Duration::from_secs) })
    }

    /// Returns the refresh interval that the owner of the bundle suggests (section 4.1.2).
    pub fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::hostile_documents;
    use crate::jose::signer::{Signer, generate};
    use crate::model::signing_key::{Algorithm, RsaSize};

    fn jwk(name: Value) -> Value {
        let key = generate(Algorithm::Es256, RsaSize::Bits2048).expect("a key");
        let signer = Signer::new(Algorithm::Es256, &key).expect("a signer");
        let mut key = serde_json::to_value(signer.public_jwk().expect("a key").1).expect("JSON");
        key["use"] = name;
        key.as_object_mut().expect("an object").remove("alg");
        key
    }

    #[test]
    fn only_keys_of_jwt_svids_are_taken() {
        let uses = ["x509-svid", "wit-svid", "JWT-SVID", "sig", ""];
        let mut keys: Vec<_> = uses.iter().map(|name| jwk((*name).into())).collect();
        keys.push(jwk(Value::Null));
        keys.push(jwk(json!(["jwt-svid"])));
        let bundle = |keys: &[Value], hint: Value| {
            let text = json!({ "keys": keys, "spiffe_sequence": 7, "spiffe_refresh_hint": hint });
            ExternalJwks::bundle(&text.to_string()).expect("a bundle")
        };
        assert!(bundle(&keys, Value::Null).names().is_empty());
        keys.push(jwk("jwt-svid".into()));
        let found = bundle(&keys, 60.into());
        assert_eq!((found.names().len(), found.names()[0].1.as_str()), (1, "ES256"));
        assert_eq!(found.refresh_hint(), Some(Duration::from_mins(1)));
        for odd in [Value::Null, "60".into(), (-1).into(), 1.5.into(), json!([60])] {
            assert_eq!(bundle(&keys, odd).refresh_hint(), None);
        }
        assert!(ExternalJwks::bundle("[]").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// No remote document makes the parser panic.
        #[test]
        fn any_bundle_is_read_or_an_error(value in hostile_documents::json()) {
            let _ = ExternalJwks::bundle(&value.to_string());
            let _ = ExternalJwks::bundle(&json!({ "keys": value }).to_string());
            let _ = ExternalJwks::bundle(&json!({ "keys": [{ "use": "jwt-svid", "kty": value }] }).to_string());
        }
    }
}
