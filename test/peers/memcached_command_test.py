"""memcached_command against memcached, over a Unix socket, and against replies that break the rules."""
import os
import random
import socket
import unittest

import servers
from servers import programs


class Memcached(servers.Case):
    program = "MEMCACHED_COMMAND"

    @classmethod
    def setUpClass(cls):
        path = os.path.join(cls.shared_folder(), "memcached.sock")
        cls.server = f"unix:{path}"
        cls.start("memcached", "-u", "root", "-s", path, ready=lambda: servers.accepts(path))

    def test_values_are_kept(self):
        for key, value in (("key", b"a value"), ("k" * 250, b""), ("lines", b"END\r\nVALUE lines 0 3\r\n"),
                           ("large", random.Random(4).randbytes(900_000))):
            with self.subTest(key=key[:10]):
                self.assert_answer(b"", self.server, "set", key, "-", input=value)
                self.assert_answer(value, self.server, "get", key)

    def test_statistics(self):
        status, output, errors = self.run_program(self.server, "stats")
        self.assertEqual((errors, status), ("", 0))
        names = [line.split()[0] for line in output.decode().splitlines()]
        self.assertIn("curr_connections", names)
        self.assertGreater(len(names), 20)

    def test_what_the_server_refuses(self):
        self.assert_fails("get missing: no such key", self.server, "get", "missing")
        self.assert_fails("object too large", self.server, "set", "huge", "-", input=bytes(2 << 20))


class MemcachedFaults(servers.Case):
    program = "MEMCACHED_COMMAND"

    def test_replies_that_break_the_rules(self):
        for reason, reply in (
            ("the stream ended instead", b""),
            ("no reply: VALUE other 0 1", b"VALUE other 0 1\r\nx\r\nEND\r\n"),
            ("no reply: VALUE key 0 x", b"VALUE key 0 x\r\nx\r\nEND\r\n"),
            ("no reply: VALUE key 0 -1", b"VALUE key 0 -1\r\nx\r\nEND\r\n"),
            ("the stream ended inside a value", b"VALUE key 0 18446744073709551615\r\nx"),
            ("the stream ended too early", b"VALUE key 0 1\r\nx\r\nEN"),
            ("no reply: yz\\r\\nEND", b"VALUE key 0 1\r\nxyz\r\nEND\r\n"),
            ("a limit was exceeded", b"V" * 10_000),
            ("SERVER_ERROR out of memory", b"SERVER_ERROR out of memory\r\n"),
        ):
            def serve(connection):
                connection.recv(512)
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                programs.read_all(connection)

            with self.subTest(reply=reply[:40]), programs.raw_server(serve) as port:
                self.assert_fails(reason, f"127.0.0.1:{port}", "get", "key")

    def test_statistics_without_end(self):
        def serve(connection):
            while True:
                connection.sendall(b"STAT a b\r\n" * 100)

        with programs.raw_server(serve) as port:
            self.assert_fails("timed out", *servers.SHORT, f"127.0.0.1:{port}", "stats")

    def test_keys_that_would_be_commands(self):
        for key in ("a b", "a\r\nflush_all", "", "k" * 251):
            self.assert_fails("usage: ", "localhost:11211", "get", key, expected_status=2)


if __name__ == "__main__":
    unittest.main()
