"""http_get through tinyproxy and microsocks to nginx, whose log says by their addresses through whom it was asked."""
import os
import signal
import unittest

import http_servers
import servers
from http_servers import MIB, OLD, certificates, content, slow_after

OPEN, CLOSED = "127.0.0.2", "127.0.0.3"  # whence a proxy connects that asks for no login, and one that does
LOGIN = "user:secret"


class Proxies(http_servers.Case):
    """With a server for http and one for https behind them, called localhost."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.shared, "authority")
        files = cls.authority.issue("localhost")
        clear, secure = cls.listener(), cls.listener()
        cls.ports = {"http": clear.getsockname()[1], "https": secure.getsockname()[1]}
        slow = http_servers.SLOW_LOCATIONS.format(site=cls.site)
        cls.start_nginx([[clear], "", slow], [[secure], "ssl", f"        ssl_certificate {files.certificate};"
                                              f" ssl_certificate_key {files.key};{slow}"])

    def setUp(self):
        super().setUp()
        self.name = self.id().rpartition(".")[2]
        self.data = self.publish(self.name, content(100_000, self.name), OLD)

    def url(self, scheme, target=None, host="localhost"):
        return f"{scheme}://{host}:{self.ports[scheme]}/{target or self.name}"

    def get(self, scheme, *options, target=None, host="localhost"):
        return self.url(scheme, target, host), "-4", "--cacert", self.authority.file, *options

    def assert_through(self, peer, *arguments, **options):
        """The file comes from there, and the login for the proxy does not."""
        before = len(self.log(f"/{self.name}"))
        self.assert_downloads(self.data, *arguments, **options)
        asked = self.asked(f"/{self.name}", before + 1)[-1]
        self.assertEqual((asked["peer"], asked["to_proxy"]), (peer, ""))

    def assert_refused(self, status, reason, *arguments, **options):
        before = len(self.log(f"/{self.name}"))
        self.assert_fails(reason, *arguments, "-o", "refused", expected_status=status, **options)
        self.assertNotIn("refused", self.files())
        self.asked(f"/{self.name}", before)

    def assert_resumed(self, scheme, *options):
        """A download that was killed goes on through the proxy where it was."""
        self.publish(self.name, content(6 * MIB), OLD)
        command = self.get(scheme, *options, target=f"rated/{self.name}")
        with self.until(3 * MIB, *command, *slow_after(3 * MIB)) as running:
            self.assertEqual(running.end(signal.SIGKILL), -signal.SIGKILL)
        there = self.size()
        self.assert_downloads(content(6 * MIB), *command, name="x")
        self.assertEqual([each["range"] for each in self.asked(f"/rated/{self.name}", 2)], ["", f"bytes={there}-"])


class Tinyproxy(Proxies):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open = cls.start_tinyproxy(OPEN)
        cls.closed = cls.start_tinyproxy(CLOSED, "BasicAuth user secret")

    @classmethod
    def start_tinyproxy(cls, own, more=""):
        port = servers.free_port()
        path = os.path.join(cls.shared, f"tinyproxy-{own}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"Listen 127.0.0.1\nPort {port}\nBind {own}\nTimeout 60\nMaxClients 100\n{more}\n")
        cls.start("tinyproxy", "-d", "-c", path, ready=lambda: servers.accepts(("127.0.0.1", port)))
        return f"127.0.0.1:{port}"

    def test_without_a_login(self):
        for scheme in "http", "https":
            for options in ["-x", self.open], ["-x", f"http://{self.open}"], ["-x", self.open, "-p"]:
                with self.subTest(scheme=scheme, options=options):
                    self.assert_through(OPEN, *self.get(scheme, *options))

    def test_with_a_login(self):
        for scheme in "http", "https":
            for options in ["-x", self.closed, "-U", LOGIN], ["-x", f"http://{LOGIN}@{self.closed}"], \
                    ["-x", self.closed, "-p", "-U", LOGIN], ["-x", self.closed, "--proxy-anyauth", "-U", LOGIN]:
                with self.subTest(scheme=scheme, options=options):
                    self.assert_through(CLOSED, *self.get(scheme, *options))

    def test_without_the_right_login(self):
        """tinyproxy answers 401 in place of 407 to a wrong one."""
        for scheme, status in ("http", 22), ("https", 56):
            for options, reason in (([], "407"), (["-U", "user:wrong"], "401"), (["-U", "nobody:secret"], "401")):
                with self.subTest(scheme=scheme, options=options):
                    get = self.get(scheme, "-x", self.closed, *options)
                    self.assert_refused(status, reason, *get)
                    self.assert_curl(scheme, status, *get)

    def test_the_login_of_the_site_is_not_that_of_the_proxy(self):
        for scheme in "http", "https":
            self.assert_through(CLOSED, *self.get(scheme, "-x", self.closed, "-U", LOGIN, "-u", "site:word"))
            self.assertEqual(self.log(f"/{self.name}")[-1]["user"], "site")

    def test_what_the_environment_says(self):
        through, none = f"http://{self.open}", "http://127.0.0.1:1"
        for scheme in "http", "https":
            for variables, peer in (
                ({f"{scheme}_proxy": through}, OPEN), ({"ALL_PROXY": through}, OPEN), ({"all_proxy": through}, OPEN),
                ({f"{scheme}_proxy": self.open, "all_proxy": none}, OPEN),
                ({f"{scheme}_proxy": f"http://{LOGIN}@{self.closed}"}, CLOSED),
                ({"https_proxy" if scheme == "http" else "http_proxy": none}, "127.0.0.1"),
                ({"HTTPS_PROXY": through}, OPEN if scheme == "https" else "127.0.0.1"),
                ({"HTTP_PROXY": none}, "127.0.0.1"),  # a CGI has what a client sends as `Proxy:` in it
                ({f"{scheme}_proxy": ""}, "127.0.0.1"),
            ):
                with self.subTest(scheme=scheme, variables=variables):
                    self.assert_through(peer, *self.get(scheme), env=http_servers.ENVIRONMENT | variables)

    def test_who_is_not_asked_for_through_it(self):
        for scheme in "http", "https":
            for host, pattern, is_direct in (
                ("localhost", "localhost", True), ("localhost", "*", True), ("localhost", "host", False),
                ("localhost", "other.test,.localhost", True), ("localhost", "127.0.0.1", False),
                ("127.0.0.1", "127.0.0.1", True), ("127.0.0.1", "127.0.0.0/8", True),
                ("127.0.0.1", "10.0.0.0/8", False), ("127.0.0.1", "localhost", False),
                ("localhost", f"localhost:{self.ports[scheme]}", True), ("localhost", "localhost:1", False),
            ):
                with self.subTest(scheme=scheme, host=host, pattern=pattern):
                    environment = http_servers.ENVIRONMENT | {f"{scheme}_proxy": self.open, "no_proxy": pattern}
                    peer = "127.0.0.1" if is_direct else OPEN
                    self.assert_through(peer, *self.get(scheme, host=host), env=environment)
                    self.assert_through(peer, *self.get(scheme, "-x", self.open, "--noproxy", pattern, host=host))

    def test_whom_it_cannot_reach(self):
        for scheme, status in ("http", 22), ("https", 56):
            command = f"{scheme}://127.0.0.1:1/", "-x", self.open
            self.assert_refused(status, "500", *command)
            self.assert_curl(scheme, status, *command)

    def assert_curl(self, scheme, status, *arguments):
        """Older ones end otherwise where both CONNECT and `-f` fail."""
        failing = ["-f"] if scheme == "http" else []
        self.assertEqual(self.curl(*arguments, "-o", "theirs", *failing)[0], status)

    def test_no_proxy_where_one_should_be(self):
        for scheme in "http", "https":
            self.assert_refused(7, "127.0.0.1:1", *self.get(scheme, "-x", "127.0.0.1:1"))
        self.assert_refused(5, "", *self.get("http", "-x", "http://nowhere.invalid:1", "--resolve", "a:1:127.0.0.1"))

    def test_it_goes_on_through_it(self):
        for scheme in "http", "https":
            self.name = f"resumed-{scheme}"
            self.assert_resumed(scheme, "-x", self.open)

    def test_certificates_are_checked_behind_it(self):
        self.assert_refused(60, "", self.url("https"), "-4", "-x", self.open)

    def test_many(self):
        for scheme in "http", "https":
            made = {f"{scheme}{i}": self.publish(f"{scheme}{i}", content(1000 * i)) for i in range(20)}
            for options in [], ["-Z", "--parallel-max-host", "4"]:
                urls = [self.url(scheme, name) for name in made]
                self.assert_answer(b"", *urls, "-4", "--cacert", self.authority.file, "-x", self.open, *options)
                self.assertEqual({name: self.content(name) for name in self.files()}, made)
                for name in made:
                    os.unlink(self.path(name))


class Microsocks(Proxies):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open, printed = cls.start_microsocks(OPEN)
        cls.printed = staticmethod(printed)
        cls.closed, _ = cls.start_microsocks(CLOSED, "-u", "user", "-P", "secret")

    @classmethod
    def start_microsocks(cls, own, *options):
        port = servers.free_port()
        _, printed = cls.start("microsocks", "-i", "127.0.0.1", "-p", str(port), "-b", own, *options,
                               ready=lambda: servers.accepts(("127.0.0.1", port)))
        return f"127.0.0.1:{port}", printed

    def test_who_resolves_a_name(self):
        for options, host in ((["--socks5"], "127.0.0.1"), (["--socks5-hostname"], "localhost"),
                              (["-x", "socks5://"], "127.0.0.1"), (["-x", "socks5h://"], "localhost")):
            for scheme in "http", "https":
                with self.subTest(options=options, scheme=scheme):
                    said = f"connected to {host}:{self.ports[scheme]}\n"
                    before = self.printed().count(said)
                    *words, proxy = [*options, self.open] if len(options) == 1 else [options[0], options[1] + self.open]
                    self.assert_through(OPEN, *self.get(scheme, *words, proxy))
                    self.assertEqual(self.printed().count(said), before + 1)

    def test_how_we_resolve_a_name(self):
        port = self.ports["http"]
        own = f"http://known.invalid:{port}/{self.name}", "--resolve", f"known.invalid:{port}:127.0.0.1"
        self.assert_through(OPEN, *own, "--socks5", self.open)
        for options, status in (["-4"], 0), (["-6"], 97):  # nginx has no IPv6 here
            with self.subTest(options=options):
                command = self.url("http"), *options, "--socks5", self.open, "-o", "x"
                self.assertEqual(self.run_program(*command)[0], status)
                if status == 0:  # else it depends on curl's version
                    self.assertEqual(self.curl(*command)[0], status)

    def test_with_a_login(self):
        for scheme in "http", "https":
            for options in ["--socks5", self.closed, "-U", LOGIN], ["--socks5-hostname", self.closed, "-U", LOGIN], \
                    ["--socks5", f"{LOGIN}@{self.closed}"], ["-x", f"socks5h://{LOGIN}@{self.closed}"]:
                with self.subTest(scheme=scheme, options=options):
                    self.assert_through(CLOSED, *self.get(scheme, *options))

    def test_without_the_right_login(self):
        for scheme in "http", "https":
            for options in [], ["-U", "user:wrong"], ["-U", "nobody:secret"]:
                with self.subTest(scheme=scheme, options=options):
                    get = self.get(scheme, "--socks5", self.closed, *options)
                    self.assert_refused(97, "", *get)
                    self.assertEqual(self.curl("-o", "theirs", *get)[0], 97)

    def test_what_the_environment_says(self):
        for scheme in "http", "https":
            for variables, peer in (
                ({"all_proxy": f"socks5h://{self.open}"}, OPEN), ({f"{scheme}_proxy": f"socks5://{self.open}"}, OPEN),
                ({"ALL_PROXY": f"socks5://{LOGIN}@{self.closed}"}, CLOSED),
                ({"all_proxy": f"socks5://{self.open}", "NO_PROXY": "localhost"}, "127.0.0.1"),
            ):
                with self.subTest(scheme=scheme, variables=variables):
                    self.assert_through(peer, *self.get(scheme), env=http_servers.ENVIRONMENT | variables)

    def test_whom_it_cannot_reach(self):
        for scheme in "http", "https":
            command = f"{scheme}://127.0.0.1:1/", "--socks5", self.open
            self.assert_refused(97, "", *command)
            self.assertEqual(self.curl(*command)[0], 97)

    def test_one_connection_for_all(self):
        made = {f"again{i}": self.publish(f"again{i}", content(1000 * i)) for i in range(5)}
        self.assert_answer(b"", "--socks5-hostname", self.open, *(self.url("http", name) for name in made))
        self.assertEqual({name: self.content(name) for name in self.files()}, made)
        self.assertEqual([self.asked(f"/{name}", 1)[0]["number"] for name in made], [1, 2, 3, 4, 5])

    def test_it_goes_on_through_it(self):
        for scheme in "http", "https":
            self.name = f"resumed-{scheme}"
            self.assert_resumed(scheme, "--socks5-hostname", self.open)


if __name__ == "__main__":
    unittest.main()
