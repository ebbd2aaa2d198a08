"""welcome_server with TLS as a user sees it: its clients, whom it serves, what its log says, new certificates."""
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import unittest

import tls
from programs import PATIENCE, read_all, run
from tls import certificates
from welcome import LOOPBACK, WELCOME, Server, session

RELOADED = "welcome_server: the certificates are read again"


class TlsServer(tls.Certified):
    """`received` is what a client of Python's gets, to whom the end of the stream is told."""

    def options(self, files=None):
        files = files or self.server
        return ["--tls-cert", files.certificate, "--tls-key", files.key]

    def connected(self, server, context=None, name="localhost", **more):
        connection = server.connect()
        try:
            context = context or tls.client_context(self.authority)
            return context.wrap_socket(connection, server_hostname=name, suppress_ragged_eofs=False, **more)
        except BaseException:
            connection.close()
            raise

    def received(self, server, *arguments, **more):
        with self.connected(server, *arguments, **more) as stream:
            return read_all(stream)

    def shown(self, server, name="localhost"):
        """The certificate that it shows."""
        with self.connected(server, name=name) as stream:
            return stream.getpeercert(True)

    def assert_refused(self, server, *words):
        """The next line of the log is of a client that was refused, with these words behind it."""
        line = server.line()
        self.assertTrue(line.isascii() and line.isprintable(), line)
        ended = session(line)
        self.assertEqual(ended["end"], "refused", line)
        for word in words:
            self.assertIn(word, ended["error"])
        return ended


class Clients(TlsServer):
    def test_pythons_client_with_each_version(self):
        with Server(*self.options()) as server:
            for version in tls.VERSIONS:
                context = tls.client_context(self.authority, minimum_version=version, maximum_version=version)
                self.assertEqual(self.received(server, context), WELCOME)
                ended = server.session()
                self.assertEqual((ended["end"], ended["error"]), ("served", None))
                self.assertEqual((ended["bytes_read"], ended["bytes_written"]), ("0", str(len(WELCOME))))
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.errors), [])

    def test_the_client_of_openssl_with_each_version(self):
        with Server(*self.options()) as server:
            for version in "-tls1_2", "-tls1_3":
                ended = subprocess.run(
                    ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.ports[0], version, "-quiet", "-CAfile",
                     self.authority.file, "-verify_return_error", "-verify_hostname", "localhost"],
                    stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
                self.assertEqual((ended.returncode, ended.stdout), (0, WELCOME), ended.stderr)
                self.assertEqual(server.session()["end"], "served")

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl(self):
        with Server(*self.options()) as server:
            for version in "1.2", "1.3":
                ended = subprocess.run(
                    ["curl", "-q", "-sS", "--http0.9", "--cacert", self.authority.file, "--tlsv" + version, "--tls-max",
                     version, "https://127.0.0.1:%d/" % server.ports[0]],
                    capture_output=True, timeout=PATIENCE, check=False)
                self.assertEqual((ended.returncode, ended.stdout), (0, WELCOME), ended.stderr)
                self.assertEqual(server.session()["end"], "served")

    def test_a_message_of_many_records(self):
        message = "x" * 100_000
        with Server(*self.options(), "--message", message) as server:
            self.assertEqual(self.received(server), message.encode() + b"\r\n")

    def test_at_a_unix_socket(self):
        path = self.path("welcome.sock")
        with Server("--listen", "unix:" + path, *self.options()) as server:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(path)
                with tls.client_context(self.authority).wrap_socket(client, server_hostname="localhost") as stream:
                    self.assertEqual(read_all(stream), WELCOME)
            self.assertEqual(server.session()["peer"], "unix:")

    def test_behind_a_proxy(self):
        with Server(*self.options(), "--proxy-protocol", "127.0.0.1") as server:
            with server.connect() as client:
                client.sendall(b"PROXY TCP4 192.0.2.7 203.0.113.9 4711 9999\r\n")
                with tls.client_context(self.authority).wrap_socket(client, server_hostname="localhost") as stream:
                    self.assertEqual(read_all(stream), WELCOME)
            self.assertEqual(server.session()["peer"], "192.0.2.7:4711")

    def test_the_certificate_is_that_of_the_name_that_is_asked_for(self):
        names = ("one.test", "two.test", "*.three.test")
        files = {name: self.authority.issue(name, names="DNS:" + name) for name in names}
        options = self.options()
        for each in files.values():
            options += self.options(each)
        with Server(*options) as server:
            for name, expected in (("one.test", files["one.test"]), ("two.test", files["two.test"]),
                                   ("TWO.test", files["two.test"]), ("www.three.test", files["*.three.test"]),
                                   ("localhost", self.server), ("127.0.0.1", self.server)):
                self.assertEqual(self.shown(server, name), expected.der(), name)
            context = tls.client_context(self.authority, check_hostname=False)
            with self.connected(server, context, name="nobody.test") as stream:
                self.assertEqual(stream.getpeercert(True), self.server.der())

    def test_the_key_may_be_in_the_file_of_the_certificate(self):
        other = self.authority.issue("other.test", names="DNS:other.test")
        with Server("--tls-cert", self.server.combined(), "--tls-cert", other.combined()) as server:
            self.assertEqual(self.shown(server), self.server.der())
            self.assertEqual(self.shown(server, "other.test"), other.der())

    def test_a_session_is_resumed_by_whichever_thread_or_process(self):
        for mode in ([], ["--threads", "4"], ["--prefork", "2"]):
            with Server(*self.options(), *mode) as server:
                for version in tls.VERSIONS:
                    context = tls.client_context(self.authority, minimum_version=version, maximum_version=version)
                    with self.connected(server, context) as stream:
                        self.assertEqual(read_all(stream), WELCOME)
                        known = stream.session
                    for _ in range(20):
                        with self.connected(server, context, session=known) as stream:
                            self.assertEqual(read_all(stream), WELCOME)
                            self.assertTrue(stream.session_reused)


