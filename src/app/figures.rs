//! State of an instance for its metrics. It never queries the database, because metrics are most
//! needed during an outage.

use std::sync::atomic::Ordering;

use crate::app::{App, process_figures};
use crate::model::client::ClientState;
use crate::model::key_timeline::KeyState;
use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;
use crate::store::schema;
use crate::telemetry;
use crate::telemetry::metrics::Scrape;
use crate::telemetry::metrics::definitions as names;
use crate::telemetry::metrics::figures::Figures;

/// The commit of the build, if the build provided it.
const REVISION: Option<&str> = option_env!("TOKEND_REVISION");

impl App {
    /// Returns all metrics of this instance that are not in [`App::metrics`].
    pub fn scrape(&self) -> Scrape {
        let mut figures = Figures::default();
        let build = [env!("CARGO_PKG_VERSION"), REVISION.unwrap_or("unknown")];
        figures.add_by(&names::BUILD_INFO, &build, 1);
        figures.add(&names::LOG_DROPPED, count(telemetry::dropped_lines()));
        figures.declare(&names::BACKGROUND_FAILURES);
        for (task, failures) in self.background.failures() {
            figures.add_by(&names::BACKGROUND_FAILURES, &[task], count(failures));
        }
        self.add_limits(&mut figures);
        self.add_directory(&mut figures);
        self.add_keys(&mut figures, self.services.clock.now());
        self.add_database(&mut figures);
        if self.services.config.backup.schedule.is_some() {
            let newest = self.backed_up_at.seconds();
            figures.add_seconds(&names::BACKUP_SUCCESS, &[], newest);
        }
        if self.services.config.snapshot.enabled {
            figures.add_seconds(&names::SNAPSHOT_SUCCESS, &[], self.snapshot.written_at.seconds());
            figures.add(&names::SNAPSHOT_SIZE, count(self.snapshot.bytes()));
            figures.add(&names::SNAPSHOT_FAILURES, count(self.snapshot.failures()));
        }
        if self.services.config.audit.checkpoint_interval.is_some() {
            let last = self.checkpointed_at.seconds();
            figures.add_seconds(&names::AUDIT_CHECKPOINT, &[], last);
        }
        if self.services.config.audit.sink.is_some() {
            let lag = self.audit_delivery.lag_seconds(self.services.clock.now());
            figures.add_seconds(&names::AUDIT_LAG, &[], lag);
        }
        process_figures::add(&mut figures);
        Scrape {
            issued: self.directory.metrics.issued.clone(),
            busiest: self.directory.metrics.busiest.clone(),
            store: self.services.store.metrics.clone(),
            figures,
        }
    }

    fn add_limits(&self, figures: &mut Figures) {
        let services = &self.services;
        for queue in services.hasher.figures() {
            let labels = [queue.name];
            figures.add_by(&names::HASH_WAITING, &labels, queue.waiting);
            figures.add_by(&names::HASH_RUNNING, &labels, queue.running);
            figures.add_by(&names::HASH_CAPACITY, &labels, queue.capacity);
            figures.add_by(&names::HASHES, &labels, count(queue.hashed));
            figures.add_by(&names::HASH_REJECTED, &labels, count(queue.rejected));
        }
        figures.add_by(&names::HASHES, &["new"], count(services.hasher.made()));
        figures.add(&names::SIGNATURE_CHECKS, count(services.signature_checks()));
        let guesses = &services.guess_limiter;
        figures.add_by(&names::GUESSES, &["client"], count(guesses.over_client()));
        figures.add_by(&names::GUESSES, &["address"], count(guesses.over_address()));
        for (name, cache) in
            [("token", &services.dpop_proofs), ("check", &services.api_dpop_proofs)]
        {
            figures.add_by(&names::REPLAY_ENTRIES, &[name], cache.entries());
            figures.add_by(&names::REPLAY_LIMIT, &[name], cache.limit());
        }
        figures.add(&names::ASSERTIONS_PENDING, services.assertions.entries());
    }

