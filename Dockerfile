# The images of Berth: `gateway` has the program alone, `worker` also Chromium and Playwright's driver.
# docs/operate/images.md explains the build arguments.
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG DEBIAN_IMAGE=debian:12-slim

FROM ${SWIFT_IMAGE} AS build
# Debian's mirrors keep no old versions, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libhiredis-dev libssl-dev libuv1-dev libyaml-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN swift build -c release --static-swift-stdlib --product berth \
    && strip -o /berth .build/release/berth

# The finished program. `--build-context program=<folder>` takes one that exists already.
FROM scratch AS program
COPY --from=build /berth /

FROM ${DEBIAN_IMAGE} AS base
# Replaces scheme and host of Debian's mirror: http://mirror.example
ARG DEBIAN_MIRROR
RUN if [ -n "$DEBIAN_MIRROR" ]; then \
        find /etc/apt -name '*.sources' -exec sed -Ei "s#https?://[^/ ]+#$DEBIAN_MIRROR#" {} +; \
    fi
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin berth
COPY LICENSE /usr/share/doc/berth/
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["berth"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["berth", "health"]

FROM base AS gateway
COPY --from=program --chmod=755 /berth /usr/local/bin/berth
USER 10001:10001
EXPOSE 8080
CMD ["gateway"]

# PyPI's package brings node and playwright-core: no npm, and no Python in the image.
FROM base AS driver
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/*
# Clients must have the same major.minor.
ARG PLAYWRIGHT_VERSION=1.65.0
ARG PIP_INDEX_URL
# The secret `ca`: the authorities that vouch for the index, if they are not the public ones.
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && pip install --no-cache-dir --no-deps --target /playwright "playwright==$PLAYWRIGHT_VERSION"

# Playwright's node needs libatomic1.
FROM base AS worker
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium fonts-liberation fonts-noto-color-emoji libatomic1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=driver /playwright/playwright/driver /opt/playwright
COPY --from=program --chmod=755 /berth /usr/local/bin/berth
# Chromium's own sandbox needs rights that a container without capabilities does not have.
ENV BERTH_PLAYWRIGHT_DRIVER=/opt/playwright \
    BERTH_ADMIN_LISTEN=127.0.0.1:9091 \
    CHROMIUM_ARGS=--no-sandbox
USER 10001:10001
EXPOSE 3131
CMD ["worker"]
