"""Sizing, profiles, records and advice: what `lido simulate --record` measures and `lido tune` makes of it."""

import json
import os
import tempfile
import unittest

from command import TestServer, demo_server, ok, report_of, run, simulate

RECORD_KEYS = """format length_seconds requests failed users pool_size peak_in_use mean_in_use utilisation arrivals_per_second
arrival_variation service_ms wait_ms response_ms connect_ms""".split()
ADVICE_KEYS = """target_wait_ms max_size min_size max_waiters acquire_timeout_ms connect_timeout_ms read_timeout_ms
expected_wait_ms expected_wait_with_half_ms utilisation reasons""".split()
TARGET = 25


def record_of(folder, *arguments):
    """What a run has recorded."""
    path = os.path.join(folder, "load.json")
    done = simulate(*arguments, "--record", path)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    with open(path, encoding="utf-8") as file:
        return path, json.load(file)


def advice_on(path, *arguments):
    done = run("tune", path, "--output", "json", *arguments)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class Sizing(unittest.TestCase):
    def test_an_adaptive_pool_opens_what_it_needs(self):
        with demo_server("--latency", "5ms") as (url, _):
            load = [url + "/outfits", "--num-users", "20", "--pool-size", "20", "--duration", "4s", "--think-time", "5ms"]
            pool = report_of(*load, "--sizing", "adaptive")["pool"]
            self.assertEqual("adaptive", pool["sizing"])
            self.assertGreaterEqual(pool["grown"], 1)
            self.assertGreater(pool["created"], 2)
            self.assertLessEqual(pool["peak_in_use"], 20)

    def test_one_user_needs_one_connection(self):
        pool = report_of("--sizing", "by-load", "--duration", "1500ms")["pool"]
        self.assertEqual((1, 1, 0), (pool["created"], pool["wanted_size"], pool["grown"]))

    def test_a_fixed_pool_says_so(self):
        pool = report_of("--cycles", "1")["pool"]
        self.assertEqual(("fixed", 10, 0), (pool["sizing"], pool["wanted_size"], pool["grown"]))

    def test_text_says_how_the_size_went(self):
        done = simulate("--sizing", "by-waiting", "--cycles", "1")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"adaptive size +1 at the end   grown 0 times   shrunk 0 times")

    def test_profiles_choose_what_no_option_says(self):
        for name, size in (("high-throughput", 100), ("low-latency", 30), ("batch", 10)):
            self.assertEqual(size, report_of("--profile", name, "--cycles", "1")["pool"]["size"])
        self.assertEqual(7, report_of("--profile", "batch", "--pool-size", "7", "--cycles", "1")["pool"]["size"])
        self.assertEqual("adaptive", report_of("--profile", "high-throughput", "--cycles", "1")["pool"]["sizing"])

    def test_mistakes(self):
        for arguments, words in (
            (["--sizing", "elastic"], "--sizing must be fixed, adaptive, by-load, by-waiting or by-response-time"),
            (["--profile", "fast"], "--profile must be high-throughput, low-latency or batch"),
            (["--record", "x.json", "--compare"], "--record needs one pool"),
            (["--record", "x.json", "--per-user-pools"], "--record needs one pool"),
            (["--record", "x.json", "--regions", "http://127.0.0.1:1,http://127.0.0.1:2"], "leave --regions out"),
            (["--record", "x.json", "--rate-limit", "20/s"], "leave --rate-limit out"),
        ):
            done = simulate(*arguments)
            self.assertEqual(2, done.returncode, arguments)
            self.assertIn(words, done.stderr)
            self.assertEqual(1, done.stderr.count("\n"))
        done = simulate("--record", "/nowhere/at/all.json", "--cycles", "1")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("/nowhere/at/all.json", done.stderr)


class Record(unittest.TestCase):
    def test_has_what_was_measured(self):
        with tempfile.TemporaryDirectory() as folder, demo_server("--latency", "4ms") as (url, _):
            _, record = record_of(folder, url + "/outfits", "--num-users", "8", "--pool-size", "8", "--cycles", "50")
        self.assertEqual(RECORD_KEYS, list(record))
        self.assertEqual((400, 0, 8, 8), tuple(record[key] for key in ("requests", "failed", "users", "pool_size")))
        self.assertGreaterEqual(record["service_ms"]["mean"], 4)
        self.assertAlmostEqual(
            record["mean_in_use"], record["arrivals_per_second"] * record["service_ms"]["mean"] / 1000, delta=0.1
        )
        for times in ("service_ms", "wait_ms", "response_ms", "connect_ms"):
            self.assertEqual(["mean", "variation", "p50", "p95", "p99", "max"], list(record[times]))
        self.assertLessEqual(record["utilisation"], 1)


