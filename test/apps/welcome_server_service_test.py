# welcome_server as a service: threads, processes, limits of clients, proxies, drains, systemd, restarts under load.
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from programs import PATIENCE, Case, Running, listening_ports, read_all, sockets, wait_until
from welcome import WELCOME, Server

os.environ["PYTHON"] = sys.executable  # for Running
TRUSTING = ["--proxy-protocol", "127.0.0.0/8"]
HEADER = b"PROXY TCP4 198.51.100.7 203.0.113.9 4711 9999\r\n"
HEADER_2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("198.51.100.7")
            + socket.inet_aton("203.0.113.9") + struct.pack("!HH", 4711, 9999))
# Becomes the program with a descriptor as number 3, as systemd starts it.
ACTIVATE = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])")


def ask(where):
    with socket.create_connection(where, timeout=PATIENCE) as client:
        return read_all(client)


def tasks(process):
    """The threads of a process, and the bytes that each has written by write(2)."""
    written = {}
    for task in os.listdir("/proc/%d/task" % process):
        with open("/proc/%d/task/%s/io" % (process, task), encoding="ascii") as file:
            written[task] = int(re.search("wchar: ([0-9]+)", file.read())[1])
    return written


def is_alive(process):
    try:
        with open("/proc/%d/stat" % process, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def paused(server):
    """What is done meanwhile is there all at once when the server goes on."""
    server.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)
    yield
    server.process.send_signal(signal.SIGCONT)


class ThreadsAndProcesses(Case):
    def test_threads_share_the_clients(self):
        with Server("--threads", "4") as server:
            wait_until(lambda: len(tasks(server.process.pid)) >= 4)
            before = tasks(server.process.pid)

            def several_have_written():
                with contextlib.ExitStack() as clients:
                    connected = [clients.enter_context(server.connect()) for _ in range(50)]
                    for client in connected:
                        self.assertEqual(read_all(client), WELCOME)
                after = tasks(server.process.pid)
                return sum(after[task] > before[task] for task in before) > 1

            wait_until(several_have_written)
            self.assertEqual(server.end(signal.SIGTERM), 0)

    def test_a_process_that_is_killed_is_replaced_while_the_others_serve(self):
        with Server("--prefork", "3") as server:
            where = [re.fullmatch(r"listening on 127\.0\.0\.1:([0-9]+) \(process ([0-9]+)\)", line)
                     for line in server.listening]
            processes = [int(match[2]) for match in where]
            self.assertEqual((len({match[1] for match in where}), len(set(processes))), (1, 3))
            self.assertNotIn(server.process.pid, processes)

            os.kill(processes[0], signal.SIGKILL)
            self.assertRegex(server.error(), r"process %d was killed by signal 9 \(Killed\)" % processes[0])
            self.assertEqual(server.received(), WELCOME)
            lines = [server.line(), server.line()]
            new = next(line for line in lines if line.startswith("listening on "))
            processes[0] = int(re.search(r"\(process ([0-9]+)\)", new)[1])
            self.assertTrue(all(map(is_alive, processes)))

            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertFalse(any(map(is_alive, processes)))

    def test_processes_end_with_their_parent(self):
        with Server("--prefork", "2") as server:
            processes = [int(re.search(r"\(process ([0-9]+)\)", line)[1]) for line in server.listening]
            self.assertEqual(server.end(signal.SIGKILL), -signal.SIGKILL)
            wait_until(lambda: not any(map(is_alive, processes)))


class Limits(Case):
    def test_too_many_clients_of_one_address_are_closed_and_others_served(self):
        with Server("--max-per-ip", "2") as server, contextlib.ExitStack() as clients:
            with paused(server):
                hosts = 4 * ["127.0.0.2"] + 2 * ["127.0.0.3"]
                connected = [clients.enter_context(server.connect(source=host)) for host in hosts]
            self.assertEqual([read_all(client) for client in connected[:2] + connected[4:]], 4 * [WELCOME])
            for client in connected[2:4]:
                self.assertEqual(client.recv(100), b"")
            peers = ["%s:%d" % client.getsockname() for client in connected[:2] + connected[4:]]
            self.assertEqual(sorted(server.session()["peer"] for _ in range(4)), sorted(peers))
            self.assertEqual(server.received(source="127.0.0.2"), WELCOME)  # there is room again


