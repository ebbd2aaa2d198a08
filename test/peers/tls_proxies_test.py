"""TLS with nginx and haproxy: they end the TLS of tls_client, and begin TLS of their own with tls_server."""
import os
import unittest

import servers
import tls_programs
from tls_programs import SIZE, VERSIONS

PROTOCOL = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class Proxy(tls_programs.Case):
    """Between the two, for each version: a Unix socket for that, and another one where the proxy says what it knows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.behind, cls.through, cls.saying = {}, {}, {}
        for version in VERSIONS:
            cls.behind[version] = tls_programs.Server(
                cls.files, f"least={version}", f"most={version}", "alpn=http/1.1", "clients=required",
                f"client-ca={cls.authority.file}")
            cls.addClassCleanup(cls.behind[version].__exit__)
            cls.through[version] = os.path.join(cls.shared, f"through{version}.sock")
            cls.saying[version] = os.path.join(cls.shared, f"saying{version}.sock")
        cls.start_proxy()

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.shared, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    @classmethod
    def listens(cls):
        return all(servers.accepts(path) for path in [*cls.through.values(), *cls.saying.values()])

    def ask_proxy(self, version, *words):
        """What tls_client says, and what tls_server says of the connection with the proxy."""
        [seen] = self.ask("unix:" + self.through[version], "alpn=http/1.1", *words, version=version)
        behind = self.behind[version].handshake()
        self.assertEqual((seen["version"], seen["alpn"], seen["peer"]), (f"TLS {version}", "http/1.1", "CN=localhost"))
        self.assertEqual((behind["version"], behind["name"], behind["peer"]),
                         (f"TLS {version}", "localhost", "CN=client"))
        return seen, behind

    def check_bytes(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.assert_expected(self.ask_proxy(version, "get", f"/{SIZE}")[0])
                self.assert_received(self.ask_proxy(version, "put", "/", str(SIZE))[0]["begin"])

    def check_resumption(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                seen = self.ask("unix:" + self.saying[version], "alpn=http/1.1", "times=3", "get", "/", version=version)
                self.assertEqual([each["resumed"] for each in seen], [False, True, True])
                self.assertEqual([each["begin"] for each in seen],
                                 [f"{PROTOCOL[version]} {resumed} http/1.1 localhost" for resumed in self.RESUMED])
                self.ask_proxy(version, "get", "/5")
                self.assertTrue(self.ask_proxy(version, "get", "/5")[1]["resumed"])


class Nginx(Proxy):
    RESUMED = ".", "r", "r"

    @classmethod
    def start_proxy(cls):
        sites = "".join(f"""
    server {{
        listen unix:{cls.through[version]} ssl;
        ssl_protocols {PROTOCOL[version]};
        location / {{
            proxy_pass https://127.0.0.1:{cls.behind[version].port};
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_ssl_protocols {PROTOCOL[version]};
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate {cls.authority.file};
            proxy_ssl_name localhost;
            proxy_ssl_server_name on;
            proxy_ssl_certificate {cls.client_files.certificate};
            proxy_ssl_certificate_key {cls.client_files.key};
        }}
    }}
    server {{
        listen unix:{cls.saying[version]} ssl;
        ssl_protocols {PROTOCOL[version]};
        return 200 "$ssl_protocol $ssl_session_reused $ssl_alpn_protocol $ssl_server_name";
    }}""" for version in VERSIONS)
        temporary = "".join(f"    {name}_temp_path {cls.shared}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = cls.write("nginx.conf", f"""
user root;
daemon off;
pid {cls.shared}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    ssl_certificate {cls.files.certificate};
    ssl_certificate_key {cls.files.key};
{temporary}{sites}
}}
""")
        cls.start("nginx", "-e", "stderr", "-c", path, "-p", cls.shared, ready=cls.listens)

    def test_bytes_go_through_it_both_ways(self):
        self.check_bytes()

    def test_sessions_are_resumed_on_both_sides(self):
        self.check_resumption()


class Haproxy(Proxy):
    RESUMED = "0", "1", "1"

    @classmethod
    def listeners(cls, index, version):
        secure = f"ssl alpn http/1.1 ssl-min-ver {PROTOCOL[version]} ssl-max-ver {PROTOCOL[version]}"
        trust = f"verify required ca-file {cls.authority.file} verifyhost localhost sni str(localhost)"
        said = "%[ssl_fc_protocol] %[ssl_fc_is_resumed] %[ssl_fc_alpn] %[ssl_fc_sni]"
        own, shown = cls.files.combined(), cls.client_files.combined()
        return f"""
listen through_{index}
    bind {cls.through[version]} {secure} crt {own}
    server ours 127.0.0.1:{cls.behind[version].port} {secure} {trust} crt {shown}
frontend saying_{index}
    mode http
    bind {cls.saying[version]} {secure} crt {own}
    http-request return status 200 content-type text/plain lf-string "{said}"
"""

    @classmethod
    def start_proxy(cls):
        listeners = "".join(cls.listeners(index, version) for index, version in enumerate(VERSIONS))
        path = cls.write("haproxy.cfg", f"""
global
    maxconn 256
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
{listeners}""")
        cls.start("haproxy", "-db", "-f", path, ready=cls.listens)

    def test_bytes_go_through_it_both_ways(self):
        self.check_bytes()

    def test_sessions_are_resumed_on_both_sides(self):
        self.check_resumption()


if __name__ == "__main__":
    unittest.main()
