# http_get: what the tests of http_get share: running it in a folder of its own, and what a beginner's client gets.
import contextlib
import http.client
import http.server
import os
import socket
import threading

from programs import PATIENCE, Case, raw_server, read_all, replay, run

OK = b"HTTP/1.1 200 OK\r\n"


def tutorial_get(port, target):
    """What a beginner's Python does: header and body as they come."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        request = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % (target, port)
        connection.sendall(request.encode())
        header, _, body = read_all(connection).partition(b"\r\n\r\n")
    return header, body


@contextlib.contextmanager
def file_server(folder):
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


class HttpGet(Case):
    def get(self, port, target="/file", *options, **more):
        return run("HTTP_GET", "http://127.0.0.1:%d%s" % (port, target), *options, cwd=self.folder, **more)

    def files(self):
        return sorted(os.listdir(self.folder))

    def assert_fails(self, expected, ended, *parts):
        """It ended with this status and one line on standard error that has these parts."""
        status, _, errors = ended
        self.assertEqual(status, expected, errors)
        self.assert_one_line(errors, "http_get: ", *parts)

    def assert_saves(self, body, *pieces):
        """From a server that sends these pieces; Python's http.client gets the same from it."""
        with raw_server(replay(*pieces)) as port:
            status, _, errors = self.get(port)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(self.content("file"), body)
            os.unlink(self.path("file"))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/file")
            self.assertEqual(connection.getresponse().read(), body)
            connection.close()
