"""http_get with nginx, interrupted: the file is another one when it goes on, or the server has gone in the middle."""
import contextlib
import os
import signal
import unittest

import http_servers
from http_servers import MIB, OLD, content, digest, slow_after
from servers import programs


class Changed(http_servers.Interrupted):
    """The file that is there now is another one: never a mixture."""

    def versions(self):
        """As long, shorter, longer; shorter than what is there already."""
        return [content(size, "new") for size in (self.SIZE, self.SIZE - MIB, self.SIZE + MIB, MIB)]

    def check(self, folder, later):
        for number, new in enumerate(self.versions()):
            target = f"/{folder}/{self.name}?{number}"
            with self.subTest(size=len(new)):
                self.publish(self.name, self.data, OLD)
                there = self.killed(target, 3 * MIB)
                self.assertGreater(there, 0)
                self.publish(self.name, new, OLD + later)
                self.finish(target, new)
                first, second = self.asked(target, 2)
                self.assertEqual((first["range"], second["range"], second["status"]), ("", f"bytes={there}-", 200))
                self.assertNotEqual(second["if_range"], "")
                os.unlink(self.path("x"))

    def test_it_has_another_etag(self):
        self.check("rated", 1)

    def test_it_has_another_date(self):
        self.check("dates", 1)

    def test_it_has_an_earlier_date(self):
        self.check("dates", -1)

    def test_it_has_the_same_etag(self):
        """What the server says is the same is taken to be the same."""
        target = f"/rated/{self.name}"
        there = self.killed(target, 3 * MIB)
        self.publish(self.name, self.data, OLD)
        self.finish(target, self.data)
        self.assertEqual([(each["range"], each["status"]) for each in self.asked(target, 2)],
                         [("", 200), (f"bytes={there}-", 206)])

    def test_it_is_gone(self):
        target = f"/rated/{self.name}"
        there = self.killed(target, 3 * MIB)
        os.unlink(os.path.join(self.site, self.name))
        self.assert_fails("404", self.url + target, "-o", "x", expected_status=22)
        self.assertEqual((self.files(), self.size()), (["x.part", "x.part.meta"], there))
        self.publish(self.name, self.data, OLD)
        self.finish(target, self.data)

    def test_another_url_does_not_go_on_with_it(self):
        self.killed(f"/rated/{self.name}", 3 * MIB)
        self.publish("other", content(self.SIZE, "other"), OLD)
        self.finish("/rated/other", content(self.SIZE, "other"))
        self.assertEqual(self.asked("/rated/other", 1)[0]["range"], "")


class Closed(http_servers.Interrupted):
    """The server ends a connection in the middle."""

    def kill_workers(self):
        for worker in self.workers():
            with contextlib.suppress(ProcessLookupError):  # one that a reload has ended
                os.kill(worker, signal.SIGKILL)  # nginx starts another one

    def reload(self):
        self.nginx.send_signal(signal.SIGHUP)  # what is not done is cut

    def cut(self, target, how, *options):
        """Once, in the middle; the exit status and what it has said."""
        with self.until(3 * MIB, self.url + target, *slow_after(3 * MIB, "1m"), *options) as running:
            how()
            status = running.process.wait(programs.PATIENCE)
            return status, "".join(running.rest(running.errors))

    def test_it_goes_on_where_it_was(self):
        for how in self.kill_workers, self.reload:
            for number, options in enumerate(([], ["--retry", "5"], ["--sha256", digest(self.data)])):
                target = f"/rated/{self.name}?{how.__name__}{number}"
                with self.subTest(how=how.__name__, options=options):
                    self.assertEqual(self.cut(target, how, *options), (0, ""))
                    self.assertEqual((self.files(), digest(self.content("x"))), (["x"], digest(self.data)))
                    os.unlink(self.path("x"))
                    rest = self.asked_for_rest(target)
                    self.assertEqual(rest["status"], 206)
                    self.assertGreaterEqual(int(rest["range"][len("bytes="):-1]), 3 * MIB)

    def asked_for_rest(self, target):
        """A worker that was killed has not logged the first request."""
        programs.wait_until(lambda: any(each["range"] for each in self.log(target)))
        return self.log(target)[-1]

    def test_without_retries_it_ends_and_the_next_one_goes_on(self):
        for how in self.kill_workers, self.reload:
            target = f"/rated/{self.name}?{how.__name__}"
            with self.subTest(how=how.__name__):
                status, errors = self.cut(target, how, "--retry", "0")
                self.assertIn(status, (18, 56), errors)
                self.assert_one_line(errors, "http_get: ", self.name)
                there = self.size()
                self.assertGreaterEqual(there, 3 * MIB)
                self.finish(target, self.data)
                self.assertEqual(self.asked_for_rest(target)["range"], f"bytes={there}-")
                os.unlink(self.path("x"))

    def test_the_file_changes_while_it_is_cut(self):
        for number, folder in enumerate(("rated", "dates")):
            self.publish(self.name, self.data, OLD)
            new = content(self.SIZE, number)

            def change():
                self.publish(self.name, new, OLD + 1)
                self.kill_workers()

            with self.subTest(folder=folder):
                self.assertEqual(self.cut(f"/{folder}/{self.name}", change, "--retry", "5"), (0, ""))
                self.assertEqual((self.files(), digest(self.content("x"))), (["x"], digest(new)))
                os.unlink(self.path("x"))


if __name__ == "__main__":
    unittest.main()
