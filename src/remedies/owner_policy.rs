//! Remedies for violations of an owner policy.

use crate::admin::owner::policy::PolicyViolation;

pub(super) fn of_violation(violation: &PolicyViolation) -> &'static str {
    match violation {
        PolicyViolation::SecretWithoutExpiry { .. } => {
            "Give the secret an expiry: --secret-ttl 90d. To show the policy: tokend owner-policy \
             list"
        }
        PolicyViolation::SecretExpiresTooLate { .. } => {
            "Give the secret a shorter --secret-ttl. To show the policy: tokend owner-policy list"
        }
        PolicyViolation::MethodNotAllowed { .. } => {
            "Give the allowed methods with --auth-method. To show the policy: tokend owner-policy \
             list"
        }
        PolicyViolation::TooManyClients { .. } => {
            "Delete a client that is not used (tokend client list --unused 90d), or raise the \
             maximum: tokend owner-policy set"
        }
    }
}
