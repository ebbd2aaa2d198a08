# http_get's retries: what may pass is tried again, as often and as long as asked, and goes on where it was.
import os
import socket
import threading
import time
import unittest

from http_get import OK, HttpGet
from programs import PATIENCE, Running, raw_server, read_request, replay, reset

HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


def refusing(status_line, *fields):
    """For `raw_server`: answers with an error, and ends."""
    lines = [b"HTTP/1.1 " + status_line, *fields, b"Content-Length: 0", b"Connection: close"]
    return replay(b"\r\n".join(lines) + b"\r\n\r\n")


class Retries(HttpGet):
    def counting(self, *sessions):
        """For `raw_server`: each connection has the next session, the last one again and again."""
        self.connections = 0
        lock = threading.Lock()

        def serve(connection):
            with lock:
                which = sessions[min(self.connections, len(sessions) - 1)]
                self.connections += 1
            which(connection)
        return serve

    def test_what_may_pass_is_tried_again_as_often_as_asked(self):
        busy = refusing(b"503 Busy")
        with raw_server(self.counting(busy, busy, replay(HELLO))) as port:
            self.assertEqual(self.get(port, "/x", "--retry", "2", "--retry-delay", "0.01"), (0, b"", ""))
            self.assertEqual(self.connections, 3)
        with raw_server(self.counting(busy)) as port:
            self.assert_fails(22, self.get(port, "/x", "--retry", "2", "--retry-delay", "0.01", "-o", "y"), "503")
            self.assertEqual(self.connections, 3)
            self.assert_fails(22, self.get(port, "/x", "-o", "y"), "503")
            self.assertEqual(self.connections, 4)
        for failure in (read_request, reset):
            with raw_server(self.counting(failure, replay(HELLO))) as port:
                self.assertEqual(self.get(port, "/x", "--retry", "1", "--retry-delay", "0.01", "-o", "y")[0], 0)

    def test_what_does_not_pass_is_not_tried_again(self):
        missing = refusing(b"404 No")
        with raw_server(self.counting(missing, replay(HELLO))) as port:
            self.assert_fails(22, self.get(port, "/x", "--retry", "5", "--retry-delay", "0.01"), "404")
            self.assertEqual(self.connections, 1)
        with raw_server(self.counting(missing, replay(HELLO))) as port:
            ended = self.get(port, "/x", "--retry", "5", "--retry-delay", "0.01", "--retry-all-errors")
            self.assertEqual(ended, (0, b"", ""))

    def test_a_retry_after_is_honoured_and_bounded(self):
        with raw_server(self.counting(refusing(b"429 Slow down", b"Retry-After: 1000"))) as port:
            self.assert_fails(22, self.get(port, "/x", "--retry", "5", "--retry-max-time", "5"), "429")
            self.assertEqual(self.connections, 1)
        with raw_server(self.counting(refusing(b"429 Slow down", b"Retry-After: 1"), replay(HELLO))) as port:
            begin = time.monotonic()
            self.assertEqual(self.get(port, "/x", "--retry", "1", "--retry-delay", "0.01")[0], 0)
            self.assertGreaterEqual(time.monotonic() - begin, 1)

    def test_a_cut_transfer_goes_on_where_it_was(self):
        body = os.urandom(3 << 20)
        requests = []

        def serve(connection):
            request = read_request(connection).decode()
            begin = int(request.partition("Range: bytes=")[2].partition("-")[0] or 0)
            requests.append(begin)
            status = OK if not begin else (b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\n"
                                           % (begin, len(body) - 1, len(body)))
            connection.sendall(status + b'ETag: "x"\r\nContent-Length: %d\r\n\r\n' % (len(body) - begin)
                               + body[begin:begin + (2 << 20)])

        with raw_server(serve) as port:
            self.assertEqual(self.get(port, "/x", "--retry-delay", "0.01"), (0, b"", ""))
        self.assertEqual((requests, self.content("x") == body, self.files()), ([0, 2 << 20], True, ["x"]))

    def test_a_connection_that_is_refused(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            port = bound.getsockname()[1]
            self.assert_fails(7, self.get(port, "/x", "--retry", "3"), "Connection refused")
            with Running("HTTP_GET", "http://127.0.0.1:%d/x" % port, "-v", "--retry", "100", "--retry-delay", "0.05",
                         "--retry-connrefused", cwd=self.folder) as program:
                for _ in range(3):
                    while not program.error().startswith("* connecting to "):
                        pass
                bound.listen()
                connection, _ = bound.accept()
                with connection:
                    replay(HELLO)(connection)
                self.assertEqual(program.process.wait(PATIENCE), 0)
        self.assertEqual(self.content("x"), b"hello")

    def test_a_rate_that_is_not_exceeded(self):
        with raw_server(replay(OK + b"Content-Length: 100000\r\n\r\n", bytes(100_000))) as port:
            begin = time.monotonic()
            self.assertEqual(self.get(port, "/x", "--limit-rate", "100k"), (0, b"", ""))
            self.assertGreater(time.monotonic() - begin, 0.5)
        self.assertEqual(os.path.getsize(self.path("x")), 100_000)


if __name__ == "__main__":
    unittest.main()
