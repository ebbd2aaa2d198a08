# http_get's requests: what the options have it say, to whom, and what it never tells others.
import base64
import os
import pty
import queue
import socket
import threading
import unittest

from http_get import OK, HttpGet
from programs import PATIENCE, Running, raw_server, read_request, replay, run

HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


def basic(login):
    return "Authorization: Basic " + base64.b64encode(login.encode()).decode()


class Requests(HttpGet):
    def asked(self, *options, replies=(HELLO,), target="/x", status=0, before=(), **more):
        """The requests of a run, each as its lines."""
        requests, left = [], list(replies)

        def serve(connection):
            while request := read_request(connection):
                requests.append(request.decode("latin-1").split("\r\n")[:-2])
                connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        with raw_server(serve) as port:
            options = [option.replace("PORT", str(port)) for option in options]
            url = "http://127.0.0.1:%d%s" % (port, target)
            ended = run("HTTP_GET", *before, url, *options, "-o", "/dev/null", cwd=self.folder, **more)
        self.assertEqual((ended[0], ended[1]), (status, b""), ended[2])
        self.errors = ended[2]
        return requests


class Fields(Requests):
    def test_fields_are_added_replaced_emptied_and_left_out(self):
        with open(self.path("fields"), "w", encoding="ascii") as file:
            file.write("X-File: one\r\n\nX-Other;\n")
        lines = self.asked("-H", "X-One: 1", "-H", "x-two:2 ", "-H", "Accept: text/html", "-H", "User-Agent:", "-H",
                           "X-Empty;", "-H", "X-Gone:", "-H", "@fields", "-H", "X-One: again")[0]
        self.assertEqual(lines[0], "GET /x HTTP/1.1")
        self.assertEqual(sorted(lines[2:]), sorted(["Accept: text/html", "X-Empty: ", "X-File: one", "X-One: 1",
                                                    "X-One: again", "X-Other: ", "x-two: 2"]))
        for bad in ("X y: z", "no colon", "X: a\r\nInjected: b", ": x", "X: a\nb", "@missing"):
            self.assertEqual(self.asked("-H", bad, status=2), [], bad)
            self.assert_one_line(self.errors, "http_get: read option -H ")

    def test_who_asks_and_from_where(self):
        self.assertIn("User-Agent: me/1", self.asked("-A", "me/1")[0])
        self.assertFalse([line for line in self.asked("-A", "")[0] if line.startswith("User-Agent")])
        self.assertRegex("\n".join(self.asked()[0]), r"User-Agent: http_get/[0-9.]+")
        self.assertIn("Referer: http://from/", self.asked("-e", "http://from/")[0])
        redirect = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        first, second = self.asked("-e", "http://from/;auto", replies=(redirect, HELLO))
        self.assertIn("Referer: http://from/", first)
        self.assertTrue([line for line in second if line.startswith("Referer: http://127.0.0.1:")], second)

    def test_the_target_as_it_is(self):
        self.assertEqual(self.asked(target="/a/../b")[0][0], "GET /b HTTP/1.1")
        self.assertEqual(self.asked("--path-as-is", target="/a/../b?c/..#d")[0][0], "GET /a/../b?c/.. HTTP/1.1")
        self.assertEqual(self.asked("-0")[0][0], "GET /x HTTP/1.0")

    def test_cookies(self):
        with open(self.path("jar"), "w", encoding="ascii") as file:
            file.write("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tfrom\tjar\n")
        self.assertIn("Cookie: a=b; c=d", self.asked("-b", "a=b", "-b", "c=d")[0])
        self.assertIn("Cookie: from=jar; a=b", self.asked("-b", "jar", "-b", "a=b")[0])
        self.assertEqual(len(self.asked("-b", "missing")), 1)
        setting = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n"
        first, second = self.asked("-c", "saved", replies=(setting, HELLO))
        self.assertFalse([line for line in first if line.startswith("Cookie")])
        self.assertIn("Cookie: session=1", second)
        self.assertIn(b"\tsession\t1\n", self.content("saved"))
        self.assertEqual(os.stat(self.path("saved")).st_mode & 0o077, 0)
        self.assertIn("Cookie: session=1", self.asked("-b", "saved")[0])


