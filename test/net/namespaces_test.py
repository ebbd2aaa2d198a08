"""connect in networks that fail: two network namespaces with a link between them, in which addresses drop packets,
reject them, refuse or answer, and names are answered in part or never. connect_probe prints what happens inside."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "apps"))
import programs

CLONE_NEWNET = 0x40000000
A, AAAA = 1, 28

# How packets to the addresses of the far side end. The rest of 10.77.0.0/24 and 2001:db8:77::/64 that it has answers.
RULES = """
table inet portico {
    chain input {
        type filter hook input priority 0
        ip daddr 10.77.0.3 tcp dport 1-65535 drop
        ip6 daddr 2001:db8:77::3 tcp dport 1-65535 drop
        ip daddr 10.77.0.4 tcp dport 1-65535 reject with icmp type host-unreachable
        ip6 daddr 2001:db8:77::4 tcp dport 1-65535 reject with icmpv6 type addr-unreachable
    }
}
"""

# What the name server of the far side knows; other names it never answers.
NAMES = {
    "unanswered-first.test": {AAAA: ["2001:db8:77::3"], A: ["10.77.0.2"]},
    "ipv4-only.test": {AAAA: [], A: ["10.77.0.2"]},
    "ipv6-never-told.test": {A: ["10.77.0.2"]},
    "ipv4-never-told.test": {AAAA: ["2001:db8:77::2"]},
    "all-bad.test": {AAAA: ["2001:db8:77::4"], A: ["10.77.0.3", "192.0.2.1"]},
}


def command(*words, **options):
    subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def remove_if_empty(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()


def set_namespace(file):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(namespace):
    """Sockets that this thread makes meanwhile belong to the namespace, and stay there."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{namespace}") as other:
        set_namespace(other)
        try:
            yield
        finally:
            set_namespace(own)


def answer_of(question):
    """The answer of a name server (RFC 1035 section 4); None where it is never given."""
    labels, position = [], 12
    while question[position]:
        labels.append(question[position + 1 : position + 1 + question[position]].decode())
        position += 1 + question[position]
    kind = struct.unpack_from("!H", question, position + 1)[0]
    addresses = NAMES.get(".".join(labels), {}).get(kind)
    if addresses is None:
        return None
    family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
    data = [socket.inet_pton(family, each) for each in addresses]
    header = question[:2] + struct.pack("!HHHHH", 0x8580, 1, len(data), 0, 0)
    records = [struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(each)) + each for each in data]
    return header + question[12 : position + 5] + b"".join(records)


def answer_questions(server):
    with contextlib.suppress(OSError):
        while True:
            question, client = server.recvfrom(512)
            answer = answer_of(question)
            if answer is not None:
                server.sendto(answer, client)


def tell_peers(listener):
    """Answers each connection with the address it comes from."""
    with contextlib.suppress(OSError):
        while True:
            connection, peer = listener.accept()
            with connection:
                connection.makefile("rb").readline()
                connection.sendall(peer[0].removeprefix("::ffff:").encode() + b"\n")


