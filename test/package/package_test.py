"""portico as a package: users' projects that find it, hold it as a folder, or ask pkg-config; static and shared."""
import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CMAKE = os.environ.get("CMAKE", "cmake")
CXX = os.environ.get("CXX", "g++")
BUILD = os.environ.get("BUILD", "")  # the build that this test belongs to
KIND = os.environ.get("KIND", "static")  # of its library
OTHER = "static" if KIND == "shared" else "shared"
SETTINGS = ["-G", "Ninja", f"-DCMAKE_CXX_COMPILER={CXX}", f"-DCMAKE_CXX_FLAGS={os.environ.get('CXX_FLAGS', '')}",
            f"-DAsio_INCLUDE_DIR={os.environ.get('ASIO_INCLUDE_DIR', '/usr/include')}",
            f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache') or ''}"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SAID = {"program": "Hello, world!\ncancelled\nerror\nmisuse\ntimed out\n", "asio_program": "done\nHello, world!\nslept\n",
        "tls_program": "no file\nno TLS\n", "http_program": "http_program.txt: 37 bytes, 1 retry\nstatus 404\n"}

folder = tempfile.TemporaryDirectory()
scratch = pathlib.Path(folder.name)


def run(*command, **options):
    """Its standard output; an exception with everything that it said if it fails."""
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1000,
                             cwd=scratch, **options)
    if process.returncode != 0:
        raise AssertionError(f"{shlex.join(process.args)}: status {process.returncode}\n{process.stdout}{process.stderr}")
    return process.stdout


def build(project, where, *settings):
    run(CMAKE, "-S", HERE / project, "-B", where, *SETTINGS, *settings)
    run(CMAKE, "--build", where, "--parallel", len(os.sched_getaffinity(0)))


def install(build, kind):
    """A prefix with that build installed, where it has been moved to."""
    run(CMAKE, "--install", build, "--prefix", "/installed", env={**os.environ, "DESTDIR": str(scratch)})
    return (scratch / "installed").rename(scratch / f"prefix-{kind}")


@functools.cache
def parts():
    """portico as a part of a project: where that was built, and what the programs of each kind said. The kind that is
    the other one than BUILD's is the last one, and so what can be installed from there."""
    said = {}
    where = scratch / "part"
    for kind in (KIND, OTHER):
        build("add_subdirectory", where, f"-DPORTICO={ROOT}", "-DPORTICO_INSTALL=ON",
              f"-DBUILD_SHARED_LIBS={'ON' if kind == 'shared' else 'OFF'}")
        said[kind] = {name: run(where / name) for name in SAID}
    return where, said


@functools.cache
def prefix(kind):
    return install(BUILD if kind == KIND else parts()[0], kind)


def file(pattern, kind):
    (found,) = prefix(kind).glob(pattern)
    return found


