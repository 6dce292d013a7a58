//! Notices: what a completed action did. A redirect names the notice in its query, and the next
//! page shows the text.

/// Declares the notices, each with its name in a query and its text.
macro_rules! notices {
    ($($variant:ident $name:literal $text:literal;)*) => {
        /// What a completed action did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::web::console) enum Notice {
            $($variant,)*
        }

        impl Notice {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the value of the query parameter `done`.
            pub(in crate::web::console) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the text for people.
            pub(in crate::web::console) const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

notices! {
    ClientDisabled "disabled" "The client is disabled. Its tokens are revoked.";
    ClientEnabled "enabled" "The client may get tokens again.";
    SecretEnded "ended" "The secret has ended. Its tokens stay valid until they expire.";
    SecretEnding "ending" "The secret ends at the chosen time.";
    RequestApproved "approved" "The request is approved. The client has the grant.";
    RequestRejected "rejected" "The request is rejected.";
    SessionEnded "session-ended" "The session has ended.";
    SessionUnknown "session-unknown"
        "No session was ended: the id is unknown, or the session had ended already.";
    ResourceCreated "created" "The resource is registered.";
    Saved "saved" "The changes are saved.";
    Unchanged "unchanged" "Nothing differed, so nothing was changed.";
    Deleted "deleted" "It is deleted.";
    KeyAdded "key-added" "The key is registered.";
    KeyRemoved "key-removed" "The key is removed.";
    TrustAdded "trust-added" "The trust is added.";
    TrustRemoved "trust-removed" "The trust is removed.";
    GrantSaved "granted" "The grant is saved.";
    GrantRemoved "grant-removed"
        "The grant is removed. Its tokens stay valid until they expire.";
    GrantRequested "requested" "The grant is requested. The other team decides.";
    SigningKeyRotated "rotated" "The next key takes over. APIs that read the key set know it.";
    SigningKeyRetired "retired"
        "The key no longer signs. Its tokens stay valid until they expire.";
    SigningKeyRevoked "key-revoked"
        "The key is revoked. Its tokens are invalid as soon as APIs read the key set.";
    TokensRevoked "revoked" "All tokens of the client are revoked.";
}

impl Notice {
    /// Returns the notice that the parameter `done` of a query names, if it names one.
    pub(in crate::web::console) fn of_query(query: Option<&str>) -> Option<Self> {
        let name = form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name == "done")?.1;
        Self::ALL.iter().copied().find(|notice| notice.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_notice_is_ignored() {
        assert_eq!(Notice::of_query(Some("done=<b>")), None);
        assert_eq!(Notice::of_query(None), None);
        let known = Notice::of_query(Some("a=b&done=disabled"));
        assert_eq!(known, Some(Notice::ClientDisabled));
    }
}
