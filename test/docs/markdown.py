"""Reading a Markdown page: lines of text, and blocks of code."""
import dataclasses


@dataclasses.dataclass
class Block:
    language: str  # what stands behind the opening fence
    code: str
    line: int      # of its first line on the page


def parts(page):
    """The page in order: pairs of a line's number and its text, or a Block in place of the lines between two fences."""
    block = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if block is not None and line == "```":
            yield block.line - 1, block
            block = None
        elif block is not None:
            block.code += line + "\n"
        elif line.startswith("```"):
            block = Block(line[3:], "", number + 1)
        else:
            yield number, line
    if block is not None:
        raise ValueError(f"{page.name}:{block.line - 1}: a block of code without end")
