"""How a server is measured. Counts are slopes between a small and a large load, so that start-up and warm-up drop out.

Where calls, instructions and CPU time are counted, server and clients share one CPU and neither preempts the other when
it wakes (SCHED_BATCH): a burst then waits until the server runs, as under full load, however busy the machine is.
"""

import contextlib
import ctypes
import mmap
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import tempfile
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import certificates

PROGRAMS = {"portico": "bench_server", "asio": "asio_server", "c": "c_server"}
# What clients of a datagram server ask: from how many sockets, with how many datagrams, for how many, in how many bytes.
QUESTIONS = {
    "udp": (50, 1, 1, 64),
    "udp-send": (8, 1, 50, 8),
    "udp-send-segments": (8, 1, 50, 8),
    "udp-receive": (1, 50, 1, 8),
    "udp-receive-joined": (1, 50, 1, 8),
}
BURST = 200
ECHO_CONNECTIONS = 50
MESSAGE_SIZE = 64
IDLE_CONNECTIONS = 10_000
IDLE_WARM_UP = 500
TLS_CONNECTIONS = 1_000  # idle ones: their clients, in this process, take many times what they take in the server
TLS_WARM_UP = 100
FLOOD_CONNECTIONS = 100  # new ones, under way at a time
DESCRIPTORS = 25_000
START_TIMEOUT = 60
PR_SET_THP_DISABLE = 41


def descriptor_limit():
    """How many descriptors a child may have open."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)


def prepare(cpus, batch, began=None):
    """What a child does before it runs its program. `began` takes the time when all that is done."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor_limit(), hard))
    # A huge page holds two megabytes where a connection is to cost a thousand bytes.
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    os.sched_setaffinity(0, cpus)
    if batch:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if began:
        struct.pack_into("d", began, 0, time.monotonic())


def shared_cpu():
    return {max(os.sched_getaffinity(0))}


def other_cpu():
    return {min(os.sched_getaffinity(0))}


def free_port(kind):
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect_once(port):
    """Whether a server accepted, answered and ended. The source address keeps a socket from connecting to itself."""
    try:
        with socket.create_connection(("127.0.0.1", port), START_TIMEOUT, ("127.0.0.2", 0)) as client:
            client.shutdown(socket.SHUT_WR)
            while client.recv(64):
                pass
            return True
    except ConnectionError:
        return False


