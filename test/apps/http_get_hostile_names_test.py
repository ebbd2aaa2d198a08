# http_get under attack by names, folders and escapes: nothing is written elsewhere, and nothing steers the terminal.
import errno
import os
import re
import resource
import signal
import threading
import unittest

from hostile import CHUNKED, ESCAPES, HELLO, Hostile, encoded, named, redirect
from http_get import OK
from programs import PATIENCE, Running, raw_server, read_request, replay, run, wait_until
from terminal import Screen, Terminal


class Names(Hostile):
    def test_names_of_the_servers_choice_stay_in_the_folder_and_are_shown_as_text(self):
        dispositions = [b'attachment; filename="../../../../tmp/evil"', b"attachment; filename=/etc/cron.d/evil",
                        b'attachment; filename="..\\\\..\\\\evil"', b"attachment; filename*=UTF-8''..%2f..%2fevil",
                        b"attachment; filename*=UTF-8''%2fetc%2fevil", b"attachment; filename*=UTF-8''evil%00.txt",
                        b"attachment; filename*=UTF-8''evil%0a%0d%1b%5b2J", b'attachment; filename="' + ESCAPES + b'"',
                        b"attachment; filename*=UTF-8''%e2%80%aegpj.evil", b'attachment; filename=".bashrc"',
                        b'attachment; filename="-rf"', b'attachment; filename="."', b'attachment; filename=".."',
                        b'attachment; filename="%s"' % (b"e" * 5000),
                        b"attachment; filename*=UTF-8''" + b"%c3%bc" * 2000, b'attachment; filename="',
                        b"attachment; filename*=UTF-8''%", b"attachment; filename*=x'y'z",
                        b"; ; ;filename=;filename*=;", b'attachment; filename="~"', b'attachment; filename="CON"']
        for each in dispositions:
            with self.subTest(each[:60]), self.cleared():
                status, output, errors, _ = self.attack(replay(named(each)), "-J", "-w", "%{filename_effective}")
                self.assertEqual((status, errors), (0, ""))
                names = self.files()
                self.assertEqual(len(names), 1, names)
                self.assertEqual(output.decode(), names[0])
                self.assertTrue(names[0].isprintable(), names)
                self.assertFalse(names[0].startswith((".", "-")), names)
                self.assertLessEqual(len(names[0].encode()), 200)
                self.assertEqual(self.content(names[0]), b"hello")

    def test_a_server_does_not_choose_the_name_of_what_a_later_download_goes_on_with(self):
        """Else it could put its bytes in front of somebody else's file."""
        for name in (b"other.part", b"other.part.meta", b"file.part", b"file.part.meta"):
            with self.subTest(name), self.cleared():
                status, _, errors, _ = self.attack(replay(named(b'attachment; filename="%s"' % name)), "-J")
                self.assertNotIn(name.decode(), self.files())
                if status == 0:
                    self.assertEqual([self.content(each) for each in self.files()], [b"hello"])
                else:
                    self.assertEqual((status, self.files()), (23, []), errors)

    def test_nothing_is_written_where_a_link_leads(self):
        victim = self.path("victim")
        for link in ("file.part", "file.part.meta", "file"):
            for there in (True, False):
                with self.subTest((link, there)), self.cleared():
                    if there:
                        with open(victim, "wb") as file:
                            file.write(b"precious")
                    os.symlink(victim, self.path(link))
                    reply = OK + b'ETag: "one"\r\nContent-Length: 2000000\r\n\r\n' + bytes(2000000)
                    status, _, errors, _ = self.attack(replay(reply))
                    self.assertEqual(status, 0 if link == "file.part.meta" else 23, errors)
                    self.assertEqual(os.path.exists(victim), there)
                    if there:
                        self.assertEqual(self.content("victim"), b"precious")

    def test_nothing_is_written_where_a_link_leads_that_comes_later(self):
        with open(self.path("victim"), "wb") as file:
            file.write(b"precious")

        def serve(connection):
            read_request(connection)
            connection.sendall(OK + b'ETag: "one"\r\nContent-Length: 2000000\r\n\r\n' + bytes(1000))
            wait_until(lambda: "file.part" in self.files() and os.path.getsize(self.path("file.part")) == 1000)
            os.symlink(self.path("victim"), self.path("file.part.meta"))
            connection.sendall(bytes(1999000))

        self.attack(serve)
        self.assertEqual(self.content("victim"), b"precious")

    def test_what_stands_in_the_way(self):
        reply = OK + b'ETag: "one"\r\nContent-Length: 2000000\r\n\r\n' + bytes(2000000)
        with self.subTest("a folder in place of the part"), self.cleared():
            os.mkdir(self.path("file.part"))
            self.assert_repelled({"": (replay(reply), [], 23, os.strerror(errno.EISDIR))}, ["file.part"])
        with self.subTest("a pipe in place of the part"), self.cleared():
            os.mkfifo(self.path("file.part"))
            self.assert_repelled({"": (replay(reply), [], 23, "file.part")}, ["file.part"])
        for make in (os.mkdir, os.mkfifo):
            with self.subTest("%s in place of the notes" % make.__name__), self.cleared():
                make(self.path("file.part.meta"))
                with raw_server(replay(reply)) as port:
                    status, _, errors = self.get(port)
                self.assertIn(status, (0, 23), errors)
                if status:
                    self.assert_one_line(errors, "file.part.meta")

    def test_notes_that_are_garbage(self):
        for notes in (b"", b"\x00" * 1000, os.urandom(70000), b"portico.part 1\n",
                      b"portico.part 1\nurl: \nvalidator: x\n",
                      b"portico.part 1\nurl: http://127.0.0.1/file\nvalidator: \"one\"\nlength: 99999999999999999999\n",
                      b"portico.part 1\r\nurl: %s\r\n"):
            with self.subTest(notes[:40]), self.cleared():
                with open(self.path("file.part"), "wb") as file:
                    file.write(b"evil")
                with open(self.path("file.part.meta"), "wb") as file:
                    file.write(notes)
                status, _, errors, _ = self.attack(replay(HELLO))
                self.assertEqual((status, errors), (0, ""))
                self.assertEqual((self.files(), self.content("file")), (["file"], b"hello"))

    def test_notes_that_would_add_a_line_to_the_request(self):
        requests = []

        def serve(connection):
            requests.append(read_request(connection).decode("latin-1"))
            connection.sendall(HELLO)

        for validator in (b'"x"\r', b'"x"\rX-Evil: yes', b"\x01", b"x" * 60000):
            with self.subTest(validator[:20]), self.cleared(), raw_server(serve) as port:
                with open(self.path("file.part"), "wb") as file:
                    file.write(b"evil")
                with open(self.path("file.part.meta"), "wb") as file:
                    file.write(b"portico.part 1\nurl: http://127.0.0.1:%d/file\nvalidator: %s\nlength: 10\n"
                               % (port, validator))
                self.assertEqual(self.get(port), (0, b"", ""))
                self.assertEqual((self.files(), self.content("file")), (["file"], b"hello"))
        for request in requests:
            self.assertRegex(request, r"\A(?:[^\x00-\x08\x0a-\x1f\x7f]+\r\n)+\r\n\Z")

    def test_a_folder_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("everything can be written")
        os.chmod(self.folder, 0o500)
        self.addCleanup(os.chmod, self.folder, 0o700)
        self.assert_repelled({"": (replay(HELLO), [], 23, os.strerror(errno.EACCES))})

    def test_a_folder_that_is_none(self):
        asked = []
        with raw_server(asked.append) as port:
            for folder, reason in (("/proc", errno.ENOENT), ("/dev/null", errno.ENOTDIR), ("missing", errno.ENOENT)):
                ended = self.get(port, "/file", "--output-dir", folder)
                self.assert_fails(23, ended, folder + "/file", os.strerror(reason))
        self.assertEqual(asked, [])

    def test_a_disk_that_is_full(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))

        body = os.urandom(2_000_000)
        reply = OK + b'ETag: "one"\r\nContent-Length: 2000000\r\n\r\n' + body

        def serve(connection):
            begin = int((re.search(rb"Range: bytes=(\d+)-", read_request(connection)) or [0, 0])[1])
            partial = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-1999999/2000000\r\n" % begin
            head = partial if begin else OK
            connection.sendall(head + b'ETag: "one"\r\nContent-Length: %d\r\n\r\n' % (2_000_000 - begin) + body[begin:])

        with raw_server(serve) as port:
            ended = self.get(port, preexec_fn=small_files)
            self.assert_fails(23, ended, "write file file.part", os.strerror(errno.EFBIG))
            self.assertEqual(self.files(), ["file.part", "file.part.meta"])
            self.assertEqual(self.get(port), (0, b"", ""))
        self.assertEqual((self.files(), self.content("file") == body), (["file"], True))
        self.assertEqual(self.attack(replay(reply), "-o", "/dev/full")[0], 23)

    def test_two_at_once(self):
        half, body = threading.Event(), os.urandom(2_000_000)

        def serve(connection):
            read_request(connection)
            connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body[:1000])
            half.wait(PATIENCE)
            connection.sendall(body[1000:])

        with raw_server(serve) as port:
            with Running("HTTP_GET", "http://127.0.0.1:%d/file" % port, cwd=self.folder) as first:
                wait_until(lambda: self.files() == ["file.part"] and os.path.getsize(self.path("file.part")) == 1000)
                self.assert_fails(23, self.get(port), "file.part", "another download is writing to it")
                self.assertEqual(self.files(), ["file.part"])
                half.set()
                self.assertEqual(first.process.wait(PATIENCE), 0)
            self.assert_fails(23, self.get(port), "File exists")
        self.assertEqual((self.files(), self.content("file") == body), (["file"], True))


