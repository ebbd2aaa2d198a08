"""TLS with OpenSSL's own programs: s_client against tls_server, and tls_client against s_server."""
import os
import subprocess
import threading
import unittest

import servers
import tls_programs
from tls_programs import SIZE, VERSIONS, certificates, programs

PROTOCOL = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}
OPTION = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


class SClient(tls_programs.Case):
    def command(self, server, version, *options):
        return ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost",
                "-verify_hostname", "localhost", "-verify_return_error", "-CAfile", self.authority.file,
                OPTION[version], *options]

    def output_of(self, server, version, *options, said=tls_programs.get_request(1)):
        """What it prints of a connection that the server ends, if it says that all is well."""
        ended = subprocess.run(self.command(server, version, "-ign_eof", *options), input=said, capture_output=True,
                               timeout=tls_programs.PATIENCE, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout.decode("latin-1")

    def test_what_it_receives(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  tls_programs.conversation(self.command(server, version, "-quiet"),
                                            [tls_programs.get_request()]) as client):
                tls_programs.skip_header(client.stdout)
                self.assert_expected(tls_programs.summary(tls_programs.pieces_of(client.stdout)))
                self.assertEqual(client.wait(tls_programs.PATIENCE), 0)
                agreed = server.handshake()
                self.assertEqual((agreed["version"], agreed["name"]), (f"TLS {version}", "localhost"))

    def test_what_it_sends(self):
        for version in VERSIONS:
            with (self.subTest(version=version), self.serve(version) as server,
                  tls_programs.conversation(self.command(server, version, "-quiet"),
                                            tls_programs.put_request()) as client):
                tls_programs.skip_header(client.stdout)
                self.assert_received(client.stdout.read())

    def test_a_session_is_resumed(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version) as server:
                session = self.path(version)
                first = self.output_of(server, version, "-sess_out", session)
                second = self.output_of(server, version, "-sess_in", session)
                self.assertIn(f"New, {PROTOCOL[version]}", first)
                self.assertIn(f"Reused, {PROTOCOL[version]}", second)
                self.assertEqual([server.handshake()["resumed"] for _ in range(2)], [False, True])

    def test_it_reconnects(self):
        with self.serve("1.2") as server:
            self.assertEqual(self.output_of(server, "1.2", "-reconnect").count("Reused, TLSv1.2"), 5)
            self.assertEqual([each["resumed"] for each in server.handshakes(6)], [False] + 5 * [True])

    def test_a_protocol_is_agreed_on(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version, "alpn=acme,http/1.1") as server:
                self.assertIn("ALPN protocol: http/1.1", self.output_of(server, version, "-alpn", "h2,http/1.1"))
                self.assertEqual(server.handshake()["alpn"], "http/1.1")
                self.assertIn("No ALPN negotiated", self.output_of(server, version))
                self.assertEqual(server.handshake()["alpn"], "")
                refused = subprocess.run(self.command(server, version, "-alpn", "h2"), input=b"", capture_output=True,
                                         timeout=tls_programs.PATIENCE, check=False)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(b"no application protocol", refused.stderr)
                self.assertIn("failure", server.handshake())

    def test_it_shows_a_certificate(self):
        shown = "-cert", self.client_files.certificate, "-key", self.client_files.key
        for version in VERSIONS:
            with (self.subTest(version=version),
                  self.serve(version, "clients=required", f"client-ca={self.authority.file}") as server):
                self.assertIn("Verify return code: 0 (ok)", self.output_of(server, version, *shown))
                self.assertEqual(server.handshake()["peer"], "CN=client")
                subprocess.run(self.command(server, version, "-ign_eof"), input=b"", capture_output=True,
                               timeout=tls_programs.PATIENCE, check=False)
                self.assertIn("no certificate", server.handshake()["failure"])

    def test_it_may_not_renegotiate(self):
        with self.serve("1.2") as server, Interactive(*self.command(server, "1.2")[1:]) as client:
            client.say("R\n")
            client.wait_for("no renegotiation", client.errors)

    def test_versions_before_1_2_are_not_spoken(self):
        with tls_programs.Server(self.files) as server:
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_1",
                       "-cipher", "ALL:@SECLEVEL=0"]
            refused = subprocess.run(command, input=b"", capture_output=True, check=False,
                                     timeout=tls_programs.PATIENCE)
            self.assertIn(b"alert protocol version", refused.stderr)
            self.assertIn("failure", server.handshake())

    def test_keys_are_updated(self):
        with (self.serve("1.3") as server,
              Interactive(*self.command(server, "1.3")[1:]) as client):
            for said, stream, answer in (("echo\n", None, None), ("hello\n", client.output, "hello\n"),
                                         ("K\n", client.errors, "KEYUPDATE\n"), ("again\n", client.output, "again\n"),
                                         ("k\n", client.errors, "KEYUPDATE\n"), ("still\n", client.output, "still\n")):
                client.say(said)
                if stream is not None:
                    client.wait_for(answer, stream)