class Tune(unittest.TestCase):
    def expect_advice_to_hold(self, *misbehaviour):
        """A run with the advised size meets the target wait, and one with half of it is far from it. How near the
        target the size is, tests/unit/pool/advice_test.cpp checks in virtual time. Here a call takes 25 ms on purpose:
        with 5 ms, more than one of them was the machine's, and what else it did changed the load between two runs."""
        with tempfile.TemporaryDirectory() as folder, demo_server("--latency", "25ms", *misbehaviour) as (url, _):
            load = [url + "/outfits", "--num-users", "120", "--think-time", "150ms", "--duration", "4s"]
            path, _ = record_of(folder, *load, "--pool-size", "120")
            advice = advice_on(path, "--target-wait", f"{TARGET}ms")
            self.assertEqual(ADVICE_KEYS, list(advice))
            size = advice["max_size"]
            _, full = record_of(folder, *load, "--pool-size", str(size))
            _, half = record_of(folder, *load, "--pool-size", str(size // 2))
        self.assertLess(size, 60, "half of what the run was recorded with would do")
        self.assertLessEqual(full["wait_ms"]["mean"], TARGET * 1.2, size)
        self.assertGreater(half["wait_ms"]["mean"], TARGET * 2, size)

    def test_advice_holds_where_all_take_the_same_time(self):
        self.expect_advice_to_hold()

    def test_advice_holds_where_some_take_very_long(self):
        self.expect_advice_to_hold("--slow-rate", "0.05", "--slow-time", "300ms")

    def test_advice_holds_where_there_are_two_kinds_of_calls(self):
        self.expect_advice_to_hold("--slow-rate", "0.3", "--slow-time", "75ms")

    def test_a_run_of_its_own(self):
        with demo_server("--latency", "5ms") as (url, _):
            done = run("tune", "--url", url + "/outfits", "--duration", "1s", "--num-users", "10", "--target-wait", "1ms")
        self.assertEqual(0, done.returncode, done.stderr)
        for part in ("For a mean wait of at most 1.00 ms:", "max_size", "min_size", "max_waiters", "acquire_timeout",
                     "connect_timeout", "read_timeout", "Because:", "Little's law", "Allen and Cunneen"):  # fmt: skip
            self.assertIn(part, done.stdout)

    def test_users_who_never_rest_get_a_connection_each(self):
        with tempfile.TemporaryDirectory() as folder, TestServer(ok) as server:
            path, _ = record_of(folder, server.url, "--num-users", "4", "--pool-size", "2", "--cycles", "30")
            advice = advice_on(path)
        self.assertEqual((4, 0, None), (advice["max_size"], advice["expected_wait_ms"], advice["expected_wait_with_half_ms"]))

    def test_mistakes(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = os.path.join(folder, "broken.json")
            with open(broken, "w", encoding="utf-8") as file:
                file.write('{"format": "lido workload 1"}')
            large = os.path.join(folder, "large.json")
            with open(large, "wb") as file:
                file.truncate(1 << 30)
            for arguments, code, words in (
                ([], 2, "a FILE is missing"),
                ([broken, "--url", "http://127.0.0.1:1/"], 2, "exclude each other"),
                ([broken, "--num-users", "3"], 2, "--num-users needs --url"),
                ([broken, "--target-wait", "0"], 2, "--target-wait must be 1us … 1h"),
                ([broken, "--output", "xml"], 2, "--output must be text or json"),
                ([folder], 2, "ordinary file"),
                ([os.path.join(folder, "none.json")], 2, "none.json"),
                ([broken], 1, "length_seconds must be a number"),
                ([large], 1, "more than 65536 bytes"),
                (["--url", "http://127.0.0.1:1/"], 1, "connect"),
                (["--url", "nonsense"], 2, "nonsense"),
            ):
                done = run("tune", *arguments)
                self.assertEqual(code, done.returncode, (arguments, done.stderr))
                self.assertIn(words, done.stderr)
                self.assertEqual("", done.stdout)
                self.assertEqual(1, done.stderr.count("\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
