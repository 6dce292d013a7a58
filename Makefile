# `make test-fast` is the loop of a contributor. `make test` runs everything but `make test-slow`.
# CI runs `make check`, `make subjects`, `make msrv` and `make test-package`, and `make test-fast` on
# macOS too. Targets that depend on `tools` install what is missing.

.PHONY: check fmt typos prose subjects clippy doc deny msrv test-fast test test-slow test-package faults soak \
    tools docs screenshots install install-files dist dist-archive measured bench growth commands fuzz \
    fuzz-planted

check: fmt typos prose clippy doc deny test

fmt:
	cargo fmt --all --check

typos:
	sh .ci/typos

prose:
	sh .ci/prose

# The subjects of the commits after BASE.
BASE ?= origin/main
subjects:
	sh .ci/subjects $(BASE)

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items

deny:
	sh .ci/deny

# The oldest Rust that Cargo.toml names.
msrv:
	cargo +$$(sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml) check --locked --workspace --all-targets

tools:
	sh .ci/install

# A Rust toolchain is enough: SQLite, a debug build, no root, no network.
test-fast:
	sh .ci/test-fast

test: tools
	cargo test --locked --workspace --tests

RELEASE_PROGRAM = TEST_RELEASE_PROGRAM="$(abspath $(PROGRAM))"

# What measures time: differences of some percent, floods, and bounds of seconds. One test after
# the other, on a machine that does little else. And what needs a release build.
test-slow: tools
	cargo build --locked --release --bin tokend
	$(RELEASE_PROGRAM) cargo test --locked --test it -- --ignored --test-threads 1 \
	    --skip fleet::faults:: --skip fleet::upgrade:: --skip fleet::soak:: --skip pictures_of_

# Four instances behind nginx and HAProxy on one Postgres, while parts of it restart, are killed,
# stopped, frozen or promoted; and the upgrade from the program of the previous commit, or of
# another one: make faults PREVIOUS=v0.1.0. Some fifteen minutes, and the build of that program.
PREVIOUS = HEAD^
faults: tools
	TEST_PREVIOUS_PROGRAM="$$(sh .ci/previous $(PREVIOUS))" && export TEST_PREVIOUS_PROGRAM && \
	    cargo test --locked --test it -- --ignored --test-threads 1 fleet::faults:: fleet::upgrade::

# Three instances under load, while clients, secrets, keys, instances and Postgres change:
# make soak SOAK_SECONDS=3600
SOAK_SECONDS = 600
soak: tools
	SOAK_SECONDS=$(SOAK_SECONDS) cargo test --locked --test it -- --ignored --nocapture fleet::soak::

# The release program under the conditions of the image: the part of `make test-slow` that measures
# no time. Needs root.
test-package:
	cargo build --locked --release --bin tokend
	$(RELEASE_PROGRAM) cargo test --locked --test it -- --ignored programs::packaging::

# Writes docs/settings.md from config/default.toml, docs/openapi.json, the schema of declarations,
# docs/errors.md, the tables of docs/admin-api.md and docs/monitoring.md, and the figures of
# README.md and docs/speed.md from benches/RESULTS.md.
docs:
	UPDATE_DOCS=1 cargo test --locked --lib -- error::codes problem_codes
	UPDATE_DOCS=1 cargo test --locked --test it -- settings_page speed_page the_schema_is_current monitoring::dashboards::the_page admin_api::openapi::the_document

# Pictures of every page of the console, light, dark and narrow, in target/screenshots.
screenshots: tools
	cargo test --locked --test it -- --ignored browser::pages::pictures browser::oidc::pictures

# Builds and installs the program. As a user without root: make install PREFIX=$HOME/.local
PREFIX = /usr/local
DESTDIR =
PROGRAM = $(or $(CARGO_TARGET_DIR),target)/release/tokend
INSTALL_TO = $(DESTDIR)$(PREFIX)

