"""docs/python-sockets.md: that it names all that Python has, and that each of its examples, in C++ and in Python, works
with Python on the other side."""
import collections
import concurrent.futures
import contextlib
import errno
import fnmatch
import os
import re
import select
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import page

PATIENCE = 20  # seconds, after which a test that hangs fails

Family = collections.namedtuple("Family", "name family type host")
STREAMS = (Family("TCP over IPv4", socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
           Family("TCP over IPv6", socket.AF_INET6, socket.SOCK_STREAM, "::1"),
           Family("Unix streams", socket.AF_UNIX, socket.SOCK_STREAM, None))
DATAGRAMS = (Family("UDP over IPv4", socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
             Family("UDP over IPv6", socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
             Family("Unix datagrams", socket.AF_UNIX, socket.SOCK_DGRAM, None))
NOTHING = (Family("this machine", socket.AF_UNIX, socket.SOCK_STREAM, None),)
# Who connects, or sends first: the example ("connect"), or Python ("accept").
ROLES = {
    "Connecting": (STREAMS, ("connect",)),
    "Listening": (STREAMS, ("accept",)),
    "Streams": (STREAMS, ("connect", "accept")),
    "Datagrams": (DATAGRAMS, ("connect", "accept")),
    "Servers": (STREAMS, ("accept",)),
    "Datagram servers": (DATAGRAMS, ("accept",)),
    "Names, numbers, pairs": (NOTHING, ("connect",)),
}


def to_text(address):
    """An address of Python's as portico writes it."""
    if isinstance(address, str):
        return "unix:" + address
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def from_text(text):
    """The family and address that portico means by a text."""
    if text.startswith("unix:"):
        path = text[5:]
        return socket.AF_UNIX, ("\0" + path[1:] if path.startswith("@") else path)
    host, _, port = text.rpartition(":")
    return (socket.AF_INET6, (host[1:-1], int(port))) if host.startswith("[") else (socket.AF_INET, (host, int(port)))


@contextlib.contextmanager
def resets_suppressed():
    """That the other side has gone is for the example to judge."""
    try:
        yield
    except OSError as failure:
        if failure.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            raise


class Peers:
    """Python's part: what listens, connects and answers, each in a thread of its own. `failures` is what went wrong."""

    def __init__(self, family):
        self.family = family
        self.failures = []
        self.closing, self.ending = contextlib.ExitStack(), contextlib.ExitStack()
        self.folder = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.threads = []
        self.paths = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends the echoes, and waits for every thread."""
        self.ending.close()
        for thread in self.threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                self.failures.append("a peer still waits")
        self.closing.close()

    def start(self, function, *arguments):
        def run():
            try:
                function(*arguments)
            except Exception as failure:
                self.failures.append(f"{function.__name__}: {failure!r}")
        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def here(self):
        """An address of the family that is free."""
        if self.family.family != socket.AF_UNIX:
            return (self.family.host, 0)
        self.paths += 1
        return os.path.join(self.folder, str(self.paths))

    def bound(self, family=None):
        """A socket with a name."""
        made = socket.socket(family or self.family.family, self.family.type)
        made.settimeout(PATIENCE)
        if made.family == socket.AF_UNIX:
            made.bind(self.here())
        else:
            made.bind(("127.0.0.1" if made.family == socket.AF_INET else "::1", 0))
        return made

    def nobody(self):
        """An address at which nobody listens, nor can."""
        return self.closing.enter_context(self.bound()).getsockname()

    def listen(self):
        """The address of a socket at which connections, one after the other, or packets are echoed."""
        listener = self.closing.enter_context(self.bound())
        if self.family.type == socket.SOCK_DGRAM:
            self.start_echoing_packets(listener)
        else:
            listener.listen()
            listener.settimeout(None)  # a shutdown ends an accept that waits in the system
            self.ending.callback(listener.shutdown, socket.SHUT_RDWR)
            self.start(self.accept, listener)
        return listener.getsockname()

    def accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:  # it has been shut down
                break
            self.echo(peer)

    @staticmethod
    def echo(peer):
        with peer, resets_suppressed():
            peer.settimeout(PATIENCE)
            while True:
                if peer.family == socket.AF_UNIX:
                    data, handles, _, _ = socket.recv_fds(peer, 65536, 16)
                else:
                    data, handles = peer.recv(65536), []
                if not data:
                    break
                if handles:
                    socket.send_fds(peer, [data], handles)
                    for handle in handles:
                        os.close(handle)
                else:
                    peer.sendall(data)

    def start_echoing_packets(self, near):
        """Until an empty one comes."""
        def end():
            with self.bound() as last:
                last.sendto(b"", near.getsockname())
        self.ending.callback(end)
        self.start(self.echo_packets, near)

    @staticmethod
    def echo_packets(near):
        while True:
            data, far = near.recvfrom(65536)
            if not data:
                break
            near.sendto(data, far)

    def connect(self, family, address):
        """Connects, and echoes. A datagram socket sends `hello` first."""
        if self.family.type == socket.SOCK_DGRAM:
            near = self.closing.enter_context(self.bound())
            near.sendto(b"hello", address)
            self.start_echoing_packets(near)
        else:
            self.start(self.connect_stream, family, address)

    def connect_stream(self, family, address):
        with socket.socket(family) as peer, resets_suppressed():
            peer.settimeout(PATIENCE)
            peer.connect(address)
            self.echo(peer)

    def ask(self, family, address, text):
        """Connects, sends the text and the end, and returns what comes. Datagrams: one there and one back."""
        if self.family.type == socket.SOCK_DGRAM:
            with self.bound() as near:
                near.sendto(text, address)
                return near.recv(65536)
        answer = b""
        with socket.socket(family) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(address)
            with resets_suppressed():  # the answer may be there all the same
                peer.sendall(text)
                peer.shutdown(socket.SHUT_WR)
            with resets_suppressed():
                while data := peer.recv(65536):
                    answer += data
        return answer


class Program:
    """The program with the C++ examples."""

    def __init__(self):
        self.control, standard_input = socket.socketpair()
        self.control.settimeout(2 * PATIENCE)
        self.process = subprocess.Popen([os.environ["PYTHON_SOCKETS_EXAMPLES"]], stdin=standard_input)
        standard_input.close()
        self.lines = self.control.makefile("r")
        self.sending = threading.Lock()

    def close(self):
        """Its exit status."""
        self.lines.close()
        self.control.close()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def tell(self, *words):
        with self.sending:
            self.control.sendall("\t".join(words).encode() + b"\n")

    def answer(self, peers, number, where, text):
        try:
            answer = peers.ask(*from_text(where), bytes.fromhex(text))
        except BaseException:
            self.tell("answer", number, "")
            raise
        self.tell("answer", number, answer.hex())

    def run(self, example, role, peers, where, nobody):
        """Runs an example: what it has shown, and what has failed."""
        shown, failed = [], []
        kind = "datagram" if peers.family.type == socket.SOCK_DGRAM else "stream"
        self.tell("run", example.anchor, kind, role, to_text(where), to_text(nobody))
        for line in self.lines:
            verb, *words = line[:-1].split("\t")
            if verb == "connect":
                peers.connect(*from_text(words[0]))
            elif verb == "ask":
                peers.start(self.answer, peers, *words)
            elif verb == "ended":
                return shown, failed
            else:
                (shown if verb == "shown" else failed).append(bytes.fromhex(words[0]).decode())
        return shown, failed + ["the program has ended"]


def run_python(example, role, peers, where, nobody):
    """Runs the Python block of an example, with what its section gives it: what it has shown."""
    family, kind = peers.family.family, peers.family.type
    shown = []

    def python_connects(address):
        peers.connect(*from_text(to_text(address)))

    def python_asks(server, text):
        if not isinstance(server, socketserver.BaseServer):
            return peers.ask(family, server, text)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            return peers.ask(family, server.server_address, text)
        finally:
            server.shutdown()
            thread.join()

    names = {"concurrent": concurrent, "errno": errno, "os": os, "select": select, "socket": socket,
             "socketserver": socketserver, "struct": struct, "sys": sys, "tempfile": tempfile, "threading": threading,
             "family": family, "here": where, "there": where, "nobody": nobody,
             "show": lambda value: shown.append(str(value)),
             "python_connects": python_connects, "python_asks": python_asks}
    with contextlib.ExitStack() as closing:
        if example.section == "Streams":
            names["peer"] = closing.enter_context(stream(peers, role, where))
        elif example.section == "Datagrams":
            names["near"], names["far"] = datagrams(peers, role, where)
            closing.enter_context(names["near"])
        elif "erver" in example.section:
            names["Server"] = server_class(family, kind)
        block = example.blocks["python"]
        exec(compile("\n" * (block.line - 1) + block.code, page.PAGE, "exec"), names)
    return shown


def stream(peers, role, where):
    if role == "connect":
        made = socket.socket(peers.family.family)
        made.connect(where)
    else:
        with socket.socket(peers.family.family) as listener:
            listener.bind(where)
            listener.listen()
            peers.connect(peers.family.family, listener.getsockname())
            made, _ = listener.accept()
    return made


def datagrams(peers, role, where):
    near = peers.bound()
    near.settimeout(None)
    if role == "connect":
        return near, where
    peers.connect(near.family, near.getsockname())
    return near, near.recvfrom(65535)[1]


def server_class(family, kind):
    if family == socket.AF_UNIX:
        return socketserver.UnixStreamServer if kind == socket.SOCK_STREAM else socketserver.UnixDatagramServer
    base = socketserver.TCPServer if kind == socket.SOCK_STREAM else socketserver.UDPServer
    return type("Server", (base,), {"address_family": family})


def applies(example, family):
    """Whether an example is for a family: `*TCP only.*` stands under its heading, or the like."""
    return (not example.only or example.only in family.name
            or (example.only == "Unix" and family.family == socket.AF_UNIX))


class Examples(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.rows, cls.examples = page.read()
        cls.program = Program()

    @classmethod
    def tearDownClass(cls):
        status = cls.program.close()
        if status != 0:
            raise AssertionError(f"the program ended with {status}")

    def run_section(self, section):
        families, roles = ROLES[section]
        examples = [example for example in self.examples if example.section == section]
        self.assertTrue(examples)
        for example in examples:
            self.assertTrue(any(applies(example, family) for family in families), example.name)
            for family in families:
                for role in roles:
                    if applies(example, family):
                        with self.subTest(example=example.name, family=family.name, role=role):
                            self.run_example(example, family, role)

    def run_example(self, example, family, role):
        shown = {}
        for language, run in (("cpp", self.program.run), ("python", run_python)):
            with Peers(family) as peers:
                where = peers.listen() if role == "connect" else peers.here()
                shown[language] = run(example, role, peers, where, peers.nobody())
            self.assertFalse(peers.failures, f"{language}: {peers.failures}")
        self.assertFalse(shown["cpp"][1], "\n".join(shown["cpp"][1]))
        self.assertEqual(shown["cpp"][0], shown["python"])

    def test_the_page_has_no_section_that_is_not_run(self):
        self.assertEqual(set(ROLES), set(page.SECTIONS))
        for example in self.examples:
            with self.subTest(example=example.name):
                self.assertEqual(set(example.blocks), {"cpp", "python"})


for _section in ROLES:
    setattr(Examples, "test_the_examples_work_" + re.sub(r"\W+", "_", _section.lower()),
            lambda self, section=_section: self.run_section(section))


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def attributes_of_instances():
    """What a server and its handlers have beside what their classes have."""
    found = {}

    def keep(base):
        class Handler(base):
            def handle(self):
                found[base] = set(vars(self))
        return Handler

    for kind, server in ((socketserver.StreamRequestHandler, socketserver.TCPServer),
                         (socketserver.DatagramRequestHandler, socketserver.UDPServer)):
        with server(("127.0.0.1", 0), keep(kind)) as serving, socket.socket(type=serving.socket_type) as client:
            client.connect(serving.server_address)
            client.send(b"x")
            serving.handle_request()
            found[server] = set(vars(serving))
    return {each: {name for name in names if not name.startswith("_")} for each, names in found.items()}


class Table(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.rows, examples = page.read()
        cls.examples = {example.anchor: example for example in examples}

    def check_covered(self, names, *tables):
        patterns = [name for row in self.rows if row.table in tables for name in row.names]
        self.assertTrue(patterns)
        missing = [name for name in sorted(names) if not any(fnmatch.fnmatchcase(name, each) for each in patterns)]
        self.assertFalse(missing, f"{page.PAGE.name}: {tables[0]}: no row for {', '.join(missing)}")

    def test_every_name_of_the_socket_module_has_a_row(self):
        others = {name for name in public(socket)
                  if getattr(getattr(socket, name), "__module__", "").endswith("socket")}
        names = set(socket.__all__) | others - {"SocketIO"}
        self.assertGreater(len(names), 100)
        self.check_covered(names | {"fromshare"}, "Functions", "Constants, types and exceptions")

    def test_every_method_of_a_socket_has_a_row(self):
        self.check_covered(public(socket.socket) | {"ioctl", "share"}, "Methods and attributes of a socket")

    def test_every_class_of_socketserver_has_a_row(self):
        self.check_covered(socketserver.__all__, "Classes")

    def test_every_method_and_attribute_of_a_server_has_a_row(self):
        classes = [getattr(socketserver, name) for name in socketserver.__all__ if not name.endswith("Handler")]
        instances = attributes_of_instances()
        self.check_covered(set.union(*map(public, classes), instances[socketserver.TCPServer],
                                     instances[socketserver.UDPServer]), "Server objects")

    def test_every_method_and_attribute_of_a_handler_has_a_row(self):
        classes = [getattr(socketserver, name) for name in socketserver.__all__ if name.endswith("Handler")]
        instances = attributes_of_instances()
        self.check_covered(set.union(*map(public, classes), instances[socketserver.StreamRequestHandler],
                                     instances[socketserver.DatagramRequestHandler]), "Handler objects")

    def test_the_examples_of_a_row_use_what_the_row_names(self):
        for row in self.rows:
            with self.subTest(row=row.names, line=row.line):
                for link in row.links:
                    self.assertIn(link, self.examples)
                identifiers = [name.rpartition("::")[2] for name in re.findall(r"`([^`]+)`", row.counterpart)]
                if row.counterpart == "none":
                    continue
                self.assertTrue(identifiers and row.links)
                code = {language: "".join(self.examples[link].blocks[language].code for link in row.links)
                        for language in ("cpp", "python")}
                for name in identifiers:
                    self.assertRegex(code["cpp"], rf"\b{name}\b", f"line {row.line}: {name}")
                for name in row.names:
                    pattern = r"\b" + name.replace("*", r"\w+") + r"\b"
                    self.assertRegex(code["python"], pattern, f"line {row.line}: {name}")


if __name__ == "__main__":
    unittest.main()
