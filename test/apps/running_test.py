"""docs/running.md: that its commands print what it shows, that it names every option, and that the units are right."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import console
import programs

PAGE = console.ROOT / "docs" / "running.md"
CAN_RUN = console.can_be_alone() and all(map(shutil.which, ("pgrep", "openssl")))  # what its blocks use


class Page(unittest.TestCase):
    longMessage = False

    def test_it_names_every_option_and_no_other(self):
        _, help_text, _ = programs.run("WELCOME_SERVER", "--help")
        options = set(re.findall(r"^ +(?:-h,)?(--[a-z-]+)", help_text.decode(), re.MULTILINE)) - {"--help", "--version"}
        self.assertGreater(len(options), 10)
        text = PAGE.read_text()
        self.assertEqual({option for option in options if option not in text}, set())
        commands = [command for block in console.blocks(PAGE, "console") for command, _ in console.steps(block)]
        commands += re.findall(r"^ +ExecStart=(.*)", text, re.MULTILINE)
        used = set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(each for each in commands if "welcome_server" in each)))
        self.assertEqual(used - options, set())

    @unittest.skipUnless(CAN_RUN, "needs a network namespace, ip, pgrep and openssl")
    def test_its_commands_print_what_it_shows(self):
        with tempfile.TemporaryDirectory() as folder:
            for block in console.blocks(PAGE, "console"):
                with self.subTest(line=block.line):
                    console.check(self, block, "WELCOME_SERVER", folder)

    @unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
    def test_its_configuration_of_haproxy_is_one(self):
        configuration = console.blocks(PAGE, "haproxy")[0].code
        checked = subprocess.run(["haproxy", "-c", "-f", "/dev/stdin"], input=configuration, text=True,
                                 capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)


class Units(unittest.TestCase):
    longMessage = False

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_finds_no_fault_in_the_units(self):
        # It looks for the program where systemd does.
        units = [str(console.ROOT / "apps" / ("welcome_server." + kind)) for kind in ("service", "socket")]
        checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        faults = [line for line in checked.stderr.splitlines() if "welcome_server" in line]
        faults = [line for line in faults if "Command welcome_server is not executable" not in line]
        self.assertEqual(faults, [])

    def test_the_service_has_more_time_to_end_than_its_clients(self):
        unit = (console.ROOT / "apps" / "welcome_server.service").read_text()
        self.assertGreater(int(re.search(r"^TimeoutStopSec=([0-9]+)$", unit, re.MULTILINE)[1]), 35)


if __name__ == "__main__":
    unittest.main()
