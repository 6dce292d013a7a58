# `make test-fast` is the loop of a contributor. `make test` runs everything but `make test-slow`.
# `make check` is what CI runs. The targets install what is missing, except for `make test-fast`.

.PHONY: check fmt clippy doc deny test tools docs bench growth

check: fmt typos clippy doc deny test

fmt:
	cargo fmt --check

typos:
	sh .ci/typos

prose:
	sh .ci/prose

clippy:
	cargo clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

deny:
	sh .ci/deny

# The oldest Rust that Cargo.toml names.
msrv:
	cargo +$$(sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml) check --locked --all-targets

tools:
	sh .ci/install

# A Rust toolchain is enough: SQLite, a debug build, no root, no network.
test-fast:
	sh .ci/test-fast

test: tools
	cargo build --locked --release
	cargo test --locked --lib --test it

# Writes docs/settings.md from config/default.toml, and the figures of README.md and docs/speed.md
# from benches/RESULTS.md.
docs:
	UPDATE_DOCS=1 cargo test --locked --test it -- settings_page speed_page

# The server has one core, the load the other one. Figures of other machines are not comparable;
# ratios to the limit, measured in the same run, are. Each benchmark writes its section of
# benches/RESULTS.md. `make bench` takes some fifteen minutes, `make growth` as long again.
bench: tools
	cargo build --locked --release --bin tokend
	cargo bench --locked --no-run
	taskset -c 1 cargo bench --locked --bench token_path
	taskset -c 1 cargo bench --locked --bench introspection
	cargo bench --locked --bench flood

# Start, memory and speed with up to a million clients.
growth: tools
	cargo build --locked --release --bin tokend
	cargo bench --locked --no-run
	taskset -c 1 cargo bench --locked --bench growth
