# shellcheck shell=bash
# The images that the Dockerfile and the compose files name. Where none can be pulled they are made of
# Debian's packages under the same names; Grafana is in no Debian package and is then left out.

PYTHON_IMAGE=python:3.11-slim-bookworm
NODE_IMAGE=node:22-bookworm-slim

use_images() {
    if ! has_image $PYTHON_IMAGE; then
        make_image "$PYTHON_IMAGE" ca-certificates,python3,python3-venv,python3-pip 'CMD ["python3"]'
        has_registry=no
    fi
    has_image $NODE_IMAGE || make_node_image
    if has_image "$(image_of PROMETHEUS)" && has_image "$(image_of PROXY)" && has_image "$(image_of TURN)"; then
        say "images of Prometheus, Caddy and coturn are those that deploy/compose.yaml names"
        return
    fi
    if ! $DOCKER image inspect sali-test/caddy >/dev/null 2>&1; then
        make_image sali-test/tools prometheus,caddy,coturn,ca-certificates 'CMD ["true"]'
        # As in the official image: its user owns the folder that becomes a volume.
        name_tool prometheus '["/usr/bin/prometheus"]' '[]' 'RUN install -d -o 65534 -g 65534 /prometheus'
        name_tool coturn '["/usr/bin/turnserver"]' '[]'
        name_tool caddy '[]' '["caddy","run","--config","/etc/caddy/Caddyfile","--adapter","caddyfile"]'
    fi
    export PROMETHEUS_IMAGE=sali-test/prometheus PROXY_IMAGE=sali-test/caddy TURN_IMAGE=sali-test/coturn
    say "images of Prometheus, Caddy and coturn are made of Debian's packages"
}

# image_of SERVICE: the image that deploy/compose.yaml names.
image_of() {
    sed -n "s/.*\${$1_IMAGE:-\(.*\)}\$/\1/p" deploy/compose.yaml
}

# has_image NAME: whether it is here or can be pulled; where one could not, no other is tried.
has_image() {
    $DOCKER image inspect "$1" >/dev/null 2>&1 && return
    [ "${has_registry:-yes}" = yes ] && timeout 60 $DOCKER pull -q "$1" >/dev/null 2>&1
}

# make_image NAME PACKAGES CHANGE
make_image() {
    mmdebstrap --quiet --variant=minbase --mode=root --include="$2" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm - "$(debian_mirror)" 2>"$WORK/mmdebstrap.log" |
        $DOCKER import --change "$3" - "$1" >/dev/null
    say "image $1 made: $($DOCKER image inspect -f '{{.Size}}' "$1" | numfmt --to=iec)"
}

# Debian 12's Node.js is too old for the viewer; this machine's own goes in.
make_node_image() {
    local context="$WORK/node" node npm
    node=$(command -v node) npm=$(dirname "$(readlink -f "$(command -v npm)")")/..
    mkdir -p "$context/npm" && cp "$node" "$context/node" && cp -rL "$npm/." "$context/npm/"
    make_image sali-test/node-base ca-certificates,libstdc++6,libatomic1 'CMD ["true"]'
    printf 'FROM sali-test/node-base\nCOPY node /usr/local/bin/node\nCOPY npm /usr/local/lib/node_modules/npm\n%s\n' \
        'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm' >"$context/Dockerfile"
    $DOCKER build -q -t $NODE_IMAGE "$context" >/dev/null
    say "image $NODE_IMAGE made of this machine's Node.js"
}

# name_tool NAME ENTRYPOINT COMMAND [LINE]
name_tool() {
    printf 'FROM sali-test/tools\n%s\nENTRYPOINT %s\nCMD %s\n' "${4:-}" "$2" "$3" | $DOCKER build -q -t "sali-test/$1" - >/dev/null
}
