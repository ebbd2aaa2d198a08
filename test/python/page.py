"""Reads docs/python-sockets.md: the rows of its tables, and its examples."""
import dataclasses
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "docs"))
import markdown

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
    for number, part in markdown.parts(PAGE):
        if isinstance(part, markdown.Block):
            if section in SECTIONS:
                if part.language in examples[-1].blocks:
                    raise ValueError(f"{PAGE.name}:{number}: a second {part.language} block in one example")
                examples[-1].blocks[part.language] = part
        elif part.startswith("## "):
            section = table = part[3:]
        elif part.startswith("### ") and section in SECTIONS:
            examples.append(Example(part[4:], section, "", {}))
        elif part.startswith("### "):
            table = part[4:]
        elif only := re.match(r"\*(\w+) only\.\*", part):
            examples[-1].only = only[1]
        elif part.startswith("| ") and section not in SECTIONS and not part.startswith(("| Python ", "| --- ")):
            rows.append(_row(table, part, number))
    return rows, examples
