"""A1 to A8: what each option of `lido simulate` does, as seen in the report and by the server."""

import json
import os
import re
import tempfile
import unittest

from command import TestServer, demo_server, make_certificate, ok, report_of, simulate, wait_until

ISSUE_KEYS = """requests failed retries duration_seconds requests_per_second latency_ms cpu_microseconds_per_request
statuses errors pool""".split()
POOL_KEYS = "size max_retries requests created reused closed peak_in_use reuse_ratio wait_ms".split()


class Report(unittest.TestCase):
    def expect_sums(self, report):
        self.assertEqual(report["requests"], sum(report["statuses"].values()) + sum(report["errors"].values()))
        self.assertEqual(report["failed"], sum(report["errors"].values()))
        pool = report["pool"]
        self.assertEqual(pool["created"], pool["closed"], "connections were left open")
        self.assertEqual(0, pool["in_use"])
        self.assertLessEqual(pool["peak_in_use"], pool["created"])
        latency = report["latency_ms"]
        self.assertLessEqual(latency["p50"], latency["p95"])
        self.assertLessEqual(latency["p95"], latency["p99"])
        self.assertLessEqual(latency["p99"], latency["max"])

    def test_json_has_the_keys_of_the_issue(self):
        report = report_of("--cycles", "15", "--pool-size", "20")
        self.assertEqual(ISSUE_KEYS, list(report)[: len(ISSUE_KEYS)])
        self.assertEqual(["p50", "p95", "p99", "max"], list(report["latency_ms"]))
        self.assertLessEqual(set(POOL_KEYS), set(report["pool"]))
        self.assertEqual(["p50", "p95", "p99"], list(report["pool"]["wait_ms"]))
        self.expect_sums(report)
        self.assertEqual(45, report["requests"])
        self.assertEqual({"200": 30, "201": 15}, report["statuses"])
        self.assertEqual((20, 3, 45), tuple(report["pool"][key] for key in ("size", "max_retries", "requests")))
        self.assertEqual((1, 44), (report["pool"]["created"], report["pool"]["reused"]))
        self.assertGreater(report["cpu_microseconds_per_request"], 0)

    def test_text_has_the_lines_of_the_seed(self):
        done = simulate("--cycles", "15", "--pool-size", "20")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertTrue(
            done.stdout.startswith("CONNECTION POOL STATS\nPool size: 20\nMax retries: 3\nPool requests: 45\n"),
            done.stdout,
        )
        for part in ["created", "reused", "closed", "now 0   at peak 1", "reuse ratio 97.8 %", "wait for one", "retries",
                     "failed", "per second", "response time", "CPU per request"]:  # fmt: skip
            self.assertIn(part, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.split("\n"))), 80)

    def test_statistics_every_second_on_lines_of_their_own(self):
        done = simulate("--duration", "2500ms")
        lines = done.stderr.splitlines()
        self.assertEqual(10, len(lines), done.stderr)
        for begin in (0, 5):
            self.assertEqual(["CONNECTION POOL STATS", "Pool size: 10", "Max retries: 3"], lines[begin:begin + 3])
            self.assertRegex(lines[begin + 3], r"^Pool requests: \d+$")
        for line in lines[4::5]:
            self.assertRegex(line, r"^ +\d s  [\d,.]+/s  p50 .* p99 .* failed 0  retries 0  pool: requests [\d,]+, created 1")
        self.assertNotIn("\x1b", done.stderr)
        self.assertNotIn("\r", done.stderr)

    def test_users_share_one_pool(self):
        report = report_of("--num-users", "6", "--pool-size", "2", "--cycles", "20")
        self.expect_sums(report)
        self.assertEqual(360, report["requests"])
        self.assertEqual(1, report["pool"]["pools"])
        self.assertLessEqual(report["pool"]["created"], 2)

    def test_the_pool_is_ten_or_twice_the_users(self):
        for users, size in ((1, 10), (5, 10), (6, 12)):
            self.assertEqual(size, report_of("--num-users", str(users), "--cycles", "1")["pool"]["size"])

    def test_the_server_never_sees_more_connections_than_allowed(self):
        with TestServer(ok) as server:
            report = report_of(server.url, "--num-users", "8", "--pool-size", "3", "--cycles", "10")
            self.expect_sums(report)
            self.assertEqual(80, len(server.seen))
            self.assertLessEqual(server.connections, 3)

    def test_a_pool_for_each_user(self):
        with TestServer(ok) as server:
            report = report_of(server.url, "--num-users", "4", "--per-user-pools", "--cycles", "5")
            self.expect_sums(report)
            self.assertEqual((4, 4), (report["pool"]["pools"], report["pool"]["created"]))
            self.assertEqual(4, server.connections)

    def test_full_pool_fail(self):
        report = report_of("--num-users", "4", "--pool-size", "1", "--when-full", "fail", "--duration", "300ms")
        self.expect_sums(report)
        self.assertGreater(report["errors"]["pool_exhausted"], 0)
        self.assertEqual(["pool_exhausted"], list(report["errors"]))

    def test_full_pool_overflow(self):
        with demo_server("--latency", "5ms") as (url, _):
            report = report_of(url + "/outfits", "--num-users", "4", "--pool-size", "1", "--when-full", "overflow",
                               "--cycles", "5")  # fmt: skip
        self.expect_sums(report)
        self.assertEqual({}, report["errors"])
        self.assertEqual(4, report["pool"]["peak_in_use"])
        self.assertGreater(report["pool"]["created"], 4)

    def test_acquire_timeout(self):
        with demo_server("--latency", "2s") as (url, _):
            report = report_of(url + "/outfits", "--num-users", "3", "--pool-size", "1", "--acquire-timeout", "500ms",
                               "--cycles", "1")  # fmt: skip
        self.expect_sums(report)
        self.assertEqual({"acquire_timeout": 2}, report["errors"])

    def test_read_timeout_and_timeout(self):
        with demo_server("--latency", "2s") as (url, _):
            for option, name in (("--read-timeout", "read_timeout"), ("--timeout", "timeout")):
                report = report_of(url + "/outfits", option, "100ms", "--max-retries", "0", "--cycles", "1", code=1)
                self.assertEqual({name: 1}, report["errors"])

    def test_warm_up_opens_connections_first(self):
        with TestServer(ok) as server:
            report = report_of(server.url, "--warm-up", "7", "--cycles", "1")
            self.assertEqual(7, report["pool"]["created"])
            # The server counts in threads of its own, of which some may be late.
            wait_until(lambda: server.connections >= 7, "the server's 7 connections")
            self.assertEqual(7, server.connections)

    def test_think_time(self):
        report = report_of("--duration", "1s", "--think-time", "100ms")
        self.assertGreaterEqual(report["requests"], 5)
        self.assertLessEqual(report["requests"], 20)

    def test_duration(self):
        report = report_of("--duration", "400ms")
        self.assertGreaterEqual(report["duration_seconds"], 0.4)
        self.assertLess(report["duration_seconds"], 1.4)

    def test_the_same_seed_makes_the_same_choices(self):
        def paths(seed):
            done = simulate("--seed", seed, "--cycles", "10", "--log-requests")
            self.assertEqual(0, done.returncode, done.stderr)
            return re.findall(r"http://127\.0\.0\.1:\d+(/\S+)", done.stderr)

        self.assertEqual(30, len(paths("5")))
        self.assertEqual(paths("5"), paths("5"))
        self.assertNotEqual(paths("5"), paths("6"))
        self.assertEqual(7, report_of("--cycles", "1", "--seed", "7")["seed"])

    def test_method_header_and_data(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as body, TestServer(ok) as server:
            body.write('{"a": 1}')
            body.flush()
            url = server.url + "/x?y=1#fragment"
            report_of(url, "--method", "put", "--data", f"@{body.name}", "--header", "Content-Type: application/json",
                      "--header", "X-A: 1", "--header", "X-B: 2", "--cycles", "1")  # fmt: skip
            report_of(url, "--data", "text", "--cycles", "1")
            report_of(url, "--method", "HEAD", "--cycles", "1")
            put, post, head = server.seen
            self.assertEqual(("PUT", "/x?y=1", b'{"a": 1}'), (put.method, put.path, put.body))
            self.assertEqual(("application/json", "1", "2"), tuple(put.headers[k] for k in ("Content-Type", "X-A", "X-B")))
            self.assertEqual(("POST", b"text"), (post.method, post.body))
            self.assertEqual("HEAD", head.method)

    def test_log_requests(self):
        with TestServer(ok) as server:
            done = simulate(server.url + "/x?token=secret", "--cycles", "3", "--log-requests")
            lines = done.stderr.splitlines()
            self.assertEqual(3, len(lines), done.stderr)
            self.assertRegex(lines[0], rf"^GET {re.escape(server.url)}/x attempt 1: 200 in [\d.]+ ms, ")
            self.assertNotIn("secret", done.stderr)

    def test_slow_requests_are_reported(self):
        with demo_server("--latency", "80ms") as (url, _):
            done = simulate(url + "/outfits", "--cycles", "2", "--slow", "20ms", "--output", "json")
            self.assertEqual(2, len(re.findall(r"^slow: GET /outfits took \d+", done.stderr, re.MULTILINE)), done.stderr)
            self.assertEqual(2, json.loads(done.stdout)["slow"])

    def test_compare_has_the_ways_side_by_side(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder)
            with demo_server("--tls-cert", certificate, "--tls-key", key) as (url, _):
                done = simulate(url + "/outfits", "--cacert", certificate, "--compare", "--num-users", "4", "--duration",
                                "500ms", "--output", "json", "--report", f"{folder}/report")  # fmt: skip
                self.assertEqual(0, done.returncode, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(["shared_pool", "per_user_pools", "new_connections", "shared_pool_to"], list(report))
        for way in list(report)[:3]:
            self.expect_sums(report[way])
        self.assertEqual(0, report["new_connections"]["pool"]["reused"])
        self.assertEqual(4, report["per_user_pools"]["pool"]["pools"])
        # D5 and the seeds: three times the throughput and half the latency; over TLS by far.
        to_new = report["shared_pool_to"]["new_connections"]
        self.assertGreater(to_new["requests_per_second"], 3)
        self.assertLess(to_new["latency_p50"], 0.5)

    def test_compare_as_text(self):
        done = simulate("--compare", "--num-users", "4", "--duration", "300ms")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"COMPARISON +shared pool +pool per user +ratio +no keep-alive +ratio\n")
        self.assertRegex(done.stdout, r"requests per second +[\d,.]+ +[\d,.]+ +[\d.]+ x +[\d,.]+ +[\d.]+ x\n")
        self.assertLessEqual(max(map(len, done.stdout.split("\n"))), 80)

    def test_report_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            with open(path, "w", encoding="utf-8") as old:
                old.write("old")
            done = simulate("--cycles", "1", "--output", "json", "--report", path)
            self.assertEqual(0, done.returncode, done.stderr)
            with open(path, encoding="utf-8") as written:
                self.assertEqual(done.stdout, written.read())
            self.assertEqual(["report.json"], os.listdir(folder))

    def test_report_to_a_full_disk(self):
        done = simulate("--cycles", "1", "--report", "/dev/full")
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot write the report to /dev/full: No space left on device", done.stderr)
        self.assertTrue(done.stdout.startswith("CONNECTION POOL STATS"), "the other copy is lost too")
        self.assertTrue(os.path.exists("/dev/full"))

    def test_nothing_succeeded(self):
        with TestServer(lambda seen, number: (404, {}, b"")) as server:
            done = simulate(server.url, "--cycles", "2", "--output", "json")
            self.assertEqual(1, done.returncode)
            self.assertEqual({"404": 2}, json.loads(done.stdout)["statuses"])
            self.assertIn("not one of 2 requests succeeded: 2 × status 404", done.stderr)

    def test_several_threads(self):
        report = report_of("--num-users", "8", "--threads", "2", "--cycles", "50")
        self.expect_sums(report)
        self.assertEqual(1200, report["requests"])


if __name__ == "__main__":
    unittest.main()
