"""The program of docs/embedding.md, as it stands there: Asio's code and portico's on one loop."""
import pathlib
import signal
import socket
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "apps"))
import programs


class BannerServer(unittest.TestCase):
    longMessage = False

    def setUp(self):
        self.server = programs.Running("BANNER_SERVER")
        self.addCleanup(self.server.__exit__, None, None, None)
        lines = [self.server.line().split() for _ in range(2)]
        self.ports = {words[0]: int(words[2].rpartition(":")[2]) for words in lines}

    def ask(self, question):
        with socket.create_connection(("127.0.0.1", self.ports["asio"]), programs.PATIENCE) as client:
            client.sendall(question)
            return programs.read_all(client)

    def test_an_awaitable_gets_the_answer_of_a_portico_task_and_its_failure(self):
        portico = b"127.0.0.1:%d\n" % self.ports["portico"]
        self.assertEqual(self.ask(portico), b"1 questions so far\r\n")
        self.assertEqual(self.ask(portico), b"2 questions so far\r\n")
        self.assertIn(b"Connection refused", self.ask(b"127.0.0.1:1\n"))
        self.assertEqual(self.ask(portico), b"4 questions so far\r\n")

    def test_a_signal_ends_both_and_the_loop_has_nothing_left_to_do(self):
        self.assertEqual(self.server.end(signal.SIGTERM), 0)


if __name__ == "__main__":
    unittest.main()
