"""http_get with nginx: files of many sizes, parts, codings, conditions, connections, logins; judged by its log."""
import email.utils
import gzip
import os
import re
import time
import unittest

import http_servers
from http_servers import MIB, OLD, SIZES, content

LOCATIONS = """
        location /slow/ {{ alias {site}/; limit_rate 4m; }}
        location /packed/ {{ alias {site}/; gzip on; gzip_types *; gzip_min_length 1; }}
        location /chunked/ {{ alias {site}/; ssi on; ssi_types *; }}
        location /newer/ {{ alias {site}/; if_modified_since before; }}
        location /private/ {{ alias {site}/; auth_basic area; auth_basic_user_file {shared}/users; }}
        location /moved/ {{ rewrite ^/moved/(.*) /$1 redirect; }}
        location = /loop {{ return 302 /loop; }}
        location = /closing {{ keepalive_timeout 0; return 200 "closing"; }}
        location = /nothing {{ return 204; }}"""


class Nginx(http_servers.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        four = cls.listener()
        six = cls.listener("::1", four.getsockname()[1])
        cls.where, cls.port = cls.place(four), four.getsockname()[1]
        cls.url = f"http://{cls.where}/"
        cls.socket = os.path.join(cls.shared, "nginx.sock")
        with open(os.path.join(cls.shared, "users"), "w", encoding="ascii") as file:
            file.write("user:{PLAIN}secret\n")
        locations = LOCATIONS.format(site=cls.site, shared=cls.shared)
        cls.start_nginx([[four, six], "", f"        listen unix:{cls.socket};{locations}"])


class Files(Nginx):
    def test_files_of_many_sizes(self):
        for size in SIZES:
            with self.subTest(size=size):
                data = self.publish(f"size{size}", content(size))
                self.assert_downloads(data, f"{self.url}size{size}")

    def test_a_file_that_comes_slowly(self):
        data = self.publish("slow", content(2 * MIB))
        self.assert_downloads(data, f"{self.url}slow/slow")

    def test_the_name_and_the_time_are_those_of_the_file(self):
        data = self.publish("a name", content(5000), OLD)
        self.assert_answer(b"", f"{self.url}a%20name", "-R")
        self.assertEqual((self.files(), self.content("a name") == data), (["a name"], True))
        self.assertEqual(os.stat(self.path("a name")).st_mtime, OLD)

    def test_parts(self):
        data = self.publish("parts", content(MIB))
        for part, expected in (("0-0", data[:1]), ("4096-16383", data[4096:16384]), ("1000000-", data[1_000_000:]),
                               ("-77", data[-77:]), ("0-99999999", data)):
            with self.subTest(part=part):
                self.assert_downloads(expected, f"{self.url}parts", "-r", part)
        self.assertEqual({each["status"] for each in self.asked("/parts", 5)}, {206})
        self.assert_fails("416", f"{self.url}parts", "-r", "1048576-", "-o", "behind", expected_status=22)
        self.assertEqual(self.files(), ["saved"])

    def test_several_parts_are_saved_as_they_are_answered(self):
        data = self.publish("several", content(5000))
        self.assert_answer(b"", f"{self.url}several", "-r", "0-9,4990-")
        boundary = self.content("several").split(b"\r\n")[1]
        self.assertEqual([part.partition(b"\r\n\r\n")[2] for part in self.content("several").split(boundary)[1:3]],
                         [data[:10] + b"\r\n", data[4990:] + b"\r\n"])

    def test_what_stands_behind_a_file(self):
        data = self.publish("behind", content(MIB))
        for there in 0, 1, 4096, MIB - 1, MIB:
            with self.subTest(there=there):
                with open(self.path("x"), "wb") as file:
                    file.write(data[:there])
                self.assert_answer(b"", f"{self.url}behind", "-o", "x", "-C", "-")
                self.assertTrue(self.content("x") == data)

    def test_codings_are_undone_where_they_were_asked_for(self):
        data = self.publish("text", b"the same words again and again\n" * 50_000)
        self.assert_downloads(data, f"{self.url}packed/text", "--compressed")
        self.assert_downloads(data, f"{self.url}packed/text")
        self.assertEqual([each["encoding"] for each in self.asked("/packed/text", 2)], ["gzip", ""])
        self.assert_answer(b"", f"{self.url}packed/text", "-H", "Accept-Encoding: gzip", "-o", "as-it-is")
        self.assertTrue(gzip.decompress(self.content("as-it-is")) == data)

    def test_random_bytes_in_a_coding(self):
        for size in 1, 16384, 3 * MIB + 1:
            data = self.publish(f"random{size}", content(size))
            self.assert_downloads(data, f"{self.url}packed/random{size}", "--compressed")

    def test_chunks_and_what_ends_with_the_connection(self):
        data = self.publish("chunked", content(3 * MIB + 1))
        for options in [], ["--compressed"], ["-0"]:
            with self.subTest(options=options):
                self.assert_downloads(data, f"{self.url}chunked/chunked", "-D", "head", *options)
                self.assertNotIn(b"Content-Length", self.content("head"))
                self.assertEqual(b"Transfer-Encoding: chunked" in self.content("head"), options != ["-0"])

    def test_no_body_at_all(self):
        self.assert_downloads(b"", f"{self.url}nothing")
        self.publish("size1", b"1")
        status, output, errors = self.run_program(f"{self.url}size1", "-I")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(b"\r\nContent-Length: 1\r\n", output)


class Conditions(Nginx):
    def setUp(self):
        super().setUp()
        self.name = self.id().rpartition(".")[2]
        self.first = self.publish(self.name, content(3000), OLD)

    def statuses(self, target, count):
        return [each["status"] for each in self.asked(target, count)]

    def test_only_what_has_changed(self):
        for folder in "", "newer/":
            with self.subTest(folder=folder):
                get = f"{self.url}{folder}{self.name}", "--if-changed", "-R", "-o", f"saved{folder.strip('/')}"
                self.publish(self.name, self.first, OLD)
                for _ in range(2):
                    self.assert_answer(b"", *get)
                    self.assertTrue(self.content(get[-1]) == self.first)
                second = self.publish(self.name, content(3000, 2), OLD + 1)
                self.assert_answer(b"", *get)
                self.assertTrue(self.content(get[-1]) == second)
                self.assertEqual(self.statuses(f"/{folder}{self.name}", 3), [200, 304, 200])

    def test_a_file_that_has_the_time_when_it_came(self):
        """nginx answers 304 to the exact time alone, unless told otherwise."""
        for folder, answers in ("", [200, 200]), ("newer/", [200, 304]):
            get = f"{self.url}{folder}{self.name}", "--if-changed", "-o", f"saved{folder.strip('/')}"
            self.assert_answer(b"", *get)
            before = os.stat(self.path(get[-1]))
            self.assert_answer(b"", *get)
            after = os.stat(self.path(get[-1]))
            self.assertEqual((before.st_ino, before.st_mtime), (after.st_ino, after.st_mtime))
            self.assertEqual(self.statuses(f"/{folder}{self.name}", 2), answers)
        self.assertEqual(self.files(), ["saved", "savednewer"])

    def test_a_time(self):
        def dated(seconds):
            return email.utils.formatdate(seconds, usegmt=True)

        url = f"{self.url}newer/{self.name}"
        for given, is_saved in ((dated(OLD), False), (dated(OLD - 1), True),
                                ("-" + dated(OLD), True)):
            with self.subTest(given=given):
                self.assert_answer(b"", url, "-z", given, "-o", "x")
                self.assertEqual(self.files(), ["x"] if is_saved else [])
                if is_saved:
                    os.unlink(self.path("x"))
        status, _, errors = self.run_program(url, "-z", "-" + dated(OLD - 1))
        self.assertEqual((status, self.files()), (22, []), errors)
        self.assertEqual(self.statuses(f"/newer/{self.name}", 4), [304, 200, 200, 412])

    def test_an_etag(self):
        get = f"{self.url}{self.name}", "--etag-save", "tag", "--etag-compare", "tag", "-o", "x"
        for _ in range(2):
            self.assert_answer(b"", *get)
            self.assertTrue(self.content("x") == self.first)
        second = self.publish(self.name, content(4000), OLD)
        self.assert_answer(b"", *get)
        self.assertTrue(self.content("x") == second)
        self.assertEqual(self.statuses(f"/{self.name}", 3), [200, 304, 200])


class Connections(Nginx):
    def numbered(self, prefix, count):
        """So many files, and their URLs."""
        made = {f"{prefix}{i}": self.publish(f"{prefix}{i}", content(100 * i, prefix)) for i in range(count)}
        return made, [self.url + name for name in made]

    def assert_saved(self, expected):
        self.assertEqual({name: self.content(name) for name in self.files()}, expected)

    def test_one_connection_for_all_that_come_one_by_one(self):
        made, urls = self.numbered("serial", 20)
        self.assert_answer(b"", *urls)
        self.assert_saved(made)
        asked = [self.asked(f"/{name}", 1)[0] for name in made]
        self.assertEqual(len({each["connection"] for each in asked}), 1)
        self.assertEqual([each["number"] for each in asked], list(range(1, 21)))

    def test_a_connection_that_the_server_closes_is_not_used_again(self):
        self.publish("open", b"open")
        self.assert_answer(b"closingopenclosing", *(self.url + name for name in ("closing", "open", "closing")),
                           "-o", "-", "-o", "-", "-o", "-")
        first, third = self.asked("/closing", 2)
        self.assertEqual(len({each["connection"] for each in (first, third, *self.asked("/open", 1))}), 2)

    def test_many_at_a_time_on_few_connections(self):
        made, urls = self.numbered("parallel", 200)
        self.assert_answer(b"", *urls, "-Z", "--parallel-max", "16", "--parallel-max-host", "8")
        self.assert_saved(made)
        connections = {self.asked(f"/{name}", 1)[0]["connection"] for name in made}
        self.assertLessEqual(len(connections), 8)
        self.assertGreater(len(connections), 1)

    def test_one_of_many_that_is_not_there(self):
        made, urls = self.numbered("some", 10)
        status, _, errors = self.run_program(*urls, self.url + "missing", "-Z")
        self.assertEqual(status, 22)
        self.assert_one_line(errors, "http_get: ", "/missing: ", "404")
        self.assert_saved(made)

    def test_urls_of_a_file(self):
        made, urls = self.numbered("listed", 10)
        self.assert_answer(b"", "--input-file", "-", input="\n".join(urls).encode() + b"\n")
        self.assert_saved(made)

    def test_each_family_and_a_unix_socket(self):
        data = self.publish("families", content(70_000))
        url, both = f"http://both.test:{self.port}/families", f"both.test:{self.port}:127.0.0.1,[::1]"
        ways = [(["-4", "--resolve", both], "127.0.0.1"), (["-6", "--resolve", both], "::1"),
                (["--unix-socket", self.socket], f"unix:{self.socket}")]
        for number, (options, address) in enumerate(ways, 1):
            with self.subTest(options=options):
                self.assert_downloads(data, url, *options)
                self.assertEqual(self.asked("/families", number)[-1]["address"], address)
        self.assert_downloads(data, f"http://[::1]:{self.port}/families")

    def test_redirects(self):
        data = self.publish("target", content(5000))
        self.assert_downloads(data, f"{self.url}moved/target")
        self.assertEqual([each["number"] for each in self.asked("/moved/target", 1) + self.asked("/target", 1)], [1, 2])
        self.assert_fails("redirect", f"{self.url}loop", "--max-redirs", "5", expected_status=47)
        self.asked("/loop", 6)


class Logins(Nginx):
    def test_a_login(self):
        data = self.publish("login", content(5000))
        with open(self.path("netrc"), "w", encoding="ascii") as file:
            file.write("machine 127.0.0.1 login user password secret\n")
        for url, *options in ([self.url, "-u", "user:secret"], [self.url, "--netrc-file", "netrc"],
                              [self.url, "--anyauth", "-u", "user:secret"], [f"http://user:secret@{self.where}/"]):
            with self.subTest(url=url, options=options):
                self.assert_downloads(data, f"{url}private/login", *options)
        self.assertEqual([each["status"] for each in self.asked("/private/login", 5)], [200, 200, 401, 200, 200])

    def test_no_login_or_a_wrong_one(self):
        self.publish("login", content(5000))
        for options in [], ["-u", "user:wrong"], ["-u", "nobody:secret"], ["--anyauth", "-u", "user:wrong"]:
            with self.subTest(options=options):
                self.assert_fails("401", f"{self.url}private/login", *options, expected_status=22)
        self.assertEqual(self.files(), [])


class LikeCurl(Nginx):
    """What curl saves with the same options, and its exit status."""

    CASES = (
        ([], "plain"), (["-I"], "plain"), (["-i"], "plain"), (["-r", "100-199"], "plain"),
        (["-f", "-r", "9000-"], "plain"),
        (["--max-filesize", "4999"], "plain"), (["-z", "-Tue, 13 Jun 2000 12:10:00 GMT", "-f"], "plain"),
        (["--compressed"], "packed/plain"), ([], "chunked/plain"), (["--raw"], "chunked/plain"), ([], "nothing"),
        (["-L"], "moved/plain"), (["-L", "--max-redirs", "3"], "loop"), (["-f"], "missing"), (["-f"], "private/plain"),
        (["-f", "-u", "user:secret"], "private/plain"),
    )

    @staticmethod
    def comparable(head):
        """Without the date; curl leaves out the end of a head that it stops at."""
        return re.sub(rb"\r\nDate: [^\r]*", b"", head).rstrip()

    def saved(self, name):
        return self.content(name) if os.path.exists(self.path(name)) else b""

    def test_heads_files_and_statuses(self):
        self.publish("plain", content(5000), time.time() - 1000)
        for options, target in self.CASES:
            with self.subTest(options=options, target=target):
                files = ["-o", "theirs", "-D", "their-head"], ["-o", "ours", "-D", "our-head"]
                theirs = self.curl(*files[0], *options, self.url + target)[0]
                ours = self.run_program(*files[1], *options, self.url + target)
                self.assertEqual(ours[0], theirs, ours[2])
                self.assertEqual(self.comparable(self.saved("our-head")), self.comparable(self.saved("their-head")))
                self.assertEqual(*(re.sub(rb"\r\nDate: [^\r]*", b"", self.saved(name)) for name in ("ours", "theirs")))
                for name in self.files():
                    os.unlink(self.path(name))


if __name__ == "__main__":
    unittest.main()