class Refused(TlsServer):
    """Nothing is sent in the clear, and each has a line in the log."""

    def test_who_does_not_speak_tls(self):
        with Server(*self.options()) as server:
            for said, word in ((b"GET / HTTP/1.1\r\n\r\n", "HTTP"), (b"EHLO client.example\r\n", "does not speak TLS"),
                               (b"\0" * 100, ""), (b"\x16\x03\x01\xff\xff" + b"\xff" * 100, ""), (b"", "closed"),
                               (b"\x16\x03\x01", "closed")):
                with server.connect() as client, contextlib.suppress(ConnectionError):
                    client.sendall(said)
                    client.shutdown(socket.SHUT_WR)
                    answer = read_all(client)
                    self.assertNotIn(b"Welcome", answer)
                    self.assertLessEqual(len(answer), 7)  # an alert
                self.assert_refused(server, "TLS handshake with 127.0.0.1:", word)
            self.assertEqual(self.received(server), WELCOME)
            self.assertEqual(server.session()["end"], "served")
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.errors), [])

    def test_who_says_too_little_for_too_long(self):
        with Server(*self.options(), "--handshake-timeout", "0.3") as server:
            for said in b"", b"\x16", b"\x16\x03\x01\x02\x00\x01":
                with server.connect() as client:
                    client.sendall(said)
                    with contextlib.suppress(ConnectionError):
                        self.assertEqual(read_all(client), b"")
                ended = self.assert_refused(server, "timed out")
                self.assertGreaterEqual(float(ended["seconds"]), 0.3)

    def test_versions_that_are_not_safe(self):
        context = tls.client_context(self.authority, minimum_version=ssl.TLSVersion.TLSv1,
                                     maximum_version=ssl.TLSVersion.TLSv1_1)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with Server(*self.options()) as server:
            with self.assertRaises(ssl.SSLError):
                self.connected(server, context)
            self.assert_refused(server, "version")

    def test_who_does_not_trust_the_server(self):
        stranger = certificates.Authority(self.made, "nobody's CA")
        with Server(*self.options()) as server:
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.connected(server, tls.client_context(stranger))
            self.assert_refused(server, "does not trust our certificate")

    def test_who_shows_no_certificate_that_is_trusted(self):
        stranger = certificates.Authority(self.made, "a client's CA").issue("stranger", usage="clientAuth")
        self_signed = certificates.self_signed(self.made, "evil\x1b[2J", "extendedKeyUsage=clientAuth")
        cases = ((None, "no certificate"), (stranger, "issued by a client's CA, which is not trusted"),
                 (self_signed, "evil\\\\x1b[2J"),
                 (self.authority.expired("old client", usage="clientAuth"), "expired on 2025-01-01"),
                 (self.server, "not for clients"))
        with Server(*self.options(), "--client-ca", self.authority.file) as server:
            for version in tls.VERSIONS:
                for files, words in cases:
                    with self.subTest(words=words, version=version):
                        context = tls.client_context(self.authority, files, maximum_version=version)
                        with self.assertRaises(OSError):
                            self.assertNotEqual(self.received(server, context), WELCOME)
                        self.assert_refused(server, words)
                context = tls.client_context(self.authority, self.client, maximum_version=version)
                self.assertEqual(self.received(server, context), WELCOME)
                self.assertEqual(server.session()["end"], "served")

    def test_in_json_they_are_objects_too(self):
        evil = certificates.self_signed(self.made, 'evil"\x1b', "extendedKeyUsage=clientAuth")
        with Server(*self.options(), "--client-ca", self.authority.file, "--log", "json") as server:
            context = tls.client_context(self.authority, evil, maximum_version=ssl.TLSVersion.TLSv1_2)
            with self.assertRaises(OSError):
                self.received(server, context)
            line = server.line()
            self.assertTrue(line.isascii() and line.isprintable(), line)
            ended = json.loads(line)
            self.assertEqual(ended["end"], "refused")
            self.assertGreaterEqual(ended["seconds"], 0)
            self.assertIn("evil", ended["error"])

    def test_without_a_log_there_are_no_lines(self):
        with Server(*self.options(), "--log", "none") as server:
            with server.connect() as client, contextlib.suppress(ConnectionError):
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                read_all(client)
            self.assertEqual(self.received(server), WELCOME)
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])
            self.assertEqual(server.rest(server.errors), [])


