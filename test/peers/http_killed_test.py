"""http_get with nginx, killed at random points and at each system call: the next one goes on where it was.

HTTP_TEST_KILLS in the environment is how often it is killed at random."""
import collections
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

import http_servers
from http_servers import MIB, OLD, content, digest, slow_after
from servers import programs

KILLS = int(os.environ.get("HTTP_TEST_KILLS", 10))
NOTED = 2 * MIB  # more than what has to be there before it is noted what it is a part of


class Killed(http_servers.Interrupted):
    def kill_at(self, target, points, *options):
        """Kills it at each of them, and has it finish; each time it asks for what is not there yet, and for no more."""
        beginnings = [0]
        for point in points:
            if not os.path.exists(self.path("x")):
                beginnings.append(self.killed(target, point, *options))
                self.assertTrue(beginnings[-1] or self.size() < NOTED, self.files())
        if os.path.exists(self.path("x")):
            beginnings.pop()  # it was too late
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path("x.part.meta"))
        else:
            self.finish(target, self.data, *options)
        self.assertEqual((self.files(), digest(self.content("x"))), (["x"], digest(self.data)))
        os.unlink(self.path("x"))
        return [f"bytes={begin}-" if begin else "" for begin in beginnings]

    def test_it_is_killed_at_random_points(self):
        seed = random.randrange(1 << 32)
        chance, left = random.Random(seed), KILLS
        for round_number in range(KILLS):
            points = sorted(chance.randrange(1, self.SIZE) for _ in range(min(left, chance.randint(1, 3))))
            if not points:
                break
            left -= len(points)
            target = f"/slow/{self.name}?{round_number}"
            with self.subTest(seed=seed, round=round_number, points=points):
                expected = self.kill_at(target, points)
                self.assertEqual([each["range"] for each in self.asked(target, len(expected))], expected)

    def test_over_tls(self):
        self.url = self.secure_url
        expected = self.kill_at(f"/slow/{self.name}", [MIB, 3 * MIB, 5 * MIB], "--cacert", self.authority.file)
        self.assertEqual([each["range"] for each in self.asked(f"/slow/{self.name}", len(expected))], expected)

    def test_what_comes_slowly_is_noted_before_it_is_much(self):
        target = f"/rated/{self.name}"
        with self.until(1, self.url + target, "-H", "Rate: 100k") as running:
            programs.wait_until(self.is_noted)
            running.end(signal.SIGKILL)
        there = self.size()
        self.assertLess(there, MIB)
        self.finish(target, self.data)
        self.assertEqual(self.asked(target, 2)[1]["range"], f"bytes={there}-")

    def test_many_at_a_time(self):
        made = {f"many{i}": self.publish(f"many{i}", content(4 * MIB, i), OLD) for i in range(5)}
        command = "-Z", "--if-changed", "-R", *(f"{self.url}/slow/{name}" for name in made)
        with programs.Running("HTTP_GET", *command, cwd=self.folder, env=http_servers.ENVIRONMENT) as running:
            programs.wait_until(lambda: sum(self.size(name) for name in self.files()) >= 12 * MIB)
            running.end(signal.SIGKILL)
        self.assert_answer(b"", *command)
        self.assertEqual({name: digest(self.content(name)) for name in self.files()},
                         {name: digest(data) for name, data in made.items()})

    def test_what_is_there_is_checked_with_the_rest(self):
        right = "--sha256", digest(self.data)
        self.assertEqual(self.kill_at(f"/slow/{self.name}", [3 * MIB, 4 * MIB], *right)[0], "")
        self.killed(f"/rated/{self.name}", 3 * MIB)
        self.assert_fails("SHA-256", f"{self.url}/rated/{self.name}", "-o", "x", "--sha256", digest(b"other"),
                          expected_status=110)
        self.assertEqual(self.files(), [])

    def test_where_nothing_proves_that_it_is_the_same_it_begins_anew(self):
        self.publish(self.name, self.data, time.time() + 3600)  # as new as that, a date proves nothing
        target = f"/dates/{self.name}"
        self.assertEqual(self.killed(target, 3 * MIB), 0)
        self.finish(target, self.data)
        self.assertEqual([each["range"] for each in self.asked(target, 2)], ["", ""])

    def test_a_server_without_ranges(self):
        target = f"/nothing/{self.name}"
        self.killed(target, 3 * MIB)
        self.finish(target, self.data)
        self.assertEqual([each["status"] for each in self.asked(target, 2)], [200, 200])


