# http_get under attack by servers: it ends by itself, says why in one line, leaves nothing and takes little memory.
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import unittest
import zlib

import tls
from hostile import (CHUNKED, ESCAPES, GROWTH, HELLO, Hostile, encoded, endless, gzip, in_turn, redirect, tarpit,
                     zeros_in_gzip, zeros_in_zstd)
from http_get import OK
from programs import PATIENCE, Running, raw_server, read_all, read_request, replay, reset, run, wait_until


class WithoutEnd(Hostile):
    def test_headers(self):
        many = b"X: y\r\n" * 4096
        self.assert_repelled({
            "a line": (endless(OK + b"X: ", b"y" * 65536), [], 8, "a line has more bytes than 102400"),
            "a status line": (endless(b"HTTP/1.1 200 ", b"y" * 65536), [], 8, "a line has more bytes than 102400"),
            "fields": (endless(OK, many), [], 8, "the header has more fields than 1000"),
            "long fields": (endless(OK, b"X: %s\r\n" % (b"y" * 1018)), [], 8, "the header has more bytes than 262144"),
            "a folded field": (endless(OK + b"X: y\r\n", b" y\r\n" * 4096), [], 8, "the header has more bytes"),
            "empty lines": (endless(b"", b"\r\n" * 4096), [], 8, "read response: "),
            "interim responses": (endless(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 100), [], 8,
                                  "more interim responses than 64"),
            "an interim response": (endless(b"HTTP/1.1 103 Early\r\n", many), [], 8, "more fields than 1000"),
            "trailers": (endless(CHUNKED + b"0\r\n", many), [], 8, "the header has more fields than 1000"),
            "cookies": (endless(OK, b"Set-Cookie: a=b\r\n" * 4096), [], 8, "the header has more fields than 1000"),
            "a header as it trickles": (tarpit(OK, b"X"), ["-m", "0.5"], 28, "not complete after 0.5 seconds"),
        })

    def test_bodies(self):
        limit = ["--max-filesize", "1M"]
        huge = b"Content-Length: 9223372036854775807\r\n\r\n"
        self.assert_repelled({
            "until it closes": (endless(OK + b"\r\n", bytes(65536)), limit, 63, "more bytes than 1048576"),
            "by length": (endless(OK + huge, bytes(65536)), limit, 63, "more than 1048576", "9223372036854775807"),
            "by a length that is too large": (replay(OK + b"Content-Length: 9223372036854775808\r\n\r\n"), limit, 8),
            "in chunks": (endless(CHUNKED, b"10000\r\n%s\r\n" % bytes(65536)), limit, 63, "more bytes than 1048576"),
            "in a chunk": (endless(CHUNKED + b"7fffffffffffffff\r\n", bytes(65536)), limit, 63, "more bytes than"),
            "in small chunks": (endless(CHUNKED, b"1\r\nx\r\n" * 8192), limit, 63, "more bytes than 1048576"),
            "with extensions": (endless(CHUNKED, b"1;%s\r\nx\r\n" % (b"y" * 100) * 100), limit, 8, "extensions exceed"),
            "with one extension": (endless(CHUNKED + b"1;", b"y" * 65536), limit, 8, "a line has more bytes"),
            "of an error": (endless(b"HTTP/1.1 404 Lost\r\n\r\n", bytes(65536)), [], 22, "404 Lost"),
            "of an error that is saved": (endless(b"HTTP/1.1 404 Lost\r\n\r\n", bytes(65536)),
                                          [*limit, "--fail-with-body"], 63, "more bytes than 1048576"),
        })

    def test_tarpits(self):
        slow = ["--speed-limit", "1000", "--speed-time", "1"]
        too_slow = "fewer than 1000 bytes a second came"
        self.assert_repelled({
            "a header": (tarpit(OK, b"X"), slow, 28, too_slow),
            "a body": (tarpit(OK + b"\r\n"), slow, 28, too_slow),
            "a body by length": (tarpit(OK + b"Content-Length: 1000000\r\n\r\n"), slow, 28, too_slow),
            "chunks": (tarpit(CHUNKED, b"1\r\nx\r\n"), slow, 28, too_slow),
            "nothing": (read_all, slow, 28, too_slow),
            "a body until a moment": (tarpit(OK + b"\r\n"), ["-m", "0.4"], 28, "not complete after 0.4 seconds"),
            "the body of a redirect": (tarpit(redirect(b"/x", b"Content-Length: 60000\r\n\r\n")), slow, 47),
            "a proxy": (lambda _: None, ["--connect-timeout", "0.4", "-x", "socks5://127.0.0.1:%d" % self.pit()], 28),
            "a tunnel": (lambda _: None, ["--connect-timeout", "0.4", "-p", "-x", "127.0.0.1:%d" % self.pit()], 28),
        })

    def pit(self):
        """The port of somebody who takes connections and says nothing."""
        return self.enterContext(raw_server(read_all))

    def test_handshakes(self):
        with raw_server(read_all) as port:
            ended = run("HTTP_GET", "https://127.0.0.1:%d/file" % port, "--connect-timeout", "0.4", cwd=self.folder)
            self.assert_fails(28, ended, "TLS handshake with")
        with raw_server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" * 1000)) as port:
            ended = run("HTTP_GET", "https://127.0.0.1:%d/file" % port, cwd=self.folder)
            self.assert_fails(35, ended, "TLS handshake with")

    def test_proxies(self):
        """What a proxy answers to CONNECT is held to the same limits."""
        for begin, again in ((b"HTTP/1.1 200 ", b"y" * 65536), (OK, b"X: y\r\n" * 4096),
                             (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)):
            with raw_server(endless(begin, again)) as port:
                ended = run("HTTP_GET", "http://name.invalid/file", "-p", "-x", "127.0.0.1:%d" % port, cwd=self.folder)
                self.assertIn(ended[0], (8, 56), ended)
                self.assert_fails(ended[0], ended, "http://name.invalid/file: ")
        self.assertEqual(self.files(), [])


