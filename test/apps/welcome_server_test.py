# welcome_server as a user sees it: what it prints and sends, its clients good and bad, its limits, how it ends.
import contextlib
import os
import resource
import signal
import socket
import time
import unittest

from programs import PATIENCE, Case, read_all, reset, run, sockets, wait_until
from welcome import LOOPBACK, WELCOME, Server


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class WelcomeServer(Case):
    def test_it_prints_its_address_and_a_line_for_each_connection(self):
        with Server() as server:
            self.assertRegex(server.listening[0], r"^listening on 127\.0\.0\.1:[1-9][0-9]*$")
            for _ in range(3):
                with server.connect() as client:
                    client.sendall(b"hello")
                    self.assertEqual(read_all(client), WELCOME)
                    peer = "127.0.0.1:%d" % client.getsockname()[1]
                ended = server.session()
                self.assertEqual((ended["peer"], ended["end"], ended["error"]), (peer, "served", None))
                self.assertEqual((ended["bytes_read"], ended["bytes_written"]), ("5", str(len(WELCOME))))
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])
            self.assertEqual(server.rest(server.errors), [])

    def test_the_client_of_the_tutorial_gets_exactly_the_line(self):
        with Server() as server:
            client = socket.create_connection(("127.0.0.1", server.ports[0]))
            received = b""
            while True:
                data = client.recv(4096)
                if not data:
                    break
                received += data
            client.close()
            self.assertEqual(received, WELCOME)

    def test_the_message_is_sent_byte_for_byte(self):
        for message in ("hello", "Grüße, 世界 🌍 e\u0301", "", "two\nlines\tand a tab", "x" * 100_000):
            with Server("--message", message) as server:
                self.assertEqual(server.received(), message.encode() + b"\r\n")

    def test_it_listens_at_several_addresses(self):
        with Server(*LOOPBACK, "--listen", "127.0.0.2:0") as server:
            for host, port in zip(["127.0.0.1", "127.0.0.2"], server.ports):
                with socket.create_connection((host, port), timeout=PATIENCE) as client:
                    self.assertEqual(read_all(client), WELCOME)

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6 loopback")
    def test_it_listens_with_ipv4_and_ipv6(self):
        with Server(*LOOPBACK, "--listen", "[::1]:0") as server:
            self.assertRegex(server.listening[1], r"^listening on \[::1\]:[1-9][0-9]*$")
            for host, port in zip(["127.0.0.1", "::1"], server.ports):
                with socket.create_connection((host, port), timeout=PATIENCE) as client:
                    self.assertEqual(read_all(client), WELCOME)
                    name = "[::1]" if host == "::1" else host
                    peer = "%s:%d" % (name, client.getsockname()[1])
                self.assertEqual(server.session()["peer"], peer)

    def test_it_listens_at_a_unix_path_with_a_mode_and_removes_the_file_at_its_end(self):
        path = self.path("welcome.sock")
        with Server("--listen", "unix:" + path, "--mode", "660") as server:
            self.assertEqual(server.listening, ["listening on unix:" + path])
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            self.assertEqual(self.received_from(path), WELCOME)
            self.assertEqual(server.session()["peer"], "unix:")
            self.assertEqual(server.end(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_unix_path_left_behind_by_a_killed_server_is_taken_over_and_one_in_use_is_not(self):
        path = self.path("welcome.sock")
        with Server("--listen", "unix:" + path) as server:
            server.end(signal.SIGKILL)
        self.assertTrue(os.path.exists(path))
        with Server("--listen", "unix:" + path):
            status, output, errors = run("WELCOME_SERVER", "--listen", "unix:" + path)
            self.assertEqual((status, output), (1, b""))
            self.assert_one_line(errors, "listen at unix:" + path, "Address already in use")
            self.assertEqual(self.received_from(path), WELCOME)

    def test_it_listens_at_an_abstract_name_beside_an_address(self):
        name = "portico-welcome-%d" % os.getpid()
        with Server(*LOOPBACK, "--listen", "unix:@" + name) as server:
            self.assertEqual(server.listening[1], "listening on unix:@" + name)
            self.assertEqual(self.received_from("\0" + name), WELCOME)
            self.assertEqual(server.received(), WELCOME)

    def received_from(self, path):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(path)
            return read_all(client)

    def test_a_client_that_speaks_first_gets_the_line_every_time(self):
        with Server("--quiet") as server:
            for _ in range(100):
                with server.connect() as client:
                    client.sendall(b"hello, server\r\n" * 20)
                    self.assertEqual(read_all(client), WELCOME)  # a reset would raise

    def test_clients_that_are_slow_reset_say_nothing_or_half_close_are_served_or_dropped(self):
        with Server() as server, contextlib.ExitStack() as open_clients:
            silent = [open_clients.enter_context(server.connect()) for _ in range(20)]
            for _ in range(20):
                reset(server.connect())
            for _ in range(20):
                with server.connect() as client:
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(read_all(client), WELCOME)
            for client in silent:  # the line waited for them
                for byte in WELCOME:
                    self.assertEqual(client.recv(1), bytes([byte]))
                self.assertEqual(client.recv(1), b"")
            self.assertEqual(server.received(), WELCOME)
            wait_until(lambda: len(sockets(server.process.pid)) == 1)  # the one that listens
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.errors), [])  # what clients do is no error

    def test_a_client_that_never_closes_is_dropped_and_holds_up_nobody(self):
        with Server() as server, server.connect() as client:
            self.assertEqual(server.received(), WELCOME)
            wait_until(lambda: len(sockets(server.process.pid)) == 1)  # the one that listens
            self.assertEqual(read_all(client), WELCOME)

    def test_at_max_connections_others_wait_and_are_served_later(self):
        with Server("--max-connections", "1") as server, server.connect() as holder, server.connect() as waiting:
            self.assertEqual(read_all(waiting), WELCOME)
            # The holder has never closed: the server has, before it accepted again.
            self.assertEqual(server.session()["peer"], "127.0.0.1:%d" % holder.getsockname()[1])
            self.assertLessEqual(len(sockets(server.process.pid)), 2)
            self.assertEqual(server.session()["peer"], "127.0.0.1:%d" % waiting.getsockname()[1])

    def test_quiet_prints_nothing_on_standard_output(self):
        with Server("--quiet") as server:
            self.assertEqual(server.received(), WELCOME)
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])

    def test_a_full_log_does_not_stop_it_from_serving(self):
        with open("/dev/full", "wb") as full, Server(stdout=full) as server:
            for _ in range(300):  # more lines than a buffer of the C library holds
                self.assertEqual(server.received(), WELCOME)

    def test_sigint_and_sigterm_end_it_with_status_0_although_clients_are_connected(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Server() as server, server.connect() as first, server.connect() as second:
                self.assertEqual(read_all(first) + read_all(second), 2 * WELCOME)
                self.assertEqual(server.end(number), 0)
                for line in server.rest(server.errors):
                    self.assertRegex(line, ": drained: [12] connections finished, 0 cancelled, 0 aborted$")

    def test_help_and_version(self):
        status, output, errors = run("WELCOME_SERVER", "--help")
        self.assertEqual((status, errors), (0, ""))
        for option in ("--listen", "--message", "--max-connections", "--backlog", "--timeout", "--quiet", "--version",
                       "--threads", "--prefork", "--max-per-ip", "--drain", "--proxy-protocol", "--log", "--udp",
                       "--hand-over", "--mode", "localhost:9999", "Welcome to portico!"):
            self.assertIn(option, output.decode())
        status, output, errors = run("WELCOME_SERVER", "--version")
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(output.decode(), r"\Awelcome_server [0-9]+\.[0-9]+\.[0-9]+\n\Z")

    def test_where_it_cannot_listen_it_says_why_in_one_line_and_ends_with_status_1(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            in_use = "127.0.0.1:%d" % taken.getsockname()[1]
            for where, reason in ((in_use, "Address already in use"),
                                  ("192.0.2.1:0", "Cannot assign requested address"),
                                  ("127.0.0.1:no-such-service", "not supported"),
                                  ("unix:/no/such/folder/socket", "No such file or directory"),
                                  ("name.invalid:0", "name.invalid")):
                status, output, errors = run("WELCOME_SERVER", "--listen", where)
                self.assertEqual((status, output), (1, b""), errors)
                self.assert_one_line(errors, "welcome_server: ", where.partition(":")[0], reason)
            # One address that cannot be used is enough.
            status, output, errors = run("WELCOME_SERVER", *LOOPBACK, "--listen", in_use)
            self.assertEqual((status, output), (1, b""), errors)
            self.assert_one_line(errors, in_use, "Address already in use")

    def test_an_address_that_is_none_is_wrong_usage(self):
        for where in ("nonsense", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:0x1", "::1:80", "unix:", "[::1]", "[::1:80",
                      ""):
            status, output, errors = run("WELCOME_SERVER", "--listen=" + where)
            self.assertEqual((status, output), (2, b""), (where, errors))
            if where:
                self.assert_one_line(errors, "welcome_server: ", where)

    def test_wrong_options_are_wrong_usage(self):
        for arguments in (["--nonsense"], ["surplus"], ["--max-connections", "0"], ["--max-connections", "many"],
                          ["--backlog", "0"], ["--timeout", "0"], ["--timeout", "-1"], ["--timeout", "nan"],
                          ["--listen"], ["--message"], ["--mode", "888"], ["--mode", "1000"], ["--mode", ""],
                          ["--threads", "0"], ["--threads", "-1"], ["--prefork", "0"], ["--prefork", "many"],
                          ["--max-per-ip", "0"], ["--drain", "soft"], ["--drain", "5:3"], ["--drain", "-1"],
                          ["--drain", "nan"], ["--drain", "1:"], ["--drain", "1:2:3"], ["--drain", "1:1e10"],
                          ["--proxy-protocol"], ["--log", "xml"], ["--log"], ["--hand-over"], ["--hand-over", "/x",
                          "--prefork", "2"], ["--udp", "--drain", "1"], ["--udp", "--threads", "2"],
                          ["--udp", "--max-per-ip", "1"], ["--udp", "--proxy-protocol", "::1"],
                          ["--quiet", "--log", "json"]):
            status, output, errors = run("WELCOME_SERVER", *arguments)
            self.assertEqual((status, output), (2, b""), (arguments, errors))
            self.assertIn(arguments[0], errors)
            self.assertLessEqual(errors.count("\n"), 2, errors)
        for network in ("10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0/8,nonsense"):
            status, output, errors = run("WELCOME_SERVER", "--proxy-protocol", network)
            self.assertEqual((status, output), (2, b""), errors)
            self.assert_one_line(errors, "welcome_server: ", network.rpartition(",")[2])

    def test_without_descriptors_it_goes_on_says_so_once_a_second_and_serves_everyone_in_the_end(self):
        def few_descriptors():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        begin = time.monotonic()
        with Server(preexec_fn=few_descriptors) as server, contextlib.ExitStack() as clients:
            connected = [clients.enter_context(server.connect()) for _ in range(500)]
            self.assertIn("Too many open files", server.error())
            for client in connected:
                self.assertEqual(read_all(client), WELCOME)
                client.close()
            self.assertEqual(server.received(), WELCOME)
            used = cpu_seconds(server.process.pid)
            self.assertEqual(server.end(signal.SIGTERM), 0)
            reports = 1 + len(server.rest(server.errors))
        elapsed = time.monotonic() - begin
        self.assertLessEqual(reports, 1 + elapsed)
        self.assertLess(used, 0.5 + elapsed / 2)  # it does not spin


def cpu_seconds(process):
    with open("/proc/%d/stat" % process, encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
