#!/usr/bin/env bash
# make docker-test: build the image, start the stack, look at everything a user would, and clean up.
#   PYTHON   interpreter with the project's development packages
#   WORK     where the engine (if one has to be made) keeps its data; kept between calls
set -euo pipefail
cd "$(dirname "$0")/../.."
WORK=${WORK:-/var/tmp/sali-docker-test}
PYTHON=${PYTHON:-.venv/bin/python}
mkdir -p "$WORK"
begin=$(date +%s)
say() { printf '[%4ds] %s\n' "$(($(date +%s) - begin))" "$*"; }
# shellcheck source=tests/docker/engine.sh
. tests/docker/engine.sh
# shellcheck source=tests/docker/images.sh
. tests/docker/images.sh

trap stop_engine EXIT
use_engine
use_images

# A network of its own for the build would need the engine's bridge to reach the package mirrors.
secrets=()
ca=/etc/ssl/certs/ca-certificates.crt
[ ! -r $ca ] || secrets+=(--secret "id=ca,src=$ca")
[ ! -r "${PIP_CONFIG:-/etc/pip.conf}" ] || secrets+=(--secret "id=pip,src=${PIP_CONFIG:-/etc/pip.conf}")
$DOCKER build --network host "${secrets[@]}" --build-arg ACCELERATOR=cpu --build-arg "TORCH_INDEX=${TORCH_INDEX:-}" \
    -t sali-live:test . >"$WORK/build.log" 2>&1 || { tail -40 "$WORK/build.log"; exit 1; }
say "image built: $($DOCKER image inspect -f '{{.Size}}' sali-live:test | numfmt --to=iec)"
$DOCKER history --format '{{.Size}}\t{{.CreatedBy}}' sali-live:test | grep -v '^0B' | cut -c1-110

export DOCKER COMPOSE
BUILD_SECRETS="${secrets[*]}" "$PYTHON" -m pytest -q --override-ini addopts= --import-mode=importlib \
    tests/unit/deploy tests/docker "$@"
say "done; $(df -h --output=avail "$WORK" | tail -1 | tr -d ' ') left on the disk ($WORK keeps images; remove it by hand)"