class Bombs(Hostile):
    def test_they_are_held_to_the_size_that_is_allowed(self):
        limit = ["--compressed", "--max-filesize", "20M"]
        bomb = zeros_in_gzip()
        more = "more bytes than 20971520"
        endless_gzip = OK + b"Content-Encoding: gzip\r\n\r\n"
        attacks = {
            "many members": (replay(encoded(b"gzip", bomb * 100)), limit, 63, more),
            "members without end": (endless(endless_gzip, bomb), limit, 63, more),
            "a bomb in a bomb": (replay(encoded(b"gzip, gzip", gzip(bomb * 1000))), limit, 63, more),
            "one more": (replay(encoded(b"gzip, gzip, gzip", gzip(gzip(bomb * 1000)))), limit, 63, more),
            "deflate": (replay(encoded(b"deflate", zlib.compress(bytes(30 << 20)))), limit, 63, more),
            "nothing, again and again": (endless(endless_gzip, gzip(b"") * 100), [*limit, "-m", "1"], 28),
            "many codings": (replay(encoded(b"gzip, " * 5 + b"gzip", b"x")), limit, 61, "more than 5 codings"),
            "a coding nobody knows": (replay(encoded(b"\x1b[2J", b"x")), limit, 61, "\\x1b[2J"),
            "no gzip": (replay(encoded(b"gzip", b"hello")), limit, 61, "gzip"),
            "gzip without its end": (replay(encoded(b"gzip", bomb[:-1])), limit, 61, "gzip ended too early"),
        }
        if shutil.which("zstd"):
            attacks["zstd"] = (replay(encoded(b"zstd", zeros_in_zstd() * 100)), limit, 63, more)
            attacks["zstd in gzip"] = (replay(encoded(b"zstd, gzip", gzip(zeros_in_zstd() * 1000))), limit, 63, more)
        self.assert_repelled(attacks)

    def test_while_one_is_decoded_time_and_the_user_can_end_it(self):
        body = encoded(b"gzip, gzip", gzip(zeros_in_gzip() * 2000))  # 32 GiB
        status, _, errors, peak = self.attack(replay(body), "--compressed", "-o", "/dev/null", "-m", "0.5")
        self.assertEqual(status, 28, errors)
        self.assertLess(peak - self.usual, GROWTH)
        with raw_server(replay(body)) as port:
            with Running("HTTP_GET", "http://127.0.0.1:%d/file" % port, "--compressed", cwd=self.folder) as program:
                wait_until(lambda: self.files() and os.path.getsize(self.path(self.files()[0])) > 1 << 20)
                self.assertEqual(program.end(signal.SIGINT), 130)
        self.assertEqual(self.files(), [])


