"""The PROXY protocol with haproxy: in front of a server of ours, and as the server that a client of ours asks."""
import contextlib
import os
import socket
import unittest

import servers
from servers import programs

CONFIGURATION = """
global
    maxconn 256
    stats socket {}
defaults
    mode tcp
    timeout connect 10s
    timeout client 30s
    timeout server 30s
"""

# What haproxy says of whom it connects for; the header of version 2 has a checksum and an identifier, too.
OPTIONS = {
    "version_1": "send-proxy",
    "version_2": "send-proxy-v2",
    "version_2_with_values": "send-proxy-v2 proxy-v2-options crc32c,unique-id",
}


def text_of(address):
    """An address of Python's as portico prints it."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Haproxy(servers.Case):
    """With a file for its configuration, which `listeners` completes. Its TCP sockets are made here and inherited: a
    port that was free a moment ago may be somebody else's now."""

    @classmethod
    def setUpClass(cls):
        cls.sockets = contextlib.ExitStack()
        cls.addClassCleanup(cls.sockets.close)
        cls.inherited = []

    @classmethod
    def listen(cls, host):
        """A socket for haproxy: what `bind` calls it, and its address."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = cls.sockets.enter_context(socket.create_server((host, 0), family=family, backlog=64))
        cls.inherited.append(made.fileno())
        return f"fd@{made.fileno()}", made.getsockname()[:2]

    @classmethod
    def start_haproxy(cls, folder, listeners, *fronts):
        """`fronts` are the paths of Unix sockets at which it listens, too."""
        path, control = os.path.join(folder, "haproxy.cfg"), os.path.join(folder, "control.sock")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(control) + listeners)
        cls.start("haproxy", "-db", "-f", path, ready=lambda: all(map(servers.accepts, [control, *fronts])),
                  pass_fds=cls.inherited)
        cls.sockets.close()  # from now on haproxy alone listens


class InFront(Haproxy):
    """haproxy connects to proxied_server for those who connect to haproxy."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.shared_folder()
        path = os.path.join(folder, "server.sock")
        cls.server = cls.start_server(path, "127.0.0.1/32", "::1", "unix:")
        cls.places = {}
        listeners = ""
        for index, where in enumerate(cls.server):
            for name, options in OPTIONS.items():
                front = os.path.join(folder, f"front{index}_{name}.sock")
                four, six = cls.listen("127.0.0.1"), cls.listen("::1")
                cls.places[name, where] = four[1], six[1], front
                listeners += (f"listen {name}_{index}\n    bind {four[0]}\n    bind {six[0]}\n"
                              f"    bind {front}\n    unique-id-format %{{+X}}o%ci%cp\n"
                              f"    server ours {where.removeprefix('unix:')} {options}\n")
        cls.start_haproxy(folder, listeners, *(front for _, _, front in cls.places.values()))

    @classmethod
    def start_server(cls, path, *trusted):
        """Starts proxied_server; its places, as haproxy writes them."""
        running = programs.Running("PROXIED_SERVER", path, *trusted)
        cls.addClassCleanup(running.__exit__)
        return running.line().split()

    def answer(self, where, said=b"", source=None):
        """What is read from there until the end, and the address it is read from."""
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(programs.PATIENCE)
            if source is not None:
                client.bind((source, 0))
            client.connect(where)
            with contextlib.suppress(ConnectionError):
                client.sendall(said)
                return programs.read_all(client), client.getsockname()
        return b"", None

    def test_the_handler_sees_the_peer_of_the_proxy(self):
        for (name, server), (four, six, _) in self.places.items():
            for front in four, six:
                with self.subTest(options=OPTIONS[name], server=server, front=front):
                    seen, client = self.answer(front)
                    self.assertEqual(seen.decode(), f"{text_of(client)} {text_of(front)}\n")

    def test_a_peer_that_haproxy_has_no_words_for_is_haproxy(self):
        for (name, server), (_, _, front) in self.places.items():
            with self.subTest(options=OPTIONS[name], server=server):
                remote, local = self.answer(front)[0].decode().split()
                self.assertEqual(local, server)
                own = "unix" if server.startswith("unix:") else server.rpartition(":")[0]
                self.assertEqual(remote.rpartition(":")[0], own)

    def test_a_header_is_taken_from_whom_is_trusted_and_must_be_right(self):
        host, port = self.server[0].rsplit(":", 1)
        header = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
        for said, source, expected in (
            (header, "127.0.0.1", b"192.0.2.1:56324 198.51.100.7:443\n"),
            (header, "127.0.0.2", b""),
            (header.replace(b"TCP4", b"TCP5"), "127.0.0.1", b""),
            (b"GET / HTTP/1.1\r\n\r\n", "127.0.0.1", b""),
        ):
            with self.subTest(said=said, source=source):
                self.assertEqual(self.answer((host, int(port)), said, source)[0], expected)


class Behind(Haproxy):
    """proxied_request connects to haproxy, which answers with what it was told."""

    program = "PROXIED_REQUEST"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        socket_name, address = cls.listen("127.0.0.1")
        cls.server = text_of(address)
        cls.start_haproxy(cls.shared_folder(), f"""
frontend told
    mode http
    bind {socket_name} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
""")

    def ask(self, *arguments):
        status, output, errors = self.run_program(self.server, *arguments)
        self.assertEqual((errors, status), ("", 0))
        header, _, body = output.decode().partition("\r\n\r\n")
        self.assertIn("200 OK", header.splitlines()[0])
        return body.split(" ")

    def test_haproxy_is_told_whom_the_request_is_for(self):
        for version in "1", "2":
            for source, destination, *expected in (
                ("192.0.2.1:56324", "198.51.100.7:443", "192.0.2.1", "56324", "198.51.100.7", "443"),
                ("[2001:db8::1]:65535", "[2001:db8::2]:1", "2001:db8::1", "65535", "2001:db8::2", "1"),
                ("[::ffff:192.0.2.1]:1", "[::ffff:c633:6407]:2", "::ffff:192.0.2.1", "1", "::ffff:198.51.100.7", "2"),
            ):
                with self.subTest(version=version, source=source):
                    self.assertEqual(self.ask(version, source, destination), expected)

    def test_a_request_of_the_proxy_itself(self):
        for version in "1", "2":
            with self.subTest(version=version):
                source, _, destination, port = self.ask(version)
                self.assertEqual((source, destination, port), ("127.0.0.1", *self.server.split(":")))


if __name__ == "__main__":
    unittest.main()
