# http_get and files: under which name, when one is replaced, and that no file is there that is not whole and right.
import email.utils
import hashlib
import os
import signal
import stat
import threading
import unittest

from http_get import OK, HttpGet
from programs import PATIENCE, Running, raw_server, read_request, replay, run, wait_until

HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


def answer(requests, *replies):
    """For `raw_server`: notes each request, and answers with the replies in turn, the last one again and again."""
    left = list(replies)

    def serve(connection):
        requests.append(read_request(connection).decode())
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])
    return serve


class Names(HttpGet):
    def test_a_name_for_each_url(self):
        with raw_server(replay(HELLO)) as port:
            url = "http://127.0.0.1:%d/" % port
            ended = run("HTTP_GET", url + "a", "-o", "first", "-O", url + "b", "-o", "third", url + "c", url + "d",
                        cwd=self.folder)
            self.assertEqual(ended, (0, b"", ""))
        self.assertEqual(self.files(), ["b", "d", "first", "third"])

    def test_a_folder_for_them(self):
        with raw_server(replay(HELLO)) as port:
            self.assert_fails(23, self.get(port, "/x", "--output-dir", "new/folder"), "No such file or directory")
            self.assertEqual(self.get(port, "/x", "--output-dir", "new/folder", "--create-dirs")[0], 0)
            self.assertEqual(self.get(port, "/x", "-o", "deep/er", "--create-dirs")[0], 0)
        self.assertEqual(self.content("new/folder/x"), b"hello")
        self.assertEqual(self.content("deep/er"), b"hello")

    def test_a_name_that_the_server_gives(self):
        names = {b'attachment; filename="report.txt"': "report.txt",
                 b"attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe": "Grüße",
                 b'attachment; filename="../../etc/passwd"': "passwd",
                 b'attachment; filename="..\\\\..\\\\x.exe"': "x.exe",
                 b'attachment; filename="a\x1b[2Jb"': "a_[2Jb", b"attachment; filename=..": "url-name",
                 b"inline": "url-name"}
        for value, name in names.items():
            reply = OK + b"Content-Length: 5\r\nContent-Disposition: %s\r\n\r\nhello" % value
            with raw_server(replay(reply)) as port:
                self.assertEqual(self.get(port, "/url-name", "-OJ"), (0, b"", ""))
            self.assertEqual(self.files(), [name])
            os.unlink(self.path(name))

    def test_a_server_replaces_no_file(self):
        with open(self.path("mine"), "wb") as file:
            file.write(b"precious")
        reply = OK + b"Content-Length: 5\r\nContent-Disposition: attachment; filename=mine\r\n\r\nhello"
        with raw_server(replay(reply)) as port:
            for options in (["-J"], ["-J", "--clobber"]):
                self.assert_fails(23, self.get(port, "/x", *options), "mine: File exists", "--no-clobber")
                self.assertEqual((self.files(), self.content("mine")), (["mine"], b"precious"))
            self.assertEqual(self.get(port, "/x", "-J", "--no-clobber")[0], 0)
        self.assertEqual((self.content("mine"), self.content("mine.1")), (b"precious", b"hello"))

    def test_a_file_that_is_there(self):
        with open(self.path("x"), "wb") as file:
            file.write(b"old")
        asked = []
        with raw_server(answer(asked, HELLO)) as port:
            self.assert_fails(23, self.get(port, "/x"), "open file x: File exists", "--clobber", "--no-clobber", "-C",
                              "--if-changed")
            self.assertEqual(asked, [])
            for number in (1, 2):
                self.assertEqual(self.get(port, "/x", "--no-clobber")[0], 0)
                self.assertEqual((self.content("x"), self.content("x.%d" % number)), (b"old", b"hello"))
            self.assertEqual(self.get(port, "/x", "-o", "x", "--no-clobber")[0], 0)
            self.assertEqual(self.content("x.3"), b"hello")
            self.assertEqual(self.get(port, "/x", "--clobber")[0], 0)
            self.assertEqual(self.content("x"), b"hello")
        self.assertEqual(self.files(), ["x", "x.1", "x.2", "x.3"])


