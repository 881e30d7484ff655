# Two stages: wheels by hash into a virtual environment, then that environment alone on a slim base.
#
# Proved by hand, step by step, outside an engine: the environment from run.lock, the wheel, the command, the
# healthcheck's one-liner. Unproved: the base images themselves and the build under Docker or Podman
# (docs/decisions/0005-container-image-unproved.md). For production, pin the base by digest from your own registry.

FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/lienthong
COPY requirements/run.lock requirements/run.lock
RUN /opt/lienthong/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY adapters adapters
COPY schemas schemas
COPY sandbox sandbox
RUN /opt/lienthong/bin/pip wheel --quiet --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/lienthong/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --no-deps --no-index /wheels/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/lienthong --create-home lienthong \
    && chmod 0700 /var/lib/lienthong
COPY --from=build /opt/lienthong /opt/lienthong
ENV PATH=/opt/lienthong/bin:$PATH PYTHONUNBUFFERED=1 CREDENTIALS_DIRECTORY=/run/secrets
USER 10001:10001
WORKDIR /var/lib/lienthong
VOLUME /var/lib/lienthong
EXPOSE 8443 8081
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/livez', timeout=4).read()"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["lienthong"]
CMD ["serve", "-c", "/etc/lienthong/lienthong.toml"]
