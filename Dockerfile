# SALI Live as one image. `docker build -t sali-live:cuda .` for NVIDIA GPUs, with
# `--build-arg ACCELERATOR=cpu` for machines without one; docs/install.md tells what is in it and why.
#
# Optional secrets, for networks with a private CA or package mirror; nothing of them stays in a layer:
#   --secret id=ca,src=ca-bundle.crt  --secret id=pip,src=pip.conf  --secret id=npm,src=npmrc
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

# ---- the viewer -----------------------------------------------------------------------------------
FROM ${NODE_IMAGE} AS web
WORKDIR /build
COPY client_web/package.json client_web/package-lock.json client_web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    --mount=type=secret,id=npm,target=/root/.npmrc \
    if [ -s /run/secrets/ca.crt ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca.crt; fi; \
    npm ci --silent
COPY client_web/ ./
RUN npm run --silent build

# ---- Python packages ------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS packages
# cuda or cpu. Packages whose wheels come from another index than the lock file's are chosen with
# TORCH_INDEX, the address of an index with PyTorch's CPU wheels: the image then holds no CUDA code.
ARG ACCELERATOR=cuda
ARG TORCH_INDEX=
# `yes` adds OpenTelemetry's SDK and exporter (10 MB), for SALI_TRACES__ENDPOINT.
ARG TRACES=
WORKDIR /build
RUN python3 -m venv /opt/sali
ENV PATH=/opt/sali/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock requirements-traces.lock deploy/image/select_requirements.py deploy/image/split_layers.py ./
# One folder a layer, what changes most seldom and weighs most first. Splitting is part of the same
# command, so that the build keeps each file once.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    python select_requirements.py "$ACCELERATOR" ${TORCH_INDEX:+--without-torch} \
        <requirements.lock >selected.txt \
    && if [ -n "$TRACES" ]; then cat requirements-traces.lock >>selected.txt; fi \
    && pip install --quiet --no-deps --require-hashes -r selected.txt \
    && if [ -n "$TORCH_INDEX" ]; then \
        pip install --quiet --no-deps --index-url "$TORCH_INDEX" \
            $(python select_requirements.py --torch-versions <requirements.lock); \
    fi \
    && python split_layers.py /opt/sali /layers $(test "$ACCELERATOR" = cuda || echo --cpu)

# ---- our own package ------------------------------------------------------------------------------
FROM packages AS service
COPY pyproject.toml README.md LICENSE ./
COPY sali_core sali_core
COPY server server
RUN pip install --quiet --no-deps --no-build-isolation --prefix /layers/service/opt/sali .
COPY client_web/package-lock.json deploy/image/write_sbom.py ./
RUN mkdir -p /layers/service/usr/share/sali \
    && python write_sbom.py package-lock.json /layers >/layers/service/usr/share/sali/sbom.cdx.json

# ---- what runs ------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 sali \
    && useradd --system --uid 10001 --gid sali --home-dir /var/lib/sali --no-create-home \
        --shell /usr/sbin/nologin sali \
    && install -d -o sali -g sali /var/lib/sali
COPY --from=packages /layers/cuda /
COPY --from=packages /layers/torch /
COPY --from=packages /layers/packages /
COPY --from=service /layers/service /
COPY --from=web /build/dist /usr/share/sali/web
ENV PATH=/opt/sali/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/sali \
    XDG_CACHE_HOME=/var/lib/sali/cache \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    SALI_WEB__DIRECTORY=/usr/share/sali/web \
    SALI_LOG__FORMAT=json
USER 10001:10001
WORKDIR /var/lib/sali
VOLUME /var/lib/sali
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=240s --retries=3 \
    CMD ["python", "-m", "server.readiness"]
ENTRYPOINT ["sali"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG ACCELERATOR=cuda
LABEL org.opencontainers.image.title="SALI Live" \
      org.opencontainers.image.description="Live polyp masks for colonoscopy video. Not a medical device." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      sali.accelerator="${ACCELERATOR}" \
      sali.sbom="/usr/share/sali/sbom.cdx.json"
