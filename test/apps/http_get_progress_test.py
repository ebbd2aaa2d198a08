# http_get on a terminal: what is under way fits the screen, leaves nothing behind, and does not steer the terminal.
import contextlib
import os
import queue
import signal
import threading
import unittest

from programs import PATIENCE, Case, raw_server, read_request, replay, run
from terminal import Terminal

OK = b"HTTP/1.1 200 OK\r\n"
KIB = 1 << 10


class Feed:
    """For `raw_server`: a body of `size` bytes, of which `send` lets so many go to every client."""

    def __init__(self, size, clients=1):
        self.size, self.parts = size, [queue.Queue() for _ in range(clients)]
        self.turn, self.lock = 0, threading.Lock()

    def __call__(self, connection):
        with self.lock:
            parts = self.parts[self.turn % len(self.parts)]
            self.turn += 1
        read_request(connection)
        connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % self.size)
        left = self.size
        while left:
            part = parts.get(timeout=PATIENCE)
            connection.sendall(bytes(part))
            left -= part

    def send(self, count):
        for parts in self.parts:
            parts.put(count)


class Progress(Case):
    def get(self, port, *arguments, urls=("file.bin",), **options):
        urls = ["http://127.0.0.1:%d/%s" % (port, url) for url in urls]
        return Terminal("HTTP_GET", *urls, *arguments, cwd=self.folder, **options)

    def assert_fits(self, screen):
        self.assertFalse(screen.wrapped, "\n".join(screen.text()))
        for line in screen.text():
            self.assertLess(len(line), screen.columns)

    def resize(self, terminal, columns, lines=24):
        """While the program stands still, so that nothing drawn for the old size is on its way."""
        terminal.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED)
        with contextlib.suppress(BlockingIOError):
            os.set_blocking(terminal.own, False)
            while True:
                terminal._read()
        os.set_blocking(terminal.own, True)
        terminal.resize(columns, lines)
        terminal.process.send_signal(signal.SIGCONT)

    def test_a_download_at_every_width(self):
        for columns in (1, 9, 20, 40, 80, 200):
            feed = Feed(900 * KIB)
            with raw_server(feed) as port, self.get(port, "--clobber", size=(columns, 24)) as terminal:
                feed.send(450 * KIB)
                if columns >= 9:
                    half = terminal.read_until(lambda lines: lines and "450" in lines[0])
                    self.assertEqual(len(half), 1)
                    self.assertIn("450/900 KiB" if columns >= 60 else "450 KiB", half[0])
                if columns >= 40:
                    self.assertTrue(half[0].startswith("file.bin"), half)
                if columns >= 80:
                    self.assertIn("##", half[0])
                    self.assertIn("50%", half[0])
                    terminal.read_until(lambda lines: "iB/s" in lines[0])
                feed.send(450 * KIB)
                self.assertEqual(terminal.read_to_the_end(), 0)
                self.assert_fits(terminal.screen)
                lines = terminal.screen.text()
                self.assertEqual(len(lines), 1 if columns > 1 else 0, lines)
                if columns >= 9:
                    self.assertIn("900 KiB", lines[0])
                if columns >= 40:
                    self.assertRegex(lines[0], r"^file\.bin +900 KiB +[0-9.]+ .?i?B/s +[0-9.]+ s$")

    def test_a_terminal_that_is_resized(self):
        for wraps_anew in (False, True):
            for widths in ((200, 40, 80), (40, 200, 80), (80, 30, 200)):
                feed = Feed(900, clients=3)
                with raw_server(feed) as port, \
                        self.get(port, "-Z", "--clobber", urls=("first.bin", "second.bin", "third.bin"),
                                 size=(widths[0], 24), wraps_anew=wraps_anew) as terminal:
                    for step, width in enumerate(widths):
                        if step:
                            self.resize(terminal, width)
                        feed.send(100)
                        amount = "%d" % (100 * (step + 1))
                        lines = terminal.read_until(lambda lines: len(lines) == 4
                                                    and all(amount in line for line in lines[:3])
                                                    and all(len(line) < width for line in lines))
                        self.assertIn("0 of", lines[3])
                        terminal.screen.wrapped = False
                    feed.send(600)
                    self.assertEqual(terminal.read_to_the_end(), 0)
                    self.assert_fits(terminal.screen)
                    lines = terminal.screen.text()
                    self.assertEqual(sorted(line.split()[0] for line in lines[:3]),
                                     ["first.bin", "second.bin", "third.bin"])
                    self.assertRegex(lines[3], r"^3 of 3 files +2\.64 KiB ")
                    self.assertEqual(len(lines), 4, lines)

    def test_more_downloads_than_lines(self):
        names = ["file%02d" % number for number in range(10)]
        feed = Feed(900, clients=10)
        with raw_server(feed) as port, \
                self.get(port, "-Z", "--parallel-max-host", "10", urls=names, size=(80, 5)) as terminal:
            feed.send(450)
            lines = terminal.read_until(lambda lines: len(lines) == 4 and "4.39/8.79 KiB" in lines[3])
            self.assertIn("0 of 10 files", lines[3])
            feed.send(450)
            self.assertEqual(terminal.read_to_the_end(), 0)
            self.assert_fits(terminal.screen)
            self.assertEqual(sorted(line.split()[0] for line in terminal.screen.text()[:10]), names)
            self.assertRegex(terminal.screen.text()[10], "^10 of 10 files +8.79 KiB")

    def test_names_of_all_kinds(self):
        for name, shown in (("漢字" * 20 + ".bin", "漢字"), ("Grüße.bin", "Grüße.bin"),
                            ("e\u0301.bin", "e\u0301.bin"), ("\x1b[2Jx\u202ey\x9b", "\\x1b[2Jx\\x"), (b"\xff\xfe", "\\xff\\xfe")):
            feed = Feed(900)
            with raw_server(feed) as port, self.get(port, "-o", name, size=(60, 24)) as terminal:
                feed.send(450)
                lines = terminal.read_until(lambda lines: lines and "450" in lines[0])
                self.assertTrue(lines[0].startswith(shown), lines)
                feed.send(450)
                self.assertEqual(terminal.read_to_the_end(), 0)
                self.assertFalse(terminal.screen.wrapped)
                self.assertTrue(terminal.screen.text()[0].startswith(shown))

    def test_messages_stand_above(self):
        def serve(connection):
            (feed if b"GET /good" in (request := read_request(connection)) else missing)(connection, request)

        done = queue.Queue()

        def feed(connection, _):
            connection.sendall(OK + b"Content-Length: 10\r\n\r\nhello")
            done.get(timeout=PATIENCE)
            connection.sendall(b"world")

        def missing(connection, _):
            connection.sendall(b"HTTP/1.1 404 Not\x1b[2J Found\r\nContent-Length: 0\r\n\r\n")

        with raw_server(serve) as port, self.get(port, "-Z", urls=("good", "bad"), size=(200, 24)) as terminal:
            lines = terminal.read_until(lambda lines: len(lines) == 3 and "404" in lines[0])
            self.assertIn("/bad", lines[0])
            self.assertIn("Not\\x1b[2J Found", lines[0])
            self.assertTrue(lines[1].startswith("good"))
            done.put(None)
            self.assertEqual(terminal.read_to_the_end(), 22)
            lines = terminal.screen.text()
            self.assertEqual([line.split()[0] for line in lines], ["http_get:", "good", "1"])

    def test_a_length_that_is_not_known(self):
        go = queue.Queue()

        def serve(connection):
            read_request(connection)
            connection.sendall(OK + b"\r\n" + bytes(2000))
            go.get(timeout=PATIENCE)

        with raw_server(serve) as port, self.get(port) as terminal:
            lines = terminal.read_until(lambda lines: lines and "1.95 KiB" in lines[0])
            self.assertNotIn("%", lines[0])
            go.put(None)
            self.assertEqual(terminal.read_to_the_end(), 0)

    def test_nothing_is_drawn_where_it_would_be_in_the_way(self):
        with raw_server(replay(OK + b"Content-Length: 5\r\n\r\nhello")) as port:
            for arguments, environment in ((["-q"], {}), (["-s"], {}), (["--no-progress-meter"], {}),
                                           ([], {"TERM": "dumb"}), ([], {"TERM": ""})):
                with self.get(port, "--clobber", *arguments, environment=environment) as terminal:
                    self.assertEqual(terminal.read_to_the_end(), 0)
                    self.assertEqual(terminal.raw, b"", (arguments, environment))
            with self.get(port, "-o", "-", stdout="terminal") as terminal:
                self.assertEqual(terminal.read_to_the_end(), 0)
                self.assertEqual(terminal.raw, b"hello")
            ended = run("HTTP_GET", "http://127.0.0.1:%d/x" % port, cwd=self.folder)
            self.assertEqual(ended, (0, b"", ""))

    def test_a_body_for_the_terminal_does_not_steer_it(self):
        body = b"one\r\n\x1b[2J\x07two\rthree \xc3\xbc \xff\n"
        head = OK + b"Content-Length: %d\r\n\r\n" % len(body)
        with raw_server(replay(head, *(bytes([each]) for each in body))) as port, \
                self.get(port, "-o", "-", stdout="terminal") as terminal:
            self.assertEqual(terminal.read_to_the_end(), 0)
            self.assertEqual(terminal.screen.text(), ["one", "\\x1b[2J\\x07two\\rthree ü \\xff"])

    def test_an_interruption_leaves_no_half_line(self):
        feed = Feed(900)
        with raw_server(feed) as port, self.get(port, size=(120, 24)) as terminal:
            feed.send(450)
            terminal.read_until(lambda lines: lines and "450" in lines[0])
            terminal.process.send_signal(signal.SIGINT)
            self.assertEqual(terminal.read_to_the_end(), 130)
            lines = terminal.screen.text()
            self.assertEqual(len(lines), 1, lines)
            self.assertIn("interrupted", lines[0])


if __name__ == "__main__":
    unittest.main()
