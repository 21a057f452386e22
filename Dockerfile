# One image for every part: the API, the worker and the migrations differ in their command only (docker-compose.yml).
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
# another package index for torch, for example one with CPU-only wheels; empty: the default index
ARG TORCH_INDEX=""
RUN python -m venv /opt/taskgraft
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY app app
COPY learning learning
COPY migrations migrations
COPY store store
COPY taskgraft taskgraft
COPY worker worker
RUN /opt/taskgraft/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt ".[server]"

FROM python:${PYTHON}-slim
# torch's OpenMP runtime; nothing else is needed beside Python
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home taskgraft \
    && install --directory --owner taskgraft --mode 0700 /data
COPY --from=build /opt/taskgraft /opt/taskgraft
WORKDIR /opt/taskgraft
COPY alembic.ini ./
COPY migrations migrations
ENV PATH=/opt/taskgraft/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TASKGRAFT_ARTIFACTS=/data/artifacts
USER taskgraft
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["uvicorn", "--factory", "app.main:create_app", "--host", "0.0.0.0", "--port", "8000"]
