"""redis_command against redis, over TCP and a Unix socket, and against replies that break the rules."""
import os
import random
import socket
import unittest

import servers
from servers import programs


class Redis(servers.Case):
    program = "REDIS_COMMAND"

    @classmethod
    def setUpClass(cls):
        folder, port = cls.shared_folder(), servers.free_port()
        path = os.path.join(folder, "redis.sock")
        cls.servers = f"unix:{path}", f"127.0.0.1:{port}"
        cls.start("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path, "--save", "",
                  "--dir", folder, ready=lambda: servers.accepts(path) and servers.accepts(("127.0.0.1", port)))

    def test_commands_and_their_replies(self):
        for server in self.servers:
            for reply, *command in (
                ("PONG", "PING"),
                ("OK", "SET", "key", "a value"),
                ("a value", "GET", "key"),
                ("(nil)", "GET", "missing"),
                ("", "ECHO", ""),
                ("-3", "EVAL", "return -3", "0"),
                ("1\n2\nthree\n(nil)", "EVAL", "return {1, {2, {'three'}}, false}", "0"),
                ("", "KEYS", "none*"),
            ):
                with self.subTest(server=server, command=command):
                    self.assert_answer((reply + "\n" * (command[0] != "KEYS")).encode(), server, *command)

    def test_large_values(self):
        value = random.Random(2).randbytes(1 << 20)
        for server in self.servers:
            with self.subTest(server=server):
                self.assert_answer(b"OK\n", server, "SET", "large", "-", input=value)
                self.assert_answer(value + b"\n", server, "GET", "large")

    def test_errors_are_told_in_the_words_of_the_server(self):
        self.assert_fails("ERR unknown command", self.servers[0], "NONSENSE")


class RedisFaults(servers.Case):
    program = "REDIS_COMMAND"

    def assert_reply_fails(self, reason, reply, *options):
        def serve(connection):
            connection.recv(512)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            programs.read_all(connection)

        with programs.raw_server(serve) as port:
            self.assert_fails(reason, *options, f"127.0.0.1:{port}", "PING")

    def test_nobody_listens(self):
        self.assert_fails("Connection refused", f"127.0.0.1:{servers.free_port()}", "PING")
        self.assert_fails("No such file", f"unix:{self.path('none')}", "PING")

    def test_a_server_that_does_not_answer(self):
        with programs.raw_server(programs.read_all) as port:
            self.assert_fails(f"ask 127.0.0.1:{port}: timed out", *servers.SHORT, f"127.0.0.1:{port}", "PING")

    def test_replies_that_break_the_rules(self):
        for reason, reply in (
            ("the stream ended instead", b""),
            ("the stream ended too early", b"+PON"),
            ("a limit was exceeded", b"+" + b"x" * 10_000),
            ("no reply: hello", b"hello\r\n"),
            ("no reply: ", b"\r\n"),
            ("no size: ", b"$\r\n"),
            ("no size: 5x", b"$5x\r\nhello\r\n"),
            ("no size: -2", b"$-2\r\n"),
            ("no size: 9", b"$9999999999999999999\r\n"),
            ("the stream ended inside a value", b"$9000000000000000000\r\nhello"),
            ("the stream ended inside a value", b"$6\r\nhello"),
            ("a string is longer than it says", b"$4\r\nhello\r\n"),
            ("the stream ended instead", b"*9000000000000000000\r\n:1\r\n"),
            ("arrays are nested too deeply", b"*1\r\n" * 100_000),
            ("\\x1b[2J", b"-ERR \x1b[2J\r\n"),
        ):
            with self.subTest(reply=reply[:40]):
                self.assert_reply_fails(reason, reply)


if __name__ == "__main__":
    unittest.main()
