"""The layers: what a file includes, what a public header brings with it, what an object file calls."""
import concurrent.futures
import os
import re
import shlex
import subprocess
import tempfile
import unittest

import cpp

# What a file of a place may include, beside its own place. The words "std", "system" (POSIX headers), "fmt", "asio", "openssl",
# "CLI" and "library" (those of LIBRARIES) stand for headers of others, all other words for places of portico: "bottom" (bytes, error, version), the
# layers ("door" is asio.hpp and asio/), and of a protocol "client" (the files named in CLIENTS) and "codec" (its other files, which do no I/O).
PUBLIC = {
    "bottom": "std",
    "wire": "std bottom",
    "core": "std bottom wire",
    "net": "std bottom wire core",
    "server": "std bottom core net",
    "memory": "std bottom core net",
    "tls": "std bottom core net",
    "codec": "std bottom wire",
    "client": "std bottom wire core net tls codec",
    "portico.hpp": "std bottom wire core net server",
    "door": "std bottom core net asio",
}
PRIVATE = {
    "bottom": "std",
    "wire": "std bottom",
    "core": "std bottom wire fmt",
    "net": "std bottom wire core fmt system",
    "server": "std bottom wire core net fmt system",
    "memory": "std bottom core net fmt system",
    "tls": "std bottom wire core net fmt system openssl",
    "os": "std bottom wire core net fmt system asio",
    "codec": "std bottom wire library openssl",
    "client": "std bottom wire core net tls codec fmt library",
    "door": "std bottom core net os asio",
}
PROGRAMS = {
    "apps": "std system fmt CLI bottom wire core net server tls client codec portico.hpp",
    "test/bench/bench_server.cpp": "std portico.hpp bottom core net server tls",
}
CLIENTS = ("authenticator", "client", "connecting", "decoding_receiver", "download", "exchange", "partial_file", "pool",
           "proxy", "receiver")
LIBRARIES = ("brotli/decode.h", "idn2.h", "libpsl.h", "zlib.h", "zstd.h", "zstd_errors.h")
LAYERS = ("wire", "core", "net", "server", "memory", "os", "tls")

