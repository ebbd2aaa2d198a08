#!/bin/sh
# The newcomer's door: needs a shell, root (or sudo) and Debian's packages, and installs what else it uses.
set -eu
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
usage: sh cmake/dev.sh run [PRESET]    build, then show welcome_server and http_get at work on loopback (release)
       sh cmake/dev.sh test [PRESET]   build, then run the tests (dev)
       sh cmake/dev.sh deps            only install what is missing
       sh cmake/dev.sh peers           install the servers and network tools that some tests use; without them those
                                       tests are skipped. Nothing is started.
presets: dev, release, asan, tsan; a build is in build/PRESET
END
}

packages="g++ cmake ninja-build libasio-dev libfmt-dev libcli11-dev catch2 python3 netbase valgrind"
peers="dnsmasq-base tftpd-hpa chrony redis-server memcached microsocks iproute2 nftables"

say() { printf '==> %s\n' "$*"; }
fail() { printf 'dev.sh: %s\n' "$*" >&2; exit 1; }

# quietly COMMAND...: what it prints is shown only if it fails.
quietly() {
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        rm -f "$log"
        fail "failed: $*"
    }
    rm -f "$log"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt() { quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@"; }

# need PACKAGE...: installs those that are missing.
need() {
    command -v dpkg-query >/dev/null || fail "no Debian packages here; install the like of: $*"
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
        *" installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    apt update
    apt install --no-install-recommends $missing
}

deps() { need $packages; }

# Debian starts the servers that it installs, unless this file says no (invoke-rc.d(8)).
peers() {
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] || {
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    }
    need $peers
}

# build PRESET TARGET...; in CI (CI is set) a warning is an error.
build() {
    preset=$1
    shift
    say "building ($preset)"
    quietly cmake --preset "$preset" ${CI:+-DCMAKE_COMPILE_WARNING_AS_ERROR=ON}
    cmake --build --preset "$preset" --parallel "$(nproc)" --target "$@" || fail "building the preset $preset failed"
}

# Runs in scratch, a folder of its own; every program that it starts is stopped by its process id, in any case.
scratch=
started=
stop() {
    for process in $started; do
        kill "$process" 2>/dev/null || true
    done
    wait
    started=
    [ -z "$scratch" ] || rm -rf "$scratch"
    scratch=
}

run() {
    programs=$PWD/build/$1/apps
    scratch=$(mktemp -d)
    trap stop EXIT
    trap 'exit 130' INT TERM
    cd "$scratch"
    mkfifo welcome.out web.out
    mkdir site download
    printf '<!doctype html>\n<title>A page</title>\n<p>Served by python3 -m http.server, fetched by http_get.\n' \
        >site/index.html

    say "welcome_server --listen 127.0.0.1:0"
    timeout --foreground 60 "$programs/welcome_server" --listen 127.0.0.1:0 >welcome.out &
    welcome=$!
    started=$welcome
    exec 3<welcome.out
    IFS= read -r line <&3 || fail "welcome_server ended without saying where it listens"
    echo "$line"

    say "connecting to it: the line that came"
    python3 - "${line##*:}" >line <<'END' || fail "cannot read from welcome_server"
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10) as connection:
    sys.stdout.write(connection.makefile(encoding="utf-8", newline="").read())
END
    cat line
    printf 'Welcome to portico!\r\n' | cmp - line || fail "the line is not the one that welcome_server should send"
    IFS= read -r line <&3 || fail "welcome_server ended"
    echo "it printed: $line"

    say "python3 -m http.server --bind 127.0.0.1 0"
    timeout --foreground 60 python3 -u -m http.server --bind 127.0.0.1 --directory site 0 >web.out 2>web.log &
    web=$!
    started="$welcome $web"
    exec 4<web.out
    IFS= read -r line <&4 || { cat web.log >&2; fail "python3 -m http.server did not start"; }
    port=${line#* port }
    port=${port%% *}

    say "http_get http://127.0.0.1:$port/: the header"
    (cd download && "$programs/http_get" "http://127.0.0.1:$port/") || fail "http_get failed"
    say "the saved file, index.html"
    cat download/index.html
    cmp site/index.html download/index.html || fail "the saved file is not the one that was served"

    kill "$welcome"
    started=$web
    wait "$welcome" || fail "welcome_server did not stop cleanly on SIGTERM: status $?"
    stop
    say "all well; everything is stopped"
}

command=${1:-}
case $command in
run)
    deps
    build "${2:-release}" welcome_server http_get
    run "${2:-release}"
    ;;
test)
    deps
    build "${2:-dev}" all
    say "testing (${2:-dev})"
    ctest --preset "${2:-dev}" || fail "tests failed"
    ;;
deps) deps ;;
peers) peers ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
