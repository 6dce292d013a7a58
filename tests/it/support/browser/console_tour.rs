//! The pages of the console, with the data of `tokend dev --demo-data`: one table for the checks of
//! each page and for its pictures. A new page is a new row.

use super::chromium::Chromium;
use super::console::between;

/// A page, and the steps to reach it.
pub struct Stop {
    /// The name of its picture.
    pub name: &'static str,
    /// Its path. [`Demo`] replaces the parts in braces.
    pub path: &'static str,
    /// The steps on the page.
    pub then: &'static [Act],
}

/// A step of a person on a page.
pub enum Act {
    /// Fills in the field with this label.
    Fill(&'static str, &'static str),
    /// Presses a button or a summary with this name.
    Press(&'static str),
    /// Waits for a text.
    See(&'static str),
}

use Act::{Fill, Press, See};

const fn page(name: &'static str, path: &'static str) -> Stop {
    Stop { name, path, then: &[] }
}

/// Every page with a session.
pub const STOPS: [Stop; 46] = [
    page("overview", "/console/"),
    page("clients", "/console/clients"),
    page("clients-search", "/console/clients?q=billing&state=active"),
    page("clients-none", "/console/clients?q=absent"),
    page("create-client", "/console/clients/new"),
    Stop {
        name: "create-client-rejected",
        path: "/console/clients/new",
        then: &[
            Fill("Name", "Billing worker"),
            Press("Id and description"),
            Fill("Client id", "billing-worker"),
            Press("Create and show the secret"),
            See("was not created"),
        ],
    },
    Stop {
        name: "new-secret",
        path: "/console/clients/new",
        then: &[
            Fill("Name", "Parcel lockers"),
            Press("Create and show the secret"),
            See("Waiting for its first token"),
        ],
    },
    page("client", "/console/clients/checkout"),
    page("client-credentials", "/console/clients/checkout/credentials"),
    Stop {
        name: "client-credentials-end",
        path: "/console/clients/dashboard/credentials",
        then: &[Press("End")],
    },
    page("client-credentials-trust", "/console/clients/web-deploy/credentials"),
    page("client-access", "/console/clients/billing-worker/access"),
    page(
        "client-access-preview",
        "/console/clients/carrier-north/access?resource=https%3A%2F%2Ftracking.example.com",
    ),
    page(
        "client-access-new",
        "/console/clients/checkout/access?add=https%3A%2F%2Freports.example.com",
    ),
    page("client-edit", "/console/clients/carrier-north/edit"),
    page("client-delete", "/console/clients/churn-study/delete"),
    page("client-key-new", "/console/clients/ledger-export/keys/new"),
    page("client-trust-new", "/console/clients/ledger-sync/trusts/new"),
    page("client-try", "/console/clients/billing-worker/try"),
    Stop {
        name: "client-try-token",
        path: "/console/clients/checkout/try",
        then: &[Press("Issue a test token"), See("Why would an API reject it?")],
    },
    page("client-activity", "/console/clients/carrier-south/activity"),
    page("client-activity-none", "/console/clients/checkout/activity"),
    page("client-audit", "/console/clients/dashboard/audit"),
    page("client-disabled", "/console/clients/churn-study"),
    Stop {
        name: "client-disable",
        path: "/console/clients/notebook-server",
        then: &[Press("Disable")],
    },
    page("resources", "/console/resources"),
    page("resource", "/console/resources/https%3A%2F%2Forders.example.com"),
    page("resource-edit", "/console/resources/https%3A%2F%2Forders.example.com/edit"),
    page("resource-delete", "/console/resources/https%3A%2F%2Forders.example.com/delete"),
    page("create-resource", "/console/resources/new"),
    Stop {
        name: "create-resource-rejected",
        path: "/console/resources/new",
        then: &[Fill("Identifier", "orders"), Press("Register"), See("was not registered")],
    },
    page("grant-requests", "/console/grant-requests"),
    page("grant-requests-approved", "/console/grant-requests?state=approved"),
    page("rejections", "/console/rejections"),
    page("rejections-none", "/console/rejections?reason=absent"),
    page("rejection", "/console/rejections/{rejection}"),
    page("signing-keys", "/console/signing-keys"),
    page("audit", "/console/audit"),
    page("audit-verified", "/console/audit?verify=1"),
    page("audit-of-person", "/console/audit?actor=cli%3Aben"),
    page("settings", "/console/settings"),
    page("settings-doctor", "/console/settings?doctor=1"),
    page("sessions", "/console/sessions"),
    Stop { name: "menu", path: "/console/resources", then: &[Press("operator:dev")] },
    Stop {
        name: "same",
        path: "/console/clients/checkout",
        then: &[Press("The same without the console")],
    },
    page("not-found", "/console/clients/absent"),
];

/// The pages without a session.
pub const OUTSIDE: [Stop; 3] = [
    page("sign-in", "/console/sign-in"),
    page("sign-in-again", "/console/sign-in?next=/console/clients&fresh=1"),
    Stop {
        name: "sign-in-failed",
        path: "/console/sign-in",
        then: &[
            Fill("Client id", "billing-worker"),
            Fill("Client secret", "wrong"),
            Press("Sign in as a client"),
            See("Request req_"),
        ],
    },
];

/// A browser at a server with the demo data.
pub struct Demo<'a> {
    pub browser: &'a Chromium,
    /// The address of the console, without a slash at the end.
    pub base: &'a str,
    rejection: String,
}

impl<'a> Demo<'a> {
    /// Signs in by a link.
    pub async fn enter(browser: &'a Chromium, base: &'a str, link: &str) -> Self {
        browser.open(link).await;
        browser.until_text("Needs attention").await;
        browser.open(&format!("{base}/console/rejections")).await;
        let source = browser.session.source().await;
        let rejection = between(&source, "href=\"/console/rejections/req_", "\"");
        let rejection = format!("req_{}", rejection.first().expect("a rejection"));
        Self { browser, base, rejection }
    }

    /// Opens a page and performs the steps of its row.
    pub async fn visit(&self, stop: &Stop) {
        visit(self.browser, self.base, &stop.path.replace("{rejection}", &self.rejection), stop)
            .await;
    }
}

/// Opens a page that needs no session.
pub async fn visit_outside(browser: &Chromium, base: &str, stop: &Stop) {
    visit(browser, base, stop.path, stop).await;
}

async fn visit(browser: &Chromium, base: &str, path: &str, stop: &Stop) {
    browser.open(&format!("{base}{path}")).await;
    for act in stop.then {
        match act {
            Fill(label, text) => browser.fill(label, text).await,
            Press(name) => browser.press(name).await,
            See(text) => browser.until_text(text).await,
        }
    }
}
