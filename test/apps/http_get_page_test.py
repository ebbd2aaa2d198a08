"""docs/http_get.md: that its commands print what it shows; that it has every exit status and no wrong option."""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import console
import programs

PAGE = console.ROOT / "docs" / "http_get.md"
NGINX = """
user root;
pid nginx.pid;
error_log error.log;
events {}
http {
    access_log off;
    types { text/plain txt; }
    server { listen 127.0.0.1:80; listen [::1]:80; root site; }
}
"""


class Page(unittest.TestCase):
    longMessage = False

    def prepare(self):
        """A folder to download to, and the command that starts the server beside it."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "site").mkdir()
        (root / "site/file.iso").write_bytes(bytes(range(256)) * (4 << 12))
        os.utime(root / "site/file.iso", (0x6B03D142, 0x6B03D142))  # of which nginx makes the ETag
        (root / "site/notes.txt").write_text("hello\n")
        (root / "nginx.conf").write_text(NGINX)
        (root / "downloads").mkdir()
        # It goes to the background when it listens.
        return root / "downloads", f"nginx -e error.log -p {root} -c nginx.conf"

    @unittest.skipUnless(console.can_be_alone() and shutil.which("nginx"), "needs a network namespace, ip and nginx")
    def test_its_commands_print_what_it_shows(self):
        for block in console.blocks(PAGE, "console"):
            with self.subTest(line=block.line):
                folder, start = self.prepare()
                console.check(self, block, "HTTP_GET", folder, start)

    def test_it_has_every_exit_status(self):
        header = (console.ROOT / "apps/exit_status.hpp").read_text()
        known = {int(number) for number in re.findall(r"^ +\w+ = (\d+),", header, re.MULTILINE)}
        section = PAGE.read_text().partition("## Exit statuses")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE)
        self.assertGreater(len(known), 20)
        # 143 is what SIGTERM adds: 128 and its number.
        self.assertEqual({int(number) for row in rows for number in row.split(",")} - {143}, known)

    def test_it_names_no_option_that_there_is_not(self):
        _, help_text, _ = programs.run("HTTP_GET", "--help")
        options = set(re.findall(r"(?<![\w-])--?[a-zA-Z0-9][\w.-]*", help_text.decode()))
        text = PAGE.read_text().partition("## Known differences from curl")[0]
        others = r"-sS|-c`, whatever|timeout --signal"  # two in one, wget's, and timeout's
        used = set(re.findall(r"(?<=[`| (])--?[a-zA-Z][\w.-]*", re.sub(others, "", text)))
        self.assertGreater(len(used), 50)
        self.assertEqual(used - options, set())


if __name__ == "__main__":
    unittest.main()