install:
	cargo build --locked --release --bin tokend
	$(MAKE) install-files

# For packages: installs a program that is built already.
install-files:
	install -d "$(INSTALL_TO)/bin" "$(INSTALL_TO)/share/tokend" \
	    "$(INSTALL_TO)/share/bash-completion/completions" \
	    "$(INSTALL_TO)/share/zsh/site-functions" "$(INSTALL_TO)/share/fish/vendor_completions.d" \
	    "$(INSTALL_TO)/share/tokend/systemd"
	install -m 755 "$(PROGRAM)" "$(INSTALL_TO)/bin/tokend"
	install -m 644 config/default.toml "$(INSTALL_TO)/share/tokend/tokend.toml"
	install -m 644 LICENSE "$(INSTALL_TO)/share/tokend/LICENSE"
	"$(PROGRAM)" completion bash > "$(INSTALL_TO)/share/bash-completion/completions/tokend"
	"$(PROGRAM)" completion zsh > "$(INSTALL_TO)/share/zsh/site-functions/_tokend"
	"$(PROGRAM)" completion fish > "$(INSTALL_TO)/share/fish/vendor_completions.d/tokend.fish"
	"$(PROGRAM)" man "$(INSTALL_TO)/share/man/man1"
	sed 's|/usr/local/bin|$(PREFIX)/bin|' deploy/systemd/tokend.service \
	    > "$(INSTALL_TO)/share/tokend/systemd/tokend.service"
	install -m 644 deploy/systemd/tokend.socket deploy/systemd/tokend.sysusers \
	    "$(INSTALL_TO)/share/tokend/systemd"

# What a release consists of, in target/dist. It builds the program in a folder of its own.
dist:
	sh .ci/dist

# The archive of a program that is built already: make dist-archive PROGRAM=target/debug/tokend
dist-archive:
	sh .ci/dist archive "$(PROGRAM)"

# The program that benchmarks measure: a copy of the release program, because `cargo bench` replaces
# that by a program of its own profile.
MEASURED = $(or $(CARGO_TARGET_DIR),target)/measured/tokend
MEASURED_PROGRAM = TEST_RELEASE_PROGRAM="$(abspath $(MEASURED))"
measured: tools
	cargo build --locked --release --bin tokend
	mkdir -p "$(dir $(MEASURED))"
	cp "$(PROGRAM)" "$(MEASURED)"
	cargo bench --locked --no-run

# The server has one core, the load the other one. Figures of other machines are not comparable;
# ratios to the baseline, measured in the same run, are. Each benchmark writes its section of
# benches/RESULTS.md. `make bench` takes some fifteen minutes, `make growth` as long again.
bench: measured
	$(MEASURED_PROGRAM) taskset -c 1 cargo bench --locked --bench token_path
	$(MEASURED_PROGRAM) taskset -c 1 cargo bench --locked --bench telemetry
	$(MEASURED_PROGRAM) taskset -c 1 cargo bench --locked --bench introspection
	$(MEASURED_PROGRAM) cargo bench --locked --bench flood

# Start, memory and speed with up to a million clients.
growth: measured
	$(MEASURED_PROGRAM) taskset -c 1 cargo bench --locked --bench growth
	$(MEASURED_PROGRAM) cargo bench --locked --bench restart

# What each command costs on a million clients, on both engines: some ten minutes.
commands: measured
	$(MEASURED_PROGRAM) cargo bench --locked --bench commands

# Each fuzz target for FUZZ_SECONDS, with the stable toolchain. See fuzz/README.md.
fuzz:
	FUZZ_SECONDS=$(FUZZ_SECONDS) sh fuzz/run.sh $(FUZZ_TARGETS)

# Each fuzz target must find the defect that is planted for it.
fuzz-planted:
	FUZZ_SECONDS=$(FUZZ_SECONDS) sh fuzz/planted.sh $(FUZZ_TARGETS)
