"""What is deterministic of portico's figures: system calls, allocations, user instructions, bytes an idle connection.

Environment: BENCH_FOLDER holds the programs; BENCH_OPTIMIZED is 1 where portico was built with optimisation, as figures
that depend on the compiler are only promised there.
"""

import os
import unittest

import measure

FOLDER = os.environ["BENCH_FOLDER"]
needs_optimization = unittest.skipUnless(os.environ.get("BENCH_OPTIMIZED") == "1", "portico was built unoptimised")
needs_valgrind = unittest.skipUnless(measure.has_valgrind(), "valgrind is not installed")


class Figures(unittest.TestCase):
    def test_a_welcome_connection_costs_three_system_calls_and_two_allocations(self):
        counts = measure.calls(FOLDER, "portico", "welcome", 8_000)
        self.assertLessEqual(measure.system_calls(counts), 3.1, counts)
        self.assertLessEqual(round(counts["allocations"], 2), 2, counts)

    def test_an_echoed_message_costs_three_system_calls_and_no_allocation(self):
        counts = measure.calls(FOLDER, "portico", "echo", 20_000)
        self.assertLessEqual(measure.system_calls(counts), 3.2, counts)
        self.assertLessEqual(round(counts["allocations"], 2), 0, counts)

    # In C it costs two and a share of waiting; portico waits with two calls more, which the 50 in flight share.
    def test_an_echoed_datagram_costs_two_system_calls_and_no_allocation(self):
        counts = measure.calls(FOLDER, "portico", "udp", 20_000)
        self.assertLessEqual(measure.system_calls(counts), 2.2, counts)
        self.assertLessEqual(round(counts["allocations"], 2), 0, counts)

    @needs_optimization
    @needs_valgrind
    def test_a_welcome_connection_costs_at_most_1500_user_instructions(self):
        self.assertLessEqual(measure.instructions(FOLDER, "portico", "welcome", 4_000), 1_500)

    @needs_optimization
    @needs_valgrind
    def test_an_echoed_message_costs_at_most_1500_user_instructions(self):
        self.assertLessEqual(measure.instructions(FOLDER, "portico", "echo", 20_000), 1_500)

    @needs_optimization
    @needs_valgrind
    def test_a_deadline_on_every_operation_costs_at_most_5_percent_more_user_instructions(self):
        without = measure.instructions(FOLDER, "portico", "echo-no-deadline", 20_000)
        self.assertLessEqual(measure.instructions(FOLDER, "portico", "echo", 20_000) / without, 1.05)

    @needs_optimization
    @unittest.skipUnless(measure.can_hold_idle_connections(), "the limit on open files (ulimit -Hn) is too low")
    def test_an_idle_connection_takes_at_most_1280_bytes(self):
        self.assertLessEqual(measure.idle_bytes(FOLDER, "portico"), 1_280)

    @unittest.skipUnless(measure.can_hold_idle_connections(), "the limit on open files (ulimit -Hn) is too low")
    def test_new_connections_are_welcomed_without_an_error_while_10000_are_held(self):
        for mode in ("flood", "flood-threads"):
            seen = measure.flood(FOLDER, "portico", mode, 1)
            self.assertGreater(seen["welcomed"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
