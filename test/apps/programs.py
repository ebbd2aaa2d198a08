# programs: what the tests of the programs share: running them, scripted servers, and waiting without sleeping.
import contextlib
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PATIENCE = 30  # seconds, after which a test that hangs fails


class Running:
    """A program that runs; its output comes line by line. Ended with the `with` block."""

    def __init__(self, program, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([os.environ[program], *arguments], **options)
        self.output = self._lines_of(self.process.stdout)
        self.errors = self._lines_of(self.process.stderr)

    @staticmethod
    def _lines_of(pipe):
        lines = queue.Queue()

        def read():
            with pipe:
                for line in pipe:
                    lines.put(line.decode())
            lines.put(None)

        if pipe is not None:
            threading.Thread(target=read, daemon=True).start()
        return lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def line(self):
        """The next line of standard output, without its end; None at the end."""
        line = self.output.get(timeout=PATIENCE)
        return None if line is None else line.rstrip("\n")

    def error(self):
        line = self.errors.get(timeout=PATIENCE)
        return None if line is None else line.rstrip("\n")

    def rest(self, lines):
        """What is left of standard output or error when the program has ended."""
        return list(iter(lambda: lines.get(timeout=PATIENCE), None))

    def end(self, signal_number):
        """Sends a signal; the exit status, negative where the signal killed it."""
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE)


    def hurry(self):
        """Sends SIGTERM again and again, so that no open connection is waited for; the exit status."""
        for _ in range(10 * PATIENCE):
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError("it does not end")


def run(program, *arguments, **options):
    """Runs a program to its end: exit status, standard output, standard error."""
    options = {"input": b"", "timeout": PATIENCE} | options
    ended = subprocess.run([os.environ[program], *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    return ended.returncode, ended.stdout, ended.stderr.decode()


def wait_until(condition):
    """Looks again and again, for what nobody tells of."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        os.sched_yield()


def reset(connection):
    """Closes with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_all(connection):
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def read_request(connection):
    """The bytes up to the end of a header; fewer where the peer ends before that."""
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        request += byte
    return request


@contextlib.contextmanager
def raw_server(serve, host="127.0.0.1"):
    """A server whose connections `serve(connection)` has, each in a thread; yields its port. It may fail: peers do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=64) as listener:
        def session(connection):
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE)
                serve(connection)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=session, args=[listener.accept()[0]], daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(PATIENCE)


def replay(*pieces):
    """For `raw_server`: reads a request, then sends these pieces one by one and ends."""
    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_request(connection)
        for piece in pieces:
            connection.sendall(piece)
    return serve


def sockets(process):
    """The inodes of the sockets that a process has."""
    found = set()
    for each in os.listdir("/proc/%d/fd" % process):
        with contextlib.suppress(FileNotFoundError):
            found.update(re.findall(r"^socket:\[(\d+)\]", os.readlink("/proc/%d/fd/%s" % (process, each))))
    return found


def listening_ports(process):
    """The TCP ports at which a process listens with IPv4."""
    own = sockets(process)
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return [int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in own]


class Case(unittest.TestCase):
    """A test with a folder of its own, in which programs run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def assert_one_line(self, errors, *parts):
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertTrue(errors.endswith("\n"), errors)
        for part in parts:
            self.assertIn(part, errors)
