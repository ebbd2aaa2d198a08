#!/bin/sh
# The matrix of compilers and versions of Asio: builds everything and runs the tests for each row, and prints a table.
# On Debian 12, as root (or with sudo). Newer headers of Asio and a tree with Debian 13 come from Debian's newer suites
# over the mirror that this system's apt has, and are checked against Debian's keys as apt always does.
set -eu
cd "$(dirname "$0")/.."
. cmake/shell.sh

# A row: its name, the system that it is built on (bookworm is this one, Debian 12), the compiler, the suite that its
# Asio is from, and which tests it runs.
rows() {
    cat <<'END'
gcc-12         bookworm  g++-12      bookworm  all
gcc-12-trixie  bookworm  g++-12      trixie    catch
gcc-12-sid     bookworm  g++-12      sid       catch
clang-16       bookworm  clang++-16  bookworm  catch
clang-19       bookworm  clang++-19  sid       catch
gcc-14         trixie    g++-14      trixie    catch
END
}

usage() {
    cat <<'END'
usage: sh cmake/matrix.sh [ROW...]    build and test these rows, or all of them, and print what came of it
all that is built and unpacked is in build/matrix, or in the folder that the variable MATRIX_DIR names
END
    rows | while read -r name system compiler asio tests; do
        [ "$tests" = all ] && tests="every test" || tests="the Catch2 tests"
        printf '  %-14s %s on %s, Asio of %s: %s\n' "$name" "$compiler" "$system" "$asio" "$tests"
    done
}

mkdir -p "${MATRIX_DIR:=build/matrix}"
work=$(cd "$MATRIX_DIR" && pwd)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1; }

# asio SUITE: the headers of that suite's libasio-dev in $work/asio-SUITE, by an apt that has lists of its own.
asio() {
    folder=$work/asio-$1
    [ ! -d "$folder/include" ] || return 0
    say "unpacking Asio of $1"
    need debian-archive-keyring
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    printf 'deb [signed-by=%s] %s %s main\n' "$keys" "$(mirror)" "$1" >"$folder/sources.list"
    set -- -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
    quietly apt-get -q "$@" update
    (cd "$folder" && quietly apt-get -q "$@" download libasio-dev)
    dpkg-deb -x "$folder"/libasio-dev_*.deb "$folder/package"
    mv "$folder/package/usr/include" "$folder"
    rm -rf "$folder/lists" "$folder/cache" "$folder/package"
}

# tree SUITE: a minimal Debian in $work/SUITE.
tree() {
    [ ! -d "$work/$1/usr/bin" ] || return 0
    say "unpacking the Debian called $1"
    need debootstrap debian-archive-keyring
    quietly as_root debootstrap --variant=minbase --keyring="$keys" "$1" "$work/$1.part" "$(mirror)"
    as_root mv "$work/$1.part" "$work/$1"
}

# in_tree SUITE ROW: this script, in that tree. The mounts are those of its process alone, and end with it.
in_tree() {
    as_root env MATRIX_DIR="$work" unshare --mount --fork sh -eus "$work/$1" "$PWD" "$work" "$2" <<'END'
mkdir -p "$1$2" "$1$3"
mount --bind "$2" "$1$2"
mount --bind "$3" "$1$3"
mount --bind /dev "$1/dev"
mount -t proc proc "$1/proc"
exec chroot "$1" sh "$2/cmake/matrix.sh" --here "$4"
END
}

# The figure called $1 in the first lines of a JUnit file.
figure() { sed -n "/$1=\"/{s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p;q}" "$work/$name.xml"; }

# build ROW...: the row on this very system; its line of the table goes to $work/NAME.row.
build() {
    name=$1 compiler=$3 include=/usr/include
    [ "$4" = "$2" ] || include=$work/asio-$4/include
    [ "$5" = all ] && selection= || selection="--label-exclude python"
    quietly sh cmake/dev.sh deps
    case $compiler in clang*) need clang-"${compiler##*-}" ;; *) need "$compiler" ;; esac

    number=$(awk '$1 == "#define" && $2 == "ASIO_VERSION" {print $3}' "$include/asio/version.hpp")
    versions=$(printf '%s %s | %d.%d.%d | %s' "${compiler%-*}" \
        "$("$compiler" --version | sed -E '1!d; s/.* ([0-9]+\.[0-9]+\.[0-9]+).*/\1/')" \
        $((number / 100000)) $((number / 100 % 1000)) $((number % 100)) \
        "$(dpkg-query -W -f='${Version}' catch2 | sed 's/-.*//')")
    say "building ($name)"
    {
        cmake --preset dev -B "$work/$name" -DCMAKE_CXX_COMPILER="$compiler" -DAsio_INCLUDE_DIR="$include" \
            -DCMAKE_COMPILE_WARNING_AS_ERROR=ON && cmake --build "$work/$name" --parallel "$(nproc)" -- -k 0
    } >"$work/$name.log" 2>&1 || {
        tail -n 60 "$work/$name.log" >&2
        echo "| $name | $versions | no | - | - | - |" >"$work/$name.row"
        return 1
    }
    say "testing ($name)"
    status=0
    ctest --test-dir "$work/$name" $selection --parallel 2 --output-on-failure --no-tests=error \
        --output-junit "$work/$name.xml" >"$work/$name.log" || status=1
    [ "$status" = 0 ] || sed -n '/Failed/,/^ *Start/p;/tests passed/,$p' "$work/$name.log"
    tests=$(figure tests) failures=$(figure failures) skipped=$(figure skipped)
    echo "| $name | $versions | yes | $((tests - failures - skipped)) | $failures | $skipped |" >"$work/$name.row"
    return $status
}

# place ROW...: builds it on the system that it names.
place() {
    rm -f "$work/$1.row"
    if [ "$2" != bookworm ]; then
        tree "$2"
        in_tree "$2" "$1"
    else
        [ "$4" = "$2" ] || asio "$4"
        build "$@"
    fi
}

row() { rows | grep "^$1 " || fail "there is no row $1; see sh cmake/matrix.sh --help"; }

case ${1:-} in
-h | --help | help)
    usage
    exit
    ;;
--rows)
    rows | cut -d ' ' -f 1
    exit
    ;;
--place)
    place $(row "$2")
    exit
    ;;
--here)
    build $(row "$2")
    exit
    ;;
esac

[ "$(. /etc/os-release && echo "$VERSION_CODENAME")" = bookworm ] || fail "the rows are those of a Debian 12"
[ $# -gt 0 ] || set -- $(sh cmake/matrix.sh --rows)
for name; do row "$name" >/dev/null; done
result=0
for name; do
    sh cmake/matrix.sh --place "$name" || result=1
done
printf '\n| row | compiler | Asio | Catch2 | built | passed | failed | skipped |\n|%s\n' \
    ' --- | --- | --- | --- | --- | --- | --- | --- |'
for name; do
    cat "$work/$name.row" 2>/dev/null || echo "| $name | | | | not set up | - | - | - |"
done
exit $result