@unittest.skipUnless(shutil.which("strace") and not os.system("strace -o /dev/null true 2>/dev/null"), "no strace")
class KilledAtEachCall(http_servers.Interrupted):
    """At each system call that has to do with files, the first and the last of each kind included."""

    CALLS = "openat,write,splice,ftruncate,flock,rename,renameat2,unlink,close"
    SIZE = 2 * MIB + 777

    def traced(self, target, *injected):
        """Runs it under strace: the exit status, and the calls that it made, up to the first to the part and from there
        on."""
        trace = os.path.join(self.shared, "trace")
        command = "strace", "-f", "-o", trace, "-e", f"trace={self.CALLS}", *injected, os.environ["HTTP_GET"]
        environment = {**http_servers.ENVIRONMENT, "ASAN_OPTIONS": "detect_leaks=0"}  # it cannot do that under strace
        ended = subprocess.run([*command, self.url + target, "-o", "x"], cwd=self.folder, env=environment, check=False,
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=http_servers.PATIENCE)
        with open(trace, encoding="utf-8", errors="replace") as file:
            texts = file.read().partition('"x.part"')[::2]
        calls = (collections.Counter(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE)) for text in texts)
        return ended.returncode, *calls

    def kill_at_each(self, target, prepare, served, later):
        """`prepare()` makes what is there before each; then this is served, and `later` from the kill on. Both are data
        and their time."""
        def begin():
            for name in self.files():
                os.unlink(self.path(name))
            prepare()
            self.publish(self.name, *served)

        begin()
        _, before, behind = self.traced(target)
        self.assertEqual((self.files(), digest(self.content("x"))), (["x"], digest(served[0])))
        calls = [(call, number) for call in before + behind
                 for number in range(max(before[call], 1), before[call] + behind[call] + 1)]
        statuses = []
        for call, number in calls:
            with self.subTest(call=call, number=number):
                begin()
                statuses.append(self.traced(target, "-e", f"inject={call}:signal=KILL:when={number}")[0])
                if "x" in self.files():
                    self.assertEqual(digest(self.content("x")), digest(served[0]))
                self.publish(self.name, *later)
                self.assert_answer(b"", self.url + target, "-o", "x")
                self.assertEqual(digest(self.content("x")), digest(later[0]))
                self.assertNotIn("x.part", self.files())
        self.assertGreater(statuses.count(-signal.SIGKILL), 15, statuses)

    def test_the_first_download(self):
        served = content(self.SIZE), OLD
        self.kill_at_each(f"/{self.name}", lambda: None, served, served)

    def test_the_first_download_and_the_file_changes(self):
        served, later = (content(self.SIZE), OLD), (content(self.SIZE, "new"), OLD + 1)
        self.kill_at_each(f"/{self.name}", lambda: None, served, later)

    def test_one_that_begins_anew(self):
        """The file has changed since a part of it came; and it changes again, to what it was."""
        old, new = (content(self.SIZE), OLD), (content(self.SIZE, "new"), OLD + 1)
        url = f"{self.url}/rated/{self.name}"

        def prepare():
            self.publish(self.name, *old)
            with self.until(MIB, url, *slow_after(MIB + MIB // 4)) as running:
                programs.wait_until(self.is_noted)
                running.end(signal.SIGKILL)

        self.kill_at_each(f"/rated/{self.name}", prepare, new, old)


if __name__ == "__main__":
    unittest.main()
