# http_servers: what the tests of http_get share: nginx with files and a log, and http_get in a folder of its own.
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import unittest

import servers
from servers import programs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import certificates

PATIENCE = programs.PATIENCE
MIB = 1 << 20
SIZES = 0, 1, 4096, 16384, MIB + 1, 40 * MIB  # of files
OLD = 961_000_000  # a time for them: long ago
# The proxies of whoever runs the tests, and what he trusts, are none of theirs.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.lower().endswith("_proxy") and not name.startswith("SSL_CERT_")}

CONFIGURATION = """
user root;
worker_processes 1;
worker_shutdown_timeout 1ms;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    log_format facts escape=json '{{"method":"$request_method","target":"$request_uri","status":$status,'
        '"range":"$http_range","if_range":"$http_if_range","encoding":"$sent_http_content_encoding",'
        '"connection":$connection,"number":$connection_requests,"peer":"$remote_addr","address":"$server_addr",'
        '"user":"$remote_user","to_proxy":"$http_proxy_authorization","tls":"$ssl_protocol",'
        '"resumed":"$ssl_session_reused","client":"$ssl_client_s_dn"}}';
    access_log {folder}/access.log facts;
    absolute_redirect off;
    sendfile on;
    sendfile_max_chunk 64k;
    root {folder}/site;
{temporary}
{servers}
}}
"""


# Places of nginx: at /slow/ a kill falls in the middle, if not always; elsewhere the request says what is slow.
SLOW_LOCATIONS = """
        location /slow/ {{ alias {site}/; limit_rate 16m; }}
        location /rated/ {{ alias {site}/; limit_rate_after $http_after; limit_rate $http_rate; }}
        location /dates/ {{ alias {site}/; limit_rate_after $http_after; limit_rate $http_rate; etag off; }}
        location /nothing/ {{ alias {site}/; limit_rate_after $http_after; limit_rate $http_rate; max_ranges 0; }}"""


def slow_after(count, rate="256k"):
    """The rest of the file comes slowly."""
    return "-H", f"After: {count}", "-H", f"Rate: {rate}"


