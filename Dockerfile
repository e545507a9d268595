# The image of relaunch: `docker build --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .`
# Where no engine runs, `python -m scripts.image` makes the same tree; a test compares the two, and `make image-docker`
# builds this file by buildah over Debian's Python.
# The base is pinned: a build gets the same system until somebody changes this line.
ARG BASE=docker.io/library/python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb

FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=0
# Unchecked compiled files name no time, so that two builds are the same.
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.txt .
RUN pip install --no-compile --require-hashes --target /opt/relaunch/lib -r requirements.txt \
 && rm -rf /opt/relaunch/lib/bin
COPY LICENSE README.md pyproject.toml ./
COPY scripts/image/metadata.py scripts/image/metadata.py
COPY service service
COPY handlers handlers
COPY consumers consumers
RUN cp -r service handlers consumers /opt/relaunch/lib/ \
 && python scripts/image/metadata.py /opt/relaunch \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /opt/relaunch /opt/relaunch/lib \
 && find /opt/relaunch -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="relaunch" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/ldconfig/aux-cache \
 && useradd --uid 10001 --home-dir /var/lib/relaunch --create-home --shell /usr/sbin/nologin relaunch
COPY --from=build /opt/relaunch /opt/relaunch
ENV PATH=/opt/relaunch/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/relaunch/lib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RELAUNCH_DATA=/var/lib/relaunch \
    HOME=/var/lib/relaunch
USER 10001:10001
WORKDIR /var/lib/relaunch
EXPOSE 8080/tcp
ENTRYPOINT ["relaunch"]
