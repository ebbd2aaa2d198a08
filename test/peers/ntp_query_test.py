"""ntp_query against chronyd, and against time servers that do not know."""
import os
import struct
import time
import unittest

import servers


def ntp_answer(question, stratum=2, first=0x24, ahead=0, reference=b"GPS\0"):
    now = time.time() + ahead + 2_208_988_800
    stamp = struct.pack(">II", int(now) & 0xffffffff, int(now % 1 * (1 << 32)))
    return bytes([first, stratum, 0, 0]) + bytes(8) + reference + bytes(8) + question[40:48] + stamp + stamp


class Ntp(servers.Case):
    program = "NTP_QUERY"

    def test_chronyd_answers(self):
        port = servers.free_port()
        settings = os.path.join(self.shared_folder(), "chrony.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(f"port {port}\nbindaddress 127.0.0.1\ncmdport 0\nbindcmdaddress /\nlocal stratum 8\n"
                       f"allow 127.0.0.1\npidfile {settings}.pid\n")
        self.start("chronyd", "-x", "-d", "-U", "-u", "root", "-f", settings,
                   ready=lambda: servers.udp_answers(port, b"\x23" + bytes(47)))
        status, output, errors = self.run_program(f"127.0.0.1:{port}")
        self.assertEqual((errors, status), ("", 0))
        self.assertRegex(output, rb"^stratum 8 offset [+-]\d+\.\d{6} delay \d+\.\d{6}\n$")
        self.assertAlmostEqual(float(output.split()[3]), 0, delta=5)  # it is the same clock

    def run_against(self, answer, *options):
        with servers.udp_server(lambda own, question, sender: own.sendto(answer(question), sender)) as where:
            return self.run_program(*options, where)

    def test_the_offset_of_a_clock_that_is_wrong(self):
        for ahead in (3600, -86_400 * 365):
            status, output, errors = self.run_against(lambda question: ntp_answer(question, ahead=ahead))
            self.assertEqual((errors, status), ("", 0))
            self.assertAlmostEqual(float(output.split()[3]), ahead, delta=5)

    def test_a_question_that_gets_lost_is_asked_again_as_another(self):
        questions = []

        def serve(own, question, sender):
            questions.append(question)
            if len(questions) == 2:
                own.sendto(ntp_answer(questions[0], stratum=3), sender)
                own.sendto(ntp_answer(questions[1], stratum=4), sender)

        with servers.udp_server(serve) as where:
            status, output, errors = self.run_program("-t", "2", where)
        self.assertEqual((errors, status), ("", 0))
        self.assertTrue(output.startswith(b"stratum 4 "), output)
        self.assertNotEqual(questions[0], questions[1])

    def test_servers_that_do_not_know(self):
        for reason, answer in (
            ("the server says RATE", lambda question: ntp_answer(question, stratum=0, reference=b"RATE")),
            ("the server does not know the time", lambda question: ntp_answer(question, stratum=16)),
            ("the server does not know the time", lambda question: ntp_answer(question, first=0xe4)),
            ("the server does not know the time", lambda question: ntp_answer(question)[:40] + bytes(8)),
        ):
            with self.subTest(reason=reason):
                status, output, errors = self.run_against(answer)
                self.assertEqual((status, output), (1, b""))
                self.assert_one_line(errors, reason)

    def test_what_is_no_answer_is_passed_over(self):
        for answer in (lambda question: b"", lambda question: question, lambda question: ntp_answer(question)[:47],
                       lambda question: ntp_answer(bytes(48))):
            status, output, errors = self.run_against(answer, *servers.SHORT)
            self.assertEqual((status, output), (1, b""))
            self.assert_one_line(errors, "timed out")

    def test_a_port_where_nobody_is(self):
        self.assert_fails("Connection refused", f"127.0.0.1:{servers.free_port()}")


if __name__ == "__main__":
    unittest.main()
