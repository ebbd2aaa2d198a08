# terminal: a small terminal, for tests of what programs draw: a screen of cells, steered by what they write.
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

from programs import PATIENCE


class Screen:
    """What a terminal shows. Lines that leave it at the top are kept. Knows what a progress display may use: CR, LF,
    cursor up, erase to the end of line and of screen; anything else is an AssertionError."""

    SEQUENCE = re.compile(rb"\x1b\[(\d*)([AJK])")

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows, self.above = [[]], []  # of characters; a wide one is followed by ""
        self.row = self.column = 0
        self.wrapped = False  # a line was longer than the screen is wide
        self.left = b""

    def text(self):
        """All lines, those that left the screen first, without blanks at their ends."""
        shown = ["".join(cells).rstrip() for cells in self.above + self.rows]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def resize(self, columns, lines, wraps_anew):
        """As xterm does, which cuts what has no place, or as most others do, which wrap long lines anew."""
        if not wraps_anew:
            self.rows = [cells[:columns] for cells in self.rows]
        else:
            rows, row = [], 0
            for index, cells in enumerate(self.rows):
                if index == self.row:
                    row = len(rows) + min(self.column, max(len(cells) - 1, 0)) // columns
                while cells and cells[-1] == " ":
                    cells = cells[:-1]
                rows += [cells[at:at + columns] for at in range(0, len(cells), columns)] or [[]]
            self.rows, self.row = rows, row
        self.columns, self.lines = columns, lines
        self.column = min(self.column, columns - 1)
        self._scroll()

    def feed(self, data):
        data = self.left + data
        at = 0
        while at < len(data):
            octet = data[at:at + 1]
            if octet == b"\x1b":
                match = self.SEQUENCE.match(data, at)
                if not match:
                    assert len(data) - at < 8, "a sequence that is not known: %r" % data[at:at + 8]
                    break
                self._steer(match[2], int(match[1] or 1))
                at = match.end()
                continue
            if octet == b"\r":
                self.column = 0
            elif octet == b"\n":
                self._down()
            else:
                size = 1 if octet < b"\x80" else 2 if octet < b"\xe0" else 3 if octet < b"\xf0" else 4
                if at + size > len(data):
                    break
                assert octet >= b" " and octet != b"\x7f", "a control character: %r" % octet
                self._put(data[at:at + size].decode())
                at += size - 1
            at += 1
        self.left = data[at:]

    def _steer(self, what, count):
        cells = self.rows[self.row]
        if what == b"A":
            assert count <= self.row, "the cursor is moved off the screen"
            self.row -= count
        else:
            del cells[self.column:]
            if what == b"J":
                del self.rows[self.row + 1:]

    def _down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])
        self._scroll()

    def _scroll(self):
        while self.row >= self.lines:
            self.above.append(self.rows.pop(0))
            self.row -= 1

    def _put(self, character):
        if unicodedata.combining(character):
            self.rows[self.row][self.column - 1] += character
            return
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + width > self.columns:
            self.wrapped = True
            self.column = 0
            self._down()
        cells = self.rows[self.row]
        cells += [" "] * (self.column - len(cells))
        cells[self.column:self.column + width] = [character] + [""] * (width - 1)
        self.column += width


class Terminal:
    """A program whose standard error, or more, is a terminal of this size. Ended with the `with` block."""

    def __init__(self, program, *arguments, size=(80, 24), wraps_anew=True, **options):
        self.screen = Screen(*size)
        self.wraps_anew = wraps_anew
        self.raw = b""
        self.own, theirs = pty.openpty()
        self._tell_size()
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        options = {key: theirs if value == "terminal" else value for key, value in options.items()}
        environment = dict(os.environ, TERM="xterm") | options.pop("environment", {})
        self.process = subprocess.Popen([os.environ[program], *arguments], stderr=theirs, env=environment,
                                        start_new_session=True, **options)
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.own)

    def _tell_size(self):
        fcntl.ioctl(self.own, termios.TIOCSWINSZ, struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0))

    def resize(self, columns, lines=24):
        self.screen.resize(columns, lines, self.wraps_anew)
        self._tell_size()

    def read_until(self, condition):
        """Shows what comes until the condition, of the screen's lines, holds; returns those lines."""
        end = time.monotonic() + PATIENCE
        while not condition(self.screen.text()):
            assert time.monotonic() < end, "\n".join(self.screen.text())
            if select.select([self.own], [], [], 0.1)[0]:
                self._read()
        return self.screen.text()

    def read_to_the_end(self):
        """Shows all that comes until the program ends; its exit status."""
        with contextlib.suppress(OSError):  # EIO is the end
            while True:
                self._read()
        return self.process.wait(PATIENCE)

    def _read(self):
        data = os.read(self.own, 1 << 16)
        if not data:
            raise OSError("the end")
        self.raw += data
        self.screen.feed(data)