class Conditions(HttpGet):
    def test_only_what_has_changed(self):
        requests = []
        date = "Tue, 13 Jun 2000 12:10:00 GMT"
        fresh = OK + b"Content-Length: 5\r\nLast-Modified: %s\r\n\r\nhello" % date.encode()
        with raw_server(answer(requests, fresh, b"HTTP/1.1 304 Not Modified\r\n\r\n", fresh.replace(b"2000", b"2001"),
                               fresh)) as port:
            self.assertEqual(self.get(port, "/x", "-R", "--if-changed")[0], 0)
            seconds = email.utils.parsedate_to_datetime(date).timestamp()
            self.assertEqual(os.stat(self.path("x")).st_mtime, seconds)
            with open(self.path("x"), "wb") as file:
                file.write(b"mine")
            os.utime(self.path("x"), (seconds, seconds))
            self.assertEqual(self.get(port, "/x", "--if-changed"), (0, b"", ""))
            self.assertIn("If-Modified-Since: %s\r\n" % date, requests[1])
            self.assertEqual((self.files(), self.content("x")), (["x"], b"mine"))
            self.assertEqual(self.get(port, "/x", "--if-changed")[0], 0)
            self.assertEqual(self.content("x"), b"hello")
        self.assertNotIn("If-Modified-Since", requests[0])

    def test_a_time_condition(self):
        requests = []
        with open(self.path("reference"), "wb"):
            os.utime(self.path("reference"), (961_000_000, 961_000_000))
        with raw_server(answer(requests, HELLO)) as port:
            self.assertEqual(self.get(port, "/x", "-z", "dec 12 11:00:00 1999 GMT", "-o", "a")[0], 0)
            self.assertEqual(self.get(port, "/x", "-z", "-dec 12 11:00:00 1999 GMT", "-o", "a")[0], 0)
            self.assertEqual(self.get(port, "/x", "-z", "reference", "-o", "a")[0], 0)
            self.assert_fails(26, self.get(port, "/x", "-z", "no such thing"), "no such thing")
        self.assertIn("If-Modified-Since: Sun, 12 Dec 1999 11:00:00 GMT\r\n", requests[0])
        self.assertIn("If-Unmodified-Since: Sun, 12 Dec 1999 11:00:00 GMT\r\n", requests[1])
        self.assertIn("If-Modified-Since: Wed, 14 Jun 2000 16:26:40 GMT\r\n", requests[2])

    def test_etags(self):
        requests = []
        tagged = OK + b'ETag: W/"x y"\r\nContent-Length: 5\r\n\r\nhello'
        with raw_server(answer(requests, tagged, b"HTTP/1.1 304 Not Modified\r\nETag: \"z\"\r\n\r\n")) as port:
            self.assertEqual(self.get(port, "/x", "--etag-save", "tag", "--etag-compare", "tag")[0], 0)
            self.assertEqual(self.content("tag"), b'W/"x y"\n')
            self.assertEqual(self.get(port, "/x", "--etag-save", "tag", "--etag-compare", "tag", "--clobber")[0], 0)
        self.assertIn('If-None-Match: ""\r\n', requests[0])
        self.assertIn('If-None-Match: W/"x y"\r\n', requests[1])
        self.assertEqual((self.content("x"), self.content("tag")), (b"hello", b'W/"x y"\n'))

    def test_a_hash_that_must_be_right(self):
        right, wrong = hashlib.sha256(b"hello").hexdigest(), hashlib.sha256(b"other").hexdigest()
        with raw_server(replay(HELLO)) as port:
            self.assertEqual(self.get(port, "/x", "--sha256", right.upper(), "-o", "a")[0], 0)
            self.assert_fails(110, self.get(port, "/x", "--sha256", wrong), right, wrong)
            url = "http://127.0.0.1:%d/" % port
            status, _, errors = run("HTTP_GET", url + "b", url + "c", "--sha256", wrong, "--sha256", right,
                                    cwd=self.folder)
            self.assertEqual(status, 110)
            self.assert_one_line(errors, "/b: ")
            for bad in ("", "x" * 64, right[1:]):
                self.assert_fails(2, self.get(port, "/x", "--sha256", bad), "64 hexadecimal digits")
        self.assertEqual(self.files(), ["a", "c"])


