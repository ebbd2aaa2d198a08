"""docs/running.md: that its commands print what it shows, that it names every option, and that the units are right."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import programs

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "docs"))
import markdown

PAGE = ROOT / "docs" / "running.md"
# A network, processes and a /run of its own: the port of the page is free, and what was started ends with the shell.
ALONE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
         "mount -t tmpfs tmpfs /run && ip link set lo up && exec bash"]


def blocks(language):
    return [part for _, part in markdown.parts(PAGE) if isinstance(part, markdown.Block) and part.language == language]


def steps(block):
    """The commands of a block, each with the lines that it prints."""
    found = []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(line):
    """What a line is like: numbers differ from one day to the next, and an await stack with the source."""
    return re.sub(r"^  portico::\S+ at [a-z_]+\.[ch]pp:N$", "  FUNCTION", re.sub(r"[0-9]+", "N", line))


def can_be_alone():
    # What the blocks need beside a shell.
    if not all(map(shutil.which, ("unshare", "ip", "pgrep", "openssl", "bash"))):
        return False
    return subprocess.run([*ALONE[:-1], ALONE[-1].replace("exec bash", "true")], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


class Page(unittest.TestCase):
    longMessage = False

    def test_it_names_every_option_and_no_other(self):
        _, help_text, _ = programs.run("WELCOME_SERVER", "--help")
        options = set(re.findall(r"^ +(?:-h,)?(--[a-z-]+)", help_text.decode(), re.MULTILINE)) - {"--help", "--version"}
        self.assertGreater(len(options), 10)
        text = PAGE.read_text()
        self.assertEqual({option for option in options if option not in text}, set())
        commands = [command for block in blocks("console") for command, _ in steps(block)]
        commands += re.findall(r"^ +ExecStart=(.*)", text, re.MULTILINE)
        used = set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(each for each in commands if "welcome_server" in each)))
        self.assertEqual(used - options, set())

    @unittest.skipUnless(can_be_alone(), "needs a network namespace, ip, pgrep and openssl")
    def test_its_commands_print_what_it_shows(self):
        installed = os.path.dirname(os.environ["WELCOME_SERVER"])
        environment = os.environ | {"PATH": installed + ":" + os.environ["PATH"]}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for block in blocks("console"):
            with self.subTest(line=block.line):
                with programs.Running("ALONE", *ALONE[1:], stdin=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      env=environment, cwd=folder.name, start_new_session=True) as shell:
                    with shell.process.stdin:
                        self.run_block(shell, block)

    def run_block(self, shell, block):
        for command, expected in steps(block):
            shell.process.stdin.write(command.encode() + b"\n")
            shell.process.stdin.flush()
            printed = [shell.line().rstrip("\r") for _ in expected]
            # What a program and its client print has no order.
            self.assertEqual(sorted(map(pattern, printed)), sorted(map(pattern, expected)), "\n".join(printed))

    @unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
    def test_its_configuration_of_haproxy_is_one(self):
        checked = subprocess.run(["haproxy", "-c", "-f", "/dev/stdin"], input=blocks("haproxy")[0].code, text=True,
                                 capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)


class Units(unittest.TestCase):
    longMessage = False

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_finds_no_fault_in_the_units(self):
        # It looks for the program where systemd does.
        units = [str(ROOT / "apps" / ("welcome_server." + kind)) for kind in ("service", "socket")]
        checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        faults = [line for line in checked.stderr.splitlines() if "welcome_server" in line]
        faults = [line for line in faults if "Command welcome_server is not executable" not in line]
        self.assertEqual(faults, [])

    def test_the_service_has_more_time_to_end_than_its_clients(self):
        unit = (ROOT / "apps" / "welcome_server.service").read_text()
        self.assertGreater(int(re.search(r"^TimeoutStopSec=([0-9]+)$", unit, re.MULTILINE)[1]), 35)


os.environ["ALONE"] = ALONE[0]

if __name__ == "__main__":
    unittest.main()
