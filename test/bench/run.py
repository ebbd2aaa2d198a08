#!/usr/bin/env python3
"""The benchmark: measures portico beside plain Asio and plain C in one run, and prints what was measured as a table."""

import argparse
import dataclasses
import json
import pathlib
import platform
import shlex
import statistics
import sys

import downloads
import measure

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = {"portico": HERE / "welcome_portico.cpp", "asio": HERE / "welcome_asio.cpp"}
DOWNLOAD_BYTES = 1 << 28  # in the quick run; else four times as many
COLUMNS = {"portico": "portico", "asio": "Asio coroutine", "c": "C epoll"}


@dataclasses.dataclass
class Row:
    what: str
    values: dict  # of each server
    form: str = "{:.2f}"
    must: float | None = None
    aim: float | None = None

    def missed(self):
        return self.must is not None and self.values.get("portico", 0) > self.must

    def cells(self, names):
        limit = f"<= {self.must:g}" if self.must is not None else f"aim {self.aim:g}" if self.aim is not None else ""
        verdict = ""
        if self.must is not None and "portico" in self.values:
            verdict = " MISSED" if self.missed() else " ok"
        shown = {name: self.form.format(value) for name, value in self.values.items()}
        return [self.what, limit, *(shown.get(name, "-") + (verdict if name == "portico" else "") for name in names)]


def ratios(spent, name):
    """The median over the rounds of a server's time to that of C in the same round."""
    return statistics.median(own / c for own, c in zip(spent[name], spent["c"]))


