"""tftp_get against in.tftpd, and against servers and strangers that break the rules."""
import os
import random
import socket
import struct
import unittest

import servers
from servers import programs


class Tftp(servers.Case):
    program = "TFTP_GET"

    @classmethod
    def setUpClass(cls):
        if os.getuid() != 0:
            raise unittest.SkipTest("in.tftpd must be started by root")
        port = servers.free_port()
        cls.server = f"127.0.0.1:{port}"
        cls.files = cls.shared_folder()
        probe = b"\0\1missing\0octet\0"
        cls.start("in.tftpd", "-L", "-a", cls.server, "-u", "nobody", "-s", cls.files,
                  ready=lambda: servers.udp_answers(port, probe))

    def assert_gets(self, size, *block_size, limit=programs.PATIENCE):
        content = random.Random(size).randbytes(size)
        path = os.path.join(self.files, f"file{size}")
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o644)
        self.assert_answer(content, "-t", str(limit), self.server, f"file{size}", *block_size, timeout=limit)

    def test_files_byte_for_byte(self):
        for arguments in ((0,), (1,), (511,), (512,), (513,), (400_000,), (400_000, "1428"), (700_001, "65464"),
                          (65_464, "65464"), (100, "8")):
            with self.subTest(arguments=arguments):
                self.assert_gets(*arguments)

    def test_more_blocks_than_there_are_numbers(self):
        self.assert_gets(8 * 65_540 + 3, "8", limit=200)

    def test_a_missing_file_is_told_in_the_words_of_the_server(self):
        self.assert_fails("File not found", self.server, "nosuch")


class TftpFaults(servers.Case):
    program = "TFTP_GET"

    @staticmethod
    def data(block, content):
        return struct.pack(">HH", 3, block) + content

    def run_against(self, serve, *arguments, options=()):
        with servers.udp_server(serve) as where:
            return self.run_program(*options, where, "file", *arguments)

    def assert_refused(self, reason, packet, *arguments):
        """A server whose answer to the request is this packet."""
        status, output, errors = self.run_against(lambda own, _, sender: own.sendto(packet, sender), *arguments)
        self.assertEqual((status, output), (1, b""), errors)
        self.assert_one_line(errors, reason)

    def test_a_server_that_does_not_answer(self):
        requests = []
        status, output, errors = self.run_against(lambda own, packet, sender: requests.append(packet),
                                                  options=("-t", "2"))
        self.assertEqual((status, output), (1, b""))
        self.assert_one_line(errors, "timed out")
        self.assertGreater(len(requests), 1)
        self.assertEqual(set(requests), {b"\0\1file\0octet\0"})

    def test_packets_that_get_lost_come_twice_or_are_old(self):
        received = []

        def serve(own, packet, sender):
            received.append(packet)
            if packet[:2] == b"\0\1" and len(received) > 1:
                own.sendto(self.data(1, b"a" * 512), sender)
                own.sendto(self.data(1, b"a" * 512), sender)
            elif packet == b"\0\4\0\1" and received.count(packet) == 2:
                own.sendto(self.data(1, b"a" * 512), sender)
                own.sendto(self.data(7, b"x" * 512), sender)
                own.sendto(b"", sender)
                own.sendto(self.data(2, b"b"), sender)

        with servers.udp_server(serve) as where:
            self.assertEqual(self.run_program("-t", "4", where, "file"), (0, b"a" * 512 + b"b", ""))
            programs.wait_until(lambda: received[-1] == b"\0\4\0\2")

    def test_strangers_are_told_and_do_no_harm(self):
        with socket.socket(type=socket.SOCK_DGRAM) as own_port, socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(programs.PATIENCE)
            own_port.bind(("127.0.0.1", 0))

            def serve(_, packet, sender):  # the transfer has a port of its own
                own_port.sendto(self.data(1, b"a" * 512), sender)
                own_port.settimeout(programs.PATIENCE)
                own_port.recv(512)
                stranger.sendto(self.data(2, b"wrong"), sender)
                self.told = stranger.recv(512)
                stranger.sendto(b"\0\5\0\0wrong\0", sender)  # an error is not answered
                own_port.sendto(self.data(2, b"b"), sender)

            self.assertEqual(self.run_against(serve), (0, b"a" * 512 + b"b", ""))
            self.assertEqual(self.told[:4], b"\0\5\0\5")

    def test_answers_that_break_the_rules(self):
        self.assert_refused("a block is too large", self.data(1, b"a" * 513))
        self.assert_refused("\\x1b[2Jno\\n", b"\0\5\0\2\x1b[2Jno\n\0")
        self.assert_refused("get from", b"\0\5")
        self.assert_refused("get from", b"\0\5\0\1without an end")
        for options in (b"", b"blksize", b"blksize\0", b"blksize\0nine\0", b"blksize\x007\0", b"blksize\x001025\0",
                        b"blksize\x0099999999999999999999\0", b"tsize\x0012\0"):
            with self.subTest(options=options):
                self.assert_refused("", b"\0\6" + options, "1024")

    def test_a_server_without_options_sends_blocks_of_the_usual_size(self):
        def serve(own, packet, sender):
            own.sendto(self.data(1, b"a" * 512) if packet[:2] == b"\0\1" else self.data(2, b"b"), sender)

        self.assertEqual(self.run_against(serve, "1024"), (0, b"a" * 512 + b"b", ""))

    def test_packets_without_end_that_are_no_answers(self):
        def serve(own, packet, sender):
            for number in range(2000):
                own.sendto(self.data(2 + number % 60000, b"x"), sender)

        status, output, errors = self.run_against(serve, options=servers.SHORT)
        self.assertEqual((status, output), (1, b""))
        self.assert_one_line(errors, "timed out")

    def test_wrong_arguments(self):
        for arguments in (["localhost:69"], ["localhost:69", "file", "7"], ["localhost:69", "file", "65465"],
                          ["localhost:69", "file", "12x"]):
            with self.subTest(arguments=arguments):
                self.assert_fails("", *arguments, expected_status=2)


if __name__ == "__main__":
    unittest.main()