class Redirects(Hostile):
    def test_that_lead_nowhere_good(self):
        away = "only http and https are followed"
        self.assert_repelled({
            "in a circle": (in_turn(redirect(b"/file")), [], 47, "more than 50 redirects"),
            "in a circle of relative ones": (in_turn(redirect(b"file/file")), ["--max-redirs", "7"], 47, "7 redirects"),
            "file": (in_turn(redirect(b"file:///etc/passwd")), [], 1, "redirect file:///etc/passwd", away),
            "ftp": (in_turn(redirect(b"ftp://127.0.0.1/x")), [], 1, "redirect ftp://127.0.0.1/x", away),
            "javascript": (in_turn(redirect(b"javascript:alert(1)")), [], 1, "redirect javascript:alert(1)", away),
            "data": (in_turn(redirect(b"data:text/plain,x")), [], 1, "redirect data:text/plain,x", away),
            "escapes": (in_turn(redirect(b"gopher://x/" + ESCAPES)), [], 3, "\\x1b[2J\\x1b]0;title\\x07"),
            "controls": (in_turn(redirect(b"/x\x01\x0b\x7f")), [], 3, "/x\\x01\\x0b\\x7f"),
            "a long one": (in_turn(redirect(b"x:" + b"y" * 90000)), [], 1, away),
            "no host": (in_turn(redirect(b"http://")), [], 3, "parse URL"),
            "a host of two lines": (in_turn(redirect(b"http://127.0.0.1%0d%0aX-Evil:%20yes/")), [], 3, "parse URL"),
            "a port that is none": (in_turn(redirect(b"http://127.0.0.1:99999/")), [], 3, "parse URL"),
            "two places": (in_turn(redirect(b"/a", b"Location: /b\r\n\r\n")), [], 8, "leads to two places: /a, /b"),
        })

    def test_that_lead_where_others_can_read(self):
        with tempfile.TemporaryDirectory() as folder:
            authority = tls.certificates.Authority(folder)
            context = tls.server_context(authority.issue("server"))
            with raw_server(replay(HELLO)) as clear:
                to = b"http://127.0.0.1:%d/file" % clear
                with raw_server(tls.encrypted(context, in_turn(redirect(to)))) as port:
                    url = "https://localhost:%d/file" % port
                    ended = run("HTTP_GET", url, "--cacert", authority.file, cwd=self.folder)
                    self.assert_fails(1, ended, "redirect", "from https to http")
                    self.assertEqual(self.files(), [])
                    ended = run("HTTP_GET", url, "--cacert", authority.file, "--allow-downgrade", cwd=self.folder)
                    self.assertEqual(ended, (0, b"", ""))
        self.assertEqual(self.content("file"), b"hello")

    def follow(self, first, *options, second=HELLO):
        """Follows a redirect; the requests."""
        requests = []

        def serve(connection):
            while request := read_request(connection).decode():
                requests.append(request)
                connection.sendall(first if request.startswith("GET /file ") else second)

        status, _, errors, _ = self.attack(serve, "--clobber", *options)
        self.assertEqual((status, errors), (0, ""))
        return requests

    def test_whose_bodies_have_no_end(self):
        def serve(connection):
            if b"GET /x " in read_request(connection):
                connection.sendall(HELLO)
                return
            connection.sendall(redirect(b"/x", b"Content-Length: 1000000000000\r\n\r\n"))
            while True:
                connection.sendall(bytes(65536))

        status, _, errors, peak = self.attack(serve)
        self.assertEqual((status, errors, self.content("file")), (0, "", b"hello"))
        self.assertLess(peak - self.usual, GROWTH)

    def test_that_would_add_a_line_to_the_request(self):
        for to in (b"/%0d%0aX-Evil:%20yes", b"/x?%0d%0aX-Evil:%20yes", b"/\tx X-Evil: yes", b"/x\xff\xfe#%0d%0a",
                   b"/x\r\n X-Evil: yes"):
            for request in self.follow(redirect(to)):
                self.assertNotRegex(request.lower(), r"(?m)^x-evil")
                self.assertRegex(request, r"\A(?:[\x20-\x7e]+\r\n)+\r\n\Z")

    def test_whose_user_would_add_a_line_to_the_request(self):
        challenge = (b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n"
                     b'WWW-Authenticate: Digest realm="a\x01\\"b\xff", nonce="n\x7f\\\\", opaque="\x1b", qop=auth\r\n'
                     b"\r\n")
        for scheme in ("--basic", "--digest", "--anyauth"):
            asked = []

            def serve(connection):
                while request := read_request(connection).decode("latin-1"):
                    asked.append(request)
                    to = b"http://a%%0d%%0aX-Evil:b%%22@127.0.0.1:%d/x" % connection.getsockname()[1]
                    connection.sendall(redirect(to) if request.startswith("GET /file ") else challenge)

            status, _, errors, _ = self.attack(serve, scheme, "-u", "mine:secret")
            self.assertEqual(status, 22, errors)
            self.assertGreater(len(asked), 1)
            for request in asked:
                self.assertNotRegex(request.lower(), r"(?m)^x-evil")
        self.assertEqual(self.files(), [])

    def test_what_a_referer_tells(self):
        requests = []

        def serve(connection):
            while request := read_request(connection).decode():
                requests.append(request)
                connection.sendall(redirect(b"/x?y") if request.startswith("GET /file") else HELLO)

        with raw_server(serve) as port:
            url = "http://user:secret@127.0.0.1:%d/file#part" % port
            self.assertEqual(run("HTTP_GET", url, "-e", ";auto", cwd=self.folder), (0, b"", ""))
        self.assertIn("Referer: http://127.0.0.1:%d/file\r\n" % port, requests[1])

    def test_what_a_referer_does_not_tell_to_all(self):
        """RFC 9110 section 10.1.3: none in the clear of what was asked in secret."""
        requests = []

        def serve(connection):
            requests.append(read_request(connection).decode())
            connection.sendall(HELLO)

        with tempfile.TemporaryDirectory() as folder, raw_server(serve) as clear:
            authority = tls.certificates.Authority(folder)
            context = tls.server_context(authority.issue("server"))
            to = b"http://127.0.0.1:%d/x" % clear
            with raw_server(tls.encrypted(context, in_turn(redirect(to)))) as port:
                ended = run("HTTP_GET", "https://localhost:%d/file?token=secret" % port, "--cacert", authority.file,
                            "--allow-downgrade", "-e", ";auto", cwd=self.folder)
        self.assertEqual(ended, (0, b"", ""))
        self.assertNotIn("Referer", requests[0])


