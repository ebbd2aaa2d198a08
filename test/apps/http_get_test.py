# http_get as a user sees it: what it shows and saves, judged by other clients and servers, and how it fails.
import contextlib
import errno
import os
import resource
import signal
import socket
import stat
import threading
import unittest

from http_get import OK, HttpGet, file_server, tutorial_get
from programs import PATIENCE, Running, raw_server, read_all, read_request, replay, reset, run, wait_until

class Downloads(HttpGet):
    def test_a_page_is_the_same_as_the_tutorials_client_gets(self):
        contents = {"text.txt": "Grüße\r\nzwei\n".encode(), "binary": bytes(range(256)) * 40, "empty": b"",
                    "large": os.urandom(5 << 20), "page.html": b"<p>HTTP/1.1 200 OK\r\n\r\n"}
        served = self.path("served")
        os.mkdir(served)
        for name, content in contents.items():
            with open(os.path.join(served, name), "wb") as file:
                file.write(content)
        with file_server(served) as port:
            for name, content in contents.items():
                header, body = tutorial_get(port, "/" + name)
                status, output, errors = self.get(port, "/" + name, "-D", "-")
                self.assertEqual((status, errors), (0, ""))
                self.assertEqual(body, content)
                self.assertEqual(self.content(name), body)
                without_date = [line for line in header.split(b"\r\n") if not line.startswith(b"Date:")]
                shown = output.split(b"\r\n")
                self.assertEqual(shown[-2:], [b"", b""])
                self.assertEqual([line for line in shown[:-2] if not line.startswith(b"Date:")], without_date)
                os.unlink(self.path(name))
                self.assertEqual(self.get(port, "/" + name), (0, b"", ""))
            self.assertEqual(self.files(), sorted([*contents, "served"]))

    def test_the_request_is_one_that_any_server_understands(self):
        requests = []

        def serve(connection):
            requests.append(read_request(connection))
            connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

        with raw_server(serve) as port:
            for target in ("/a%20b/c?d=e#f", "/a b", ""):
                self.assertEqual(self.get(port, target, "-o", "x")[0], 0)
        lines = [request.split(b"\r\n") for request in requests]
        self.assertEqual([line[0] for line in lines],
                         [b"GET /a%20b/c?d=e HTTP/1.1", b"GET /a%20b HTTP/1.1", b"GET / HTTP/1.1"])
        for line in lines:
            self.assertIn(b"Host: 127.0.0.1:%d" % port, line)
            self.assertIn(b"Accept: */*", line)

    def test_a_body_by_length(self):
        self.assert_saves(b"hello", OK + b"Content-Length: 5\r\n\r\nhello")

    def test_a_body_until_the_server_closes(self):
        self.assert_saves(b"a\r\n\r\nb", OK + b"\r\n", b"a\r\n", b"\r\nb")
        self.assert_saves(b"", OK + b"\r\n")

    def test_a_chunked_body_with_trailers(self):
        self.assert_saves(b"hello, world", OK + b"Transfer-Encoding: chunked\r\n\r\n"
                          b"5\r\nhello\r\n7;why=not\r\n, world\r\n0\r\nX-Trailer: 1\r\nX-Other: 2\r\n\r\n")

    def test_replies_that_come_byte_by_byte(self):
        for reply in (OK + b"Content-Length: 5\r\n\r\nhello", OK + b"X: y\r\n\r\nhello",
                      OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n"):
            self.assert_saves(b"hello", *(bytes([byte]) for byte in reply))

    def test_interim_responses_come_before_the_final_one(self):
        with raw_server(replay(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
                               OK + b"Content-Length: 2\r\n\r\nhi")) as port:
            status, output, errors = self.get(port, "/file", "-D", "-")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                                 b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(self.content("file"), b"hi")

    def test_no_content_is_an_empty_file(self):
        with raw_server(replay(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
            self.assertEqual(self.get(port)[0], 0)
        self.assertEqual(self.content("file"), b"")

    def test_control_characters_of_a_header_are_shown_escaped(self):
        with raw_server(replay(b"HTTP/1.1 200 \x1b[2J\r\nX-Evil: \x1b]0;title\x07\x7f\xff\r\n\r\n")) as port:
            status, output, errors = self.get(port, "/file", "-v")
        self.assertEqual((status, output), (0, b""))
        self.assertIn("< HTTP/1.1 200 \\x1b[2J\n< X-Evil: \\x1b]0;title\\x07\\x7f\\xff\n", errors)
        self.assertNotIn("\x1b", errors)

    def test_a_host_is_enough_and_localhost_is_found(self):
        with raw_server(replay(OK + b"\r\nhi")) as port:
            status, _, errors = run("HTTP_GET", "localhost:%d" % port, cwd=self.folder)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(self.content("index.html"), b"hi")
            status, _, errors = run("HTTP_GET", "localhost:%d/get?from=http://x/y" % port, cwd=self.folder)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(self.content("get"), b"hi")

    def test_the_memory_it_takes_does_not_grow_with_the_body(self):
        def peak_for(size):
            everything_sent, looked = threading.Event(), threading.Event()

            def serve(connection):
                read_request(connection)
                connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % (size + 1))
                for _ in range(size >> 16):
                    connection.sendall(bytes(1 << 16))
                everything_sent.set()
                looked.wait(PATIENCE)
                connection.sendall(b"!")

            with raw_server(serve) as port:
                with Running("HTTP_GET", "http://127.0.0.1:%d/" % port, "-o", self.path("body")) as program:
                    self.assertTrue(everything_sent.wait(PATIENCE))
                    wait_until(lambda: self.files() == ["body.part"])
                    wait_until(lambda: os.path.getsize(self.path("body.part")) == size)
                    with open("/proc/%d/status" % program.process.pid, encoding="ascii") as file:
                        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
                    looked.set()
                    self.assertEqual(program.process.wait(PATIENCE), 0)
            self.assertEqual(os.path.getsize(self.path("body")), size + 1)
            os.unlink(self.path("body"))
            return peak

        self.assertLess(peak_for(64 << 20) - peak_for(1 << 16), 4096)  # KiB


class Output(HttpGet):
    def test_default_names_are_the_last_segment_and_harmless(self):
        names = {"/": "index.html", "": "index.html", "/a/": "a", "/a/b.txt?c/d#e/f": "b.txt",
                 "/a%20b": "a b", "/%C3%BC": "ü", "/a/..%2f..%2fx": "x", "/..%5cx": "x", "/a%00b": "a_b",
                 "/a%0ab%7f": "a_b_", "/..": "index.html", "/%2e%2e": "index.html", "/...": "index.html", "/-": "-",
                 "/.profile": ".profile"}
        with raw_server(replay(OK + b"\r\nbody")) as port:
            for target, name in names.items():
                status, _, errors = self.get(port, target)
                self.assertEqual((status, errors), (0, ""), target)
                self.assertEqual(self.files(), [name], target)
                os.unlink(self.path(name))

    def test_a_file_may_be_chosen_and_an_existing_one_is_replaced_only_when_the_new_one_is_whole(self):
        with raw_server(replay(OK + b"Content-Length: 4\r\n\r\nbody")) as port:
            self.assertEqual(self.get(port, "/x", "-o", "chosen")[0], 0)
        self.assertEqual(self.files(), ["chosen"])
        with raw_server(replay(OK + b"Content-Length: 8\r\n\r\nnew")) as port:
            self.assert_fails(18, self.get(port, "/x", "-o", "chosen"))
        self.assertEqual((self.files(), self.content("chosen")), (["chosen"], b"body"))
        with raw_server(replay(OK + b"Content-Length: 3\r\n\r\nnew")) as port:
            self.assertEqual(self.get(port, "/x", "-o", "chosen")[0], 0)
        self.assertEqual((self.files(), self.content("chosen")), (["chosen"], b"new"))

    def test_standard_output_gets_the_body_alone(self):
        body = bytes(range(256)) * 1000
        with raw_server(replay(OK + b"X: y\r\n\r\n", body)) as port:
            self.assertEqual(self.get(port, "/x", "-o", "-"), (0, body, ""))
        self.assertEqual(self.files(), [])

    def test_what_a_slow_server_sends_arrives_when_it_sends_it(self):
        seen = threading.Event()

        def serve(connection):
            read_request(connection)
            connection.sendall(OK + b"\r\nfirst\n")
            seen.wait(PATIENCE)
            connection.sendall(b"second\n")

        with raw_server(serve) as port:
            with Running("HTTP_GET", "http://127.0.0.1:%d/" % port, "-o", "-") as program:
                self.assertEqual(program.line(), "first")
                seen.set()
                self.assertEqual(program.line(), "second")
                self.assertEqual(program.process.wait(PATIENCE), 0)

    def test_a_pipe_is_written_to_and_stays_one(self):
        os.mkfifo(self.path("pipe"))
        body = os.urandom(300_000)
        received = []

        def read():
            received.append(self.content("pipe"))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        with raw_server(replay(OK + b"\r\n", body)) as port:
            status, _, errors = self.get(port, "/x", "-o", "pipe")
        self.assertEqual((status, errors), (0, ""))
        reader.join(PATIENCE)
        self.assertEqual(received, [body])
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode))
        self.assertEqual(self.files(), ["pipe"])

    def test_a_full_disk(self):
        with raw_server(replay(OK + b"Content-Length: 4\r\n\r\nbody")) as port:
            self.assert_fails(23, self.get(port, "/x", "-o", "/dev/full"), "/dev/full", os.strerror(errno.ENOSPC))
            with open("/dev/full", "wb") as full:
                with Running("HTTP_GET", "http://127.0.0.1:%d/" % port, "-o", "-", stdout=full) as program:
                    self.assertEqual(program.process.wait(PATIENCE), 23)
                    self.assertIn(os.strerror(errno.ENOSPC), program.rest(program.errors)[-1])
        self.assertEqual(self.files(), [])
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))

    def test_a_file_that_cannot_grow_leaves_nothing(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        with raw_server(replay(OK + b"\r\n", bytes(200_000))) as port:
            self.assert_fails(23, self.get(port, preexec_fn=small_files), "write file file", os.strerror(errno.EFBIG))
        self.assertEqual(self.files(), [])

    def test_targets_that_cannot_be_written(self):
        os.mkdir(self.path("folder"))
        with raw_server(replay(OK + b"\r\nbody")) as port:
            self.assert_fails(23, self.get(port, "/x", "-o", "missing/file"), "missing/file", os.strerror(errno.ENOENT))
            self.assert_fails(23, self.get(port, "/x", "-o", "folder"), "folder", os.strerror(errno.EISDIR))
            self.assert_fails(23, self.get(port, "/folder"), "folder", os.strerror(errno.EISDIR))
            self.assert_fails(23, self.get(port, "/x", "-o", "n" * 300), os.strerror(errno.ENAMETOOLONG))
        self.assertEqual(self.files(), ["folder"])

    def test_a_folder_that_takes_the_name_meanwhile_stays(self):
        def serve(connection):
            read_request(connection)
            connection.sendall(OK + b"Content-Length: 4\r\n\r\nbo")
            wait_until(lambda: self.files() == ["file.part"])
            os.mkdir(self.path("file"))
            connection.sendall(b"dy")

        with raw_server(serve) as port:
            self.assert_fails(23, self.get(port), "rename file file.part to file: ", os.strerror(errno.EEXIST))
        self.assertEqual((self.files(), self.content("file.part")), (["file", "file.part"], b"body"))


class Failures(HttpGet):
    """Each kind has its status, which is curl's, and one line that says what was attempted and why it failed."""

    def tearDown(self):
        self.assertEqual(self.files(), [])

    def test_what_is_no_http_url(self):
        for text in ("http://", "http://[::1", "http://host:port/", "http://host:65536/", "http://a b/", "", "://x",
                     "http://[1.2.3.4]/", "http://host\n/"):
            status, output, errors = run("HTTP_GET", text, cwd=self.folder)
            self.assertEqual((status, output), (3, b""), text)
            self.assert_one_line(errors, "http_get: parse URL ")
        for text in ("ftp://127.0.0.1/x", "file:///etc/passwd"):
            self.assert_fails(3, run("HTTP_GET", text, cwd=self.folder), text, "only http and https")

    def test_an_unknown_host(self):
        self.assert_fails(6, run("HTTP_GET", "http://name.invalid/x", cwd=self.folder), "resolve name.invalid: ")

    def test_a_refused_connection(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            port = bound.getsockname()[1]
            self.assert_fails(7, self.get(port), "connect to 127.0.0.1:%d" % port, os.strerror(errno.ECONNREFUSED))

    def test_an_unanswered_connection(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
            port = listener.getsockname()[1]
            for _ in range(8):  # no place is left
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            self.assert_fails(28, self.get(port, "/x", "--connect-timeout", "0.3"), "connect to 127.0.0.1:%d" % port,
                              "timed out")

    def test_a_server_that_never_answers(self):
        with raw_server(lambda connection: read_all(connection)) as port:
            self.assert_fails(28, self.get(port, "/x", "--max-time", "0.3"), "/x: ", "0.3 seconds")

    def test_a_server_that_stops_in_the_middle(self):
        def serve(connection):
            replay(OK + b"Content-Length: 8\r\n\r\nbody")(connection)
            connection.recv(1)

        with raw_server(serve) as port:
            self.assert_fails(28, self.get(port, "/x", "--max-time", "0.3"), "/x: ", "0.3 seconds")

    def test_what_is_no_http(self):
        for reply in (b"SSH-2.0-OpenSSH\r\n", b"\x00\x01\x02\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
                      OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", OK + b"Content-Length: -1\r\n\r\n",
                      OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", OK + b"no colon\r\n\r\n",
                      OK + b"Transfer-Encoding: gzip\r\n\r\n"):
            with raw_server(replay(reply)) as port:
                self.assert_fails(8, self.get(port), "/file: read response: ")

    def test_a_header_that_does_not_end(self):
        with raw_server(replay(OK, *[b"X: %s\r\n" % (b"y" * 1020)] * 257)) as port:
            self.assert_fails(8, self.get(port), "/file: read response: ", "262144")

        def serve(connection):
            read_request(connection)
            connection.sendall(OK)
            while True:
                connection.sendall(b"y" * 65536)

        with raw_server(serve) as port:
            self.assert_fails(8, self.get(port), "/file: read response: ")

    def test_a_reply_that_is_cut_short(self):
        for reply in (OK + b"Content-Length: 5\r\n\r\nhell", OK + b"Content-Length: 5\r\n\r\n", OK + b"X: y\r\n",
                      b"HTT",
                      OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                      OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"):
            with raw_server(replay(reply)) as port:
                self.assert_fails(18, self.get(port), "/file: read response: ")
                self.assertEqual(self.files(), [])

    def test_a_server_that_says_no(self):
        with file_server(self.folder) as port:
            self.assert_fails(22, self.get(port, "/missing"), "/missing: ", "404 File not found")
        with raw_server(replay(b"HTTP/1.1 302 Found\r\nLocation: http://other/\x1b\r\n\r\nbody")) as port:
            self.assert_fails(22, self.get(port, "/file", "--no-location"), "302 Found", "http://other/\\x1b")
        with raw_server(replay(b"HTTP/1.1 500 \x1b[31m\r\n\r\n")) as port:
            status, output, errors = self.get(port, "/x", "-o", "-")
            self.assertEqual((status, output), (22, b""))
            self.assertEqual(errors.count("\n"), 1)
            self.assertNotIn("\x1b", errors)

    def test_a_server_that_closes_without_a_byte(self):
        with raw_server(read_request) as port:
            self.assert_fails(52, self.get(port), "/file: wait for a response: ")

    def test_a_reset_in_the_middle(self):
        def serve(connection):
            replay(OK + b"Content-Length: 8\r\n\r\nbody")(connection)
            wait_until(lambda: self.files() == ["file.part"])
            reset(connection)

        with raw_server(serve) as port:
            self.assert_fails(56, self.get(port), "read from 127.0.0.1:%d" % port, os.strerror(errno.ECONNRESET))

    def test_sigint_and_sigterm_during_a_download_leave_nothing(self):
        def serve(connection):
            replay(OK + b"Content-Length: 8\r\n\r\nbody")(connection)
            connection.recv(1)

        with raw_server(serve) as port:
            for number in (signal.SIGINT, signal.SIGTERM):
                with Running("HTTP_GET", "http://127.0.0.1:%d/file" % port, cwd=self.folder) as program:
                    wait_until(lambda: self.files() == ["file.part"])
                    self.assertEqual(program.end(number), 128 + number)
                    self.assert_one_line("".join(program.rest(program.errors)), "/file: interrupted")
                self.assertEqual(self.files(), [])

    def test_a_password_in_a_url_is_not_shown(self):
        with raw_server(replay(b"garbage\r\n")) as port:
            ended = run("HTTP_GET", "http://user:secret@127.0.0.1:%d/" % port, cwd=self.folder)
        self.assert_fails(8, ended, "http://127.0.0.1:%d/" % port)
        self.assertNotIn("secret", ended[2])
        self.assertNotIn("secret", run("HTTP_GET", "ftp://user:secret@host/", cwd=self.folder)[2])

    def test_help_version_and_wrong_options(self):
        status, output, errors = run("HTTP_GET", "--help")
        self.assertEqual((status, errors), (0, ""))
        for option in ("URL", "--output", "--connect-timeout", "--max-time", "--version"):
            self.assertIn(option, output.decode())
        status, output, errors = run("HTTP_GET", "--version")
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(output.decode(), r"\Ahttp_get [0-9]+\.[0-9]+\.[0-9]+\n\Z")
        for arguments in ([], ["--nonsense", "http://x/"], ["http://x/", "-o"], ["http://x/", "-o", "a", "-o", "b"],
                          ["http://x/", "--connect-timeout", "0"], ["http://x/", "--max-time", "nan"],
                          ["http://x/", "--max-time", "-1"], ["http://x/", "--max-time", "soon"]):
            status, output, errors = run("HTTP_GET", *arguments, cwd=self.folder)
            self.assertEqual((status, output), (2, b""), (arguments, errors))
            self.assertLessEqual(errors.count("\n"), 2, errors)
            self.assertTrue(errors)


if __name__ == "__main__":
    unittest.main()
