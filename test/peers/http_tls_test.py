"""http_get with nginx over TLS: whole files, servers that are not whom they should be, a certificate of its own."""
import unittest

import http_servers
from http_servers import MIB, SIZES, certificates, content


class Tls(http_servers.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.shared, "authority")
        cls.client = cls.authority.issue("client", "email:user@portico.test", "clientAuth")
        good = cls.authority.issue("good")
        used = {
            "good": (good, ""),
            "tls1.2": (good, "ssl_protocols TLSv1.2;"),
            "tls1.3": (good, "ssl_protocols TLSv1.3;"),
            "wrong-host": (cls.authority.issue("wrong-host", "DNS:other.test"), ""),
            "expired": (cls.authority.expired(), ""),
            "self-signed": (certificates.self_signed(cls.shared, "self-signed", "subjectAltName=DNS:localhost"), ""),
            "asking": (good, f"ssl_verify_client on; ssl_client_certificate {cls.authority.file};"),
        }
        cls.ports, sites = {}, []
        for name, (files, more) in used.items():
            listener = cls.listener()
            cls.ports[name] = listener.getsockname()[1]
            sites.append([[listener], "ssl http2", f"        ssl_certificate {files.certificate};"
                          f" ssl_certificate_key {files.key}; {more}"])
        cls.start_nginx(*sites)

    def url(self, server, name):
        return f"https://localhost:{self.ports[server]}/{name}"

    def test_whole_files_with_each_version(self):
        for size in SIZES:
            data = self.publish(f"size{size}", content(size))
            for server in "tls1.2", "tls1.3":
                with self.subTest(size=size, server=server):
                    self.assert_downloads(data, self.url(server, f"size{size}"), "--cacert", self.authority.file, "-4")
        self.assertEqual([each["tls"] for each in self.asked("/size1", 2)], ["TLSv1.2", "TLSv1.3"])

    def test_who_cannot_be_trusted(self):
        data = self.publish("secret", content(5000))
        for server, reason in (("wrong-host", "other.test"), ("expired", "expired"), ("self-signed", "self-signed"),
                               ("good", "")):
            trusting = [] if server == "good" else ["--cacert", self.authority.file]
            with self.subTest(server=server):
                self.assert_fails(reason, self.url(server, "secret"), *trusting, "-4", expected_status=60)
                self.assertEqual(self.files(), [])
                self.assertEqual(self.curl(self.url(server, "secret"), *trusting, "-4")[0], 60)
        self.asked("/secret", 0)  # whoever cannot be trusted is asked for nothing
        for server in self.ports:
            if server != "asking":
                with self.subTest(insecure=server):
                    self.assert_downloads(data, self.url(server, "secret"), "-k", "-4")

    def test_a_certificate_of_ones_own(self):
        data = self.publish("mine", content(5000))
        shown = "-4", "--cacert", self.authority.file, "--cert", self.client.certificate, "--key", self.client.key
        self.assert_downloads(data, self.url("asking", "mine"), *shown)
        self.assertEqual(self.asked("/mine", 1)[0]["client"], "CN=client")
        self.assert_fails("400", self.url("asking", "mine"), "-4", "--cacert", self.authority.file, expected_status=22)

    def test_one_connection_and_one_session(self):
        made = {f"again{i}": self.publish(f"again{i}", content(1000 * i)) for i in range(5)}
        self.assert_answer(b"", "-4", "--cacert", self.authority.file, *(self.url("good", name) for name in made))
        self.assertEqual({name: self.content(name) for name in self.files()}, made)
        self.assertEqual([self.asked(f"/{name}", 1)[0]["number"] for name in made], [1, 2, 3, 4, 5])

    def test_parts(self):
        data = self.publish("parts", content(MIB))
        self.assert_downloads(data[5:100_000], self.url("good", "parts"), "-4", "--cacert", self.authority.file,
                              "-r", "5-99999")


if __name__ == "__main__":
    unittest.main()
