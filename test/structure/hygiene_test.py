"""What a program gets from our headers beside what it asked for: no macros but PORTICO_..., one namespace, one version."""
import json
import os
import re
import shlex
import subprocess
import unittest

import cpp

# Of a template of std's or Asio's for a type of ours, and a member of such a one.
SPECIALISATION = re.compile(r"template <[^{}]*> (struct|class) (std|asio)::\w+<portico::[^{}]*"
                            r"|[^{}]* std::\w+<portico::\w+>::[^{}]*")
LITERALS = re.compile(r"using namespace std::\w*literals")


def version():
    """(major, minor, patch), as version.hpp has them."""
    text = (cpp.ROOT / "include/portico/version.hpp").read_text()
    return tuple(int(re.search(rf"#define PORTICO_VERSION_{part} (\d+)", text)[1]) for part in ("MAJOR", "MINOR", "PATCH"))


def preprocessed(source):
    command = shlex.split(os.environ.get("CXX", "g++")) + ["-std=c++20", "-E", "-dD", "-I", str(cpp.ROOT / "include")]
    command += shlex.split(os.environ.get("ASIO_FLAGS", "-DASIO_STANDALONE -DASIO_NO_DEPRECATED"))
    return subprocess.run(command + ["-x", "c++", "-"], input=source, text=True, capture_output=True, check=True).stdout


def macros(text, folder):
    """The macros that files below a folder leave defined, in a text that went through the preprocessor: name, file."""
    file = ""
    left = {}
    for line in text.split("\n"):
        if marker := re.match(r'# \d+ "([^"]*)"', line):
            file = marker[1]
        elif directive := re.match(r"#(define|undef) (\w+)", line):
            if directive[1] == "undef":
                left.pop(directive[2], None)
            elif file.startswith(folder):
                left[directive[2]] = file
    return left


def outermost(text):
    """What stands outside of all braces, in a text without comments and literals: position, and the words up to a
    semicolon or a block; each block is passed over."""
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", lambda line: re.sub(".", " ", line.group()), text, flags=re.MULTILINE)
    depth = start = 0
    for position, character in enumerate(text):
        if character in "{;" and depth == 0:
            head = text[start:position]
            if head.strip():
                yield position - len(head.lstrip()), " ".join(head.split())
        depth += (character == "{") - (character == "}")
        if character in "};" and depth == 0:
            start = position + 1


def namespace_faults(name, text):
    code = cpp.without_comments_and_literals(text)
    major, minor, _ = version()
    ours = re.compile(rf"namespace portico::inline v{major}_{minor}(::\w+)*")
    for position, head in outermost(code):
        literals = LITERALS.fullmatch(head) and name.endswith(".cpp")
        if not (ours.fullmatch(head) or SPECIALISATION.fullmatch(head) or literals):
            yield f"{name}:{cpp.line_of(code, position)}: outside of namespace portico::inline v{major}_{minor}: {head}"
    if name.endswith(".hpp"):
        for match in re.finditer(r"\busing\s+namespace\b", code):
            yield f"{name}:{cpp.line_of(code, match.start())}: using namespace in a header"


class Hygiene(unittest.TestCase):
    longMessage = False

    def test_no_macro_without_our_prefix_leaves_a_public_header(self):
        headers = [cpp.name(path)[len("include/") :] for path in cpp.files("include")]
        text = preprocessed("".join(f"#include <{header}>\n" for header in headers))
        found = macros(text, str(cpp.ROOT / "include"))
        self.assertIn("PORTICO_VERSION_MAJOR", found)
        faults = [f"{file}: {name}" for name, file in found.items() if not name.startswith("PORTICO_")]
        self.assertFalse(faults, "macros that leave our headers:\n" + "\n".join(faults))

    def test_a_macro_that_leaves_a_header_is_found(self):
        text = '# 1 "/x/ours/a.hpp" 1\n#define LEFT(x) x\n#define GONE\n#undef GONE\n# 2 "/x/theirs.hpp" 2\n#define THEIRS\n'
        self.assertEqual(macros(text, "/x/ours"), {"LEFT": "/x/ours/a.hpp"})

    def test_everything_is_in_the_namespace_of_the_version(self):
        faults = []
        for path in cpp.files("include", "src"):
            faults += namespace_faults(cpp.name(path), path.read_text())
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_what_is_outside_of_the_namespace_is_found(self):
        inside = "namespace portico::inline v%d_%d" % version()[:2]
        for count, name, text in (
            (0, "x.hpp", inside + " { struct a { int b; }; void c(); }\n" + inside + "::detail { int d; }"),
            (0, "x.hpp", "// int a;\n#define A int a;\ntemplate <>\nstruct std::hash<portico::a> : b { int c; };"),
            (0, "x.cpp", "int std::hash<portico::a>::operator()(portico::a x) const { return 1; }"),
            (1, "x.hpp", "template <> struct std::hash<int> {};"),
            (0, "x.cpp", "using namespace std::chrono_literals;\n" + inside + " { using namespace std::literals; }"),
            (1, "x.hpp", "int a;"),
            (1, "x.cpp", "namespace { int a; }"),
            (1, "x.cpp", "namespace portico { int a; }"),
            (1, "x.hpp", "namespace portico::inline v9_9 { int a; }"),
            (1, "x.hpp", inside + " {} void a() { return; }"),
            (1, "x.cpp", "using namespace std;"),
            (1, "x.hpp", inside + " { using namespace std::literals; }"),
            (2, "x.hpp", "using namespace std::literals;"),
            (1, "x.hpp", "namespace std { template <> struct hash<portico::a>; }"),
        ):
            with self.subTest(text=text):
                self.assertEqual(len(list(namespace_faults(name, text))), count)

    def test_the_version_is_the_same_everywhere(self):
        text = ".".join(map(str, version()))
        header = (cpp.ROOT / "include/portico/version.hpp").read_text()
        self.assertIn(f'version = "{text}";', header)
        manifest = json.loads((cpp.ROOT / "vcpkg.json").read_text())
        self.assertEqual((manifest["name"], manifest["version"]), ("portico", text))

    def test_the_manifest_names_what_cmake_looks_for(self):
        manifest = json.loads((cpp.ROOT / "vcpkg.json").read_text())
        tls, http, programs, tests = (
            set(manifest["features"][each]["dependencies"]) for each in ("tls", "http", "programs", "tests"))
        self.assertTrue(tls < http < programs and http < tests)
        for names, file in (
            (tls.union(manifest["dependencies"]), "CMakeLists.txt"),
            (http - tls, "cmake/http_libraries.cmake"),
            (programs - http, "apps/CMakeLists.txt"),
            (tests - http, "test/CMakeLists.txt"),
        ):
            text = (cpp.ROOT / file).read_text()
            packages = re.findall(r"find_package\((\w+)", text)
            for modules in re.findall(r"pkg_check_modules\(\w+ (.*)\)", text):
                packages += [name for name in modules.split() if name.islower()]
            tools = {"Threads", "Python3", "PkgConfig"}  # of the system
            names_elsewhere = {"libbrotlidec": "brotli", "libzstd": "zstd"}
            self.assertEqual(names, {names_elsewhere.get(name, name.lower()) for name in set(packages) - tools}, file)


if __name__ == "__main__":
    unittest.main()
