"""Reading C++ sources: which files there are, and a text without comments and literals that keeps its positions."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

_TOKEN = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | \b\d(?:'?[\w.])*                      # a number keeps its digit separators apart from character literals
      | R"([^()\s\\]*)\(.*?\)\1"
      | "(?:\\.|[^"\\\n])*"
      | '(?:\\.|[^'\\\n])+'""",
    re.DOTALL | re.VERBOSE,
)


def _blank(match):
    text = match.group()
    return text if text[0].isdigit() else re.sub(r"[^\n]", " ", text)


def without_comments_and_literals(text):
    return _TOKEN.sub(_blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def files(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            yield path


def name(path):
    return path.relative_to(ROOT).as_posix()
