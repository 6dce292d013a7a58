# syntax=docker/dockerfile:1
# Two stages: build with the toolchain, ship the program alone.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The dependencies, in a layer of their own: the program that they are built with is empty. The layer
# is built again only if a manifest changes.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY crates/testing/Cargo.toml crates/testing/
RUN mkdir -p src tests/it benches crates/testing/src \
 && echo 'fn main() {}' > src/main.rs \
 && touch src/lib.rs tests/it/main.rs crates/testing/src/lib.rs \
 && touch $(sed -n 's|^name = "\(.*\)"|benches/\1.rs|p' Cargo.toml) \
 && cargo build --release --locked --bin tokend
# Only what the program is built from: a change of a page or a test builds nothing again.
COPY src src
COPY config config
COPY migrations migrations
COPY templates templates
COPY docs/verifying-tokens.md docs/
# cargo compares times, and those of the sources may be older than the empty program.
RUN touch src/main.rs src/lib.rs \
 && cargo build --release --locked --bin tokend \
 && mkdir -p /out/data && cp target/release/tokend /out/tokend

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/tokend /tokend
# A named volume takes over this owner.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV TOKEND_DATA_DIR=/data \
    TOKEND_LISTEN=0.0.0.0:8080 \
    TOKEND_MANAGEMENT_LISTEN=0.0.0.0:8081 \
    TOKEND_LOG_FORMAT=json
VOLUME ["/data"]
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/tokend", "health"]
ENTRYPOINT ["/tokend"]
CMD ["serve"]