class Reload(TlsServer):
    def install(self, files, *names):
        """Puts a certificate and its key in the place of others, each at once."""
        for source, target in zip((files.certificate, files.key), names):
            shutil.copy(source, target + ".new")
            os.replace(target + ".new", target)

    def setUp(self):
        super().setUp()
        self.places = [self.path("server.pem"), self.path("server.key")]
        self.install(self.server, *self.places)
        self.own = ["--tls-cert", self.places[0], "--tls-key", self.places[1]]

    @contextlib.contextmanager
    def held(self, server):
        """A client that takes nothing, in small segments, so that the system holds only a part of the message; and
        where the server waits for it, as SIGUSR1 shows it."""
        with socket.socket() as client:
            client.settimeout(PATIENCE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            client.connect(("127.0.0.1", server.ports[0]))
            waiting = "  write to 127.0.0.1:%d, " % client.getsockname()[1]
            context = tls.client_context(self.authority)
            with context.wrap_socket(client, server_hostname="localhost", suppress_ragged_eofs=False) as stream:
                yield stream, waiting

    def test_under_load_none_fails_and_an_open_connection_lives(self):
        message = 120_000 * b"x"
        rounds = [self.authority.issue("server of round %d" % each) for each in range(4)]
        for mode in ([], ["--threads", "2"]):
            self.install(self.server, *self.places)
            with Server(*self.own, *mode, "--log", "none", "--timeout", "60", "--message", message.decode()) as server:
                done = threading.Event()

                def load():
                    seen = []
                    while not done.is_set():
                        with self.connected(server) as stream:
                            seen.append(stream.getpeercert(True))
                            self.assertEqual(read_all(stream), message + b"\r\n")
                    return seen

                with self.held(server) as (held, waiting), concurrent.futures.ThreadPoolExecutor(4) as pool:
                    clients = [pool.submit(load) for _ in range(4)]
                    try:
                        for files in rounds:
                            self.install(files, *self.places)
                            server.process.send_signal(signal.SIGHUP)
                            self.assertEqual(server.error(), RELOADED)
                            for _ in range(5):  # whoever comes now
                                self.assertEqual(self.shown(server), files.der())
                    finally:
                        done.set()
                    seen = [each for client in clients for each in client.result(PATIENCE)]
                    self.assertLessEqual(set(seen), {self.server.der(), *(files.der() for files in rounds)})
                    self.assertGreater(len(seen), 4)
                    server.process.send_signal(signal.SIGUSR1)
                    while not server.error().startswith(waiting):
                        pass
                    self.assertEqual(held.getpeercert(True), self.server.der())
                    self.assertEqual(read_all(held), message + b"\r\n")
                self.assertEqual(server.end(signal.SIGTERM), 0)

    def test_each_process_reads_them(self):
        other = self.authority.issue("another server")
        with Server(*self.own, "--prefork", "2", "--log", "none") as server:
            self.assertEqual(self.shown(server), self.server.der())
            self.install(other, *self.places)
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual([server.error() for _ in range(3)], 3 * [RELOADED])  # their parent, too
            for _ in range(20):
                self.assertEqual(self.shown(server), other.der())

    def test_processes_that_take_the_place_of_others_have_the_new_ones(self):
        other = self.authority.issue("a server after a crash")
        with Server(*self.own, "--prefork", "2", "--log", "none") as server:
            processes = [int(re.search(r"\(process ([0-9]+)", line)[1]) for line in server.listening]
            self.install(other, *self.places)
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual([server.error() for _ in range(3)], 3 * [RELOADED])  # their parent, too
            for each in processes:
                os.kill(each, signal.SIGKILL)
            places = [server.line() for _ in processes]
            self.assertEqual([line.startswith("listening on ") for line in places], 2 * [True], places)
            self.assertFalse(set(places) & set(server.listening))
            for _ in range(20):
                self.assertEqual(self.shown(server), other.der())

    def test_files_that_are_not_right_leave_everything_as_it_was(self):
        other = self.authority.issue("a third server")
        with Server(*self.own) as server:
            certificate, key = self.places
            for spoil, words in ((lambda: os.unlink(certificate), [certificate, "No such file"]),
                                 (lambda: self.install(other, certificate), [key, "another certificate"]),
                                 (lambda: self.write(key, "no key"), [key, "no private key"])):
                spoil()
                server.process.send_signal(signal.SIGHUP)
                error = server.error()
                for word in ["welcome_server: reload: ", *words]:
                    self.assertIn(word, error)
                self.assertEqual(self.shown(server), self.server.der())
            self.install(other, *self.places)
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(server.error(), RELOADED)
            self.assertEqual(self.shown(server), other.der())

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def test_whom_it_trusts_is_read_again_too(self):
        other = certificates.Authority(self.made, "next client CA")
        trusted = self.path("clients.pem")
        shutil.copy(self.authority.file, trusted)
        before = tls.client_context(self.authority, self.client)
        after = tls.client_context(self.authority, other.issue("next client", usage="clientAuth"))
        with Server(*self.own, "--client-ca", trusted) as server:
            self.assertEqual(self.received(server, before), WELCOME)
            shutil.copy(other.file, trusted)
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(server.error(), RELOADED)
            self.assertEqual(self.received(server, after), WELCOME)
            with self.assertRaises(OSError):
                self.assertNotEqual(self.received(server, before), WELCOME)


class Usage(TlsServer):
    def test_files_that_are_not_right_are_found_before_it_listens(self):
        missing, broken = self.path("missing.pem"), self.path("broken.pem")
        with open(broken, "w", encoding="ascii") as file:
            file.write("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        certificate, key = self.server.certificate, self.server.key
        for options, words in ((["--tls-cert", missing], [missing, "No such file"]),
                               (["--tls-cert", broken], ["read certificate " + broken]),
                               (["--tls-cert", certificate], ["read private key " + certificate]),
                               (["--tls-cert", certificate, "--tls-key", missing], [missing, "No such file"]),
                               (["--tls-cert", certificate, "--tls-key", self.client.key], ["another certificate"]),
                               (["--tls-cert", certificate, "--tls-key", key, "--client-ca", missing], [missing]),
                               (["--tls-cert", certificate, "--tls-key", key, "--client-ca", key], [key])):
            status, output, errors = run("WELCOME_SERVER", *LOOPBACK, *options)
            self.assertEqual((status, output), (2, b""), errors)
            self.assert_one_line(errors, "welcome_server: ", *words)

    def test_wrong_options_are_wrong_usage(self):
        own = self.options()
        for options in (["--tls-key", self.server.key], ["--client-ca", self.authority.file], [*own, "--client-ca", ""],
                        [*own, "--tls-key", self.client.key], [*own, "--tls-cert", self.server.certificate],
                        ["--tls-cert", ""], [*own[:2], "--tls-key", ""], [*own, "--udp"], ["--tls-cert"],
                        ["--handshake-timeout", "0"], ["--handshake-timeout", "nan"],
                        ["--udp", "--handshake-timeout", "1"]):
            status, output, errors = run("WELCOME_SERVER", *LOOPBACK, *options)
            self.assertEqual((status, output), (2, b""), (options, errors))
            self.assertLessEqual(errors.count("\n"), 2, errors)
            self.assertTrue(errors)

    def test_without_certificates_sighup_has_its_usual_effect(self):
        with Server() as server:
            self.assertEqual(server.end(signal.SIGHUP), -signal.SIGHUP)


if __name__ == "__main__":
    unittest.main()