class Parts(HttpGet):
    def test_a_range(self):
        requests = []
        with raw_server(answer(requests, b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/5\r\n"
                               b"Content-Length: 2\r\n\r\nll")) as port:
            for given in ("2-3", "2", "-2", "0-1,3-3"):
                self.assertEqual(self.get(port, "/x", "-r", given, "-o", "part")[0], 0)
                self.assertEqual(self.content("part"), b"ll")
            self.assert_fails(2, self.get(port, "/x", "-r", "1-\r\nX: y"), "no range")
            self.assert_fails(2, self.get(port, "/x", "-r", "1-", "-C", "-"), "-r and -C")
        self.assertEqual([line for request in requests for line in request.split("\r\n") if line.startswith("Range")],
                         ["Range: bytes=2-3", "Range: bytes=2-", "Range: bytes=-2", "Range: bytes=0-1,3-3"])

    def test_what_stands_behind_a_file(self):
        requests = []
        rest = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo"
        with open(self.path("x"), "wb") as file:
            file.write(b"hel")
        with raw_server(answer(requests, rest)) as port:
            self.assertEqual(self.get(port, "/x", "-C", "-")[0], 0)
            self.assertEqual(self.content("x"), b"hello")
            self.assertIn("Range: bytes=3-\r\n", requests[0])
            self.assert_fails(33, self.get(port, "/x", "-C", "-"), "resume")  # it is another part
            self.assertEqual(self.content("x"), b"hello")
        with raw_server(replay(OK + b"Content-Length: 9\r\n\r\nsomething")) as port:
            self.assert_fails(33, self.get(port, "/x", "-C", "-"), "cannot begin at byte 5")
        self.assertEqual((self.files(), self.content("x")), (["x"], b"hello"))

    def test_a_download_that_was_killed_goes_on(self):
        body = os.urandom(3 << 20)
        requests = []
        half = threading.Event()

        def serve(connection):
            request = read_request(connection).decode()
            requests.append(request)
            begin = int(request.partition("Range: bytes=")[2].partition("-")[0] or 0)
            head = b'ETag: "one"\r\nContent-Length: %d\r\n' % (len(body) - begin)
            if begin:
                connection.sendall(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\n%s\r\n"
                                   % (begin, len(body) - 1, len(body), head) + body[begin:])
            else:
                connection.sendall(OK + head + b"\r\n" + body[:2 << 20])
                half.wait(PATIENCE)

        for number, status in ((signal.SIGKILL, -9), (signal.SIGINT, 130)):
            with raw_server(serve) as port:
                with Running("HTTP_GET", "http://127.0.0.1:%d/x" % port, cwd=self.folder) as program:
                    wait_until(lambda: "x.part.meta" in self.files())
                    wait_until(lambda: os.path.getsize(self.path("x.part")) == 2 << 20)
                    self.assertEqual(program.end(number), status)
                    if number == signal.SIGINT:
                        self.assert_one_line("".join(program.rest(program.errors)),
                                             "the same command goes on with x.part")
                self.assertEqual(self.files(), ["x.part", "x.part.meta"])
                self.assertEqual(self.get(port, "/x"), (0, b"", ""))
            self.assertEqual((self.files(), self.content("x") == body), (["x"], True))
            self.assertIn("Range: bytes=%d-\r\nIf-Range: \"one\"\r\n" % (2 << 20), requests[-1])
            os.unlink(self.path("x"))
        half.set()

    def test_a_file_that_has_changed_meanwhile_is_no_mixture(self):
        old, new = os.urandom(3 << 20), os.urandom(3 << 20)
        with raw_server(replay(OK + b'ETag: "one"\r\nContent-Length: %d\r\n\r\n' % len(old), old[:2 << 20])) as port:
            url = "http://127.0.0.1:%d/x" % port
            self.assertEqual(run("HTTP_GET", url, "--retry", "0", cwd=self.folder)[0], 18)
            self.assertEqual(self.files(), ["x.part", "x.part.meta"])
            meta = self.content("x.part.meta")
        with raw_server(replay(OK + b'ETag: "two"\r\nContent-Length: %d\r\n\r\n' % len(new), new)) as other:
            with open(self.path("x.part.meta"), "wb") as file:
                file.write(meta.replace(b":%d/" % port, b":%d/" % other))
            self.assertEqual(self.get(other, "/x")[0], 0)
        self.assertEqual((self.files(), self.content("x") == new), (["x"], True))

    def test_nothing_stays_where_nothing_shall(self):
        with raw_server(replay(OK + b'ETag: "one"\r\nContent-Length: 3000000\r\n\r\n', bytes(2 << 20))) as port:
            self.assertEqual(self.get(port, "/x", "--remove-on-error", "--retry", "0")[0], 18)
        self.assertEqual(self.files(), [])


class Heads(HttpGet):
    def test_the_head_in_the_file_or_beside_it(self):
        redirect = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        with raw_server(answer([], redirect, HELLO)) as port:
            self.assertEqual(self.get(port, "/x", "-D", "heads", "-o", "body")[0], 0)
        self.assertEqual(self.content("heads"), redirect + HELLO[:-5])
        with raw_server(replay(HELLO)) as port:
            self.assertEqual(self.get(port, "/x", "-i", "-o", "both")[0], 0)
            self.assertEqual(self.get(port, "/x", "-i", "-o", "-"), (0, HELLO, ""))
        self.assertEqual((self.content("body"), self.content("both")), (b"hello", HELLO))

    def test_the_head_alone(self):
        requests = []
        with raw_server(answer(requests, HELLO[:-5])) as port:
            self.assertEqual(self.get(port, "/x", "-I"), (0, HELLO[:-5], ""))
            self.assertEqual(self.get(port, "/x", "-I", "-o", "head"), (0, b"", ""))
        self.assertEqual(self.content("head"), HELLO[:-5])
        self.assertEqual([request.split()[0] for request in requests], ["HEAD", "HEAD"])

    def test_what_an_error_says(self):
        error = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nlost"
        with raw_server(replay(error)) as port:
            self.assert_fails(22, self.get(port, "/x"), "404 Not Found")
            self.assertEqual(self.files(), [])
            self.assert_fails(22, self.get(port, "/x", "--fail-with-body"), "404 Not Found")
            self.assertEqual(self.content("x"), b"lost")
            self.assertEqual(self.get(port, "/x", "--no-fail", "-o", "y"), (0, b"", ""))
            self.assertEqual(self.content("y"), b"lost")

    def test_the_mode_of_a_file_is_the_users(self):
        with raw_server(replay(HELLO)) as port:
            self.assertEqual(self.get(port, "/x", preexec_fn=lambda: os.umask(0o027))[0], 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("x")).st_mode), 0o640)


if __name__ == "__main__":
    unittest.main()