class Network:
    """The near side, in which programs run, and the far side, which this process serves."""

    def __init__(self, stack):
        self.near, self.far = (f"portico-{os.getpid()}-{side}" for side in ("near", "far"))
        try:
            for each in (self.near, self.far):
                command("ip", "netns", "add", each)
                stack.callback(subprocess.run, ["ip", "netns", "del", each], capture_output=True)
                command("ip", "netns", "exec", each, "nft", "list", "ruleset")
        except subprocess.CalledProcessError as failure:
            raise unittest.SkipTest(f"no network namespaces with nftables here: {failure.stderr}") from failure
        command("ip", "-n", self.near, "link", "add", "net0", "type", "veth", "peer", "name", "net0", "netns", self.far)
        self.add_addresses(self.near, "10.77.0.1", "10.77.0.9", "2001:db8:77::1")
        self.add_addresses(self.far, *(f"10.77.0.{n}" for n in (2, 3, 4)), *(f"2001:db8:77::{n}" for n in (2, 3, 4)))
        command("ip", "netns", "exec", self.far, "nft", "-f", "-", input=RULES)
        self.write_configuration(stack)
        with inside(self.far):
            for each in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"): # each rejection is told
                pathlib.Path("/proc/sys/net", each).write_text("0")
            names = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            names.bind(("10.77.0.2", 53))
            listener = stack.enter_context(
                socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
        self.port = listener.getsockname()[1]
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        for serve, served in ((answer_questions, names), (tell_peers, listener)):
            threading.Thread(target=serve, args=[served], daemon=True).start()

    @staticmethod
    def add_addresses(namespace, *addresses):
        for each in addresses:
            options = ["nodad"] if ":" in each else []
            command("ip", "-n", namespace, "addr", "add", f"{each}/{64 if options else 24}", "dev", "net0", *options)
        command("ip", "-n", namespace, "link", "set", "net0", "up")

    def write_configuration(self, stack):
        """`ip netns exec` has programs see these files in /etc."""
        folder = pathlib.Path("/etc/netns", self.near)
        if not folder.parent.exists():
            folder.parent.mkdir()
            stack.callback(remove_if_empty, folder.parent)
        folder.mkdir()
        stack.callback(shutil.rmtree, folder)
        (folder / "resolv.conf").write_text("nameserver 10.77.0.2\noptions timeout:30 attempts:5\n")
        (folder / "nsswitch.conf").write_text("hosts: files dns\nservices: files\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")


@unittest.skipUnless(os.geteuid() == 0, "only root can make network namespaces")
@unittest.skipUnless(shutil.which("ip") and shutil.which("nft"), "ip and nft (iproute2, nftables) are not installed")
class Namespaces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.network = Network(stack)
            cls.addClassCleanup(stack.pop_all().close)

    def probe(self, host, *arguments, port=None):
        """Runs the probe on the near side: the words of its first line, and what the peer said."""
        words = ["ip", "netns", "exec", self.network.near, os.environ["CONNECT_PROBE"],
                 f"{host}:{port or self.network.port}", *arguments]
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=programs.PATIENCE)
        self.assertEqual(ended.stderr, "")
        first, *rest = ended.stdout.splitlines()
        self.assertEqual(ended.returncode, 0 if first.startswith("connected ") else 1)
        return first.split(" ", 4), rest

    def assert_connects(self, host, endpoint, *arguments):
        """Returns the milliseconds that it took."""
        (outcome, remote, milliseconds, *_), _ = self.probe(host, *arguments)
        self.assertEqual((outcome, remote), ("connected", f"{endpoint}:{self.network.port}"))
        return int(milliseconds)

    def assert_fails(self, host, reason, phase, *texts, arguments=("timeout=5000",), port=None):
        (outcome, *facts), _ = self.probe(host, *arguments, port=port)
        self.assertEqual((outcome, *facts[:2]), ("failed", reason, phase), facts)
        for each in texts:
            self.assertIn(each, facts[3])
        return int(facts[2])

    def test_a_first_address_that_drops_packets_costs_at_most_300_ms(self):
        # The one place where a real time is judged: the number is promised to users. A machine that is busy with other
        # things makes it longer, so the best of five counts.
        times = [self.assert_connects("unanswered-first.test", "10.77.0.2") for _ in range(5)]
        print(f"a first address that drops packets: connected after {min(times)} ms")
        self.assertGreaterEqual(min(times), 250)
        self.assertLessEqual(min(times), 300)

    def test_refused(self):
        self.assert_fails("10.77.0.2", "system:111", "none", "Connection refused", port=1)

    def test_unreachable_as_the_own_routes_say(self):
        self.assert_fails("192.0.2.1", "system:101", "none", "Network is unreachable")

    def test_unreachable_as_a_message_from_the_far_side_says(self):
        for host in ("10.77.0.4", "[2001:db8:77::4]"):
            self.assert_fails(host, "system:113", "none", "No route to host")

    def test_unanswered(self):
        for host in ("10.77.0.3", "[2001:db8:77::3]"):
            waited = self.assert_fails(host, "timed_out", "connect", arguments=["timeout=300"])
            self.assertGreaterEqual(waited, 300)

    def test_a_slow_name_fails_at_its_deadline_and_the_look_up_does_not_hold_up_the_end_of_the_program(self):
        # The resolver goes on asking for 30 s and longer; a program that waited for it would fail `probe` by then.
        waited = self.assert_fails("never-answered.test", "timed_out", "resolve",
                                   "resolve never-answered.test: timed out", arguments=["timeout=200"])
        self.assertGreaterEqual(waited, 200)

    def test_ipv4_goes_ahead_where_ipv6_is_never_told(self):
        self.assertGreaterEqual(self.assert_connects("ipv6-never-told.test", "10.77.0.2"), 50)

    def test_ipv6_goes_ahead_where_ipv4_is_never_told(self):
        self.assert_connects("ipv4-never-told.test", "[2001:db8:77::2]")

    def test_a_name_with_addresses_of_one_family(self):
        self.assert_connects("ipv4-only.test", "10.77.0.2")

    def test_where_every_address_fails_the_error_names_each_with_its_reason(self):
        # A rejection that comes back while connect(2) still runs, as it can here, counts only when the system sends
        # again, a second later.
        self.assert_fails("all-bad.test", "timed_out", "connect", f"connect to all-bad.test:{self.network.port}: ",
                          "connect to [2001:db8:77::4]", "No route to host", "connect to 10.77.0.3", "timed out",
                          "connect to 192.0.2.1", "Network is unreachable", arguments=["timeout=2500"])

    def test_the_source_address_is_what_the_peer_sees(self):
        for arguments, seen in ((["source=10.77.0.9"], "10.77.0.9"), ([], "10.77.0.1")):
            (outcome, *_), said = self.probe("10.77.0.2", "say=who", *arguments)
            self.assertEqual((outcome, said), ("connected", [seen]))


if __name__ == "__main__":
    unittest.main()