class Proxies(Case):
    def ask(self, server, data):
        with server.connect() as client, contextlib.suppress(ConnectionResetError):
            client.sendall(data)
            return read_all(client)
        return b""

    def test_the_header_of_a_trusted_proxy_says_who_the_client_is(self):
        for header, peer in ((HEADER, "198.51.100.7:4711"), (HEADER_2, "198.51.100.7:4711"),
                             (b"PROXY TCP6 2001:db8::7 ::1 4711 9999\r\n", "[2001:db8::7]:4711")):
            with Server("--proxy-protocol", "192.0.2.0/24,::1", *TRUSTING) as server:
                self.assertEqual(self.ask(server, header), WELCOME)
                self.assertEqual(server.session()["peer"], peer)

    def test_an_untrusted_sender_of_a_header_and_a_wrong_header_are_refused(self):
        with Server("--proxy-protocol", "192.0.2.0/24", "--proxy-protocol", "::1") as server:
            for data in (HEADER, HEADER_2, b""):
                self.assertEqual(self.ask(server, data), b"")
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.output), [])  # they are no sessions
        with Server(*TRUSTING) as server:
            for data in (b"GET / HTTP/1.1\r\n\r\n", HEADER.replace(b"4711", b"4711x"), b"PROXY " + b"x" * 200,
                         HEADER_2.replace(b"\x21\x11", b"\x31\x11")):
                self.assertEqual(self.ask(server, data), b"", data)
                ended = server.session()
                self.assertEqual((ended["peer"][:10], ended["end"]), ("127.0.0.1:", "refused"))
                self.assertIn("PROXY", ended["error"])
            self.assertEqual(self.ask(server, HEADER), WELCOME)
            self.assertEqual(server.session()["peer"], "198.51.100.7:4711")


class Signals(Case):
    """A client that a proxy has not yet announced is open for as long as the test wants."""

    def test_sigusr1_shows_what_clients_are_at(self):
        with Server(*TRUSTING) as server, server.connect() as client:
            self.await_sessions(server, 1)
            server.process.send_signal(signal.SIGUSR1)
            peer, here = "127.0.0.1:%d" % client.getsockname()[1], "127.0.0.1:%d" % server.ports[0]
            for line in ("welcome_server: connections: 1 accepted, 1 open, 0 served, ", "refused: 0 ",
                         "accept errors: 0; ", peer + " at " + here + ": ", "  read from " + peer + ", for "):
                self.assertEqual(server.error()[:len(line)], line)
            self.assertRegex(server.error(), r"^  portico::[a-z_:]+ at [a-z_]+\.cpp:[0-9]+$")
            client.sendall(HEADER)
            self.assertEqual(read_all(client), WELCOME)

    def test_on_sigterm_no_client_is_cut_before_the_soft_limit(self):
        with Server("--drain", "100:200", *TRUSTING) as server, server.connect() as client:
            self.await_sessions(server, 1)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not listening_ports(server.process.pid))
            client.sendall(HEADER)
            self.assertEqual(read_all(client), WELCOME)
            client.close()
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assert_drained(server, "1 connections finished, 0 cancelled, 0 aborted")

    def test_at_the_soft_limit_and_on_a_second_signal_clients_are_cancelled(self):
        for limits, signals in (("0:100", 1), ("100:200", 2)):
            with Server("--drain", limits, *TRUSTING) as server, server.connect() as first, server.connect() as second:
                self.await_sessions(server, 2)
                for number in range(signals):
                    server.process.send_signal((signal.SIGTERM, signal.SIGINT)[number])
                    if number + 1 < signals:
                        wait_until(lambda: not listening_ports(server.process.pid))
                self.assertEqual(server.process.wait(PATIENCE), 0)
                self.assertEqual((first.recv(1), second.recv(1)), (b"", b""))
                self.assert_drained(server, "0 connections finished, 2 cancelled, 0 aborted")

    def await_sessions(self, server, count):
        wait_until(lambda: len(sockets(server.process.pid)) == count + 1)  # and the one that listens

    def assert_drained(self, server, what):
        lines = [line for line in server.rest(server.errors) if "drained" in line]
        self.assertEqual(lines, ["welcome_server: drained: " + what + "\n"])


