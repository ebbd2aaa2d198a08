# The log of welcome_server: its lines in both formats, whatever clients do, and outputs that take none.
import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import unittest

from programs import PATIENCE, Case, read_all
from welcome import LOOPBACK, TIME, WELCOME, Server, session


class Log(Case):
    def test_in_json_every_line_is_an_object(self):
        with Server("--log", "json") as server:
            with server.connect() as client:
                client.sendall(b"hello")
                self.assertEqual(read_all(client), WELCOME)
                peer = "127.0.0.1:%d" % client.getsockname()[1]
            ended = json.loads(server.line())
            self.assertRegex(ended.pop("time"), "^" + TIME + "$")
            self.assertGreaterEqual(ended.pop("seconds"), 0)
            self.assertEqual(ended, {"peer": peer, "end": "served", "bytes_read": 5, "bytes_written": len(WELCOME)})
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])

    def test_in_json_it_says_where_it_listens(self):
        path = self.path('a "name"\n\x1b')
        with Server("--log", "json", "--listen", "unix:" + path) as server:
            self.assertEqual(server.listening, ["listening on unix:" + self.folder + '/a "name"\\n\\x1b'])

    def test_the_name_of_a_client_cannot_forge_a_line_or_a_field(self):
        name = "\0\" served, 1 s\n2026-01-01T00:00:00.000Z \\\x1b[2J\udcff"
        shown = 'unix:@"\\x20served,\\x201\\x20s\\n2026-01-01T00:00:00.000Z\\x20\\\\\\x1b[2J\\xff'
        for arguments in ((), ("--log", "json")):
            path = self.path("welcome.sock")
            with Server("--listen", "unix:" + path, *arguments) as server:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(PATIENCE)
                    client.bind(name.encode(errors="surrogateescape"))
                    client.connect(path)
                    self.assertEqual(read_all(client), WELCOME)
                line = server.line()
                self.assertTrue(line.isascii() and line.isprintable())
                ended = json.loads(line) if arguments else session(line)
                self.assertEqual((ended["peer"], ended["end"]), (shown, "served"))

    def test_without_a_log_it_only_says_where_it_listens(self):
        with Server("--log", "none") as server:
            self.assertEqual(server.received(), WELCOME)
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])

    def test_no_line_is_torn_or_lost_where_several_threads_or_processes_write(self):
        count = 400
        for mode in ("--threads", "--prefork"):
            with Server(mode, "4") as server:
                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    received = list(pool.map(lambda _: server.received(), range(count)))
                self.assertEqual(received, count * [WELCOME])
                for _ in range(count):
                    server.session()
                self.assertEqual(server.end(signal.SIGTERM), 0)
                self.assertEqual(server.rest(server.output), [])


class OutputsThatTakeNothing(Case):
    def assert_serves_all(self, count=1500, **output):
        """It serves more clients than there is room for the lines of."""
        with Server(**output) as server:
            for _ in range(count):
                self.assertEqual(server.received(), WELCOME)
            self.assertEqual(server.end(signal.SIGTERM), 0)

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assert_serves_all(300, stdout=full)

    def test_a_pipe_that_nobody_reads(self):
        reader, writer = os.pipe()
        with open(reader, "rb") as unread, open(writer, "wb") as output:
            self.assert_serves_all(stdout=output)
            output.close()
            lines = unread.read().decode().splitlines()
        self.assertRegex(lines[0], "^listening on ")
        self.assertGreater(len(lines), 100)
        for line in lines[1:]:
            session(line)  # what is there is whole

    def test_a_pipe_that_was_closed(self):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as output:
            self.assert_serves_all(100, stdout=output)

    def test_a_socket_that_nobody_reads_and_one_that_was_closed(self):
        left, right = socket.socketpair()
        with right:
            with left:
                self.assert_serves_all(stdout=right)
            self.assert_serves_all(100, stdout=right)

    def test_what_writes_to_the_same_pipe_still_waits_for_its_reader(self):
        with subprocess.Popen([os.environ["WELCOME_SERVER"], *LOOPBACK, "--udp"], stdout=subprocess.PIPE) as server:
            try:
                self.assertRegex(server.stdout.readline().decode(), "^listening on ")
                with open("/proc/%d/fdinfo/1" % server.pid, encoding="ascii") as file:
                    flags = int(re.search(r"flags:\s*([0-7]+)", file.read())[1], 8)
                self.assertEqual(flags & os.O_NONBLOCK, 0)
            finally:
                server.kill()

    def test_no_standard_output_at_all(self):
        def close_output():
            os.close(1)

        with Server("--log", "json", stdout=subprocess.DEVNULL, preexec_fn=close_output) as server:
            for _ in range(10):
                self.assertEqual(server.received(), WELCOME)  # and nothing else, from whatever took its number
            self.assertEqual(server.end(signal.SIGTERM), 0)


if __name__ == "__main__":
    unittest.main()
