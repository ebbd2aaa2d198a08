"""Writes the C++ source of the examples of docs/python-sockets.md: a function for each, on the lines of the page."""
import pathlib
import sys

import page


def function(number, example):
    block = example.blocks["cpp"]
    parameters = ", ".join("[[maybe_unused]] " + each for each in page.SECTIONS[example.section].split(", "))
    return (f"static task<> example_{number}({parameters})\n{{\n"
            f"#line {block.line} \"{page.PAGE}\"\n{block.code}co_return;\n}}\n")


def main(target):
    _, examples = page.read()
    functions = [function(number, example) for number, example in enumerate(examples)]
    entries = [f'    {{"{example.anchor}", [](const setting& at) {{ return run(at, &example_{number}); }}}},'
               for number, example in enumerate(examples)]
    pathlib.Path(target).write_text(
        "// The examples of docs/python-sockets.md, by test/python/generate.py.\n\n"
        + "#if defined __GNUC__ && !defined __clang__ // which takes the page for a header\n"
        + "#pragma GCC diagnostic ignored \"-Wsubobject-linkage\"\n#endif\n#include \"fixture.hpp\"\n\n"
        + "namespace python_sockets {\n\n" + "\n".join(functions)
        + "\nconst std::vector<example> examples = {\n" + "\n".join(entries) + "\n};\n\n"
        + "} // namespace python_sockets\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
