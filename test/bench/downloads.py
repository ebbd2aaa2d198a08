"""How a download is measured: CPU time and peak memory of clients that get the same from one nginx, in turns."""

import contextlib
import filecmp
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import measure

SHARED_MEMORY = pathlib.Path("/dev/shm")
PARALLEL = 16
SMALL_FILES = 5_000
SMALL_SIZE = 4096
START_TIMEOUT = 20

CONFIGURATION = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/site;
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        ssl_protocols TLSv1.3;
        root {folder}/site;
    }}
}}
"""


def missing(http_get, size):
    """Why there can be no measurement; empty where there can."""
    if not http_get:
        return "http_get was not built"
    absent = [name for name in ("nginx", "curl") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if not SHARED_MEMORY.is_dir() or shutil.disk_usage(SHARED_MEMORY).free < 3 * size:
        return f"{SHARED_MEMORY} has not the {3 * size >> 20:,} MiB that it takes"
    return ""


class Downloads:
    """An nginx with a large file and many small ones, all in memory; `folder` has the benchmark's programs."""

    def __init__(self, folder, http_get, size, rounds):
        self.programs = folder
        self.http_get = http_get
        self.size = size
        self.rounds = rounds
        self.peak = 0  # KiB, of http_get

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=SHARED_MEMORY)))
            self.authority, own = stack.enter_context(measure.certificate())
            self._make_site()
            self.port, self.tls_port = (measure.free_port(socket.SOCK_STREAM) for _ in range(2))
            user = "user root;" if os.geteuid() == 0 else ""
            configuration = self.folder / "nginx.conf"
            configuration.write_text(CONFIGURATION.format(folder=self.folder, port=self.port, tls_port=self.tls_port,
                                                          certificate=own, user=user))
            nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
            server = stack.enter_context(subprocess.Popen(
                [nginx, "-c", str(configuration), "-p", str(self.folder), "-e", str(self.folder / "error.log")],
                stdin=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, measure.other_cpu())))
            stack.callback(server.terminate)
            self._wait_for(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _make_site(self):
        site = self.folder / "site"
        small = site / "small"
        small.mkdir(parents=True)
        block = os.urandom(1 << 20)
        with open(site / "large", "wb") as file:
            for _ in range(self.size >> 20):
                file.write(block)
        for number in range(SMALL_FILES):
            (small / f"{number:04}").write_bytes(block[number:number + SMALL_SIZE])

    def _wait_for(self, server):
        deadline = time.monotonic() + START_TIMEOUT
        while server.poll() is None and time.monotonic() < deadline:
            if measure.connect_once(self.port) and measure.connect_once(self.tls_port):
                return
            time.sleep(0.01)  # nothing tells when it listens
        raise RuntimeError(f"nginx does not start: {(self.folder / 'error.log').read_text()}")

    def _spend(self, command):
        """CPU seconds and peak KiB of a client."""
        ended = subprocess.run([self.programs / "spend", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               check=True, preexec_fn=lambda: os.sched_setaffinity(0, measure.shared_cpu()))
        microseconds, peak = map(int, ended.stdout.split()[-2:])
        return microseconds / 1e6, peak

    def _in_turns(self, commands, before, check):
        """CPU seconds of each client, a list with one for each round; what a client has made is checked every time."""
        spent = {name: [] for name in commands}
        for _ in range(self.rounds):
            for name, command in commands.items():
                before()
                seconds, peak = self._spend(command)
                check(name)
                spent[name].append(seconds)
                if name == "http_get":
                    self.peak = max(self.peak, peak)
        return spent

    def large(self, target, tls=False):
        """One large file to `target`, or, where that is none, to a file in memory."""
        output = target or str(self.folder / "output")
        url = f"https://localhost:{self.tls_port}/large" if tls else f"http://127.0.0.1:{self.port}/large"
        trust = ["--cacert", self.authority] if tls else []
        commands = {"http_get": [self.http_get, "-sS", *trust, "-o", output, url],
                    "curl": ["curl", "-sS", *trust, "-o", output, url]}
        if not tls:
            commands["C"] = [str(self.programs / "c_download"), str(self.port), "/large", output]
            if shutil.which("wget"):
                commands["wget"] = ["wget", "-q", "-O", output, url]
            if shutil.which("aria2c") and not target:
                commands["aria2c"] = ["aria2c", "-q", "--file-allocation=none", "-d", str(self.folder), "-o", "output", url]

        def remove():
            if not target:
                pathlib.Path(output).unlink(missing_ok=True)

        def check(name):
            if not target and not filecmp.cmp(output, self.folder / "site" / "large", shallow=False):
                raise RuntimeError(f"{name}: the file is not that of the server")

        spent = self._in_turns(commands, remove, check)
        remove()
        return spent

    def many(self):
        """Many small files, several at a time, into a folder in memory."""
        output = self.folder / "small"
        urls = [f"http://127.0.0.1:{self.port}/small/{number:04}" for number in range(SMALL_FILES)]
        plain, configuration = self.folder / "urls", self.folder / "curl.conf"
        plain.write_text("".join(f"{url}\n" for url in urls))
        configuration.write_text("".join(f"url = {url}\n" for url in urls))
        both = ["-sS", "-Z", "--parallel-max", str(PARALLEL), "--output-dir", str(output)]
        commands = {"http_get": [self.http_get, *both, "--parallel-max-host", str(PARALLEL), "--input-file", str(plain)],
                    "curl": ["curl", "--no-progress-meter", *both, "--remote-name-all", "-K", str(configuration)]}

        def renew():
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir()

        def check(name):
            site = self.folder / "site" / "small"
            names = os.listdir(site)
            equal, _, _ = filecmp.cmpfiles(site, output, names, shallow=False)
            if len(equal) != len(names) or len(os.listdir(output)) != len(names):
                raise RuntimeError(f"{name}: the files are not those of the server")

        return self._in_turns(commands, renew, check)


def ratio(spent, name, to):
    """The median of one client's times to that of another one's."""
    return statistics.median(spent[name]) / statistics.median(spent[to])