class Logins(Requests):
    def test_a_login_is_sent_to_its_origin_alone(self):
        elsewhere = []
        with raw_server(lambda connection: (elsewhere.append(read_request(connection).decode()),
                                            connection.sendall(HELLO))) as other:
            redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other
            for options in (["-u", "joe:secret"], ["--oauth2-bearer", "secret"], ["-H", "Authorization: secret"],
                            ["-b", "secret=1"]):
                first = self.asked(*options, replies=(redirect,))[0]
                self.assertTrue([line for line in first if line.startswith(("Authorization: ", "Cookie: "))], first)
            self.asked("-u", "joe:secret", "--location-trusted", replies=(redirect,))
        self.assertEqual([request.count("Authorization") + request.count("Cookie") for request in elsewhere],
                         [0, 0, 0, 0, 1])

    def test_basic_bearer_and_digest(self):
        self.assertIn(basic("joe:se:cret"), self.asked("-u", "joe:se:cret")[0])
        self.assertIn("Authorization: Bearer token", self.asked("--oauth2-bearer", "token")[0])
        challenge = (b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"
                     b"Content-Length: 0\r\n\r\n")
        for scheme in ("--digest", "--anyauth"):
            first, second = self.asked("-u", "joe:secret", scheme, replies=(challenge, HELLO))
            self.assertFalse([line for line in first if line.startswith("Authorization")])
            self.assertTrue([line for line in second if line.startswith('Authorization: Digest username="joe"')])

    def test_logins_from_a_file(self):
        with open(self.path(".netrc"), "w", encoding="ascii") as file:
            file.write("machine 127.0.0.1 login joe password secret\n")
        environment = os.environ | {"HOME": self.folder}
        self.assertIn(basic("joe:secret"), self.asked("-n", env=environment)[0])
        self.assertIn(basic("joe:secret"), self.asked("--netrc-file", ".netrc")[0])
        self.assertFalse([line for line in self.asked(env=environment)[0] if line.startswith("Authorization")])
        self.assertEqual(self.asked("--netrc-file", "missing", status=26), [])

    def test_passwords_are_shown_to_nobody(self):
        reached, go = threading.Event(), threading.Event()

        def serve(connection):
            read_request(connection)
            reached.set()
            go.wait(PATIENCE)
            connection.sendall(HELLO)

        with raw_server(serve) as port:
            with Running("HTTP_GET", "http://127.0.0.1:%d/x" % port, "-u", "joe:secret", "-ujoe:secret",
                         "-U", "proxy:secret", "-v", "-o", "/dev/null") as program:
                self.assertTrue(reached.wait(PATIENCE))
                with open("/proc/%d/cmdline" % program.process.pid, "rb") as file:
                    self.assertNotIn(b"secret", file.read())
                go.set()
                self.assertEqual(program.process.wait(PATIENCE), 0)
                shown = "".join(program.rest(program.errors))
        self.assertIn("> Authorization: Basic ...\n", shown)
        self.assertIn("< HTTP/1.1 200 OK\n", shown)
        self.assertIn("* connecting to 127.0.0.1:%d\n" % port, shown)
        self.assertNotIn(base64.b64encode(b"joe:secret").decode(), shown)

    def test_a_password_is_asked_for_at_the_terminal(self):
        self.assertEqual(self.asked("-u", "joe", status=2, start_new_session=True), [])
        self.assert_one_line(self.errors, "no password")
        requests = queue.Queue()
        with raw_server(lambda connection: (requests.put(read_request(connection).decode()),
                                            connection.sendall(HELLO))) as port:
            process, terminal = pty.fork()
            if process == 0:
                os.chdir(self.folder)
                os.execv(os.environ["HTTP_GET"], ["http_get", "http://127.0.0.1:%d/x" % port, "-u", "joe", "-q"])
            shown = b""
            while not shown.endswith(b"Password of joe: "):
                shown += os.read(terminal, 100)
            os.write(terminal, b"se cret\n")
            self.assertIn(basic("joe:se cret"), requests.get(timeout=PATIENCE))
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), 0)
            rest = os.read(terminal, 100)
            os.close(terminal)
        self.assertNotIn(b"cret", rest)


class Proxies(Requests):
    def test_a_proxy_is_asked_for_the_whole_url(self):
        lines = self.asked("-x", "127.0.0.1:PORT", "-U", "me:p w", before=["http://far.example/a", "-o", "/dev/null"],
                           target="/b")
        self.assertEqual(lines[0][:2], ["GET http://far.example/a HTTP/1.1", "Host: far.example"])
        self.assertIn("Proxy-" + basic("me:p w"), lines[0])
        self.assertTrue(lines[1][0].startswith("GET http://127.0.0.1:"))

    def test_the_environment_names_one_and_the_options_are_above_it(self):
        with raw_server(replay(HELLO)) as proxy:
            environment = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:%d" % proxy}
            refused = environment | {"http_proxy": "http://127.0.0.1:1"}
            self.assertEqual(self.asked(env=environment), [])
            self.assertEqual(self.asked(env=refused, status=7), [])
            for options, more in ((["-x", ""], {}), (["--noproxy", "127.0.0.0/8"], {}), (["--noproxy", "*"], {}),
                                  ([], {"no_proxy": "127.0.0.1"})):
                self.assertEqual(len(self.asked(*options, env=refused | more)), 1, options)
            self.assertEqual(self.asked("-x", "127.0.0.1:1", env=environment, status=7), [])

    def test_a_proxy_that_is_not_found(self):
        self.assertEqual(self.asked("-x", "name.invalid:1", status=5), [])

    def test_other_ways_to_the_server(self):
        first = self.asked("--connect-to", "far.example:81:127.0.0.1:PORT", "--connect-to", "127.0.0.1::127.0.0.1:PORT",
                           before=["http://far.example:81/", "-o", "/dev/null"])[0]
        self.assertIn("Host: far.example:81", first)
        with raw_server(replay(HELLO)) as port:
            url = "http://localhost:%d/x" % port
            self.assert_fails(7, run("HTTP_GET", url, "-6", cwd=self.folder), "localhost")
            self.assertEqual(run("HTTP_GET", url, "-4", cwd=self.folder), (0, b"", ""))

    def test_a_unix_socket(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("socket"))
            listener.listen()
            requests = []

            def serve():
                connection, _ = listener.accept()
                with connection:
                    requests.append(read_request(connection).decode())
                    connection.sendall(HELLO)

            serving = threading.Thread(target=serve, daemon=True)
            serving.start()
            ended = run("HTTP_GET", "http://far.example/x", "--unix-socket", "socket", cwd=self.folder)
            self.assertEqual(ended, (0, b"", ""))
            serving.join(PATIENCE)
        self.assertIn("Host: far.example\r\n", requests[0])
        self.assertEqual(self.content("x"), b"hello")


if __name__ == "__main__":
    unittest.main()
