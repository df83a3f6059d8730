# The server of cited answers, without a model: docs/serving.md says how it is started.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/citerefine
WORKDIR /source
COPY . .
RUN /opt/citerefine/bin/pip install '.[serve,pdf,fetch,mcp]'

FROM python:3.13-slim
RUN groupadd --gid 10001 citerefine \
    && useradd --uid 10001 --gid citerefine --home-dir /data --create-home --shell /usr/sbin/nologin citerefine
COPY --from=build /opt/citerefine /opt/citerefine
# All that is written lies below /data. Others than this container reach the server: without CITEREFINE_TOKEN it
# says so and ends. It is asked as localhost where its port is published on the same machine.
ENV PATH=/opt/citerefine/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/data/cache \
    XDG_DATA_HOME=/data \
    CITEREFINE_HOST=0.0.0.0 \
    CITEREFINE_PORT=8008 \
    CITEREFINE_NAME="localhost 127.0.0.1" \
    CITEREFINE_HISTORY=/data/answers.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8008
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://{CITEREFINE_HOST}:{CITEREFINE_PORT}/healthz'.format_map(os.environ), timeout=4)"]
ENTRYPOINT ["citerefine"]
CMD ["serve"]
