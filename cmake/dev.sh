#!/bin/sh
# The newcomer's door: needs a shell, root (or sudo) and Debian's packages, and installs what else it uses.
set -eu
cd "$(dirname "$0")/.."
. cmake/shell.sh

usage() {
    cat <<'END'
usage: sh cmake/dev.sh run [PRESET]    build, then show welcome_server and http_get at work on loopback (release)
       sh cmake/dev.sh test [PRESET]   build, then run the tests (dev)
       sh cmake/dev.sh docs [PRESET]   make the reference in HTML (dev), with Doxygen
       sh cmake/dev.sh tidy            clang-tidy over all sources, with .clang-tidy
       sh cmake/dev.sh matrix [ROW...] build and test with every compiler and Asio; see matrix --help
       sh cmake/dev.sh deps            only install what is missing
       sh cmake/dev.sh peers           install the servers and network tools that some tests use; without them those
                                       tests are skipped. Nothing is started.
presets: dev, release, asan, tsan; a build is in build/PRESET
END
}

packages="g++ cmake ninja-build libasio-dev libfmt-dev libcli11-dev libssl-dev zlib1g-dev libbrotli-dev libzstd-dev
    libidn2-dev libpsl-dev openssl catch2 pkg-config python3 netbase valgrind"
peers="dnsmasq-base tftpd-hpa chrony redis-server memcached microsocks tinyproxy haproxy nginx-light curl iproute2
    nftables strace"

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

# build PRESET [--target TARGET...]; in CI (CI is set) a warning is an error.
build() {
    say "building ($1)"
    quietly cmake --preset "$1" ${CI:+-DCMAKE_COMPILE_WARNING_AS_ERROR=ON}
    cmake --build --preset "$@" --parallel "$(nproc)" || fail "building the preset $1 failed"
}

tidy() {
    say "clang-tidy"
    quietly cmake --preset tidy
    find src apps -name '*.cpp' -print0 | xargs -0 -n 1 -P "$(nproc)" sh -c '
        found=$(clang-tidy-19 -p build/tidy --quiet "$1" 2>&1) || {
            printf "%s\n" "$found"
            exit 1
        }' sh || fail "clang-tidy found something"
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

    say "http_get -w '%{http_code} %{size_download} bytes: %{filename_effective}' http://127.0.0.1:$port/"
    (cd download && "$programs/http_get" -w '%{http_code} %{size_download} bytes: %{filename_effective}\n' \
        "http://127.0.0.1:$port/") || fail "http_get failed"
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
    build "${2:-release}" --target welcome_server http_get
    run "${2:-release}"
    ;;
test)
    deps
    build "${2:-dev}"
    say "testing (${2:-dev})"
    ctest --preset "${2:-dev}" || fail "tests failed"
    ;;
docs)
    deps
    need doxygen
    docs=build/${2:-dev}/docs/html
    say "making $docs/index.html"
    quietly cmake --preset "${2:-dev}" -DPORTICO_BUILD_DOCS=ON
    quietly cmake --build --preset "${2:-dev}" --target docs
    ;;
tidy)
    deps
    need clang-19 clang-tidy-19
    tidy
    ;;
matrix)
    shift
    exec sh cmake/matrix.sh "$@"
    ;;
deps) deps ;;
peers) peers ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
