"""dns_query against dnsmasq, and against name servers that lie."""
import contextlib
import os
import random
import socket
import struct
import threading
import unittest

import servers
from servers import programs


class Dns(servers.Case):
    program = "DNS_QUERY"
    MANY = [f"127.0.1.{number}" for number in range(1, 61)]
    RECORDS = """
        host-record=a.portico.test,127.0.0.1,::1
        host-record=v4.portico.test,127.0.0.1
        host-record=multi.portico.test,127.0.0.2
        host-record=multi.portico.test,127.0.0.3
        cname=alias.portico.test,a.portico.test
        mx-host=portico.test,mx.portico.test,10
        mx-host=portico.test,backup.portico.test,20
        txt-record=txt.portico.test,"hello","a second; with \\ and spaces"
        srv-host=_imap._tcp.portico.test,a.portico.test,143,1,2
        """

    @classmethod
    def setUpClass(cls):
        port = servers.free_port()
        cls.server = f"127.0.0.1:{port}"
        settings = os.path.join(cls.shared_folder(), "dns.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n"
                       f"pid-file=\nlog-facility=-\nlocal=/test/\n{cls.RECORDS}")
            file.writelines(f"host-record=many.portico.test,{address}\n" for address in cls.MANY)
        probe = bytes.fromhex("000001000001000000000000") + b"\4test\0" + b"\0\1\0\1"
        cls.start("dnsmasq", "-k", "-C", settings, ready=lambda: servers.udp_answers(port, probe))

    def assert_records(self, expected, name, record_type):
        status, output, errors = self.run_program(self.server, name, record_type)
        self.assertEqual((errors, status), ("", 0))
        self.assertEqual(sorted(output.decode().splitlines()), sorted(expected))

    def test_records_of_every_type(self):
        for name, record_type, *values in (
            ("a.portico.test", "A", "127.0.0.1"),
            ("a.portico.test", "AAAA", "::1"),
            ("multi.portico.test", "A", "127.0.0.2", "127.0.0.3"),
            ("portico.test", "MX", "10 mx.portico.test", "20 backup.portico.test"),
            ("txt.portico.test", "TXT", '"hello" "a second; with \\\\ and spaces"'),
            ("_imap._tcp.portico.test", "SRV", "1 2 143 a.portico.test"),
        ):
            with self.subTest(name=name, type=record_type):
                self.assert_records([f"{name} {record_type} {value}" for value in values], name, record_type)

    def test_an_alias_is_followed(self):
        self.assert_records(["alias.portico.test CNAME a.portico.test", "a.portico.test AAAA ::1"],
                            "alias.portico.test", "AAAA")

    def test_an_answer_that_does_not_fit_comes_over_tcp(self):
        self.assert_records([f"many.portico.test A {address}" for address in self.MANY], "many.portico.test", "A")

    def test_what_does_not_exist_is_said(self):
        self.assert_fails("look up nosuch.portico.test A: no such name (NXDOMAIN)", self.server,
                          "nosuch.portico.test", "A")
        self.assert_fails("the name has no such records", self.server, "v4.portico.test", "AAAA")