def ask_once(port):
    """Whether a datagram server answered."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.2", 0))
        client.connect(("127.0.0.1", port))
        client.settimeout(START_TIMEOUT)
        try:
            client.send(b"?")
            client.recv(64)
            return True
        except ConnectionError:
            return False


def finish_load(clients):
    """What a load printed, once it has ended."""
    output, _ = clients.communicate()
    if clients.returncode != 0:
        raise subprocess.CalledProcessError(clients.returncode, clients.args)
    return {key: int(value) for key, value in (line.split() for line in output.splitlines())}


class Server:
    """One server process, ready to serve once it is entered."""

    def __init__(self, folder, name, mode, *, wrapper=(), environment=None, batch=True, pause=0.002, cpus=None):
        self.folder = pathlib.Path(folder)
        self.command = [*wrapper, str(self.folder / PROGRAMS[name]), mode]
        self.mode = mode
        self.environment = {**os.environ, **(environment or {})}
        self.batch = batch
        self.cpus = cpus or shared_cpu()
        self.client_cpus = cpus or (shared_cpu() if batch else other_cpu())
        self.pause = pause
        self.process = None
        self.began = mmap.mmap(-1, 8)  # written by the child
        self.answered = None

    def __enter__(self):
        for _ in range(5):  # a port that was free may be taken by now
            if self._start(free_port(socket.SOCK_DGRAM if self.mode in QUESTIONS else socket.SOCK_STREAM)):
                return self
        raise RuntimeError(f"{' '.join(self.command)}: does not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)  # in case that a load failed while it was stopped
        try:
            self.process.wait(START_TIMEOUT)
        finally:
            self.process.kill()
            self.process.wait()

    def _start(self, port):
        self.port = port
        self.process = subprocess.Popen([*self.command, str(port)], env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        preexec_fn=lambda: prepare(self.cpus, self.batch, self.began))
        serves = ask_once if self.mode in QUESTIONS else connect_once
        deadline = time.monotonic() + START_TIMEOUT
        while self.process.poll() is None:
            if serves(port):
                self.answered = time.monotonic()
                return True
            if time.monotonic() > deadline:
                self.process.kill()
                raise TimeoutError(f"{' '.join(self.command)}: answers nothing")
            time.sleep(self.pause)  # between two attempts; nothing tells when a server listens
        return False

    def _start_load(self, *arguments):
        command = [str(self.folder / "load"), arguments[0], str(self.port), *map(str, arguments[1:])]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda: prepare(self.client_cpus, self.batch))

    def _load(self, *arguments):
        with self._start_load(*arguments) as clients:
            return finish_load(clients)

    def load(self, count):
        """`count` welcome connections, echoed messages or datagrams; what `load` printed."""
        if self.mode == "welcome":
            return self._load("welcome", count, BURST, self.process.pid)
        if self.mode in QUESTIONS:
            sockets, asked, due, size = QUESTIONS[self.mode]
            return self._load("udp", sockets, count // (sockets * max(asked, due)), asked, due, size)
        return self._load("echo", ECHO_CONNECTIONS, count // ECHO_CONNECTIONS, MESSAGE_SIZE)

    @contextlib.contextmanager
    def idle(self, count):
        """`count` connections that had one message echoed, and then nothing."""
        command = [str(self.folder / "load"), "idle", str(self.port), str(count)]
        clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: prepare(shared_cpu(), self.batch))
        try:
            if clients.stdout.readline() != f"idle {count}\n":
                raise RuntimeError(f"{' '.join(command)}: failed")
            yield
        finally:
            clients.communicate(timeout=START_TIMEOUT)

    def flood(self, seconds):
        """Welcome connections as fast as they come, and messages one after the other on a connection that is open: what
        `load` printed for each of the two."""
        with (self._start_load("flood", FLOOD_CONNECTIONS, seconds) as new,
              self._start_load("ping", seconds) as open_one):
            return finish_load(new), finish_load(open_one)

    def start_up_seconds(self):
        """From the start of the program until its first client was answered."""
        return self.answered - struct.unpack_from("d", self.began)[0]

    def cpu_seconds(self):
        """User and system time so far. The identifier is what clock_getcpuclockid(3) makes of a process."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def anonymous_bytes(self):
        """Resident memory that no file backs: heap, stacks, slabs, however they were obtained."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return 1024 * sum(int(size) for size in re.findall(r"^(?:Anonymous|Swap): +(\d+) kB$", fields, re.M))


def read_counts(path):
    return {name.rstrip(b"\0").decode(): count for name, count in struct.iter_unpack("24sQ", path.read_bytes())}


def calls(folder, name, mode, units):
    """The functions that a warm server called, and how often a unit; `allocations` is one of them."""
    with tempfile.NamedTemporaryFile() as file:
        environment = {"LD_PRELOAD": str(pathlib.Path(folder).resolve() / "libcount_calls.so"),
                       "COUNT_CALLS_FILE": file.name}
        with Server(folder, name, mode, environment=environment) as server:
            seen = []
            for count in (units // 4, units // 4, units):
                server.load(count)
                seen.append(read_counts(pathlib.Path(file.name)))
    first, second, third = seen
    more = {key: (third[key] - second[key]) - (second[key] - first[key]) for key in third}
    return {key: value / (units - units // 4) for key, value in more.items() if value or key == "allocations"}


def system_calls(counts):
    return sum(value for key, value in counts.items() if key != "allocations")


def has_valgrind():
    return shutil.which("valgrind") is not None


def _instructions_in_all(folder, name, mode, units):
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "callgrind"
        wrapper = ("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={output}")
        with Server(folder, name, mode, wrapper=wrapper, pause=0.02) as server:
            server.load(units)
        return int(re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.M)[1])


def instructions(folder, name, mode, units):
    """User instructions a unit."""
    few = units // 4
    more = _instructions_in_all(folder, name, mode, units) - _instructions_in_all(folder, name, mode, few)
    return more / (units - few)


def can_hold_idle_connections():
    return descriptor_limit() >= IDLE_CONNECTIONS + 100


def idle_bytes(folder, name):
    """User-space bytes an idle connection that has echoed one message, when there are IDLE_CONNECTIONS in all."""
    more = IDLE_CONNECTIONS - IDLE_WARM_UP
    with Server(folder, name, "echo") as server, server.idle(IDLE_WARM_UP):
        before = server.anonymous_bytes()
        with server.idle(more):
            return (server.anonymous_bytes() - before) / more


@contextlib.contextmanager
def certificate():
    """An authority's certificate, and a file with that of localhost and its key."""
    with tempfile.TemporaryDirectory() as scratch:
        issued = certificates.Authority(scratch, "authority").issue("localhost")
        yield os.path.join(scratch, "authority.pem"), issued.combined()


