# `make test` runs everything, `make check` is what CI runs. Both install what is missing.

.PHONY: check fmt clippy doc deny test tools

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
	cargo test --locked
