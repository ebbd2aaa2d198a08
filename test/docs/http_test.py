"""The programs of docs/http.md, as they stand there: real clients and servers at their other ends."""
import http.client
import os
import re
import socket
import threading
import unittest

import extract
from tutorial_test import ROOT, Server, programs

PROGRAMS = extract.programs(ROOT / "docs" / "http.md")
OK = b"HTTP/1.1 200 OK\r\n"
PAGE = OK + b"Content-Length: 5\r\n\r\nhello"


class Clients(programs.Case):
    longMessage = False

    def test_every_program_of_the_page_is_built(self):
        self.assertEqual({name for name in PROGRAMS if name.upper() not in os.environ}, set())

    def test_a_download_goes_on_where_it_was_cut(self):
        content = bytes(range(256)) * 8

        def serve(connection):
            request = programs.read_request(connection).decode()
            begin = int(re.search("^(?:.*\r\nRange: bytes=([0-9]+)-)?", request, re.DOTALL)[1] or 0)
            rest = content[begin:]
            head = b"Content-Range: bytes %d-2047/2048\r\n" % begin if begin else b""
            connection.sendall((b"HTTP/1.1 206 Rest\r\n" if begin else OK) + head + b'ETag: "1"\r\n'
                               + b"Content-Length: %d\r\n\r\n" % len(rest) + rest[:1000])
        with programs.raw_server(serve) as port:
            status, output, errors = programs.run("FETCH_FILE", f"127.0.0.1:{port}/file", self.path("saved"))
        self.assertEqual((status, output.decode()), (0, self.path("saved") + ": 2048 bytes\n"), errors)
        self.assertRegex(errors, r"^after 1000 bytes: .* 1048 bytes too early\nafter 2000 bytes: .* 48 bytes too early\n$")
        self.assertEqual(self.content("saved"), content)
        self.assertEqual(os.listdir(self.folder), ["saved"])

    def test_pages_are_looked_at_side_by_side(self):
        both = threading.Barrier(2)

        def serve(connection):
            if b"GET /here " in programs.read_request(connection):
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
                programs.read_request(connection)
            both.wait(programs.PATIENCE)
            connection.sendall(PAGE)
        with programs.raw_server(serve) as port:
            base = f"http://127.0.0.1:{port}"
            status, output, errors = programs.run("LOOK", base + "/here", base + "/page")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(sorted(output.decode().split("hello")),
                         ["", base + "/page 200 0\n", base + "/there 200 1\n"])

    def test_a_daemon_is_asked_at_its_socket(self):
        requests = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("socket"))
            listener.listen()

            def serve():
                peer, _ = listener.accept()
                with peer:
                    requests.append(programs.read_request(peer))
                    peer.sendall(PAGE)
            serving = threading.Thread(target=serve, daemon=True)
            serving.start()
            self.assertEqual(programs.run("ASK_DAEMON", self.path("socket"), "/info?all"), (0, b"hello", ""))
            serving.join()
        self.assertEqual(requests, [b"GET /info?all HTTP/1.1\r\nHost: localhost\r\n\r\n"])

    def test_a_page_is_saved(self):
        with programs.raw_server(programs.replay(PAGE)) as port:
            ended = programs.run("SAVE_PAGE", f"http://127.0.0.1:{port}/", self.path("page"))
        self.assertEqual(ended, (0, b"", ""))
        self.assertEqual(self.content("page"), b"hello")


class HelloServer(unittest.TestCase):
    longMessage = False

    def setUp(self):
        self.server = Server("hello_server")
        self.addCleanup(self.server.__exit__, None, None, None)

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.server.port), programs.PATIENCE) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return programs.read_all(connection)

    def test_a_connection_carries_several_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=programs.PATIENCE)
        self.addCleanup(connection.close)
        for target in ("/first", "/second?a=b"):
            connection.request("GET", target, body=b"with a body")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read().decode()), (200, f"Hello, this is {target}\n"))
        connection.request("DELETE", "/third")
        self.assertEqual(connection.getresponse().status, 501)

    def test_requests_may_come_together_and_their_bodies_may_wait_for_a_word(self):
        both = self.ask(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                        b"Expect: 100-continue\r\n\r\nabc")
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)|(this is /\d)", both),
                         [(b"200", b""), (b"", b"this is /1"), (b"100", b""), (b"200", b""), (b"", b"this is /2")])

    def test_what_two_readers_could_understand_in_two_ways_is_refused(self):
        for request, status in ((b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\nHost: a\n\n", 400),
                                (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), (b"GET /" + 20_000 * b"x", 414),
                                (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 400)):
            with self.subTest(request[:40]):
                self.assertTrue(self.ask(request).startswith(b"HTTP/1.1 %d " % status))
        self.assertEqual(self.server.hurry(), 0)


if __name__ == "__main__":
    unittest.main()
