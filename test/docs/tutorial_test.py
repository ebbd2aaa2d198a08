"""The programs of docs/tutorial.md, as they stand there: real clients, and the tests that the page itself shows."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import sys
import unittest

import extract

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "apps"))
import programs

PAGE = ROOT / "docs" / "tutorial.md"
PROGRAMS = extract.programs(PAGE)


class Client:
    """A client that speaks in lines."""

    def __init__(self, port, receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(programs.PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.input = self.socket.makefile("rb")
        self.name = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode())

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.input.close()
        programs.reset(self.socket)

    def line(self):
        """The next line; nothing at the end."""
        line = self.input.readline().decode()
        return line.removesuffix("\r\n") if line else None

    def ask(self, text):
        self.send(text + "\r\n")
        return self.line()


class Server(programs.Running):
    """A server of the page, at a port that the system chose."""

    def __init__(self, name):
        # Freed memory is not kept, so that what the process holds can be looked at under AddressSanitizer too.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        super().__init__(name.upper(), "127.0.0.1:0", env=os.environ | {"ASAN_OPTIONS": sanitizer})
        try:
            programs.wait_until(lambda: programs.listening_ports(self.process.pid) or self.process.poll() is not None)
            self.port = programs.listening_ports(self.process.pid)[0]
        except BaseException:
            self.__exit__()
            raise

    def connect(self, **options):
        return Client(self.port, **options)

    def resident(self):
        """Bytes of memory that it holds."""
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Tutorial(unittest.TestCase):
    def end(self, server, *reports):
        """Stops a server, which has reported this and nothing else: a regular expression for each line."""
        self.assertEqual(server.hurry(), 0)
        lines = [line for line in server.rest(server.errors) if ": drained: " not in line]
        self.assertEqual(len(lines), len(reports), lines)
        for line, report in zip(lines, reports):
            self.assertRegex(line, report)

    def test_every_program_of_the_page_is_built(self):
        self.assertEqual({name for name in PROGRAMS if name.upper() not in os.environ}, set())

    def test_the_chat_server_has_40_lines_at_most(self):
        self.assertLessEqual(PROGRAMS["chat_server"].count("\n"), 40)

    def test_the_tests_that_the_page_shows_pass(self):
        tests = [name for name in PROGRAMS if name.endswith("_test")]
        self.assertEqual(len(tests), 2)
        for name in tests:
            with self.subTest(name):
                self.assertEqual(programs.run(name.upper()), (0, b"", ""))

    def test_the_welcome_server_sends_its_line_and_the_end(self):
        with Server("welcome_server") as server:
            for _ in range(3):
                with server.connect() as client:
                    self.assertEqual(client.line(), "Welcome to portico!")
                    self.assertIsNone(client.line())
            self.end(server)

    def test_the_echo_server_sends_back_what_each_client_sends(self):
        with Server("echo_server") as server, contextlib.ExitStack() as closing:
            clients = [closing.enter_context(server.connect()) for _ in range(20)]
            for number, client in enumerate(clients):
                client.send(f"line {number}\n")
            for number, client in reversed(list(enumerate(clients))):
                self.assertEqual(client.line(), f"line {number}\n")
            for client in clients:
                client.end()
                self.assertIsNone(client.line())
            self.end(server)

    def test_the_reverse_server_has_a_limit_and_takes_half_a_line_for_none(self):
        with Server("reverse_server") as server, server.connect() as client:
            self.assertEqual(client.ask("stressed"), "desserts")
            self.assertEqual(client.ask(""), "")
            self.assertEqual(client.ask("ab" * 50), "ba" * 50)
            with server.connect() as other:
                self.assertEqual(other.ask("x" * 101), "a line has 100 bytes at most")
                self.assertIsNone(other.line())
            with server.connect() as other:
                other.send("half a li")
                other.end()
                self.assertIsNone(other.line())
            self.assertEqual(client.ask("still here"), "ereh llits")
            client.end()
            self.assertIsNone(client.line())
            self.end(server, "connection from .*: the stream ended too early")

    def test_the_counter_server_counts_those_who_leave_in_whatever_way(self):
        with Server("counter_server") as server, server.connect() as client:
            self.assertEqual(client.ask("?"), "1 so far, 1 here")
            with server.connect() as second:
                self.assertEqual(second.ask("?"), "2 so far, 2 here")
                with server.connect() as third:
                    self.assertEqual(third.ask("?"), "3 so far, 3 here")
                    self.assertEqual(client.ask("?"), "3 so far, 3 here")
                    third.reset()
            programs.wait_until(lambda: client.ask("?") == "3 so far, 1 here")
            self.end(server)

    def test_the_reminder_server_sends_what_is_due_and_forgets_the_rest_with_its_client(self):
        with Server("reminder_server") as server:
            with server.connect() as client:
                self.assertEqual(client.ask("0 now"), " now")
                self.assertEqual(client.ask("tomorrow"), "refused")
                client.send("3600 later\r\n" * 100)
                self.assertEqual(client.ask("3600 too many"), "refused")
                client.end()
                self.assertIsNone(client.line())  # it waits for none of them
            self.end(server)

    def members(self, server, count, closing):
        """So many members of the chat server, who have all heard of each other."""
        joined = []
        for _ in range(count):
            joined.append(closing.enter_context(server.connect()))
            for each in joined:
                self.assertEqual(each.line(), joined[-1].name + " has joined")
        return joined

    def test_a_chat_line_reaches_every_member_and_so_does_that_one_has_left(self):
        with Server("chat_server") as server, contextlib.ExitStack() as closing:
            first, second, third = members = self.members(server, 3, closing)
            for speaker in members:
                speaker.send("good evening\r\n")
                for each in members:
                    self.assertEqual(each.line(), speaker.name + ": good evening")
            second.end()
            self.assertIsNone(second.line())
            third.reset()
            self.assertEqual(first.line(), second.name + " has left")
            self.assertEqual(first.line(), third.name + " has left")
            self.end(server)

    def test_a_chat_line_over_the_limit_ends_its_sender_alone(self):
        with Server("chat_server") as server, contextlib.ExitStack() as closing:
            first, second, third = self.members(server, 3, closing)
            first.send("x" * 1000 + "\n")
            for each in (first, second, third):
                self.assertEqual(each.line(), first.name + ": " + "x" * 1000)
            first.send("x" * 1001 + "\n")
            for each in (second, third):
                self.assertEqual(each.line(), first.name + " has left")
            second.send("we go on\n")
            for each in (second, third):
                self.assertEqual(each.line(), second.name + ": we go on")
            self.end(server, "connection from " + re.escape(first.name) + ": .*a limit was exceeded")

    def test_a_burst_of_chat_lines_reaches_all_who_read(self):
        count = 1000
        with Server("chat_server") as server, contextlib.ExitStack() as closing:
            members = self.members(server, 4, closing)
            members[0].send("".join(f"{number}\n" for number in range(count)))
            for each in members:
                for number in range(count):
                    self.assertEqual(each.line(), f"{members[0].name}: {number}")
            self.end(server)

    def test_chat_members_who_do_not_read_are_dropped_while_the_others_go_on(self):
        with Server("chat_server") as server, contextlib.ExitStack() as closing:
            first, second = self.members(server, 2, closing)
            slow = []
            for _ in range(4):
                slow.append(closing.enter_context(server.connect(receive_buffer=4096)))
                for each in (first, second):
                    self.assertEqual(each.line(), slow[-1].name + " has joined")

            before = server.resident()
            left = set()
            for _ in range(10_000):  # 40 MB for the four of them
                first.send("x" * 1000 + "\n")
                for each in (first, second):
                    while (line := each.line()) != first.name + ": " + "x" * 1000:
                        self.assertIn(line, [member.name + " has left" for member in slow])
                        left.add(line)
            self.assertEqual(len(left), 4)
            self.assertLess(server.resident() - before, 16 << 20)

            for each in slow:
                with self.assertRaises(ConnectionResetError):
                    programs.read_all(each.socket)
            self.assertEqual(second.ask("well?"), second.name + ": well?")
            self.end(server, *4 * ["connection from .*: closed on this side"])


if __name__ == "__main__":
    unittest.main()
