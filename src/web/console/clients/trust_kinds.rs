//! The kinds of trusts that the form offers, with their fields.

use crate::web::console::page_parts::answer::ConsoleError;
use crate::web::console::page_parts::form::Form;

/// A field of the form. The name is the member of the admin API.
pub(in crate::web::console) struct Field {
    pub(in crate::web::console) name: &'static str,
    label: &'static str,
    example: &'static str,
    hint: &'static str,
    is_required: bool,
}

pub(in crate::web::console) struct Kind {
    pub(in crate::web::console) name: &'static str,
    pub(in crate::web::console) title: &'static str,
    pub(in crate::web::console) hint: &'static str,
    /// The fixed issuer of the kind, if it has one.
    pub(in crate::web::console) issuer: Option<&'static str>,
    pub(in crate::web::console) fields: &'static [Field],
}

/// A field with its entered value.
pub(in crate::web::console) struct FilledField {
    pub(in crate::web::console) name: &'static str,
    pub(in crate::web::console) label: &'static str,
    pub(in crate::web::console) example: &'static str,
    pub(in crate::web::console) hint: &'static str,
    pub(in crate::web::console) is_required: bool,
    pub(in crate::web::console) is_long: bool,
    pub(in crate::web::console) value: String,
}

const fn required(
    name: &'static str,
    label: &'static str,
    example: &'static str,
    hint: &'static str,
) -> Field {
    Field { name, label, example, hint, is_required: true }
}

const fn optional(
    name: &'static str,
    label: &'static str,
    example: &'static str,
    hint: &'static str,
) -> Field {
    Field { name, label, example, hint, is_required: false }
}

const AUDIENCE: Field = optional(
    "audience",
    "Audience",
    "https://id.example.com",
    "What the token has in aud. Empty: the issuer of this server.",
);

const CONDITIONS: Field = optional(
    "conditions",
    "Further conditions",
    "repository_owner_id=1234",
    "One per line: claim=pattern. A JSON pointer names a claim within a claim.",
);

const JWKS: Field = optional(
    "jwks",
    "Keys of the issuer",
    "{\"keys\": […]}",
    "A JWK set, for an issuer that this server cannot reach. Empty: found by discovery.",
);

/// All kinds. The first one is the default.
pub(in crate::web::console) static KINDS: [Kind; 4] = [
    Kind {
        name: "github",
        title: "GitHub Actions",
        hint: "A workflow gets tokens without a secret. Only a run with this subject is accepted.",
        issuer: Some("https://token.actions.githubusercontent.com"),
        fields: &[
            required(
                "subject",
                "Subject",
                "repo:acme/api:environment:production",
                "repo:OWNER/NAME:environment:NAME, or repo:OWNER/NAME:ref:refs/heads/main. A \
                 repository that was created, renamed or transferred since 2026-07-15 sends \
                 repo:OWNER@OWNER_ID/NAME@ID:… instead.",
            ),
            CONDITIONS,
            AUDIENCE,
        ],
    },
    Kind {
        name: "kubernetes",
        title: "Kubernetes",
        hint: "A pod gets tokens by the token of its service account.",
        issuer: None,
        fields: &[
            required(
                "issuer",
                "Issuer of the cluster",
                "https://kubernetes.default.svc.cluster.local",
                "kubectl get --raw /.well-known/openid-configuration shows it.",
            ),
            required(
                "subject",
                "Service account",
                "system:serviceaccount:billing:worker",
                "system:serviceaccount:NAMESPACE:NAME",
            ),
            JWKS,
            CONDITIONS,
            AUDIENCE,
        ],
    },
    Kind {
        name: "issuer",
        title: "Another issuer",
        hint: "A workload gets tokens by a token of its own identity provider, such as GitLab, \
               Azure, Google or another tokend.",
        issuer: None,
        fields: &[
            required("issuer", "Issuer", "https://gitlab.com", "Exactly the iss of its tokens."),
            optional(
                "subject",
                "Subject",
                "project_path:acme/api:ref_type:branch:ref:main",
                "The pattern of sub. A * stands for a whole segment after the owner.",
            ),
            CONDITIONS,
            JWKS,
            optional(
                "jwks_uri",
                "URL of its keys",
                "https://issuer.example.com/keys",
                "Only if the keys are neither found by discovery nor pasted.",
            ),
            AUDIENCE,
        ],
    },
    Kind {
        name: "spiffe",
        title: "SPIFFE",
        hint: "A workload authenticates by a JWT-SVID of its trust domain.",
        issuer: None,
        fields: &[
            required("trust_domain", "Trust domain", "acme.example", "Its name."),
            required(
                "bundle_endpoint",
                "Bundle endpoint",
                "https://spire.acme.example/bundle",
                "The https URL of the keys of the trust domain.",
            ),
            required(
                "subject",
                "SPIFFE ID",
                "spiffe://acme.example/billing/worker",
                "One ID, or a prefix that ends with /*.",
            ),
        ],
    },
];

impl Kind {
    /// Returns the kind with a name.
    ///
    /// # Errors
    /// 400 for an unknown name.
    pub(in crate::web::console) fn named(name: &str) -> Result<&'static Self, ConsoleError> {
        let found = KINDS.iter().find(|kind| kind.name == name);
        found.ok_or_else(|| ConsoleError::invalid("kind: github, kubernetes, issuer or spiffe"))
    }

    /// Returns the names of all fields of the form.
    pub(in crate::web::console) fn field_names(&self) -> Vec<&'static str> {
        let fields = self.fields.iter().map(|field| field.name);
        std::iter::once("kind").chain(fields).collect()
    }

    pub(in crate::web::console) fn subject_example(&self) -> &'static str {
        let subject = self.fields.iter().find(|field| field.name == "subject");
        subject.map_or("", |field| field.example)
    }

    /// Returns the fields with their entered values.
    pub(in crate::web::console) fn shown(&self, form: &Form) -> Vec<FilledField> {
        let shown = |field: &Field| FilledField {
            name: field.name,
            label: field.label,
            example: field.example,
            hint: field.hint,
            is_required: field.is_required,
            is_long: matches!(field.name, "jwks" | "conditions"),
            value: form.typed(field.name),
        };
        self.fields.iter().map(shown).collect()
    }
}
