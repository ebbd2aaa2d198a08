"""connect through a real SOCKS5 proxy: microsocks."""
import pathlib
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "apps"))
import programs


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def echo(connection):
    for line in connection.makefile("rb"):
        connection.sendall(line)


@unittest.skipUnless(shutil.which("microsocks"), "microsocks is not installed")
class Microsocks(unittest.TestCase):
    def start(self, *arguments):
        """Starts a proxy; returns its address."""
        port = free_port()
        proxy = subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(port), *arguments],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        programs.wait_until(lambda: is_listening(port))
        return f"proxy=127.0.0.1:{port}"

    def probe(self, *arguments):
        status, output, errors = programs.run("CONNECT_PROBE", *arguments)
        self.assertEqual(errors, "")
        return status, output.decode()

    def assert_echoes(self, host, proxy, *arguments):
        # microsocks tries the first address of a name, and no other.
        first = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4][0]
        with programs.raw_server(echo, first) as port:
            status, output = self.probe(f"{host}:{port}", proxy, "say=hello", *arguments)
        self.assertEqual(status, 0, output)
        connected, answer = output.splitlines()
        self.assertTrue(connected.startswith(f"connected {proxy.removeprefix('proxy=')} "), connected)
        self.assertEqual(answer, "hello")

    def test_a_name_and_an_address_are_connected_to(self):
        proxy = self.start()
        for host in ("localhost", "127.0.0.1"):
            self.assert_echoes(host, proxy)

    def test_a_user_with_a_password(self):
        proxy = self.start("-u", "user", "-P", "secret")
        self.assert_echoes("127.0.0.1", proxy, "user=user", "password=secret")
        for arguments in (["user=user", "password=wrong"], []):
            status, output = self.probe("127.0.0.1:1", proxy, *arguments)
            self.assertEqual(status, 1, output)
            self.assertIn("connect to 127.0.0.1:1: the proxy ", output)

    def test_a_destination_that_refuses_is_told_as_such(self):
        status, output = self.probe(f"127.0.0.1:{free_port()}", self.start())
        self.assertEqual(status, 1, output)
        self.assertTrue(output.startswith("failed generic:111 "), output)
        self.assertTrue(output.endswith("connection refused by the destination host\n"), output)


if __name__ == "__main__":
    unittest.main()