def _echo_once(port, trust):
    """A connection, over TLS where there is somebody to trust, on which a message has come back."""
    client = socket.create_connection(("127.0.0.1", port), START_TIMEOUT)
    if trust:
        client = trust.wrap_socket(client, server_hostname="localhost")
    message = bytes(MESSAGE_SIZE)
    client.sendall(message)
    if client.recv(MESSAGE_SIZE) != message:
        raise RuntimeError("the message has not come back")
    return client


def idle_tls_bytes(folder):
    """The same for portico over TLS and in the clear, when there are TLS_CONNECTIONS: one figure for each."""
    seen = []
    with certificate() as (authority, own):
        for mode, trust in ("echo-tls", ssl.create_default_context(cafile=authority)), ("echo", None):
            with (Server(folder, "portico", mode, environment={"BENCH_CERTIFICATE": own}, batch=False) as server,
                  contextlib.ExitStack() as held):
                for _ in range(TLS_WARM_UP):
                    held.enter_context(_echo_once(server.port, trust))
                before = server.anonymous_bytes()
                for _ in range(TLS_CONNECTIONS - TLS_WARM_UP):
                    held.enter_context(_echo_once(server.port, trust))
                seen.append((server.anonymous_bytes() - before) / (TLS_CONNECTIONS - TLS_WARM_UP))
    return seen


def flood(folder, name, mode, seconds):
    """What a server that holds IDLE_CONNECTIONS does while new ones come: how many it welcomes a second, the user-space
    bytes of one that is held, and the milliseconds that a new one, and a message on an open one, take. Server and
    clients have all CPUs."""
    more = IDLE_CONNECTIONS - IDLE_WARM_UP
    with Server(folder, name, mode, batch=False, cpus=os.sched_getaffinity(0)) as server, server.idle(IDLE_WARM_UP):
        before = server.anonymous_bytes()
        with server.idle(more):
            new, open_one = server.flood(seconds)
            return {"welcomed": new["connections"] / seconds, "bytes": (server.anonymous_bytes() - before) / more,
                    "welcome p50": new["p50_ns"] / 1e6, "welcome p99": new["p99_ns"] / 1e6,
                    "echo p50": open_one["p50_ns"] / 1e6, "echo p99": open_one["p99_ns"] / 1e6}


def cpu(folder, names, mode, units, rounds):
    """Microseconds of CPU a unit, a list for each server: round by round, one server after the other."""
    spent = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(folder, name, mode)) for name in names}
        for server in servers.values():
            server.load(units // 4)
        for _ in range(rounds):
            for name, server in servers.items():
                before = server.cpu_seconds()
                server.load(units)
                spent[name].append((server.cpu_seconds() - before) * 1e6 / units)
    return spent


def latency(folder, names, units, rounds):
    """Microseconds until an echo is back, as (p50, p99): the least of the rounds. Server and clients on two CPUs."""
    seen = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(folder, name, "echo", batch=False)) for name in names}
        for _ in range(rounds):
            for name, server in servers.items():
                seen[name].append(server.load(units))
    return {name: tuple(min(one[key] for one in results) / 1000 for key in ("p50_ns", "p99_ns"))
            for name, results in seen.items()}


def start_up(folder, names, rounds):
    """Milliseconds until the first client is answered: the least of the rounds."""
    spent = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with Server(folder, name, "welcome", batch=False, pause=0) as server:
                spent[name].append(server.start_up_seconds() * 1000)
    return {name: min(times) for name, times in spent.items()}


def compile_seconds(compiler, flags, sources, rounds):
    """CPU seconds to compile each source: medians."""
    spent = {name: [] for name in sources}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(rounds):
            for name, source in sources.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                command = [compiler, "-std=c++20", "-O2", *flags, "-c", str(source), "-o", f"{scratch}/object"]
                subprocess.run(command, check=True, env={**os.environ, "CCACHE_DISABLE": "1"})
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                spent[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {name: statistics.median(times) for name, times in spent.items()}
