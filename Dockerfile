FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-venv

# What builds Keyless has an environment of its own, which is left behind here.
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv /tools \
    && /tools/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/keyless \
    && /tools/bin/pip --python /opt/keyless/bin/python install --no-cache-dir --require-hashes \
        -r requirements/run.txt
COPY . .
RUN KEYLESS_COMPILE=must /tools/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /tools/bin/pip --python /opt/keyless/bin/python install --no-index --no-deps /wheel/*.whl


FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="keyless" \
      org.opencontainers.image.description="Log in to databases and servers with credentials your users never see" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
COPY --from=build /opt/keyless /opt/keyless
ENV PATH=/opt/keyless/bin:$PATH

# It writes nothing here: audit.path is "-", for standard output, or a file on a volume.
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["keyless"]
CMD ["serve", "--config", "/etc/keyless/keyless.toml"]
