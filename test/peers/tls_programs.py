# tls_programs: what the tests of TLS share: bytes that can be checked, certificates, tls_client and tls_server.
#
# TLS_TEST_BYTES in the environment is how many bytes go each way; they are checked as they come and kept nowhere, but
# for the files that some programs want.
import contextlib
import functools
import hashlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import threading

import servers
from servers import programs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import certificates

SIZE = int(os.environ.get("TLS_TEST_BYTES", 8 << 20))
PATIENCE = programs.PATIENCE + SIZE / 4e6
VERSIONS = "1.2", "1.3"
PERIOD = 65521


@functools.cache
def _period():
    seed, made = 1, bytearray()
    for _ in range(PERIOD):
        seed = (seed * 1664525 + 1013904223) % 2**32
        made.append(seed >> 24)
    return bytes(made)


def pattern(count=SIZE):
    """What tls_client and tls_server send, in pieces."""
    while count > 0:
        yield _period()[:count]
        count -= PERIOD


def pieces_of(file):
    return iter(lambda: file.read(1 << 16), b"")


class Limited:
    """The first bytes of a file."""

    def __init__(self, file, count):
        self.file, self.left = file, count

    def read(self, most):
        data = self.file.read1(min(most, self.left)) if self.left else b""
        self.left -= len(data)
        return data


def summary(pieces):
    """The number and the SHA-256 of bytes that come in pieces."""
    digest, count = hashlib.sha256(), 0
    for each in pieces:
        digest.update(each)
        count += len(each)
    return {"bytes": count, "sha256": digest.hexdigest()}


@functools.cache
def expected():
    """The summary of what is sent."""
    return summary(pattern())


def skip_header(file):
    """Reads the header of a response of HTTP."""
    while file.readline().strip():
        pass


def get_request(count=SIZE):
    return b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % count


def put_request():
    yield b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % SIZE
    yield from pattern()


@contextlib.contextmanager
def conversation(command, pieces=()):
    """Runs a program whose standard input is fed with these, by a thread; yields it, with its standard output."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        def feed():
            with contextlib.suppress(OSError), program.stdin:
                for each in pieces:
                    program.stdin.write(each)

        feeding = threading.Thread(target=feed, daemon=True)
        watchdog = threading.Timer(PATIENCE, program.kill)
        feeding.start()
        watchdog.start()
        try:
            yield program
        finally:
            program.kill()  # nothing where it has ended
            watchdog.cancel()
            feeding.join(PATIENCE)


class Server(programs.Running):
    """tls_server, which listens at 127.0.0.1, `port`."""

    def __init__(self, files, *options):
        super().__init__("TLS_SERVER", f"certificate={files.certificate}", f"key={files.key}", *options, "127.0.0.1:0")
        self.port = int(self.line().rpartition(":")[2])

    def handshake(self):
        """What came of the next one, or failed behind it."""
        return json.loads(self.line())

    def handshakes(self, count):
        """What the next ones have agreed on, whatever fails."""
        all_lines = iter(self.handshake, None)
        return list(itertools.islice((each for each in all_lines if "failure" not in each), count))


class Case(servers.Case):
    """Tests with an authority, a certificate for localhost that it has issued, and one for a client."""

    program = "TLS_CLIENT"

    @classmethod
    def setUpClass(cls):
        cls.shared = cls.shared_folder()
        cls.authority = certificates.Authority(cls.shared, "authority")
        cls.files = cls.authority.issue("localhost")
        cls.client_files = cls.authority.issue("client", "email:user@portico.test", "clientAuth")

    def serve(self, version, *options):
        return Server(self.files, f"least={version}", f"most={version}", *options)

    def ask(self, where, *words, version=None, expected_status=0):
        """Runs tls_client, to localhost: to a port, or a Unix socket that stands for it. What it prints of each
        connection; what it says where it fails."""
        where = where if isinstance(where, str) else f"127.0.0.1:{where}"
        versions = [f"least={version}", f"most={version}"] if version else []
        status, output, errors = self.run_program(
            "-t", str(PATIENCE), where, "host=localhost", f"ca={self.authority.file}", *versions, *words,
            timeout=PATIENCE)
        self.assertEqual(status, expected_status, errors)
        return [json.loads(line) for line in output.splitlines()] if status == 0 else errors

    def assert_expected(self, seen):
        self.assertEqual({key: seen[key] for key in expected()}, expected())

    def assert_received(self, answer):
        """What a server of ours says that it has received is what was sent."""
        self.assertEqual({key: json.loads(answer)[key] for key in expected()}, expected())
