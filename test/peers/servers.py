# servers: what the tests of this folder share: starting real servers, and scripted ones that answer packets.
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "apps"))
import programs

SHORT = ("-t", "0.4")  # for what has to end with the deadline
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def free_port():
    """A port that is free for UDP and TCP."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as packets, socket.socket() as listener:
            packets.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                listener.bind(packets.getsockname())
                return packets.getsockname()[1]


def udp_answers(port, packet):
    """Whether a server at this port answers a packet, from whatever port."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        probe.sendto(packet, ("127.0.0.1", port))
        try:
            return bool(probe.recv(1 << 16))
        except TimeoutError:
            return False


def accepts(where):
    """Whether a server listens at a Unix path, or at an address and port."""
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as probe:
        return probe.connect_ex(where) == 0


@contextlib.contextmanager
def udp_server(serve, port=0):
    """A server whose packets `serve(socket, packet, sender)` has, in a thread; yields its address as text."""
    with socket.socket(type=socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", port))
        done = threading.Event()

        def receive():
            while True:
                packet, sender = listener.recvfrom(1 << 16)
                if done.is_set():
                    break
                serve(listener, packet, sender)

        receiving = threading.Thread(target=receive, daemon=True)
        receiving.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            listener.sendto(b"", listener.getsockname())
            receiving.join(programs.PATIENCE)


class Case(programs.Case):
    """Tests of one program (`program`, as the environment names it), with servers that run as long as they do."""

    @classmethod
    def start(cls, program, *arguments, ready, **options):
        """Starts a server; skips the tests where it is not installed. `ready()` is asked until it is true. The process,
        and a function for what it has printed."""
        path = shutil.which(program, path=PATH)
        if path is None:
            raise unittest.SkipTest(f"{program} is not installed")
        log = tempfile.TemporaryFile()
        cls.addClassCleanup(log.close)
        server = subprocess.Popen([path, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)

        def end():
            server.terminate()
            try:
                server.wait(programs.PATIENCE)
            finally:
                server.kill()  # nothing where it has ended

        def printed():
            return os.pread(log.fileno(), 1 << 20, 0).decode()

        def is_ready():
            if server.poll() is not None:
                raise RuntimeError(f"{program} has ended: {printed()}")
            return ready()

        cls.addClassCleanup(end)
        programs.wait_until(is_ready)
        return server, printed

    @classmethod
    def shared_folder(cls):
        """A folder that servers which give up root can read."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        return folder.name

    def run_program(self, *arguments, **options):
        return programs.run(self.program, *arguments, **options)

    def assert_answer(self, expected, *arguments, **options):
        status, output, errors = self.run_program(*arguments, **options)
        self.assertEqual((errors, status), ("", 0))
        self.assertEqual(output, expected)

    def assert_fails(self, reason, *arguments, expected_status=1, **options):
        status, _, errors = self.run_program(*arguments, **options)
        self.assertEqual(status, expected_status, errors)
        self.assert_one_line(errors, f"{self.program.lower()}: ", reason)
