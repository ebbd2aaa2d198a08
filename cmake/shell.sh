# What the shell scripts share: messages, and Debian's packages.
say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

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
