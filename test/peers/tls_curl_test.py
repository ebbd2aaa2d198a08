"""TLS with curl, as a client of tls_server."""
import shutil
import subprocess
import unittest

import tls_programs
from tls_programs import VERSIONS, certificates


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(tls_programs.Case):
    def command(self, server, version, *arguments, authority=None):
        return ["curl", "--silent", "--show-error", "--http1.1", "--noproxy", "*", f"--tlsv{version}", "--tls-max",
                version, "--cacert", authority or self.authority.file, "--connect-to", f"::127.0.0.1:{server.port}",
                *arguments]

    def refused(self, *arguments, **options):
        """The exit status where it fails."""
        ended = subprocess.run(self.command(*arguments, **options), capture_output=True, check=False,
                               timeout=tls_programs.PATIENCE)
        return ended.returncode

    def test_what_it_receives(self):
        for version in VERSIONS:
            url = f"https://localhost/{tls_programs.SIZE}"
            with (self.subTest(version=version), self.serve(version) as server,
                  tls_programs.conversation(self.command(server, version, url)) as curl):
                self.assert_expected(tls_programs.summary(tls_programs.pieces_of(curl.stdout)))
                self.assertEqual(curl.wait(tls_programs.PATIENCE), 0)
                agreed = server.handshake()
                self.assertEqual((agreed["version"], agreed["name"]), (f"TLS {version}", "localhost"))

    def test_what_it_sends(self):
        with open(self.path("file"), "wb") as file:
            file.writelines(tls_programs.pattern())
        for version in VERSIONS:
            command = "--upload-file", self.path("file"), "https://localhost/"
            with (self.subTest(version=version), self.serve(version) as server,
                  tls_programs.conversation(self.command(server, version, *command)) as curl):
                self.assert_received(curl.stdout.read())

    def test_a_session_is_resumed_and_a_protocol_agreed_on(self):
        for version, resumed in ("1.2", False), ("1.3", True):  # it wants no tickets of TLS 1.2 (SSL_OP_NO_TICKET)
            urls = "https://localhost/5", "https://localhost/6"
            with (self.subTest(version=version), self.serve(version, "alpn=acme,http/1.1") as server,
                  tls_programs.conversation(self.command(server, version, *urls)) as curl):
                self.assertEqual(len(curl.stdout.read()), 11)
                seen = [server.handshake() for _ in range(2)]
                self.assertEqual([(each["resumed"], each["alpn"]) for each in seen],
                                 [(False, "http/1.1"), (resumed, "http/1.1")])

    def test_it_shows_a_certificate(self):
        shown = "--cert", self.client_files.certificate, "--key", self.client_files.key, "https://localhost/5"
        for version in VERSIONS:
            with (self.subTest(version=version),
                  self.serve(version, "clients=required", f"client-ca={self.authority.file}") as server):
                with tls_programs.conversation(self.command(server, version, *shown)) as curl:
                    self.assertEqual(len(curl.stdout.read()), 5)
                self.assertEqual(server.handshake()["peer"], "CN=client")
                self.assertNotEqual(self.refused(server, version, "https://localhost/5"), 0)
                self.assertIn("no certificate", server.handshake()["failure"])

    def test_it_does_not_take_what_it_does_not_trust(self):
        stranger = certificates.self_signed(self.shared, "stranger", "subjectAltName=DNS:localhost")
        for version in VERSIONS:
            with self.subTest(version=version), self.serve(version) as server:
                status = self.refused(server, version, "https://localhost/5", authority=stranger.certificate)
                self.assertEqual(status, 60)
                self.assertIn("does not trust our certificate", server.handshake()["failure"])


if __name__ == "__main__":
    unittest.main()
