# hostile: what the tests of http_get under attack share: servers without end or reason, and a run that is measured.
import contextlib
import functools
import os
import subprocess
import tempfile
import threading
import zlib

from http_get import OK, HttpGet
from programs import PATIENCE, raw_server, read_all, read_request, replay

HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ESCAPES = b"\x1b[2J\x1b]0;title\x07\x9b5m\x08\x7f\xff"
GROWTH = 32 << 10  # KiB that an attack may cost beyond a download of five bytes


def redirect(to, more=b"Content-Length: 0\r\n\r\n"):
    return b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\n" + more


def named(disposition):
    return OK + b"Content-Length: 5\r\nContent-Disposition: " + disposition + b"\r\n\r\nhello"


def endless(begin, again):
    """For `raw_server`: never stops sending by itself."""
    def serve(connection):
        read_request(connection)
        connection.sendall(begin)
        while True:
            connection.sendall(again)
    return serve


def silent_after(*pieces):
    """For `raw_server`: sends these pieces, and keeps the connection open."""
    def serve(connection):
        replay(*pieces)(connection)
        read_all(connection)
    return serve


def tarpit(begin, again=b"x"):
    """For `raw_server`: a piece every now and then, so slowly that no limit on sizes helps."""
    def serve(connection):
        read_request(connection)
        connection.sendall(begin)
        connection.settimeout(0.05)
        while True:
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1):
                    return
            connection.sendall(again)
    return serve


def in_turn(*replies):
    """For `raw_server`: each request gets the next one, on whatever connection; the last again and again."""
    left = list(replies)

    def serve(connection):
        while read_request(connection):
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])
    return serve


@functools.cache
def zeros_in_gzip():
    """A member of 16 MiB: as many of them in a row as one likes are gzip again."""
    compressor = zlib.compressobj(9, wbits=31)
    return compressor.compress(bytes(16 << 20)) + compressor.flush()


@functools.cache
def zeros_in_zstd():
    return subprocess.run(["zstd", "-q", "-19", "-c"], input=bytes(16 << 20), stdout=subprocess.PIPE, check=True).stdout


def encoded(coding, body):
    return OK + b"Content-Encoding: " + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def gzip(body):
    compressor = zlib.compressobj(9, wbits=31)
    return compressor.compress(body) + compressor.flush()


class Hostile(HttpGet):
    def attack(self, serve, *options, target="/file", **more):
        """Exit status, standard output, standard error and the most memory in KiB of a download."""
        with raw_server(serve) as port, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([os.environ["HTTP_GET"], "http://127.0.0.1:%d%s" % (port, target), *options],
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=self.folder, **more)
            guard = threading.Timer(PATIENCE, process.kill)
            guard.start()
            _, status, usage = os.wait4(process.pid, 0)
            guard.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            return process.returncode, output.read(), errors.read().decode(), usage.ru_maxrss

    @contextlib.contextmanager
    def cleared(self, but=()):
        """Leaves the folder as empty as it was."""
        try:
            yield
        finally:
            for name in self.files():
                if name not in but:
                    path = self.path(name)
                    os.rmdir(path) if os.path.isdir(path) else os.unlink(path)

    @functools.cached_property
    def usual(self):
        status, _, _, peak = self.attack(replay(HELLO), "-o", "/dev/null")
        self.assertEqual(status, 0)
        return peak

    def assert_repelled(self, attacks, leaves=()):
        """Each is a server, options, the exit status, and what stands in the one line that is said."""
        for what, (serve, options, expected, *parts) in attacks.items():
            with self.subTest(what), self.cleared(leaves):
                status, output, errors, peak = self.attack(serve, *options)
                self.assertEqual((status, output), (expected, b""), errors)
                self.assert_one_line(errors, "http_get: http://127.0.0.1:", "/file: ", *parts)
                self.assertTrue(errors.rstrip("\n").isprintable(), errors)
                self.assertEqual(self.files(), sorted(leaves))
                self.assertLess(peak - self.usual, GROWTH)
