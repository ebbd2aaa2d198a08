"""Reads docs/python-sockets.md: the rows of its tables, and its examples."""
import dataclasses
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python-sockets.md"

# The sections that hold examples, and what an example has there: the parameters of the function that it is the body of.
SECTIONS = {
    "Connecting": "context& own, const address& there, const address& nobody",
    "Listening": "context& own, const address& here",
    "Streams": "context& own, connection& peer",
    "Datagrams": "context& own, datagram_socket& near, const endpoint& far",
    "Servers": "context& own, const address& here",
    "Datagram servers": "context& own, const address& here",
    "Names, numbers, pairs": "context& own",
}


@dataclasses.dataclass
class Block:
    """A block of code; `line` is that of its first line on the page."""
    code: str
    line: int


@dataclasses.dataclass
class Example:
    name: str
    section: str
    only: str  # what stands under its heading as "*TCP only.*", or nothing
    blocks: dict  # of the languages "python" and "cpp"

    @property
    def anchor(self):
        """What a link to its heading says."""
        return "#" + re.sub(r"[^\w\- ]", "", self.name.lower()).replace(" ", "-")


@dataclasses.dataclass
class Row:
    table: str  # the heading above
    names: list  # Python's, in backticks
    counterpart: str
    links: list  # anchors
    line: int


def _cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def _row(table, line, number):
    cells = _cells(line)
    if len(cells) != 3:
        raise ValueError(f"{PAGE.name}:{number}: a row has three cells, this one {len(cells)}")
    return Row(table, re.findall(r"`([^`]+)`", cells[0]), cells[1], re.findall(r"\]\((#[^)]+)\)", line), number)


def read():
    """The rows and the examples of the page, each in order."""
    rows, examples = [], []
    section = table = ""
    block = None
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if block is not None:
            if line == "```":
                block = None
            else:
                block.code += line + "\n"
        elif line.startswith("## "):
            section = table = line[3:]
        elif line.startswith("### ") and section in SECTIONS:
            examples.append(Example(line[4:], section, "", {}))
        elif line.startswith("### "):
            table = line[4:]
        elif line.startswith("```"):
            block = Block("", number + 1)
            if section in SECTIONS:
                language = line[3:]
                if language in examples[-1].blocks:
                    raise ValueError(f"{PAGE.name}:{number}: a second {language} block in one example")
                examples[-1].blocks[language] = block
        elif only := re.match(r"\*(\w+) only\.\*", line):
            examples[-1].only = only[1]
        elif line.startswith("| ") and section not in SECTIONS and not line.startswith(("| Python ", "| --- ")):
            rows.append(_row(table, line, number))
    return rows, examples
