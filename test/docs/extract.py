"""Writes the programs of a page into a folder, as they stand there: extract.py PAGE FOLDER."""
import pathlib
import re
import sys

import markdown


def programs(page):
    """The programs of a page by name: the C++ blocks before which a line ends in `NAME.cpp`:"""
    found = {}
    name = None
    for number, part in markdown.parts(page):
        if isinstance(part, str):
            if part:
                match = re.search(r"`(\w+)\.cpp`:$", part)
                name = match and match[1]
        elif part.language == "cpp" and "int main(" in part.code:
            if not name or name in found:
                raise ValueError(f"{page.name}:{number}: a program without a name of its own")
            found[name] = part.code
    return found


def above_main(code):
    """What stands above `main`."""
    return code[:code.index("int main(")]


def main(page, folder):
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, code in programs(pathlib.Path(page)).items():
        (target / f"{name}.cpp").write_text(code)
        if name.endswith("_server"):
            (target / f"{name.removesuffix('_server')}.cpp").write_text(above_main(code))


if __name__ == "__main__":
    main(*sys.argv[1:])
