# `make test` runs everything, `make check` is what CI runs. Both install what is missing.

.PHONY: check fmt clippy doc deny test tools bench growth

check: fmt clippy doc deny test

fmt:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

deny:
	sh .ci/deny

tools:
	sh .ci/install

test: tools
	cargo build --locked --release
	cargo test --locked --lib --test it

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
