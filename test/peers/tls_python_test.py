"""TLS with Python's ssl: as a client of tls_server, and as a server that tls_client asks."""
import asyncio
import contextlib
import hashlib
import itertools
import json
import socket
import ssl
import unittest

import tls_programs
from tls_programs import SIZE, VERSIONS, programs

VERSION = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
PROTOCOL = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


def only(context, version):
    context.minimum_version = context.maximum_version = VERSION[version]
    return context


class PythonClient(tls_programs.Case):
    def context(self, version):
        return only(ssl.create_default_context(cafile=self.authority.file), version)

    @contextlib.contextmanager
    def connect(self, server, context, session=None):
        """A connection whose end has to be one of TLS."""
        with socket.create_connection(("127.0.0.1", server.port), tls_programs.PATIENCE) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session,
                                     suppress_ragged_eofs=False) as secure:
                yield secure

    def test_what_it_receives(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  self.connect(server, self.context(version)) as client):
                client.sendall(tls_programs.get_request())
                with client.makefile("rb") as file:
                    tls_programs.skip_header(file)
                    self.assert_expected(tls_programs.summary(tls_programs.pieces_of(file)))
                self.assertEqual(client.version(), PROTOCOL[version])
                self.assertEqual(server.handshake()["version"], f"TLS {version}")

    def test_what_it_sends(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  self.connect(server, self.context(version)) as client):
                for each in tls_programs.put_request():
                    client.sendall(each)
                with client.makefile("rb") as file:
                    tls_programs.skip_header(file)
                    self.assert_received(file.read())

    def test_both_ways_at_the_same_time(self):
        async def echo(server, context):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context,
                                                           server_hostname="localhost")
            writer.write(b"echo\n")

            async def send():
                for each in tls_programs.pattern():
                    writer.write(each)
                    await writer.drain()

            sending = asyncio.ensure_future(send())
            digest, left = hashlib.sha256(), SIZE
            while left > 0:
                data = await reader.read(min(left, 1 << 16))
                self.assertTrue(data)
                digest.update(data)
                left -= len(data)
            await sending
            writer.close()
            return digest.hexdigest()

        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version) as server:
                echoed = asyncio.run(asyncio.wait_for(echo(server, self.context(version)), tls_programs.PATIENCE))
                self.assertEqual(echoed, tls_programs.expected()["sha256"])

    def test_a_session_is_resumed(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version) as server:
                context, session = self.context(version), None
                for resumed in False, True, True:
                    with self.connect(server, context, session) as client:
                        client.sendall(tls_programs.get_request(1))
                        self.assertTrue(programs.read_all(client).endswith(b"\r\n\r\n" + next(tls_programs.pattern(1))))
                        self.assertEqual(client.session_reused, resumed)
                        self.assertEqual(server.handshake()["resumed"], resumed)
                        session = client.session

    def test_a_protocol_is_agreed_on(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version, "alpn=acme,http/1.1") as server:
                context = self.context(version)
                context.set_alpn_protocols(["h2", "http/1.1"])
                with self.connect(server, context) as client:
                    self.assertEqual(client.selected_alpn_protocol(), "http/1.1")
                    self.assertEqual(server.handshake()["alpn"], "http/1.1")

    def test_the_end_is_said_by_both(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  self.connect(server, self.context(version)) as client):
                client.sendall(b"echo\nhello")
                self.assertEqual(client.recv(5), b"hello")
                client.unwrap().close()
                self.assertNotIn("failure", server.handshake())

    def test_an_end_that_is_not_said_is_an_error(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  self.connect(server, self.context(version)) as client):
                client.sendall(b"echo\nhello")
                self.assertEqual(client.recv(5), b"hello")
                client.shutdown(socket.SHUT_WR)  # of TCP
                server.handshake()
                self.assertIn("cut off", server.handshake()["failure"])


class PythonServer(tls_programs.Case):
    @contextlib.contextmanager
    def python_server(self, version, use, clients=ssl.CERT_NONE):
        """A server whose connections `use(connection)` has."""
        context = only(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), version)
        context.load_cert_chain(self.files.certificate, self.files.key)
        context.load_verify_locations(self.authority.file)
        context.verify_mode = clients
        context.set_alpn_protocols(["acme", "http/1.1"])

        def serve(plain):
            plain.settimeout(tls_programs.PATIENCE)
            with context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as connection:
                use(connection)

        with programs.raw_server(serve) as port:
            yield port

    @staticmethod
    def end(connection):
        with contextlib.suppress(OSError):
            connection.unwrap()

    def test_what_it_sends(self):
        def send(connection):
            for each in tls_programs.pattern():
                connection.sendall(each)
            self.end(connection)

        for version in VERSIONS:
            with self.subTest(version=version), self.python_server(version, send) as port:
                [seen] = self.ask(port, "receive", version=version)
                self.assert_expected(seen)
                self.assertEqual(seen["version"], f"TLS {version}")

    def test_what_it_receives_until_the_end_and_answers_behind_that(self):
        def receive(connection):
            seen = tls_programs.summary(iter(lambda: connection.recv(1 << 16), b""))
            connection.sendall(json.dumps(seen).encode())
            self.end(connection)

        for version in VERSIONS:
            with self.subTest(version=version), self.python_server(version, receive) as port:
                [seen] = self.ask(port, "send", str(SIZE), version=version)
                self.assert_received(seen["begin"])

    def test_a_session_is_resumed(self):
        resumed = []

        def answer(connection):
            resumed.append(connection.session_reused)
            connection.sendall(b"hello")
            self.end(connection)

        for version in VERSIONS:
            with self.subTest(version=version), self.python_server(version, answer) as port:
                resumed.clear()
                seen = self.ask(port, "times=4", "receive", version=version)
                self.assertEqual([each["resumed"] for each in seen], [False, True, True, True])
                self.assertEqual(resumed, [False, True, True, True])

    def test_what_is_agreed_on(self):
        agreed = []

        def answer(connection):
            subject = dict(itertools.chain(*connection.getpeercert()["subject"]))
            agreed.append((connection.selected_alpn_protocol(), subject["commonName"]))
            self.end(connection)

        for version in VERSIONS:
            with self.subTest(version=version), self.python_server(version, answer, ssl.CERT_REQUIRED) as port:
                agreed.clear()
                [seen] = self.ask(port, "alpn=h2,http/1.1", f"certificate={self.client_files.certificate}",
                                  f"key={self.client_files.key}", "receive", version=version)
                self.assertEqual(seen["alpn"], "http/1.1")
                self.assertEqual(agreed, [("http/1.1", "client")])

    def test_an_end_that_is_not_said_is_an_error(self):
        def cut(connection):
            connection.sendall(b"hello")
            connection.shutdown(socket.SHUT_WR)  # of TCP

        for version in VERSIONS:
            with self.subTest(version=version), self.python_server(version, cut) as port:
                self.assertIn("cut off", self.ask(port, "receive", version=version, expected_status=1))


if __name__ == "__main__":
    unittest.main()