class Answers(Hostile):
    def test_that_are_wrong(self):
        partial = b"HTTP/1.1 206 Partial Content\r\n"
        self.assert_repelled({
            "a part that nobody has asked for": (
                replay(partial + b"Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nhello"), [], 33),
            "a beginning that nobody has asked for": (
                replay(partial + b"Content-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello"), [], 33),
            "too short": (replay(OK + b"Content-Length: 6\r\n\r\nhello"), [], 18, "1 bytes too early"),
            "no chunk": (replay(CHUNKED + b"hello\r\n"), [], 8, "chunk size"),
            "a negative chunk": (replay(CHUNKED + b"-1\r\nhello"), [], 8, "chunk size"),
            "a chunk that is too large": (replay(CHUNKED + b"8000000000000000\r\nhello"), [], 8, "chunk size"),
            "a long chunk": (replay(CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n"), [], 8, "longer than its size"),
            "no last chunk": (replay(CHUNKED + b"5\r\nhello\r\n"), [], 18, "inside a chunked body"),
            "two lengths": (replay(OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello"), [], 8),
            "garbage in a trailer": (replay(CHUNKED + b"5\r\nhello\r\n0\r\n\x00\r\n\r\n"), [], 8),
            "a status of four digits": (replay(b"HTTP/1.1 2000 OK\r\n\r\nhello"), [], 8, "three digits"),
            "a status of zero": (replay(b"HTTP/1.1 000 OK\r\n\r\nhello"), [], 8, "three digits"),
        })

    def test_that_are_cut_at_any_byte(self):
        reply = (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Transfer-Encoding: chunked\r\nX: y\r\n\r\n"
                 b"5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n")
        at = iter(range(len(reply)))

        def serve(connection):
            read_request(connection)
            count = next(at)
            connection.sendall(reply[:count])
            if count % 2:
                reset(connection)

        with raw_server(serve) as port:
            for count in range(len(reply)):
                status, output, errors = self.get(port)
                self.assertIn(status, (52, 56) if count == 0 else (18, 56), (count, errors))
                self.assert_one_line(errors, "http_get: ")
                self.assertEqual((output, self.files()), (b"", []))

    def test_with_something_behind_the_end(self):
        """What stands there is not the answer to the next request."""
        for evil in (HELLO.replace(b"hello", b"wrong"), b"x", b"\r\n"):
            numbers = []

            def serve(connection):
                numbers.append(0)
                while read_request(connection):
                    numbers[-1] += 1
                    connection.sendall(HELLO + evil)

            status, _, errors = self.get_two(serve)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual((self.content("a"), self.content("b")), (b"hello", b"hello"))
            self.assertEqual(numbers, [1, 1])

    def test_with_something_before_the_question(self):
        """A kept connection on which something has come meanwhile is of no use."""
        came = threading.Event()
        count = []

        def serve(connection):
            count.append(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while read_request(connection):
                connection.sendall(HELLO)
                if len(count) == 1:
                    connection.sendall(HELLO.replace(b"hello", b"wrong"))
                    came.set()

        def other(connection):
            read_request(connection)
            came.wait(PATIENCE)
            connection.sendall(HELLO)

        with raw_server(serve) as port, raw_server(other) as between:
            urls = ["http://127.0.0.1:%d/a" % port, "http://127.0.0.1:%d/c" % between, "http://127.0.0.1:%d/b" % port]
            self.assertEqual(run("HTTP_GET", *urls, cwd=self.folder), (0, b"", ""))
        self.assertEqual([self.content(name) for name in "abc"], [b"hello"] * 3)

    def get_two(self, serve):
        with raw_server(serve) as port:
            url = "http://127.0.0.1:%d/" % port
            return run("HTTP_GET", url + "a", url + "b", "--clobber", cwd=self.folder)

    def test_before_the_question(self):
        def serve(connection):
            connection.sendall(HELLO)
            read_all(connection)

        self.assertEqual(self.attack(serve)[:3], (0, b"", ""))
        self.assertEqual(self.content("file"), b"hello")

    def test_with_many_cookies(self):
        requests = []
        cookies = b"".join(b"Set-Cookie: c%d=%s\r\n" % (number, b"y" * 100) for number in range(990))

        def serve(connection):
            while request := read_request(connection):
                requests.append(request)
                connection.sendall(OK + cookies + b"Content-Length: 5\r\n\r\nhello")

        self.assertEqual(self.get_two(serve), (0, b"", ""))
        sent = re.search(rb"\r\nCookie: (.*?)\r\n", requests[1])[1]
        self.assertTrue(0 < len(sent) <= 8190, len(sent))

    def test_with_cookies_that_would_steer(self):
        requests = []
        values = [b"a=\x1b[2J", b"b=c\td", b"e=f; Domain=com", b"g=h; Domain=evil", b"i=" + b"y" * 5000,
                  b"__Host-j=k", b"", b";;;=;", b"l=m\x7f"]
        evil = b"".join(b"Set-Cookie: %s\r\n" % value for value in values)

        def serve(connection):
            while request := read_request(connection):
                requests.append(request)
                connection.sendall(OK + evil + b"Content-Length: 5\r\n\r\nhello")

        self.assertEqual(self.get_two(serve), (0, b"", ""))
        self.assertRegex(requests[1], rb"\A(?:[\x20-\x7e]+\r\n)+\r\n\Z")
        for name in (b"a=", b"e=", b"g=", b"i=", b"__Host-", b"l="):
            self.assertNotRegex(requests[1], rb"Cookie: (.*; )?" + name)

    def test_that_would_have_it_wait(self):
        for value in (b"99999999999999999999999", b"31536000", b"Fri, 31 Dec 9999 23:59:59 GMT"):
            busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n" % value
            self.assert_repelled({
                "longer than allowed": (in_turn(busy), ["--retry", "3", "--retry-max-time", "60"], 22, "503 Busy"),
                "for ever": (in_turn(busy), ["--retry", "3"], 22, "503 Busy"),
            })
        busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: -1\r\n\r\n"
        status, _, errors, _ = self.attack(in_turn(busy, HELLO), "--retry", "1", "--retry-delay", "0.01")
        self.assertEqual((status, errors, self.content("file")), (0, "", b"hello"))

    def test_that_would_have_it_wait_though_nobody_allowed_that(self):
        """By itself, only what can go on is tried again, and soon: a server cannot make that a year."""
        cut = OK + b'ETag: "one"\r\nContent-Length: 3000000\r\nRetry-After: 31536000\r\n\r\n' + bytes(1000)
        tries = []

        def serve(connection):
            tries.append(read_request(connection))
            connection.sendall(cut if len(tries) == 1 else HELLO)

        with raw_server(serve) as port:
            with Running("HTTP_GET", "http://127.0.0.1:%d/file" % port, cwd=self.folder) as program:
                self.assertEqual(program.process.wait(PATIENCE), 0)
        self.assertEqual((self.files(), self.content("file")), (["file"], b"hello"))

    def test_whose_validators_would_steer_the_next_request(self):
        for tag in (b'"\x01\x1b[2J"', b'"\xff"', b'"a"\t"b"', b'"%s"' % (b"y" * 90000)):
            self.check_validator(tag)

    def check_validator(self, tag):
        with self.subTest(tag[:10]), self.cleared():
            requests = []

            def serve(connection):
                requests.append(read_request(connection))
                cut = OK + b"ETag: %s\r\nContent-Length: 3000000\r\n\r\n" % tag + bytes(1000)
                connection.sendall(cut if len(requests) == 1 else HELLO)

            status, _, errors, _ = self.attack(serve, "--retry", "1", "--retry-delay", "0.01", "--clobber")
            self.assertEqual((status, errors), (0, ""), tag[:10])
            self.assertEqual((self.files(), self.content("file")), (["file"], b"hello"))
            self.assertRegex(requests[1], rb"\A(?:[^\x00-\x08\x0a-\x1f\x7f]+\r\n)+\r\n\Z")


class Parts(Hostile):
    """A file that is half there, and servers that lie about the rest."""
    BODY = bytes(range(256)) * 8192

    def begin(self, port):
        """Leaves a part of 1.5 MiB."""
        def serve(connection):
            replay(OK + b'ETag: "one"\r\nContent-Length: %d\r\n\r\n' % len(self.BODY), self.BODY[:3 << 19])(connection)
        with raw_server(serve) as other:
            self.assertEqual(self.get(other, "/file", "--retry", "0")[0], 18)
            meta = self.content("file.part.meta")
        with open(self.path("file.part.meta"), "wb") as file:
            file.write(meta.replace(b":%d/" % other, b":%d/" % port))

    def test_it_is_never_a_mixture(self):
        begin, size = 3 << 19, len(self.BODY)
        rest = self.BODY[begin:]
        whole = OK + b'ETag: "one"\r\nContent-Length: %d\r\n\r\n' % size + self.BODY

        def part(content_range, body=rest, tag=b'"one"'):
            return (b"HTTP/1.1 206 Partial Content\r\nETag: %s\r\nContent-Range: %s\r\nContent-Length: %d\r\n\r\n"
                    % (tag, content_range, len(body)) + body)

        right = b"bytes %d-%d/%d" % (begin, size - 1, size)
        lies = {
            "elsewhere": part(b"bytes 5-%d/%d" % (size - 1, size)),
            "from the beginning": part(b"bytes 0-%d/%d" % (size - 1, size), self.BODY),
            "of a longer file": part(b"bytes %d-%d/%d" % (begin, size - 1, size + 1)),
            "of a shorter file": part(b"bytes %d-%d/%d" % (begin, size - 2, size - 1)),
            "behind its end": part(b"bytes %d-%d/%d" % (begin, size, size)),
            "backwards": part(b"bytes %d-5/%d" % (begin, size)),
            "of no number": part(b"bytes %d-/%d" % (begin, size)),
            "of huge numbers": part(b"bytes 99999999999999999999-99999999999999999999/99999999999999999999"),
            "of nothing": part(b"bytes */%d" % size),
            "of several": part(b"bytes %d-%d/%d, bytes 0-1/%d" % (begin, size - 1, size, size)),
            "of lines": part(right.replace(b"bytes", b"lines")),
            "of another version": part(right, tag=b'"two"'),
            "no such range": b"HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n" % begin,
            "no range at all": b"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n",
        }
        for what, lie in lies.items():
            with self.subTest(what), self.cleared():
                def serve(connection, lie=lie):
                    connection.sendall(lie if b"\r\nRange: " in read_request(connection) else whole)

                with raw_server(serve) as port:
                    self.begin(port)
                    status, _, errors = self.get(port)
                    self.assertEqual((status, errors), (0, ""))
                self.assertEqual((self.files(), self.content("file") == self.BODY), (["file"], True))

    def test_a_rest_that_is_too_short_is_not_the_end(self):
        begin, size = 3 << 19, len(self.BODY)

        def serve(connection):
            read_request(connection)
            head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\n" % (begin, begin + 99, size)
            connection.sendall(head + b"Content-Length: 100\r\n\r\n" + self.BODY[begin:begin + 100])

        with raw_server(serve) as port:
            self.begin(port)
            self.assert_fails(18, self.get(port, "/file", "--retry", "0"), "bytes too early")
        self.assertEqual(self.files(), ["file.part", "file.part.meta"])
        self.assertEqual(self.content("file.part"), self.BODY[:begin + 100])


if __name__ == "__main__":
    unittest.main()