class DnsFaults(servers.Case):
    program = "DNS_QUERY"
    RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"  # the name of the question, A, 127.0.0.1

    @staticmethod
    def answer(query, *records, count=None, flags=0x8180):
        header = query[:2] + struct.pack(">HHHHH", flags, 1, len(records) if count is None else count, 0, 0)
        return header + query[12:] + b"".join(records)

    def run_against(self, answers, *options):
        """Asks a server that sends `answers(query)`."""
        def serve(listener, query, sender):
            for packet in answers(query):
                listener.sendto(packet, sender)

        with servers.udp_server(serve) as where:
            return self.run_program(*options, where, "x.test", "A")

    def assert_malformed(self, reason, answers):
        status, output, errors = self.run_against(lambda query: [answers(query)])
        self.assertEqual((status, output), (1, b""), errors)
        self.assert_one_line(errors, "dns_query: read the answer: " + reason)

    def assert_passed_over(self, *fakes):
        """Packets that are no answers are ignored: alone they are no answer in time, before one they do no harm."""
        for fake in fakes:
            status, _, errors = self.run_against(lambda query: [fake(query)], *servers.SHORT)
            self.assertEqual(status, 1, errors)
            self.assert_one_line(errors, "timed out")
        ended = self.run_against(lambda query: [*(fake(query) for fake in fakes), self.answer(query, self.RECORD)])
        self.assertEqual(ended, (0, b"x.test A 127.0.0.1\n", ""))

    def test_a_port_where_nobody_is(self):
        self.assert_fails("Connection refused", f"127.0.0.1:{servers.free_port()}", "x.test", "A")

    def test_a_server_that_does_not_answer_is_asked_twice(self):
        with socket.socket(type=socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            where = f"127.0.0.1:{silent.getsockname()[1]}"
            self.assert_fails(f"ask {where}: timed out", "-t", "2", where, "x.test", "A")
            silent.settimeout(0)
            self.assertEqual(silent.recv(512), silent.recv(512))
            with self.assertRaises(BlockingIOError):
                silent.recv(512)

    def test_a_query_that_gets_lost_is_sent_again(self):
        queries = []

        def serve(query):
            queries.append(query)
            return [self.answer(query, self.RECORD)] if len(queries) == 2 else []

        self.assertEqual(self.run_against(serve, "-t", "2"), (0, b"x.test A 127.0.0.1\n", ""))

    def test_ids_cannot_be_foretold(self):
        ids = set()

        def serve(query):
            ids.add(query[:2])
            return [self.answer(query, self.RECORD)]

        for _ in range(4):
            self.run_against(serve)
        self.assertGreater(len(ids), 1)

    def test_packets_that_are_no_answers_are_passed_over(self):
        self.assert_passed_over(
            lambda query: b"",
            lambda query: query[:11],
            lambda query: random.Random(1).randbytes(400),
            lambda query: query,  # no reply
            lambda query: bytes([query[0] ^ 1]) + self.answer(query, self.RECORD)[1:],  # another id
            lambda query: self.answer(query, self.RECORD).replace(b"\1x\4test", b"\1y\4test"),  # another question
        )

    def test_names_that_never_end(self):
        position = 12 + 12  # where the answers begin: behind the header and the question
        rest = self.RECORD[2:]
        for name in (position, position + 2, 0x3fff):  # itself, what follows, far behind the end
            self.assert_malformed("a compressed name does not point back",
                                  lambda query: self.answer(query, struct.pack(">H", 0xc000 | name) + rest))
        self.assert_malformed("a name is too long", lambda query: self.answer(query, (b"\x3f" + b"a" * 63) * 5 + rest))
        self.assert_malformed("a name is too long", lambda query: self.answer(query, b"\x80" + rest))

        def chain(query):  # pointers to pointers, each further to the front, thousands of them
            pointers = b"".join(struct.pack(">H", 0xc000 | (0x0c if place == 0 else position + 12 + 2 * (place - 1)))
                                for place in range(8000))
            hidden = b"\xc0\x0c\0\x63\0\1\0\0\0\0" + struct.pack(">H", len(pointers)) + pointers
            last = struct.pack(">H", 0xc000 | (position + 12 + 2 * 7999)) + rest
            return [self.answer(query, hidden, last)]

        self.assertEqual(self.run_against(chain), (0, b"x.test TYPE99 (16000 bytes)\nx.test A 127.0.0.1\n", ""))

    def test_sizes_and_counts_that_are_not_true(self):
        head = self.RECORD[:-6]
        for reason, records, count in (
            ("it ends too early", [self.RECORD], 65535),
            ("it ends too early", [head + b"\0\5\x7f\0\0\1"], 1),
            ("it ends too early", [head + b"\0\3\x7f\0\0\1"], 1),
            ("a record is longer than what is in it", [head + b"\0\5\x7f\0\0\1\0"], 1),
            ("it ends too early", [b"\xc0\x0c\0\x10\0\1\0\0\0\0\0\2\5a"], 1),  # TXT
            ("a record is not of the Internet's class", [b"\xc0\x0c\0\1\0\3\0\0\0\0\0\4\x7f\0\0\1"], 1),
        ):
            with self.subTest(reason=reason, records=records):
                self.assert_malformed(reason, lambda query: self.answer(query, *records, count=count))

    def test_bytes_of_names_cannot_harm_a_terminal(self):
        alias = b"\xc0\x0c\0\5\0\1\0\0\0\0\0\6\4\x1b.\\\xff\0"
        self.assertEqual(self.run_against(lambda query: [self.answer(query, alias)]),
                         (0, b"x.test CNAME \\027\\046\\092\\255\n", ""))

    def test_what_chance_makes_of_an_answer(self):
        chance = random.Random(3)

        def garble(query):
            packet = bytearray(self.answer(query, self.RECORD, self.RECORD))
            for _ in range(chance.randint(1, 3)):
                packet[chance.randrange(24, len(packet))] = chance.randrange(256)
            return [bytes(packet[:chance.randint(24, 4 * len(packet))])]

        outcomes = []
        for _ in range(40):
            status, _, errors = self.run_against(garble)
            outcomes.append(status)
            if status != 0:
                self.assertEqual(status, 1, errors)
                self.assert_one_line(errors, "dns_query: read the answer: ")
        self.assertEqual(set(outcomes), {0, 1})

    def run_truncated(self, *options, serve=None):
        """Asks a server that wants to be asked over TCP, and there does what `serve` does; None: nobody is there."""
        with contextlib.ExitStack() as stack:
            def truncated(listener, query, sender):
                listener.sendto(self.answer(query, flags=0x8380), sender)

            port = servers.free_port()
            where = stack.enter_context(servers.udp_server(truncated, port))
            if serve is not None:
                listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
                listener.settimeout(programs.PATIENCE)

                def accept():
                    with listener.accept()[0] as connection:
                        connection.settimeout(programs.PATIENCE)
                        serve(connection)

                accepting = threading.Thread(target=accept)
                accepting.start()
                stack.callback(accepting.join)
            return self.run_program(*options, where, "x.test", "A")

    def test_an_answer_over_tcp(self):
        def serve(connection):
            message = self.answer(connection.recv(512)[2:], *[self.RECORD] * 3000)
            connection.sendall(struct.pack(">H", len(message)) + message)

        self.assertEqual(self.run_truncated(serve=serve), (0, b"x.test A 127.0.0.1\n" * 3000, ""))

    def test_faults_over_tcp(self):
        def query_of(connection):
            return connection.recv(512)[2:]

        def silent(connection):
            programs.read_all(connection)

        def ends_early(connection):
            query_of(connection)
            connection.sendall(b"\0\x40\0\0")

        def answers_another(connection):
            message = b"\0\0" + self.answer(query_of(connection), self.RECORD)[2:]
            connection.sendall(struct.pack(">H", len(message)) + message)

        for reason, serve, options in (
            ("Connection refused", None, ()),
            ("timed out", silent, servers.SHORT),
            ("the stream ended too early", ends_early, ()),
            ("it answers another question", answers_another, ()),
        ):
            with self.subTest(reason=reason):
                status, output, errors = self.run_truncated(*options, serve=serve)
                self.assertEqual((status, output), (1, b""))
                self.assert_one_line(errors, reason)

    def test_wrong_arguments(self):
        for arguments in (["h:53", "x.test"], ["h:53", "x.test", "NONE"], ["h:53", "x..test", "A"],
                          ["h:53", "a" * 64, "A"], ["h", "x.test", "A"], ["-t", "0", "h:53", "x.test", "A"],
                          ["-t", "5x", "h:53", "x.test", "A"]):
            with self.subTest(arguments=arguments):
                self.assert_fails("", *arguments, expected_status=2)


if __name__ == "__main__":
    unittest.main()
