# welcome: a welcome server that runs, and the lines of its log.
import json
import re
import socket

from programs import PATIENCE, Running, listening_ports, read_all, wait_until

WELCOME = b"Welcome to portico!\r\n"
LOOPBACK = ["--listen", "127.0.0.1:0"]
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
LINE = re.compile(TIME + r" (?P<peer>\S+) (?P<end>\w+), (?P<seconds>[0-9]+\.[0-9]{3}) s, "
                  r"(?P<bytes_read>[0-9]+) bytes read, (?P<bytes_written>[0-9]+) written(: (?P<error>.+))?")


def session(line):
    """What a line of the log in text says; a line that is torn or wrong raises."""
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError("no line of a log: " + repr(line))
    return match.groupdict()


class Server(Running):
    """A welcome server that listens; `ports` are those it prints, or else those that the system knows."""

    def __init__(self, *arguments, **options):
        arguments = arguments if "--listen" in arguments else (*LOOPBACK, *arguments)
        super().__init__("WELCOME_SERVER", *arguments, **options)
        try:
            self._find_ports(arguments, quiet="--quiet" in arguments or "stdout" in options)
        except BaseException:
            self.__exit__()
            raise

    def _find_ports(self, arguments, quiet):
        if quiet:
            wait_until(lambda: listening_ports(self.process.pid))
            self.ports = listening_ports(self.process.pid)
            return
        processes = int(arguments[arguments.index("--prefork") + 1]) if "--prefork" in arguments else 1
        count = arguments.count("--listen") * processes
        self.listening = [self._where(self.line()) for _ in range(count)]
        lines = [line.partition(" (")[0] for line in self.listening]
        self.ports = [int(line.rpartition(":")[2]) for line in lines if "unix:" not in line]

    @staticmethod
    def _where(line):
        """The line in which a server says where it listens, as it is in text."""
        return "listening on " + json.loads(line)["listening"] if line.startswith("{") else line

    def connect(self, host="127.0.0.1", source=""):
        return socket.create_connection((host, self.ports[0]), timeout=PATIENCE, source_address=(source, 0))

    def received(self, **where):
        with self.connect(**where) as client:
            return read_all(client)

    def session(self):
        """What the next line of its log says."""
        return session(self.line())