# Symbols of time, sockets, names, files and randomness: only the backend's objects may need one.
BACKEND = re.compile(
    r"""(_*(clock_gettime|clock_nanosleep|gettimeofday|time|nanosleep|usleep|sleep|pthread_cond_(clock|timed)wait
      |timer(fd)?_\w+|setitimer|alarm
      |socket|socketpair|bind|listen|connect|accept4?|shutdown|getsockname|getpeername|[gs]etsockopt
      |send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|readv?|writev?|close|ioctl|fcntl
      |p?poll|p?select|epoll_\w+|eventfd
      |getaddrinfo|getnameinfo|gethostby\w+|getservby\w+|if_nametoindex
      |open(at)?|creat|f(d|re)?open|mkstemps?|tmpfile|rename(at2?)?|unlink(at)?|remove|l?stat|fstat(at)?
      |getrandom|getentropy|s?rand|rand_r|s?random|arc4random\w*|[dlm]rand48)(64)?
      |_ZNSt6chrono\w*_clock3now\w*
      |_ZNK?St\d+(random_device|basic_filebuf|basic_[io]?fstream)\w*
      |_ZNK?St10filesystem\w*)(@.*)?""",
    re.VERBOSE,
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
ASIO_FILE = re.compile(r"/asio\.hpp$|/asio/.+\.(hpp|ipp)$")


def place(path):
    """The place of a header or source below include/portico or src: (protocol or "", place)."""
    folder, _, file = path.rpartition("/")
    folder = folder.partition("/")[0]
    stem = file.partition(".")[0]
    if folder == "asio" or (not folder and stem == "asio"):
        return ("", "door")
    if not folder:
        return ("", "portico.hpp" if stem == "portico" else "bottom")
    if folder in LAYERS:
        return ("", folder)
    return (folder, "client" if stem in CLIENTS else "codec")


def included(by, quote, target):
    """The place of what a file includes: (protocol or "", place or word)."""
    if target.startswith("portico/"):
        return place(target[len("portico/") :])
    if quote == '"':
        beside = (cpp.ROOT / by).parent / target
        return place(cpp.name(beside).removeprefix("src/") if beside.exists() else target)
    if target in LIBRARIES:
        return ("", "library")
    first = target.partition("/")[0]
    if first in ("asio", "asio.hpp"):
        return ("", "asio")
    if first in ("fmt", "CLI", "openssl"):
        return ("", first)
    return ("", "system" if target.endswith(".h") else "std")


def rules_of(name):
    """The protocol a file belongs to (or ""), its place, and the words of what it may include."""
    for root, table in (("include/portico/", PUBLIC), ("src/", PRIVATE)):
        if name.startswith(root):
            protocol, where = place(name[len(root) :])
            return protocol, where, table.get(where, "").split()
    where = next(where for where in PROGRAMS if name.startswith(where))
    return "", where, PROGRAMS[where].split()


def include_faults(name, text):
    protocol, where, allowed = rules_of(name)
    for match in INCLUDE.finditer(text):
        quote, target = match.groups()
        owner, what = included(name, quote, target)
        program = where in PROGRAMS
        good = what in allowed or (what == where and not program)
        if owner and not program:
            good = good and owner == protocol
        if program and quote == '"':
            good = where == "apps" and "/" not in target  # a file beside it
        if not good:
            line = cpp.line_of(text, match.start())
            yield f"{name}:{line}: {where} may not include {target} ({what}); it may: {' '.join(allowed)}"


def dependencies(source, with_asio=False):
    """Compiles a text as users would; returns the compiler's complaint (or "") and the files of Asio it read."""
    command = shlex.split(os.environ.get("CXX", "g++")) + ["-std=c++20", "-fsyntax-only", "-MD", "-MF", "-"]
    command += ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
    command += ["-I", str(cpp.ROOT / "include"), "-x", "c++", "-"]
    if with_asio:
        command += shlex.split(os.environ.get("ASIO_FLAGS", "-DASIO_STANDALONE -DASIO_NO_DEPRECATED"))
    process = subprocess.run(command, input=source, capture_output=True, text=True)
    read = [file for file in re.split(r"[\s\\]+", process.stdout) if not file.startswith(str(cpp.ROOT))]
    return process.stderr if process.returncode else "", [file for file in read if ASIO_FILE.search(file)]


def undefined_symbols(objects):
    """Pairs (object file, undefined symbol)."""
    output = subprocess.run(
        shlex.split(os.environ.get("NM", "nm")) + ["-A", "-u", "-P", *objects],
        capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        file, _, symbol = line.partition(": ")
        if symbol.split()[1] == "U":
            yield file, symbol.split()[0]


class Layers(unittest.TestCase):
    longMessage = False

    def test_every_include_is_one_that_the_layers_allow(self):
        faults = []
        for path in cpp.files("include", "src", "apps", "test/bench"):
            name = cpp.name(path)
            if name.startswith("test/") and name not in PROGRAMS:
                continue
            faults += include_faults(name, path.read_text())
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_an_include_against_the_layers_is_found(self):
        for name, line in (
            ("include/portico/core/x.hpp", "#include <asio.hpp>"),
            ("include/portico/net/x.hpp", "#  include <asio/ip/tcp.hpp>"),
            ("src/core/x.cpp", "#include <asio/ip/tcp.hpp>"),
            ("src/wire/x.cpp", "#include <portico/core/task.hpp>"),
            ("src/wire/x.cpp", "#include <unistd.h>"),
            ("src/server/x.cpp", "#include <portico/http/codec.hpp>"),
            ("src/http/client.cpp", "#include <portico/server/server.hpp>"),
            ("src/http/codec.cpp", "#include <portico/http/client.hpp>"),
            ("src/http/codec.cpp", "#include <portico/net/connection.hpp>"),
            ("src/http/client.cpp", "#include <portico/ftp/client.hpp>"),
            ("src/http/client.cpp", '#include "ftp/codec.hpp"'),
            ("src/net/x.cpp", '#include "os/x.hpp"'),
            ("src/net/x.cpp", "#include <openssl/ssl.h>"),
            ("src/server/x.cpp", "#include <portico/tls/handshake.hpp>"),
            ("include/portico/tls/x.hpp", "#include <openssl/ssl.h>"),
            ("apps/x.cpp", '#include "core/x.hpp"'),
            ("apps/x.cpp", "#include <asio.hpp>"),
        ):
            self.assertEqual(len(list(include_faults(name, line))), 1, f"{name}: {line}")

    def test_every_public_header_compiles_alone_and_only_the_door_for_asio_users_brings_asio(self):
        headers = [cpp.name(path)[len("include/") :] for path in cpp.files("include")]

        def fault(header):
            door = header.startswith("portico/asio")
            complaint, asio = dependencies(f"#include <{header}>\n", with_asio=door)
            if complaint:
                return f"include/{header}:1: does not compile alone:\n{complaint}"
            if asio and not door:
                return f"include/{header}:1: brings Asio with it: {asio[0]}"
            return ""

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = [fault for fault in pool.map(fault, headers) if fault]
        self.assertTrue(headers)
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_a_header_with_asio_or_an_error_in_it_is_found(self):
        complaint, asio = dependencies("#include <asio/version.hpp>\n", with_asio=True)
        self.assertEqual(complaint, "")
        self.assertTrue(asio)
        self.assertIn("unknown_type", dependencies("unknown_type x;\n")[0])

    @unittest.skipUnless("OBJECTS" in os.environ, "OBJECTS names a file that lists the library's object files")
    def test_only_the_backend_knows_time_sockets_names_files_and_randomness(self):
        with open(os.environ["OBJECTS"]) as listing:
            objects = listing.read().split()
        backend = [file for file in objects if re.search(r"/src/(os|asio)/", file)]
        others = [file for file in objects if file not in backend]
        self.assertTrue(others)
        faults = [
            f"{file[file.index('/src/') + 1 :].removesuffix('.o')}:1: only src/os may call {symbol}"
            for file, symbol in undefined_symbols(others)
            if BACKEND.fullmatch(symbol)
        ]
        self.assertFalse(faults, "\n" + "\n".join(faults))
        if backend:
            found = {symbol for _, symbol in undefined_symbols(backend) if BACKEND.fullmatch(symbol)}
            self.assertTrue(found, "the backend calls nothing of the system: the search must be wrong")

    def test_the_symbols_of_the_system_are_known(self):
        source = """#include <chrono>
            #include <fstream>
            #include <random>
            #include <filesystem>
            #include <sys/socket.h>
            #include <netdb.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <sys/random.h>
            #include <time.h>
            int main()
            {
                timespec time;
                addrinfo* info = nullptr;
                char byte;
                std::ifstream file("x");
                std::random_device device;
                return static_cast<int>(std::chrono::steady_clock::now().time_since_epoch().count()
                    + std::chrono::system_clock::now().time_since_epoch().count() + clock_gettime(CLOCK_REALTIME, &time)
                    + socket(1, 1, 1) + accept4(1, nullptr, nullptr, 0) + getaddrinfo("", "", nullptr, &info)
                    + open("x", 0) + static_cast<int>(getrandom(&byte, 1, 0)) + (fopen("x", "r") != nullptr)
                    + std::filesystem::exists("x")) + static_cast<int>(device());
            }"""
        compiler = shlex.split(os.environ.get("CXX", "g++"))
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "x.o")
            process = subprocess.run(compiler + ["-std=c++20", "-O1", "-c", "-x", "c++", "-", "-o", file],
                                     input=source, text=True, capture_output=True)
            self.assertEqual(process.returncode, 0, process.stderr)
            found = " ".join(symbol for _, symbol in undefined_symbols([file]) if BACKEND.fullmatch(symbol))
        for word in ("steady_clock", "system_clock", "clock_gettime", "socket", "accept4", "getaddrinfo", "open",
                     "getrandom", "fopen", "ifstream", "random_device", "filesystem"):
            self.assertIn(word, found)


if __name__ == "__main__":
    unittest.main()