class Interactive(programs.Running):
    """`openssl`, whose standard input is kept open, and whose output comes by lines."""

    def __init__(self, *arguments, **options):
        os.environ["STDBUF"] = "stdbuf"
        super().__init__("STDBUF", "-oL", "openssl", *arguments, stdin=subprocess.PIPE, **options)

    def __exit__(self, *_):
        super().__exit__()
        self.process.stdin.close()

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_for(self, text, lines):
        """The next line with this text."""
        for line in iter(lambda: lines.get(timeout=programs.PATIENCE), None):
            if text in line:
                return line
        raise AssertionError(f"no line {text}")


class SServer(tls_programs.Case):
    def run_server(self, version, *options, files=None, **more):
        """Starts s_server, and waits until it says where it listens."""
        files = files or self.files
        running = Interactive("s_server", "-accept", "127.0.0.1:0", "-cert", files.certificate, "-key", files.key,
                              OPTION[version], *options, **more)
        running.port = int(running.wait_for("ACCEPT", running.output).rpartition(":")[2])
        return running

    def test_what_it_sends(self):
        with open(self.path("file"), "wb") as file:
            file.writelines(tls_programs.pattern())
        for version in VERSIONS:
            with self.subTest(version=version), self.run_server(version, "-WWW", cwd=self.folder) as server:
                [seen] = self.ask(server.port, "get", "/file", version=version)
                self.assert_expected(seen)
                self.assertEqual((seen["version"], seen["peer"]), (f"TLS {version}", "CN=localhost"))

    def test_what_it_receives(self):
        for version in VERSIONS:
            path = self.path(version)
            command = ["openssl", "s_server", "-unix", path, "-cert", self.files.certificate, "-key", self.files.key,
                       OPTION[version], "-quiet"]
            done = threading.Event()
            with (self.subTest(version=version),
                  tls_programs.conversation(command, waiting(done)) as server):
                programs.wait_until(lambda: servers.accepts(path))
                sending = threading.Thread(target=self.ask, args=["unix:" + path, "send", str(SIZE)],
                                           kwargs={"version": version})
                sending.start()
                received = tls_programs.summary(tls_programs.pieces_of(tls_programs.Limited(server.stdout, SIZE)))
                sending.join(tls_programs.PATIENCE)
                done.set()
                self.assert_expected(received)

    def test_a_session_is_resumed(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.run_server(version, "-naccept", "3") as server:
                seen = self.ask(server.port, "times=3", "send", "0", version=version)
                self.assertEqual([each["resumed"] for each in seen], [False, True, True])
                lines = server.rest(server.output)
                self.assertEqual(lines.count("Reused session-id\n"), 2, lines)

    def test_a_protocol_is_agreed_on(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.run_server(version, "-alpn", "acme,http/1.1") as server:
                [seen] = self.ask(server.port, "alpn=h2,http/1.1", "send", "0", version=version)
                self.assertEqual(seen["alpn"], "http/1.1")
                server.wait_for("ALPN protocols selected: http/1.1", server.output)

    def test_it_is_shown_a_certificate(self):
        shown = f"certificate={self.client_files.certificate}", f"key={self.client_files.key}"
        asking = "-Verify", "1", "-verify_return_error", "-CAfile", self.authority.file
        for version in VERSIONS:
            with self.subTest(version=version), self.run_server(version, *asking) as server:
                self.ask(server.port, *shown, "send", "0", version=version)
                server.wait_for("subject=CN = client", server.output)
                self.assertRegex(self.ask(server.port, "send", "0", version=version, expected_status=1),
                                 "requires a certificate|handshake failure")

    def test_it_updates_keys(self):
        for update in "K\n", "k\n":  # one of them wants the client to do the same
            with (self.subTest(update=update), self.run_server("1.3") as server,
                  programs.Running("TLS_CLIENT", f"127.0.0.1:{server.port}", "host=localhost",
                                   f"ca={self.authority.file}", "receive", "6") as client):
                server.wait_for("CIPHER is", server.output)
                server.say(update)
                server.wait_for("SSL_do_handshake -> 1", server.output)
                server.say("hello\n")
                self.assertIn('"begin": "hello\\n"', client.line())

    def test_certificates_that_are_no_good(self):
        for files, reason in ((self.authority.expired(), "certificate of expired expired on 2025-01-01"),
                              (self.authority.issue("other", "DNS:other.test"),
                               "certificate is for other.test, not for localhost"),
                              (certificates.self_signed(self.shared, "stranger", "subjectAltName=DNS:localhost"),
                               "certificate of stranger is self-signed"),
                              (self.client_files, "certificate of client is not for servers")):
            with self.subTest(reason=reason), self.run_server("1.3", files=files) as server:
                errors = self.ask(server.port, "send", "0", expected_status=1)
                self.assert_one_line(errors, "tls_client: TLS handshake with localhost: ", reason)
                server.wait_for("alert", server.errors)


def waiting(done):
    """Standard input that says nothing until then."""
    done.wait(tls_programs.PATIENCE)
    yield b""


if __name__ == "__main__":
    unittest.main()