def content(size, seed=0):
    return random.Random(f"{size} {seed}").randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Case(servers.Case):
    """Tests of http_get, with nginx while they run. What it serves is in the folder `site`."""

    program = "HTTP_GET"

    @classmethod
    def setUpClass(cls):
        if cls.program not in os.environ:
            raise unittest.SkipTest("http_get is not built")
        cls.shared = cls.shared_folder()
        cls.site = os.path.join(cls.shared, "site")
        os.mkdir(cls.site)

    @classmethod
    def listener(cls, host="127.0.0.1", port=0):
        """A socket for nginx to inherit: a port that was free a moment ago may be somebody else's now."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=128)
        made.setblocking(False)
        cls.addClassCleanup(made.close)
        return made

    @classmethod
    def start_nginx(cls, *sites):
        """Each of them is the sockets where a server listens, what else its `listen` says, and its directives. Where
        they listen is HOST:PORT for nginx and for URLs."""
        texts, inherited = [], []
        for listeners, options, directives in sites:
            inherited += listeners
            listens = "".join(f"        listen {cls.place(each)} {options};\n" for each in listeners)
            texts.append(f"    server {{\n{listens}{directives}\n    }}")
        temporary = "\n".join(f"    {name}_temp_path {cls.shared}/{name};"
                              for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = os.path.join(cls.shared, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=cls.shared, temporary=temporary, servers="\n".join(texts)))
        numbers = [each.fileno() for each in inherited]
        first = inherited[0].getsockname()[:2]
        cls.nginx = cls.start("nginx", "-e", "stderr", "-c", path, "-p", cls.shared, pass_fds=numbers,
                              env=ENVIRONMENT | {"NGINX": "".join(f"{number};" for number in numbers)},
                              ready=lambda: os.path.exists(f"{cls.shared}/nginx.pid") and servers.accepts(first))[0]
        for each in inherited:
            each.close()  # from now on nginx alone listens

    @staticmethod
    def place(listener):
        host, port = listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @classmethod
    def workers(cls):
        """The processes of nginx that serve."""
        with open(f"/proc/{cls.nginx.pid}/task/{cls.nginx.pid}/children", encoding="ascii") as file:
            return [int(each) for each in file.read().split()]

    @classmethod
    def publish(cls, name, data, modified=None):
        """Serves this from now on, in one step."""
        path = os.path.join(cls.site, name)
        with open(path + ".new", "wb") as file:
            file.write(data)
        if modified is not None:
            os.utime(path + ".new", (modified, modified))
        os.rename(path + ".new", path)
        return data

    def asked(self, target, count):
        """What nginx was asked for with this target, once it is so many requests: it logs them as they end."""
        programs.wait_until(lambda: len(self.log(target)) >= count)
        self.assertEqual(len(self.log(target)), count, self.log(target))
        return self.log(target)

    def log(self, target):
        with open(f"{self.shared}/access.log", encoding="ascii") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [each for each in lines if each["target"] == target]

    def run_program(self, *arguments, **options):
        return super().run_program(*arguments, **{"cwd": self.folder, "env": ENVIRONMENT} | options)

    def files(self):
        return sorted(os.listdir(self.folder))

    def assert_downloads(self, data, *arguments, name="saved", **options):
        """Under the name `saved`, whatever was there."""
        self.assert_answer(b"", "-o", name, *arguments, **options)
        self.assertTrue(self.content(name) == data, f"{name} is not what is served")
        self.assertEqual([each for each in self.files() if ".part" in each], [])

    def size(self, name="x.part"):
        try:
            return os.stat(self.path(name)).st_size
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def until(self, point, *arguments):
        """http_get, which has written so many bytes of the file `x`, and at least one, or has ended."""
        point = max(point, self.size() + 1)
        with programs.Running("HTTP_GET", *arguments, "-o", "x", cwd=self.folder, env=ENVIRONMENT) as running:
            programs.wait_until(lambda: running.process.poll() is not None or self.size() >= point)
            yield running

    def curl(self, *arguments, **options):
        """The exit status, and what it prints; skips the test where curl is not installed."""
        if shutil.which("curl") is None:
            self.skipTest("curl is not installed")
        ended = subprocess.run(["curl", "-q", "--silent", "--http1.1", *arguments], cwd=self.folder, check=False,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE,
                               **{"env": ENVIRONMENT} | options)
        return ended.returncode, ended.stdout


class Interrupted(Case):
    """With nginx that is slow at some places, and a file for each test, which is saved as `x`."""

    SIZE = 6 * MIB

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.shared, "authority")
        files = cls.authority.issue("localhost")
        clear, secure = cls.listener(), cls.listener()
        cls.url, cls.secure_url = f"http://{cls.place(clear)}", f"https://{cls.place(secure)}"
        locations = SLOW_LOCATIONS.format(site=cls.site)
        cls.start_nginx([[clear], "", locations], [[secure], "ssl", f"        ssl_certificate {files.certificate};"
                                                   f" ssl_certificate_key {files.key};{locations}"])

    def setUp(self):
        super().setUp()
        self.name = self.id().rpartition(".")[2]
        self.data = self.publish(self.name, content(self.SIZE, self.name), OLD)

    def is_noted(self):
        """Whether there are notes; for a moment they are empty."""
        notes = self.path("x.part.meta")
        return os.path.exists(notes) and os.path.getsize(notes) > 0

    def killed(self, target, point, *options):
        """Kills it there, or a little later; the first byte that has to be asked for next."""
        with self.until(point, self.url + target, *slow_after(point), *options) as running:
            running.end(signal.SIGKILL)
        return self.size() if self.is_noted() else 0

    def finish(self, target, expected, *options):
        self.assert_answer(b"", self.url + target, "-o", "x", *options)
        self.assertEqual((self.files(), digest(self.content("x"))), (["x"], digest(expected)))
