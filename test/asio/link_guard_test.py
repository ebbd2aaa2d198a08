"""The link guard: a program that was compiled with another Asio than the library does not link, and is told why."""
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
PROGRAM = """#include <portico/asio.hpp>
int main()
{
    asio::io_context loop;
    portico::context own(portico::make_os_backend(loop));
}
"""


class LinkGuard(unittest.TestCase):
    def build(self, *flags):
        """Compiles and links the program; returns what the linker complains of, or ""."""
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, "program.o")
            compiler = shlex.split(os.environ["CXX"]) + ["-std=c++20", "-O0"]
            compiling = subprocess.run(
                compiler + [*flags, "-I", INCLUDE, *shlex.split(os.environ["ASIO_FLAGS"]), "-c", "-x", "c++", "-", "-o", made],
                input=PROGRAM, text=True, capture_output=True)
            self.assertEqual(compiling.returncode, 0, compiling.stderr)
            linking = subprocess.run(
                compiler + [made, *shlex.split(os.environ["LIBRARIES"]), "-pthread", "-o", made.with_suffix("")],
                text=True, capture_output=True)
            self.assertEqual(linking.returncode != 0, bool(linking.stderr), linking.stderr)
            return linking.stderr

    def check_refused(self, complaint, *words):
        self.assertRegex(complaint, r"undefined (reference to|symbol)")
        named = re.search(r"asio_of_this_program<[^>]*>::is_not_that_of_portico", complaint)
        self.assertIsNotNone(named, complaint)
        for word in words:
            self.assertIn(word, named.group())

    def test_with_the_library_s_own_asio_it_links(self):
        self.assertEqual(self.build(), "")

    def test_with_another_version_it_does_not_link_and_the_name_has_the_version(self):
        with tempfile.TemporaryDirectory() as folder:
            header = pathlib.Path(folder, "asio", "version.hpp")
            header.parent.mkdir()
            header.write_text("#pragma once\n#define ASIO_VERSION 109942\n")
            self.check_refused(self.build("-I", folder), "109942")

    def test_with_another_configuration_it_does_not_link_and_the_name_has_what_differs(self):
        self.check_refused(self.build("-DASIO_ENABLE_HANDLER_TRACKING"), "handler_tracking)1")
        self.check_refused(self.build("-DASIO_DISABLE_EPOLL"), "epoll)0")


if __name__ == "__main__":
    unittest.main()
