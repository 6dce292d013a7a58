//! Request ids, used in responses, in the log and by `tokend explain`.

use axum::http::{HeaderMap, HeaderName};

use crate::crypto::random;
use crate::model::rejection::RejectionRecord;
use crate::secrets::secret;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the id that a trusted proxy assigned, or a new one.
pub(super) fn choose(headers: &HeaderMap, is_trusted_proxy: bool) -> String {
    let given = if is_trusted_proxy { given(headers) } else { None };
    given.map_or_else(generate, str::to_owned)
}

/// Generates an id: `req_` and 20 letters and digits.
pub(super) fn generate() -> String {
    // Without randomness the server cannot work anyway, so a repeated id does no harm.
    random::identifier("req_").unwrap_or_else(|_| "req_unknown".to_owned())
}

/// Returns the id from the header if it is valid. A proxy may forward a value from a client. So the
/// id must be short, must not need escaping, and must not be a misplaced secret.
fn given(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(HEADER).iter();
    let id = values.next()?.to_str().ok()?;
    let is_id =
        values.next().is_none() && RejectionRecord::is_request_id(id) && secret::redact(id) == id;
    is_id.then_some(id)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn id(values: &[&str], is_trusted_proxy: bool) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).expect("a value"));
        }
        choose(&headers, is_trusted_proxy)
    }

    #[test]
    fn the_id_of_a_trusted_proxy_is_taken() {
        let uuid = "0190163d-8694-739b-aea5-966c26f8ad91";
        for given in [uuid, "4bf92f3577b34da6a3ce929d0e0e4736", "req_KfAPnLS0MFyEF6HBc9yT"] {
            assert_eq!(id(&[given], true), given);
            let own = id(&[given], false);
            assert!(own != given && RejectionRecord::is_request_id(&own), "{own}");
        }
    }

    #[test]
    fn what_cannot_be_an_id_is_replaced() {
        let long = "a".repeat(65);
        let secret = "tkd_6jtVmMtyLhT4Yh7WxUeRkKq2cPz9dBn3fGs5vXa8wQe1mNb";
        for values in [
            &[][..],
            &[""],
            &["short"],
            &[&long],
            &["with a space in its middle"],
            &["0190163d\"8694-739b-aea5"],
            &["0190163d-8694-739b-\u{e4}"],
            &["0190163d-8694-739b-aea5", "0190163d-8694-739b-aea5"],
            &[secret],
        ] {
            let own = id(values, true);
            assert!(own.starts_with("req_") && own.len() == 24, "{values:?}: {own}");
        }
    }
}
