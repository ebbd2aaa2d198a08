# http_get with several URLs, and what -w says of each.
import json
import os
import threading
import unittest

from http_get import OK, HttpGet
from programs import PATIENCE, raw_server, read_request, replay, run

HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


class Keeping:
    """For `raw_server`: answers as long as the client asks, and counts connections, and requests at a time."""

    def __init__(self, wanted=0):
        self.connections = self.now = self.most = 0
        self.lock, self.wanted, self.there = threading.Lock(), wanted, threading.Event()

    def __call__(self, connection):
        with self.lock:
            self.connections += 1
        while read_request(connection):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
                if self.now == self.wanted:
                    self.there.set()
            if self.wanted:
                self.there.wait(PATIENCE)
            with self.lock:
                self.now -= 1
            connection.sendall(HELLO)


class Many(HttpGet):
    def run_all(self, port, count, *options, **more):
        return run("HTTP_GET", *("http://127.0.0.1:%d/%d" % (port, number) for number in range(count)), *options,
                   cwd=self.folder, **more)

    def test_one_after_the_other_on_one_connection(self):
        server = Keeping()
        with raw_server(server) as port:
            self.assertEqual(self.run_all(port, 20), (0, b"", ""))
        self.assertEqual((server.connections, server.most, len(self.files())), (1, 1, 20))

    def test_as_many_at_a_time_as_are_allowed(self):
        for options, most in ((["-Z"], 6), (["-Z", "--parallel-max", "3"], 3), (["-Z", "--parallel-max-host", "9"], 9),
                              (["-Z", "--parallel-max-host", "20", "--parallel-max", "2"], 2)):
            server = Keeping(wanted=most)
            with raw_server(server) as port:
                self.assertEqual(self.run_all(port, 20, "--clobber", *options), (0, b"", ""))
            self.assertTrue(server.there.is_set())
            self.assertEqual((server.connections, server.most), (most, most))
        for option in ("--parallel-max", "--parallel-max-host"):
            self.assert_fails(2, self.run_all(1, 1, "-Z", option, "0"), "0 at a time")

    def test_urls_from_a_file(self):
        with raw_server(replay(HELLO)) as port:
            text = "# some\n\nhttp://127.0.0.1:%d/a\r\n   127.0.0.1:%d/b  \n#http://127.0.0.1:1/\n" % (port, port)
            with open(self.path("list"), "w", encoding="ascii") as file:
                file.write(text)
            self.assertEqual(run("HTTP_GET", "--input-file", "list", cwd=self.folder), (0, b"", ""))
            self.assertEqual(self.files(), ["a", "b", "list"])
            ended = run("HTTP_GET", "http://127.0.0.1:%d/c" % port, "--input-file", "-", "-o", "first", "--clobber",
                        cwd=self.folder, input=text.encode())
            self.assertEqual(ended, (0, b"", ""))
        self.assertEqual(self.files(), ["a", "b", "first", "list"])
        self.assert_fails(2, run("HTTP_GET", "--input-file", "missing", cwd=self.folder), "missing", "No such file")
        self.assertEqual(run("HTTP_GET", "--input-file", "/dev/null", cwd=self.folder), (0, b"", ""))

    def test_the_first_failure_is_the_status_and_the_others_are_fetched(self):
        def serve(connection):
            while request := read_request(connection):
                connection.sendall(HELLO if b" /2 " not in request else b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")

        for options in ([], ["-Z"]):
            with raw_server(serve) as port:
                status, output, errors = self.run_all(port, 5, "--clobber", *options)
            self.assertEqual((status, output), (22, b""))
            self.assert_one_line(errors, "/2: ", "404")
            self.assertEqual(self.files(), ["0", "1", "3", "4"])

    def test_two_downloads_of_one_file_do_not_mix(self):
        bodies = [b"a" * 3_000_000, b"b" * 3_000_000]
        left = list(bodies)

        def serve(connection):
            body = left.pop()
            read_request(connection)
            connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)

        with raw_server(serve) as port:
            run("HTTP_GET", "-Z", "http://127.0.0.1:%d/x" % port, "http://127.0.0.1:%d/x" % port, cwd=self.folder)
        self.assertIn(self.content("x"), bodies)
        self.assertEqual(self.files(), ["x"])


class WriteOut(HttpGet):
    def test_what_is_said_in_the_end(self):
        redirect = b"HTTP/1.1 302 Found\r\nLocation: /there?q\r\nContent-Length: 0\r\n\r\n"
        typed = OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

        def serve(connection):
            while request := read_request(connection):
                connection.sendall(redirect if b" /x " in request else typed)

        with raw_server(serve) as port:
            base = "http://127.0.0.1:%d" % port
            said = r"%{http_code} %{response_code} %{size_download} %{num_redirects} %{num_connects} " \
                   r"%{url_effective} %{filename_effective} %{content_type} %{remote_ip}:%{remote_port} %{scheme}%{nonsense} 100%% %{x\n"
            status, output, errors = self.get(port, "/x", "-w", said)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(output.decode(), "200 200 5 1 1 %s/there?q x text/plain 127.0.0.1:%d http 100%% %%{x\n"
                             % (base, port))
            status, output, errors = self.get(port, "/x", "-w", r"%{json}\n%{stderr}err\t%{stdout}out", "--clobber")
            self.assertEqual((status, errors), (0, "err\t"))
            line, _, rest = output.decode().partition("\n")
            facts = json.loads(line)
            self.assertEqual(rest, "out")
            self.assertEqual([facts[name] for name in ("http_code", "size_download", "exitcode", "errormsg")],
                             [200, 5, 0, ""])
            self.assertEqual(facts["url"], base + "/x")
            self.assertTrue(0 < facts["time_connect"] <= facts["time_starttransfer"] <= facts["time_total"], facts)
            with open(self.path("format"), "w", encoding="ascii") as file:
                file.write("%{http_code}")
            self.assertEqual(self.get(port, "/x", "-w", "@format", "-o", "-"), (0, b"hello200", ""))

    def test_what_is_said_of_failures(self):
        with raw_server(replay(b"HTTP/1.1 404 \x1b[2J\"\r\nContent-Length: 0\r\n\r\n")) as port:
            status, output, _ = self.get(port, "/x", "-w", r"%{exitcode} %{http_code}%{onerror} %{errormsg}\n")
            self.assertEqual(status, 22)
            self.assertTrue(output.startswith(b"22 404 "), output)
            self.assertNotIn(b"\x1b", output)
            status, output, errors = self.get(port, "/x", "-s", "-w", "%{json}")
            self.assertEqual((status, errors), (22, ""))
            self.assertEqual(json.loads(output)["exitcode"], 22)
            self.assert_fails(22, self.get(port, "/x", "-sS"), "404")
        with raw_server(replay(HELLO)) as port:
            self.assertEqual(self.get(port, "/x", "-w", "%{http_code}%{onerror}failed"), (0, b"200", ""))

    def test_a_password_is_not_said(self):
        with raw_server(replay(HELLO)) as port:
            ended = run("HTTP_GET", "http://joe:secret@127.0.0.1:%d/x" % port, "-w", "%{url_effective} %{json}", "-v",
                        cwd=self.folder)
        self.assertEqual(ended[0], 0)
        self.assertNotIn(b"secret", ended[1])
        self.assertNotIn("secret", ended[2])


if __name__ == "__main__":
    unittest.main()