    fn add_directory(&self, figures: &mut Figures) {
        let (directory, now) = (&self.directory, self.services.clock.now());
        let limit = self.services.config.directory.max_staleness.seconds();
        figures.add_seconds(&names::STALENESS, &[], directory.staleness(now));
        figures.add_seconds(&names::STALENESS_LIMIT, &[], limit);
        figures.add_signed(&names::EVENTS_BEHIND, &[], directory.metrics.events_behind());
        figures.add_signed(&names::SEQUENCE, &[], directory.published_sequence());
        figures.add(&names::RELOADS, count(directory.metrics.reloads()));
        for state in [ClientState::Active, ClientState::Disabled] {
            let clients = directory.metrics.clients(state);
            figures.add_by(&names::CLIENTS, &[state.as_str()], clients);
        }
        figures.add(&names::RESOURCES, directory.resources().len());
        figures.add(&names::RESOURCES_UNREADABLE, directory.metrics.unreadable_resources());
        let secrets = directory.metrics.secrets();
        for (state, number) in [
            ("current", secrets.current),
            ("leaving", secrets.leaving),
            ("expiring", secrets.expiring),
            ("expired", secrets.expired),
        ] {
            figures.add_by(&names::CLIENT_SECRETS, &[state], number);
        }
        let (tokens, clients) = directory.revocations.lengths();
        figures.add_by(&names::REVOCATION_ENTRIES, &["token"], tokens);
        figures.add_by(&names::REVOCATION_ENTRIES, &["client"], clients);
        let flushed_at = self.usage_flushed_at.seconds();
        figures.add_seconds(&names::USAGE_FLUSHED, &[], flushed_at);
        let sets = directory.key_sets.figures();
        for (state, number) in
            [("current", sets.current), ("failing", sets.failing), ("missing", sets.missing)]
        {
            figures.add_by(&names::REMOTE_SETS, &[state], number);
        }
        figures.add(&names::REMOTE_AGE, count(sets.oldest.as_secs()));
    }

    fn add_keys(&self, figures: &mut Figures, now: Timestamp) {
        let keyring = self.directory.keyring();
        let states = [KeyState::Published, KeyState::Signing, KeyState::Verifying];
        for algorithm in Algorithm::ALL {
            let mine = || keyring.states(now).filter(|(record, _)| record.algorithm == algorithm);
            if mine().next().is_none() {
                continue;
            }
            for state in states {
                let labels = [state.as_str(), algorithm.as_str()];
                let in_state = || mine().filter(|(_, its)| *its == state).map(|(record, _)| record);
                figures.add_by(&names::SIGNING_KEYS, &labels, in_state().count());
                for key in in_state() {
                    let labels = [key.kid.as_str(), state.as_str(), algorithm.as_str()];
                    figures.add_seconds(&names::KEY_CREATED, &labels, key.created_at.0);
                }
            }
            let live = || mine().map(|(record, _)| record).filter(|record| !record.is_ended());
            let next = live().map(|record| record.signs_from).filter(|from| *from > now).min();
            let interval = self.services.config.keys.rotation_interval;
            let last = live().map(|record| record.signs_from).max();
            if let Some(at) = next.or_else(|| last.map(|from| from.plus(interval))) {
                figures.add_seconds(&names::NEXT_ROTATION, &[algorithm.as_str()], at.0);
            }
        }
        figures.add(&names::OUTDATED_SEALS, self.outdated_seals.load(Ordering::Relaxed));
        figures.add(&names::JWKS_KEYS, keyring.published(now).count());
        figures.add(&names::JWKS_SIZE, keyring.key_set(now).body.len());
    }

    fn add_database(&self, figures: &mut Figures) {
        let pool = self.services.store.pool_figures();
        for (state, number) in [("busy", pool.busy), ("idle", pool.idle), ("limit", pool.limit)] {
            figures.add_by(&names::DB_POOL, &[state], number);
        }
        figures.add_signed(&names::DB_SCHEMA, &[], schema::NEWEST);
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
