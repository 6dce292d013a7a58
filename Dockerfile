# syntax=docker/dockerfile:1
# Two stages: build with the toolchain, ship the program alone.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tokend \
 && strip target/release/tokend \
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