class Run:
    def __init__(self, options):
        self.folder = options.folder.resolve()
        self.names = options.servers.split(",")
        self.compiler = options.compiler
        includes = f"-I{HERE.parents[1] / 'include'}"
        self.compile_flags = [includes, "-DASIO_STANDALONE", *shlex.split(options.compile_flags)]
        self.build_type = options.build_type
        self.http_get = options.http_get
        self.flood_seconds = options.flood_seconds or (3 if options.quick else 20)
        self.scale = 1 if options.quick else 5
        self.rounds = 3 if options.quick else 5
        self.download_size = DOWNLOAD_BYTES if options.quick else 4 * DOWNLOAD_BYTES
        self.rows = []
        self.notes = []

    def each(self, function, *arguments):
        return {name: function(self.folder, name, *arguments) for name in self.names}

    def calls(self):
        for mode, unit, calls_must, allocations_must in (("welcome", "welcome connection", 3.1, 2),
                                                         ("echo", "echoed message", 3.2, 0),
                                                         ("udp", "echoed datagram", 2.2, 0)):
            counts = self.each(measure.calls, mode, 8_000 * self.scale)
            seen = {name: round(measure.system_calls(count), 2) for name, count in counts.items()}
            self.rows.append(Row(f"system calls, {unit}", seen, must=calls_must))
            seen = {name: round(count["allocations"], 2) for name, count in counts.items()}
            self.rows.append(Row(f"allocations, {unit}, warm", seen, must=allocations_must))
            for name, count in counts.items():
                shown = ", ".join(f"{key} {value:.2f}" for key, value in count.items() if value > 0.005)
                self.notes.append(f"{unit}, {COLUMNS[name]}: {shown}")

    def instructions(self):
        if not measure.has_valgrind():
            self.notes.append("user instructions were not measured: valgrind is not installed")
            return
        units = 4_000 * self.scale
        # The echoed message comes last: what a deadline costs is measured against it.
        for mode, unit, must in (("udp", "echoed datagram", None), ("welcome", "welcome connection", 1_500),
                                 ("echo", "echoed message", 1_500)):
            seen = self.each(measure.instructions, mode, units)
            self.rows.append(Row(f"user instructions, {unit}", seen, "{:,.0f}", must=must))
        if "portico" in self.names:
            without = measure.instructions(self.folder, "portico", "echo-no-deadline", units)
            more = (seen["portico"] / without - 1) * 100
            self.rows.append(Row("a deadline on every operation, % more of them", {"portico": more}, must=5))

    def idle(self):
        if not measure.can_hold_idle_connections():
            self.notes.append("idle connections were not measured: the limit on open files (ulimit -Hn) is too low")
            return
        seen = self.each(measure.idle_bytes)
        what = f"user-space bytes, one of {measure.IDLE_CONNECTIONS:,} idle connections"
        self.rows.append(Row(what, seen, "{:,.0f}", must=1_280))

    def compile(self):
        sources = {name: source for name, source in SOURCES.items() if name in self.names}
        seen = measure.compile_seconds(self.compiler, self.compile_flags, sources, self.rounds)
        self.rows.append(Row("compiling a welcome server, CPU seconds", seen))
        if len(seen) == 2:
            ratio = {name: value / seen["asio"] for name, value in seen.items()}
            self.rows.append(Row("compiling a welcome server, ratio to Asio", ratio, must=0.25))

    def times(self):
        for mode, unit, units, aim in (("welcome", "welcome connection", 4_000, 1.05),
                                       ("echo", "echoed message", 20_000, 1.10)):
            spent = measure.cpu(self.folder, self.names, mode, units * self.scale, self.rounds)
            seen = {name: statistics.median(values) for name, values in spent.items()}
            self.rows.append(Row(f"CPU microseconds, {unit}", seen))
            if "c" in self.names:
                seen = {name: ratios(spent, name) for name in self.names}
                self.rows.append(Row(f"CPU, {unit}, ratio to C", seen, aim=aim))
        seen = measure.latency(self.folder, self.names, 20_000, 5 * self.rounds)
        for index, what in enumerate(("p50", "p99")):
            one = {name: value[index] for name, value in seen.items()}
            self.rows.append(Row(f"echo latency {what}, microseconds", one, "{:,.0f}"))
        seen = measure.start_up(self.folder, self.names, 5 * self.rounds)
        self.rows.append(Row("start-up until the first answer, milliseconds", seen))

    def datagrams(self):
        for mode, what, units in (("udp", "echoed", 8_000), ("udp-send", "sent", 16_000),
                                  ("udp-send-segments", "sent in segments", 32_000),
                                  ("udp-receive", "received", 32_000),
                                  ("udp-receive-joined", "received joined", 64_000)):
            # Plain Asio can neither send segments nor tell where joined datagrams begin.
            names = [name for name in self.names if name != "asio" or not mode.endswith(("-segments", "-joined"))]
            spent = measure.cpu(self.folder, names, mode, units * self.scale, self.rounds)
            seen = {name: 1e6 / statistics.median(values) for name, values in spent.items()}
            self.rows.append(Row(f"datagrams {what}, a CPU second", seen, "{:,.0f}"))
            if "c" in names:
                seen = {name: ratios(spent, name) for name in names}
                self.rows.append(Row(f"CPU, datagram {what}, ratio to C", seen))

    def flood(self):
        if not measure.can_hold_idle_connections():
            self.notes.append("a flood was not measured: the limit on open files (ulimit -Hn) is too low")
            return
        seen = {name: measure.flood(self.folder, name, "flood", self.flood_seconds)
                for name in self.names if name != "asio"}
        if "portico" in seen:
            seen["threads"] = measure.flood(self.folder, "portico", "flood-threads", self.flood_seconds)
        for key, what, form in (("welcomed", "welcome connections a second", "{:,.0f}"),
                                ("bytes", "user-space bytes, a held connection", "{:,.0f}"),
                                ("welcome p50", "welcome latency p50, milliseconds", "{:.1f}"),
                                ("welcome p99", "welcome latency p99, milliseconds", "{:.1f}"),
                                ("echo p50", "echo latency p50, open connection, milliseconds", "{:.2f}"),
                                ("echo p99", "echo latency p99, open connection, milliseconds", "{:.2f}")):
            one = {name: values[key] for name, values in seen.items()}
            more = {"portico": one.pop("threads")} if "threads" in one else {}
            self.rows.append(Row(f"flood: {what}", one, form))
            self.rows.append(Row(f"flood: {what}, 2 threads", more, form))

    def tls(self):
        if "portico" not in self.names:
            return
        for what, size in zip(("over TLS", "beside them, in the clear"), measure.idle_tls_bytes(self.folder)):
            self.rows.append(Row(f"user-space bytes, one of {measure.TLS_CONNECTIONS:,} idle connections {what}",
                                 {"portico": size}, "{:,.0f}"))

    def download(self, what, measure_it, to, aim):
        """A row of clients that do the same: `measure_it`, of `downloads.Downloads`, gives their CPU seconds."""
        why = downloads.missing(self.http_get, self.download_size)
        if why:
            self.notes.append(f"{what} was not measured: {why}")
            return
        with downloads.Downloads(self.folder, self.http_get, self.download_size, self.rounds) as site:
            spent = measure_it(site)
        self.rows.append(Row(f"CPU, {what}, http_get to {to}", {"portico": downloads.ratio(spent, "http_get", to)},
                             aim=aim))
        self.rows.append(Row(f"peak memory, {what}, MiB", {"portico": site.peak / 1024}, "{:.1f}", must=12))
        seconds = ", ".join(f"{name} {statistics.median(times):.3f}" for name, times in spent.items())
        others = ", ".join(f"{name} {downloads.ratio(spent, name, to):.2f}" for name in spent
                           if name not in ("http_get", to))
        self.notes.append(f"{what}, CPU seconds: {seconds}" + (f"; to {to}: {others}" if others else ""))

    def download_memory(self):
        self.download(f"{self.download_size >> 20:,} MiB to a file in memory", lambda site: site.large(None), "C", 0.85)

    def download_null(self):
        self.download(f"{self.download_size >> 20:,} MiB to /dev/null", lambda site: site.large("/dev/null"), "C", 0.8)

    def download_tls(self):
        self.download(f"{self.download_size >> 20:,} MiB over TLS 1.3 to a file in memory",
                      lambda site: site.large(None, tls=True), "curl", 1.0)

    def download_many(self):
        self.download(f"{downloads.SMALL_FILES:,} files of 4 KiB, {downloads.PARALLEL} at a time",
                      lambda site: site.many(), "curl", 0.9)

    def print(self):
        lines = [["", "must", *(COLUMNS[name] for name in self.names)], *(row.cells(self.names) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        for what, *cells in lines:
            print(what.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:])), sep="  ")
        print()
        for note in self.notes:
            print(note)
        print(f"{measure.ECHO_CONNECTIONS} echo connections with messages of {measure.MESSAGE_SIZE} bytes; bursts of "
              f"{measure.BURST} welcome connections; 50 datagrams of 64 bytes echoed at a time, and bursts of 50 of "
              f"1,200 bytes sent or received alone. Memory is resident anonymous memory. CPU is user and system time: "
              f"medians of {self.rounds} interleaved rounds, where less than 8 % is noise. Latency and start-up time "
              f"are the least of {5 * self.rounds} rounds. Flood: for {self.flood_seconds} s, one client has "
              f"{measure.FLOOD_CONNECTIONS} welcome connections under way, beside {measure.IDLE_CONNECTIONS:,} that "
              f"are held and one with a message after the other; all CPUs are for servers and clients. "
              f"Build type {self.build_type}, {platform.platform()}.")

    def write(self, path):
        figures = {row.what: {"values": row.values, "must": row.must, "aim": row.aim} for row in self.rows}
        path.write_text(json.dumps({"figures": figures, "notes": self.notes}, indent=2) + "\n")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="where the benchmark's programs were built")
    parser.add_argument("--quick", action="store_true", help="small counts: about a minute")
    parser.add_argument("--flood-seconds", type=int, metavar="N", help="how long new connections flood a server "
                        "(default: 20, quick: 3)")
    parser.add_argument("--only", metavar="STEPS", help="which to take, such as `flood,idle`, `download` or "
                        "`download_tls` (default: all)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--servers", default="portico,asio,c", help="which to measure (default: %(default)s)")
    parser.add_argument("--compiler", default="c++", help="the C++ compiler (default: %(default)s)")
    parser.add_argument("--http-get", metavar="PROGRAM", help="http_get, to be measured beside other clients")
    parser.add_argument("--build-type", default="?", help="how portico was built, for the record")
    parser.add_argument("--compile-flags", default="", help="what a source that includes Asio needs, in one argument")
    return parser.parse_args()


def main():
    options = parse_options()
    run = Run(options)
    steps = (run.calls, run.instructions, run.idle, run.compile, run.times, run.flood, run.datagrams, run.tls,
             run.download_memory, run.download_null, run.download_tls, run.download_many)
    wanted = set(options.only.split(",")) if options.only else None
    for step in steps:
        if wanted and wanted.isdisjoint({step.__name__, step.__name__.partition("_")[0]}):
            continue
        print(f"measuring: {step.__name__}", file=sys.stderr)
        step()
    run.print()
    if options.json:
        run.write(options.json)
    return 1 if any(row.missed() for row in run.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
