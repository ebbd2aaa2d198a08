# console: the commands on a page, in blocks of the language `console`, and that they print what the page shows.
import os
import pathlib
import re
import shutil
import subprocess
import sys

import programs

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "docs"))
import markdown

# A network, processes and a /run of its own: the ports of the page are free, and what was started ends with the shell.
ALONE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
         "mount -t tmpfs tmpfs /run && ip link set lo up && exec bash"]
os.environ["ALONE"] = ALONE[0]


def can_be_alone():
    if not all(map(shutil.which, ("unshare", "ip", "bash"))):
        return False
    return subprocess.run([*ALONE[:-1], ALONE[-1].replace("exec bash", "true")], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def blocks(page, language):
    return [part for _, part in markdown.parts(page) if isinstance(part, markdown.Block) and part.language == language]


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


def check(case, block, program, folder, *preparations):
    """Runs a block alone, in a folder, behind commands that print nothing. `program` is the variable that has one of
    the programs; the others lie beside it."""
    installed = os.path.dirname(os.environ[program])
    environment = os.environ | {"PATH": installed + ":" + os.environ["PATH"]}
    with programs.Running("ALONE", *ALONE[1:], stdin=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                          cwd=folder, start_new_session=True) as shell:
        with shell.process.stdin:
            for command, expected in [(each, []) for each in preparations] + steps(block):
                shell.process.stdin.write(command.encode() + b"\n")
                shell.process.stdin.flush()
                printed = [(shell.line() or "(the end)").rstrip("\r") for _ in expected]
                # What a program and its client print has no order.
                case.assertEqual(sorted(map(pattern, printed)), sorted(map(pattern, expected)), "\n".join(printed))
