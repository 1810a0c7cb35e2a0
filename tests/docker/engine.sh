# shellcheck shell=bash
# A Docker engine with Compose v2 for tests/docker/run.sh: the machine's own if it has one, else one
# made of Debian's packages, with its own socket and data under $WORK. Sets DOCKER and COMPOSE.

APT_QUIET=(-y -qq --no-install-recommends -o Dpkg::Use-Pty=0)

use_engine() {
    if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
        DOCKER=docker COMPOSE="docker compose"
        say "engine of this machine: $(docker version --format '{{.Server.Version}}')"
        return
    fi
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
        echo "no Docker engine with Compose v2 here, and making one needs root on Debian" >&2
        exit 1
    }
    install_engine
    install_compose
    start_engine
    say "engine of our own: $($DOCKER version --format '{{.Server.Version}}'), compose $($COMPOSE version --short)"
}

install_engine() {
    DOCKER=/usr/bin/docker
    if ! command -v dockerd >/dev/null || ! command -v mmdebstrap >/dev/null || [ ! -x $DOCKER ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install "${APT_QUIET[@]}" docker.io iptables mmdebstrap >/dev/null
    fi
    export DOCKER_HOST="unix://$WORK/docker.sock" DOCKER_CONFIG="$WORK/config" DOCKER_BUILDKIT=1
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
}

# Debian 12 has no Compose v2; the binary of the next release's package runs there as well.
install_compose() {
    COMPOSE="$DOCKER_CONFIG/cli-plugins/docker-compose"
    [ -x "$COMPOSE" ] && return
    local root="$WORK/apt" options
    mkdir -p "$root"/lists/partial "$root"/cache/archives/partial "$root"/parts
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" \
        >"$root/sources.list"
    options=(-o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts="$root/parts"
        -o Dir::State::lists="$root/lists" -o Dir::Cache="$root/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update -qq
    (cd "$root" && apt-get "${options[@]}" download -qq docker-compose && dpkg-deb -x docker-compose_2*.deb package)
    install -m755 "$root/package/usr/libexec/docker/cli-plugins/docker-compose" "$COMPOSE"
}

start_engine() {
    dockerd --data-root "$WORK/data" --exec-root "$WORK/exec" --pidfile "$WORK/docker.pid" \
        -H "$DOCKER_HOST" >"$WORK/dockerd.log" 2>&1 &
    ENGINE_PID=$!
    for _ in $(seq 150); do
        $DOCKER info >/dev/null 2>&1 && return
        kill -0 "$ENGINE_PID" 2>/dev/null || break
        sleep 0.2
    done
    tail "$WORK/dockerd.log" >&2
    exit 1
}

stop_engine() {
    [ -n "${ENGINE_PID:-}" ] || return 0
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    ip link del docker0 2>/dev/null || true
    iptables -P FORWARD ACCEPT 2>/dev/null || true
}

debian_mirror() {
    sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -1
}
