# http_get with TLS as a user sees it: whom it trusts, what it shows, how it fails; judged by Python's ssl and curl.
import contextlib
import datetime
import os
import queue
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

import tls
from programs import PATIENCE, raw_server, read_all, read_request, replay, reset, run
from tls import certificates

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


class HttpsGet(tls.Certified):
    """`get` trusts the authority; `assert_fails` has curl fail with the same status."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trusting = ["--cacert", cls.authority.file]
        cls.stranger = certificates.Authority(cls.made, "another CA")

    @contextlib.contextmanager
    def https(self, serve=replay(HELLO), files=None, ends_well=True, **settings):
        """A server; yields its port. What it was asked and what was agreed on are in `requests` and `streams`."""
        self.requests, self.streams = [], []

        def session(stream):
            self.streams.append((stream.version(), stream.selected_alpn_protocol(), stream.getpeercert()))
            serve(stream)

        context = tls.server_context(files or self.server, **settings)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with raw_server(tls.encrypted(context, session, ends_well)) as port:
            yield port

    def get(self, port, *options, host="localhost", trusting=True, **more):
        options = [*(self.trusting if trusting else []), *options]
        return run("HTTP_GET", "https://%s:%d/file" % (host, port), *options, cwd=self.folder, **more)

    def assert_gets(self, port, *options, content=b"hello", **more):
        status, _, errors = self.get(port, *options, **more)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(self.content("file"), content)
        os.unlink(self.path("file"))
        self.assertEqual(os.listdir(self.folder), [])

    def assert_fails(self, expected, port, *options, words=(), host="localhost", trusting=True, compare=True):
        """It ends with this status, as curl does, and saves nothing."""
        status, output, errors = self.get(port, *options, host=host, trusting=trusting)
        self.assertEqual((status, output), (expected, b""), errors)
        self.assert_one_line(errors, "http_get: https://%s:%d/file: " % (host, port), *words)
        self.assertTrue(errors.rstrip("\n").isprintable(), errors)
        self.assertEqual(os.listdir(self.folder), [])
        if compare and shutil.which("curl"):
            options = [*(self.trusting if trusting else []), *options]
            # A system may trust nobody, and curl then says that in place of whom it does not trust.
            environment = os.environ | {"CURL_CA_BUNDLE": self.stranger.file}
            other = subprocess.run(["curl", "-q", "-sS", "--http1.1", *options, "https://%s:%d/file" % (host, port)],
                                   check=False, capture_output=True, timeout=PATIENCE, env=environment)
            self.assertEqual(other.returncode, expected, other.stderr)


class Downloads(HttpsGet):
    def test_a_file_comes_whole_with_each_version(self):
        body = os.urandom(3 << 20)
        for version in tls.VERSIONS:
            with self.https(replay(OK + b"Content-Length: %d\r\n\r\n" % len(body), body), maximum_version=version,
                            minimum_version=version) as port:
                self.assert_gets(port, content=body)
            self.assertEqual(self.streams, [("TLSv1.2" if version == tls.VERSIONS[0] else "TLSv1.3", "http/1.1", None)])

    def test_the_request_is_as_without_it_and_the_host_is_asked_for_by_name(self):
        names = []

        def serve(stream):
            self.requests.append(read_request(stream))
            stream.sendall(HELLO)

        with self.https(serve, sni_callback=lambda stream, name, _: names.append(name)) as port:
            self.assert_gets(port)
            self.assert_gets(port, host="127.0.0.1")
        first, second = self.requests
        self.assertTrue(first.startswith(b"GET /file HTTP/1.1\r\nHost: localhost:%d\r\n" % port), first)
        self.assertIn(b"Host: 127.0.0.1:%d\r\n" % port, second)
        self.assertEqual(names, ["localhost", None])  # an address is never sent: RFC 6066 section 3

    def test_bodies_without_a_length_end_with_close_notify_and_all_else_by_themselves(self):
        chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        endless = OK + b"\r\nhello"
        for reply, ends_well in ((endless, True), (HELLO, True), (HELLO, False), (chunked, True), (chunked, False)):
            with self.https(replay(*(bytes([byte]) for byte in reply)), ends_well=ends_well) as port:
                self.assert_gets(port)

    def test_the_server_is_told_the_end(self):
        ends = queue.Queue()

        def serve(stream):
            replay(HELLO)(stream)
            try:
                ends.put(stream.recv(1))  # raises where the stream was cut
            except OSError as failure:
                ends.put(failure)

        with self.https(serve, ends_well=False) as port:
            for _ in range(3):
                self.assert_gets(port)
                self.assertEqual(ends.get(timeout=60), b"")

    def test_whom_the_system_trusts_is_trusted_and_what_is_given_takes_its_place(self):
        environment = os.environ | {"SSL_CERT_FILE": self.authority.file}
        with self.https() as port:
            self.assert_gets(port, trusting=False, env=environment)
            status, _, errors = self.get(port, "--cacert", self.stranger.file, trusting=False, env=environment)
            self.assertEqual(status, 60, errors)

    def test_a_folder_of_authorities(self):
        folder = os.path.join(self.made, "authorities")
        os.mkdir(folder)
        shutil.copy(self.authority.file, os.path.join(folder, "authority.pem"))
        with self.https() as port:
            self.assert_fails(60, port, "--capath", folder, trusting=False, compare=False)  # curl wants its file, too
            certificates.openssl("rehash", folder)
            self.assert_gets(port, "--capath", folder, trusting=False)

    def test_a_server_that_shows_who_stands_between(self):
        middle = certificates.Authority(self.made, "middle", parent=self.authority)
        with self.https(files=middle.issue("below the middle")) as port:
            self.assert_gets(port)

    def test_addresses_are_verified_too(self):
        with self.https() as port:
            self.assert_gets(port, host="127.0.0.1")
        with self.https(files=self.authority.issue("names alone", names="DNS:localhost,DNS:127.0.0.1")) as port:
            self.assert_fails(60, port, host="127.0.0.1", words=["not for 127.0.0.1"])


class Verdicts(HttpsGet):
    def test_each_bad_certificate_has_its_words_and_the_server_is_sent_nothing(self):
        stranger = certificates.Authority(self.made, "nobody's CA")
        alone = certificates.self_signed(self.made, "selfsigned", "subjectAltName=" + certificates.LOCALHOST)
        far = {"begin": datetime.datetime(2098, 1, 1), "end": datetime.datetime(2099, 1, 1)}
        cases = {
            "expired": (self.authority.expired("localhost"), ["certificate of localhost expired on 2025-01-01"]),
            "not yet valid": (self.authority.issue("early", **far), ["is not valid before 2098-01-01"]),
            "another host": (self.authority.issue("other.test", names="DNS:other.test,DNS:www.other.test"),
                             ["certificate is for other.test, www.other.test, not for localhost"]),
            "no host at all": (self.authority.issue("nameless", names="email:user@portico.test"),
                               ["not for localhost"]),
            "self-signed": (alone, ["certificate of selfsigned is self-signed"]),
            "unknown authority": (stranger.issue("stranger"), ["is issued by nobody's CA, which is not trusted"]),
            "a client's": (self.authority.issue("a client's", usage="clientAuth"), ["is not for servers"]),
        }
        asked = []
        for name, (files, words) in cases.items():
            for version in tls.VERSIONS:
                with self.subTest(name=name, version=version):
                    with self.https(lambda stream: asked.append(stream.recv(1)), files=files,
                                    maximum_version=version) as port:
                        self.assert_fails(60, port, words=["localhost: ", *words])
                    self.assertEqual(b"".join(asked), b"")
                    with self.https(files=files, maximum_version=version) as port:
                        self.assert_gets(port, "--insecure", trusting=False)
                        self.assert_gets(port, "-k")

    def test_what_is_in_a_certificate_is_shown_escaped(self):
        evil = self.authority.issue("evil\x1b[2J", names="DNS:\x1b]0;owned\x07")
        with self.https(files=evil) as port:
            status, _, errors = self.get(port)
        self.assertEqual(status, 60, errors)
        self.assert_one_line(errors, "\\x1b]0;owned\\x07")
        self.assertTrue(errors.rstrip("\n").isprintable(), errors)

    def test_without_its_authority_a_certificate_is_not_trusted(self):
        with self.https() as port:
            self.assert_fails(60, port, trusting=False, words=["issued by portico test CA, which is not trusted"])

    def test_pins(self):
        pem, der, wrong = (os.path.join(self.made, name) for name in ("pin.pem", "pin.der", "wrong.pem"))
        with open(der, "wb") as file:
            file.write(self.server.public_key())
        for files, path in ((self.server, pem), (self.client, wrong)):
            certificates.openssl("pkey", "-in", files.key, "-pubout", "-out", path)
        good, bad = self.server.pin(), self.client.pin()
        asked = []
        with self.https() as port:
            for pin in (good, bad + ";" + good, good + ";" + bad, pem, der, self.server.certificate):
                self.assert_gets(port, "--pinnedpubkey", pin)
                self.assert_gets(port, "-k", "--pinnedpubkey", pin)
        with self.https(lambda stream: asked.append(stream.recv(1))) as port:
            for pin in (bad, wrong):
                self.assert_fails(90, port, "--pinnedpubkey", pin, words=["localhost: ", "pinned"])
                self.assert_fails(90, port, "-k", "--pinnedpubkey", pin, words=["pinned"])
            missing = os.path.join(self.made, "missing")
            for pin in (missing, self.server.key, "sha256//", "sha256//nonsense", good + ";", ";" + good):
                self.assert_fails(90, port, "--pinnedpubkey", pin, words=["read public key"], compare=False)
        self.assertEqual(b"".join(asked), b"")

    def test_a_pin_does_not_make_a_bad_certificate_good(self):
        files = self.authority.expired("expired and pinned")
        with self.https(files=files) as port:
            self.assert_fails(60, port, "--pinnedpubkey", files.pin(), words=["expired on 2025-01-01"])


class ClientCertificates(HttpsGet):
    def requiring(self, version):
        return self.https(authority=self.authority, minimum_version=version, maximum_version=version)

    def test_one_is_shown_where_the_server_asks_for_it(self):
        files = self.client
        for version in tls.VERSIONS:
            with self.requiring(version) as port:
                self.assert_gets(port, "--cert", files.certificate, "--key", files.key)
                self.assert_gets(port, "-E", files.combined())
            for _, _, shown in self.streams:
                self.assertEqual(shown["subjectAltName"], (("email", "user@portico.test"),))
            self.assertEqual(len(self.streams), 2)
        with self.https() as port:  # which does not ask
            self.assert_gets(port, "--cert", files.certificate, "--key", files.key)

    def test_a_server_that_requires_one_says_so(self):
        stranger = certificates.Authority(self.made, "a client's CA").issue("stranger", usage="clientAuth")
        # With TLS 1.3 the server's answer comes when the client is through with the handshake.
        for version, status in zip(tls.VERSIONS, (35, 56)):
            with self.requiring(version) as port:
                self.assert_fails(status, port, words=["alert"])
                self.assert_fails(status, port, "--cert", stranger.certificate, "--key", stranger.key, words=["alert"])
            self.assertEqual(self.streams, [])

    def test_files_that_hold_no_certificate_or_key_are_found_before_anyone_is_asked(self):
        files, missing = self.client, os.path.join(self.made, "missing")
        encrypted = os.path.join(self.made, "encrypted.key")
        certificates.openssl("pkey", "-in", files.key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
        asked = []
        with raw_server(asked.append) as port:
            for certificate, key, words in ((missing, files.key, [missing, "No such file"]),
                                            (files.key, files.key, [files.key, "no certificate"]),
                                            (files.certificate, missing, [missing, "No such file"]),
                                            (files.certificate, files.certificate, ["no private key"]),
                                            (files.certificate, encrypted, ["encrypted"]),
                                            (files.certificate, self.server.key, ["another certificate"])):
                self.assert_fails(58, port, "--cert", certificate, "--key", key, words=words, compare=False)
            self.assert_fails(58, port, "--cert", files.certificate, words=["no private key"], compare=False)
            for file in (missing, files.key):
                self.assert_fails(77, port, "--cacert", file, words=["read CA certificates " + file], trusting=False,
                                  compare=False)
            self.assertEqual(asked, [])
            for file in (missing, files.key):
                self.assert_fails(77, port, "--cacert", file, trusting=False)


class Failures(HttpsGet):
    def test_versions_that_the_other_does_not_speak(self):
        with self.https(maximum_version=ssl.TLSVersion.TLSv1_2) as port:
            self.assert_gets(port, "--tlsv1.2")
            self.assert_gets(port, "--tls-max", "1.2")
            self.assert_fails(35, port, "--tlsv1.3", words=["TLS handshake with localhost: ", "version"])
            # Of two, the stricter one counts.
            self.assert_fails(35, port, "--tlsv1.3", "--tlsv1.2", words=["version"], compare=False)
        with self.https(minimum_version=ssl.TLSVersion.TLSv1_3) as port:
            self.assert_gets(port, "--tlsv1.3")
            self.assert_gets(port, "--tlsv1.3", "--tls-max", "1.3")
            self.assert_fails(35, port, "--tls-max", "1.2", words=["version"])

    def test_versions_that_are_not_safe(self):
        old = tls.server_context(self.server, minimum_version=ssl.TLSVersion.TLSv1,
                                 maximum_version=ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with raw_server(tls.encrypted(old, replay(HELLO))) as port:
            self.assert_fails(35, port, words=["version"])
            self.assert_fails(35, port, "-k", words=["version"])

    def test_what_does_not_speak_tls(self):
        def answer(*pieces):
            def serve(connection):
                connection.recv(1)
                for piece in pieces:
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
                read_all(connection)
            return serve

        for serve, words in ((answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ["does not speak TLS"]),
                             (answer(b"220 mail.example ESMTP\r\n"), ["does not speak TLS"]),
                             (answer(bytes(1000)), []), (answer(b"\x16\x03\x03\x40\x00" + bytes(0x4000)), []),
                             (answer(), ["closed the connection"]), (answer(b"\x16\x03"), ["closed the connection"]),
                             (lambda connection: connection.recv(1) and reset(connection), ["localhost"])):
            with raw_server(serve) as port:
                self.assert_fails(35, port, words=["TLS handshake with localhost: ", *words])

    def test_a_stream_that_is_cut_is_no_file(self):
        for reply in (OK + b"\r\nhello", OK + b"Content-Length: 8\r\n\r\nhello", OK + b"X: y\r\n",
                      OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"):
            with self.https(replay(reply), ends_well=False) as port:
                status, _, errors = self.get(port)
                self.assertEqual(status, 18, errors)
                self.assert_one_line(errors, "close_notify")
            self.assertEqual(os.listdir(self.folder), [])

    def test_a_response_that_ends_too_early_although_the_stream_ends_well(self):
        with self.https(replay(OK + b"Content-Length: 8\r\n\r\nhello")) as port:
            status, _, errors = self.get(port)
            self.assertEqual(status, 18, errors)
        with self.https(read_request) as port:
            self.assert_fails(52, port, words=["wait for a response"])

    def test_a_handshake_that_takes_too_long(self):
        done = threading.Event()

        def one_byte_and_no_more(connection):
            connection.sendall(b"\x16")
            done.wait(PATIENCE)

        for serve in (lambda connection: done.wait(PATIENCE), one_byte_and_no_more):
            with raw_server(serve) as port:
                self.assert_fails(28, port, "--connect-timeout", "0.3",
                                  words=["TLS handshake with localhost: ", "timed out"])
                self.assert_fails(28, port, "--max-time", "0.3", words=["0.3 seconds"])
        done.set()

    def test_a_server_that_goes_silent_after_the_handshake(self):
        with self.https(lambda stream: stream.recv(1 << 16) and stream.recv(1)) as port:
            self.assert_fails(28, port, "--connect-timeout", "20", "--max-time", "0.5", words=["0.5 seconds"])

    def test_wrong_options_are_wrong_usage(self):
        url = "https://127.0.0.1:1/"
        for arguments in (["--key", "x"], ["--cert", "", "--key", "x"], ["--cacert", ""], ["--capath", ""],
                          ["--cert", ""], ["--pinnedpubkey", ""], ["--tls-max", "1.1"], ["--tls-max", "2"],
                          ["--tlsv1.1"], ["--tlsv1.3", "--tls-max", "1.2"], ["--cacert"], ["--resolve"]):
            status, output, errors = run("HTTP_GET", url, *arguments, cwd=self.folder)
            self.assertEqual((status, output), (2, b""), (arguments, errors))
            self.assertLessEqual(errors.count("\n"), 2, errors)
            self.assertTrue(errors)

    def test_the_help_names_the_options(self):
        status, output, _ = run("HTTP_GET", "--help")
        self.assertEqual(status, 0)
        for option in ("--cacert", "--capath", "-k,--insecure", "-E,--cert", "--key", "--pinnedpubkey", "--tlsv1.2",
                       "--tlsv1.3", "--tls-max", "--resolve", "http[s]://"):
            self.assertIn(option, output.decode())


class Resolve(HttpsGet):
    """--resolve: where a host is; who it must be stays the same."""

    def url(self, port, host="portico.example", scheme="https"):
        return "%s://%s:%d/file" % (scheme, host, port)

    def fetch(self, url, *options):
        status, output, errors = run("HTTP_GET", url, *self.trusting, "-o", "-", *options, cwd=self.folder)
        return status, output, errors.splitlines()[-1] if status else ""

    def test_the_host_is_verified_and_asked_for_wherever_it_is(self):
        files = self.authority.issue("portico.example", names="DNS:portico.example")
        names = []

        def serve(stream):
            self.requests.append(read_request(stream))
            stream.sendall(HELLO)

        with self.https(serve, files=files, sni_callback=lambda stream, name, _: names.append(name)) as port:
            for entry in ("portico.example:%d:127.0.0.1", "+portico.example:%d:127.0.0.1",
                          "PORTICO.Example:%d:127.0.0.1", "portico.example:%d:127.0.0.2,127.0.0.1",
                          "portico.example:%d:[127.0.0.1]"):
                self.assertEqual(self.fetch(self.url(port), "--resolve", entry % port), (0, b"hello", ""), entry)
            # Of two the last one counts, and those for other hosts and ports do not.
            entries = ["portico.example:%d:127.0.0.2" % port, "portico.example:%d:127.0.0.1" % port,
                       "portico.example:1:127.0.0.2", "other.example:%d:127.0.0.2" % port]
            options = [word for each in entries for word in ("--resolve", each)]
            self.assertEqual(self.fetch(self.url(port), *options), (0, b"hello", ""))
        self.assertEqual(names, 6 * ["portico.example"])
        for request in self.requests:
            self.assertIn(b"\r\nHost: portico.example:%d\r\n" % port, request)

    def test_a_server_that_is_somebody_else_is_not_accepted(self):
        with self.https() as port:
            entry = ["--resolve", "portico.example:%d:127.0.0.1" % port]
            self.assert_fails(60, port, *entry, host="portico.example", words=["not for portico.example"])

    def test_an_address_may_be_that_of_another_one_and_of_ipv6(self):
        with self.https() as port:
            entry = "127.0.0.1:%d:127.0.0.1" % port
            status, output, error = self.fetch(self.url(port, "127.0.0.1"), "--resolve", entry)
            self.assertEqual((status, output), (0, b"hello"), error)
        try:
            listening = raw_server(tls.encrypted(tls.server_context(self.server), replay(HELLO)), "::1")
            with listening as port:
                for address in ("::1", "[::1]"):
                    entry = "localhost:%d:%s" % (port, address)
                    self.assertEqual(self.fetch(self.url(port, "localhost"), "--resolve", entry), (0, b"hello", ""))
                entry = "[::1]:%d:[::1]" % port
                self.assertEqual(self.fetch(self.url(port, "[::1]"), "--resolve", entry), (0, b"hello", ""))
        except OSError as failure:
            self.skipTest("no IPv6: " + str(failure))

    def test_it_is_for_http_too(self):
        with raw_server(replay(HELLO)) as port:
            entry = "portico.example:%d:127.0.0.1" % port
            self.assertEqual(self.fetch(self.url(port, scheme="http"), "--resolve", entry), (0, b"hello", ""))

    def test_hosts_that_are_not_there(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            port = bound.getsockname()[1]
            entry = "portico.example:%d:127.0.0.1,127.0.0.2" % port
            words = [each % port + ": " for each in ("portico.example:%d", "127.0.0.1:%d", "127.0.0.2:%d")]
            self.assert_fails(7, port, "--resolve", entry, host="portico.example", words=["Connection refused", *words])
            self.assert_fails(6, port, "--resolve", "other.invalid:%d:127.0.0.1" % port, host="name.invalid")

    def test_an_address_that_does_not_answer_leaves_time_for_the_next(self):
        with self.https() as port, contextlib.ExitStack() as waiting:
            full = waiting.enter_context(socket.create_server(("127.0.0.2", port), backlog=0))
            for _ in range(8):  # no place is left
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            entry = "localhost:%d:127.0.0.2,127.0.0.1" % port
            self.assertEqual(self.fetch(self.url(port, "localhost"), "--resolve", entry, "--connect-timeout", "1"),
                             (0, b"hello", ""))

    def test_entries_that_are_none(self):
        for entry in ("", "host", "host:80", "host:80:", "host:http:127.0.0.1", ":80:127.0.0.1", "host:99999:127.0.0.1",
                      "host:80:name", "host:80:127.0.0.1,name", "host:80:127.0.0.1,,::1", "ho st:80:127.0.0.1",
                      "[::1:80:::1", "host:80:[::1", "+"):
            status, output, errors = run("HTTP_GET", "http://127.0.0.1:1/", "--resolve", entry, cwd=self.folder)
            self.assertEqual((status, output), (2, b""), (entry, errors))
            self.assert_one_line(errors, "http_get: ")


if __name__ == "__main__":
    unittest.main()