@unittest.skipUnless(BUILD, "BUILD names the folder of the build that this test belongs to")
class Package(unittest.TestCase):
    def check_found(self, kind, *settings):
        where = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        build("find_package", where, f"-DCMAKE_PREFIX_PATH={prefix(kind)}", *settings)
        for name in SAID.keys() - {"asio_program"} if "-DWITH_ASIO=OFF" in settings else SAID:
            self.assertEqual(run(where / name), SAID[name])

    def test_a_project_finds_the_installed_library(self):
        for kind in (KIND, OTHER):
            with self.subTest(kind=kind):
                self.check_found(kind)

    def test_a_project_may_hide_its_symbols_and_be_of_a_newer_standard(self):
        hidden = "-DCMAKE_CXX_VISIBILITY_PRESET=hidden", "-DCMAKE_VISIBILITY_INLINES_HIDDEN=ON"
        for kind in (KIND, OTHER):
            with self.subTest(kind=kind):
                self.check_found(kind, *hidden, "-DCMAKE_CXX_STANDARD=23", "-DWITH_ASIO=OFF")

    def test_a_project_has_the_library_as_a_part(self):
        for kind, said in parts()[1].items():
            self.assertEqual(said, SAID, kind)

    @unittest.skipUnless(shutil.which("pkg-config"), "there is no pkg-config")
    def test_pkg_config_tells_a_compiler_all_that_it_needs(self):
        for kind in (KIND, OTHER):
            libraries = file("lib*/**/pkgconfig", kind).parent
            for name, package in (("program", "portico"), ("asio_program", "portico-asio"),
                                  ("tls_program", "portico-tls"), ("http_program", "portico-http")):
                with self.subTest(kind=kind, package=package):
                    flags = run("pkg-config", "--cflags", "--libs", package,
                                env={**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig")})
                    program = scratch / f"{name}-{kind}"
                    run(*shlex.split(CXX), *shlex.split(os.environ.get("CXX_FLAGS", "")), "-std=c++20", *WARNINGS,
                        HERE / f"{name}.cpp", "-o", program, *shlex.split(flags))
                    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
                    self.assertEqual(run(program, env=environment), SAID[name])

    @unittest.skipUnless(shutil.which("pkg-config"), "there is no pkg-config")
    def test_only_its_door_asks_for_asio(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(file("lib*/**/portico.pc", KIND).parent)}
        for package, ask in (("portico", self.assertNotIn), ("portico-tls", self.assertNotIn),
                             ("portico-http", self.assertNotIn), ("portico-asio", self.assertIn)):
            ask("ASIO", run("pkg-config", "--cflags", "--libs", package, env=environment))
        self.assertNotIn("asio", file("lib*/**/portico-targets.cmake", KIND).read_text().lower())

    def test_another_asio_than_the_library_s_is_not_taken(self):
        other = scratch / "other"
        (other / "asio").mkdir(parents=True)
        (other / "asio/version.hpp").write_text("#define ASIO_VERSION 109901 // 1.99.1\n")
        with self.assertRaisesRegex(AssertionError, r'unsuitable\s+version\s+"1\.99\.1",\s+but\s+required\s+is\s+exact'):
            self.check_found(KIND, f"-DAsio_INCLUDE_DIR={other}")

    def test_another_minor_version_is_not_taken(self):
        where = scratch / "wanted"
        where.mkdir()
        for version, found in (("0.0", False), ("0.1", True), ("0.1.99", False), ("0.2", False), ("1.0", False)):
            (where / "CMakeLists.txt").write_text(
                f"cmake_minimum_required(VERSION 3.25)\nproject(user CXX)\nfind_package(portico {version})\n"
                f"if(portico_FOUND)\n    message(FATAL_ERROR found)\nendif()\n")
            with self.subTest(version=version):
                try:
                    run(CMAKE, "-S", where, "-B", where / version, f"-DCMAKE_PREFIX_PATH={prefix(KIND)}", *SETTINGS)
                    self.assertFalse(found)
                except AssertionError as failure:
                    self.assertTrue(found, failure)

    def test_the_shared_libraries_export_nothing_but_portico(self):
        for name in ("libportico.so", "libportico-tls.so", "libportico-http.so"):
            library = file(f"lib*/**/{name}", "shared")
            table = run(*shlex.split(os.environ.get("NM", "nm")), "-D", "-P", "--defined-only", library)
            symbols = [line.split()[0].partition("@")[0] for line in table.splitlines()]
            ours = re.compile(r"_Z(N|NK|T[ISTV]N|T[chv].*_NK?)7portico\d+v\d+_\d+(?!2os)")
            self.assertGreater(len(symbols), 50)
            self.assertEqual([symbol for symbol in symbols if not ours.match(symbol)], [])

    def test_the_installed_programs_run_and_export_nothing(self):
        programs = list(prefix(KIND).glob("bin/*"))
        if not programs:
            self.skipTest("the build has no programs")
        for program in programs:
            self.assertRegex(run(program, "--version"), rf"^{program.name} \d+\.\d+\.\d+\n$")
            if KIND == "static":
                table = run(*shlex.split(os.environ.get("NM", "nm")), "-D", "-P", "--defined-only", program)
                self.assertNotRegex(table, "portico|asio")


if __name__ == "__main__":
    unittest.main()