class Tabbed(Screen):
    """A cookie jar has tabs between its columns."""

    def feed(self, data):
        super().feed(data.replace(b"\t", b" "))


class Terminals(Hostile):
    """What the server sends reaches the terminal as text: the screen of these tests refuses all else."""

    def show(self, reply, *options):
        with raw_server(replay(reply)) as port:
            with Terminal("HTTP_GET", "http://127.0.0.1:%d/file" % port, *options, cwd=self.folder, stdout="terminal",
                          size=(200, 100)) as terminal:
                terminal.screen = Tabbed(200, 100)
                status = terminal.read_to_the_end()
                return status, "\n".join(terminal.screen.text())

    def test_heads(self):
        reply = (b"HTTP/1.1 200 %s\r\nX-Evil: %s\r\nContent-Type: %s\r\nContent-Length: 5\r\n\r\nhello"
                 % (ESCAPES, ESCAPES, ESCAPES))
        for options in (["-v"], ["-D", "-"], ["-i", "-o", "-"], ["-I"], ["-v", "-i", "-o", "-"]):
            with self.subTest(options):
                status, shown = self.show(reply, "--clobber", *options)
                self.assertEqual(status, 0)
                self.assertIn("X-Evil: \\x1b[2J\\x1b]0;title\\x07\\x9b5m\\x08\\x7f\\xff", shown)

    def test_bodies(self):
        status, shown = self.show(OK + b"\r\nfirst\n" + ESCAPES + b"\r\nlast\n", "-o", "-")
        self.assertEqual((status, shown), (0, "first\n\\x1b[2J\\x1b]0;title\\x07\\x9b5m\\x08\\x7f\\xff\nlast"))

    def test_what_is_written_out(self):
        reply = OK + b"Content-Type: %s\r\nContent-Length: 5\r\n\r\nhello" % ESCAPES
        for form in ("%{content_type}", "%{content_type}\n", "%{json}", "%{stderr}%{content_type}\n"):
            for options in ([], ["-s"], ["-q"]):
                with self.subTest((form, options)):
                    status, _ = self.show(reply, "--clobber", "-w", form, *options)
                    self.assertEqual(status, 0)

    def test_errors_names_and_cookies(self):
        evil = b"Set-Cookie: a=%s\r\nSet-Cookie: b=\x9b5m\xff\r\n" % ESCAPES
        replies = [b"HTTP/1.1 500 " + ESCAPES + b"\r\n\r\n", redirect(b"gopher://x/" + ESCAPES),
                   redirect(b"/" + ESCAPES), ESCAPES + b"\r\n", OK + ESCAPES + b"\r\n\r\n", CHUNKED + ESCAPES + b"\r\n",
                   OK + b"Content-Length: " + ESCAPES + b"\r\n\r\n", encoded(ESCAPES, b"x"),
                   OK + b"Transfer-Encoding: " + ESCAPES + b"\r\n\r\n", OK + evil + b"\r\nhello",
                   named(b'attachment; filename="' + ESCAPES + b'"')]
        for reply in replies:
            for options in (["-J"], ["-Jv"], ["-c", "-", "--compressed", "-o", "x"]):
                with self.subTest((reply, options)):
                    status, shown = self.show(reply, "--clobber", "--max-redirs", "1", *options)
                    self.assertIn(status, (0, 1, 3, 8, 22, 23, 47, 61), shown)


if __name__ == "__main__":
    unittest.main()