class Datagrams(Case):
    def ask(self, where, family, data, name=None):
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.bind(name or ("127.0.0.1", 0))
            client.sendto(data, where)
            return client.recv(65536), client.getsockname()

    def test_every_datagram_is_answered_with_the_line(self):
        with Server("--udp") as server:
            for data in (b"hello", b""):
                answer, (host, port) = self.ask(("127.0.0.1", server.ports[0]), socket.AF_INET, data)
                self.assertEqual(answer, WELCOME)
                ended = server.session()
                self.assertEqual((ended["peer"], ended["end"]), ("%s:%d" % (host, port), "served"))
                self.assertEqual((ended["bytes_read"], ended["bytes_written"]), (str(len(data)), str(len(WELCOME))))
            self.assertEqual(server.end(signal.SIGTERM), 0)
            self.assertEqual(server.rest(server.errors), [])

    def test_datagrams_of_unix_sockets(self):
        path = self.path("welcome.sock")
        with Server("--udp", "--log", "none", "--listen", "unix:" + path) as server:
            self.assertEqual(self.ask(path, socket.AF_UNIX, b"hello", self.path("client.sock"))[0], WELCOME)
            self.assertEqual(server.end(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(path))


class ServiceManager(Case):
    def test_it_serves_at_the_socket_that_it_was_started_with(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            where = listener.getsockname()
            command = [str(listener.fileno()), os.environ["WELCOME_SERVER"], "--listen", "192.0.2.1:1"]
            with socket.create_connection(where, timeout=PATIENCE) as early, Running(
                    "PYTHON", "-c", ACTIVATE, *command, pass_fds=[listener.fileno()]) as server:
                self.assertEqual(server.line(), "listening on 127.0.0.1:%d" % where[1])
                self.assertEqual(read_all(early), WELCOME)
                self.assertEqual(ask(where), WELCOME)
                early.close()
                self.assertEqual(server.end(signal.SIGTERM), 0)
            with socket.create_connection(where, timeout=PATIENCE):
                pass  # the socket is the service manager's, and still there

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed")
    def test_systemd_starts_it_when_the_first_client_comes(self):
        path = self.path("welcome.sock")
        command = ["systemd-socket-activate", "--listen", path, os.environ["WELCOME_SERVER"], "--log", "none"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as server:
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(PATIENCE)
                    wait_until(lambda: client.connect_ex(path) == 0)
                    self.assertEqual(read_all(client), WELCOME)
                self.assertEqual(server.stdout.readline().decode(), "listening on unix:%s\n" % path)
                server.terminate()
                self.assertEqual(server.wait(PATIENCE), 0)
            finally:
                server.kill()

    def test_it_tells_the_service_manager_when_it_listens_lives_and_ends(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(PATIENCE)
            manager.bind(self.path("notify"))
            environment = os.environ | {"NOTIFY_SOCKET": self.path("notify"), "WATCHDOG_USEC": "200000"}
            with Server(env=environment) as server:
                ready = manager.recv(4096).decode().split("\n")
                self.assertIn("READY=1", ready)
                self.assertIn("STATUS=serving at 127.0.0.1:%d" % server.ports[0], ready)
                for _ in range(3):
                    self.assertEqual(manager.recv(4096), b"WATCHDOG=1")
                server.process.send_signal(signal.SIGTERM)
                last = b"WATCHDOG=1"
                while last == b"WATCHDOG=1":
                    last = manager.recv(4096)
                self.assertIn(b"STOPPING=1", last.split(b"\n"))
                self.assertEqual(server.process.wait(PATIENCE), 0)


class Load:
    """Clients that connect one after the other, each in a thread, until the `with` block ends."""

    def __init__(self, where, clients=4):
        self.where, self.served, self.failures = where, 0, []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def _run(self):
        while not self.ended.is_set():
            try:
                received = ask(self.where)
            except OSError as failure:
                received = failure
            if received == WELCOME:
                self.served += 1
            else:
                self.failures.append(received)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def await_more(self, count=200):
        enough = self.served + count
        wait_until(lambda: self.served >= enough or self.failures)


class Restart(Case):
    def test_a_restart_by_hand_over_under_load_refuses_and_resets_nobody(self):
        options = ["--hand-over", self.path("hand-over"), "--log", "none", "--drain", "20"]
        with contextlib.ExitStack() as closing:
            server = closing.enter_context(Server(*options))
            where = ["--listen", "127.0.0.1:%d" % server.ports[0]]
            load = closing.enter_context(Load(("127.0.0.1", server.ports[0])))
            for _ in range(5):
                load.await_more()
                successor = closing.enter_context(Server(*where, *options))
                self.assertEqual(server.process.wait(PATIENCE), 0)
                for line in server.rest(server.errors):
                    self.assertRegex(line, ": drained: [0-9]+ connections finished, 0 cancelled, 0 aborted$")
                server = successor
            load.await_more()
            load.__exit__()
            self.assertEqual(load.failures, [])
            self.assertEqual(server.end(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(self.path("hand-over")))

    def test_a_restart_behind_a_socket_that_stays_open_refuses_and_resets_nobody(self):
        with socket.create_server(("127.0.0.1", 0), backlog=100) as listener, Load(listener.getsockname()) as load:
            for _ in range(3):
                with Running("PYTHON", "-c", ACTIVATE, str(listener.fileno()), os.environ["WELCOME_SERVER"],
                             "--log", "none", pass_fds=[listener.fileno()]) as server:
                    load.await_more()
                    self.assertEqual(server.end(signal.SIGTERM), 0)
            with Running("PYTHON", "-c", ACTIVATE, str(listener.fileno()), os.environ["WELCOME_SERVER"],
                         "--log", "none", pass_fds=[listener.fileno()]):
                load.__exit__()
            self.assertEqual(load.failures, [])


if __name__ == "__main__":
    unittest.main()
