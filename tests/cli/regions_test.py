"""Simulated users over several regions and through policies."""

import json
import subprocess
import threading
import unittest

from command import LIDO, PATIENCE, demo_server, report_of, simulate


def breaker_path(region):
    return [change["to"] for change in region["breaker_changes"]]


class Regions(unittest.TestCase):
    def test_each_region_gets_its_share_in_turn(self):
        with demo_server() as (first, _), demo_server() as (second, _):
            report = report_of("--regions", f"{first}/outfits,{second}/outfits", "--strategy", "round-robin",
                               "--num-users", "4", "--cycles", "50")  # fmt: skip
        self.assertEqual(200, report["requests"])
        self.assertEqual({"200": 200}, report["statuses"])
        regions = report["upstream"]["regions"]
        self.assertEqual([first, second], [region["url"] for region in regions])
        self.assertEqual([100, 100], [region["attempts"] for region in regions])
        self.assertEqual([0.5, 0.5], [region["share"] for region in regions])
        self.assertEqual(["closed", "closed"], [region["breaker"] for region in regions])

    def test_checks_tell_which_region_is_dead_and_the_report_says_so(self):
        with demo_server() as (first, _):
            regions = ["--regions", f"http://127.0.0.1:1/outfits,{first}/outfits", "--num-users", "2", "--think-time", "20ms",
                       "--duration", "3s"]  # fmt: skip
            report = report_of(*regions)
            done = simulate(*regions)
        dead, alive = report["upstream"]["regions"]
        self.assertEqual(["unhealthy", "healthy"], [dead["health"], alive["health"]])
        self.assertGreater(dead["checks_failed"], 0)
        self.assertGreater(alive["checks_passed"], 0)
        self.assertEqual(0, alive["checks_failed"])
        self.assertEqual([False, 0], [alive["ejected"], alive["ejections"]])
        self.assertRegex(done.stdout, r"health +unhealthy +checks 0 good, [1-9]\d* bad +\d+ ejections")
        self.assertRegex(done.stdout, r"health +healthy +checks [1-9]\d* good, 0 bad +0 ejections")

    def test_warm_up_opens_connections_to_each_region_first(self):
        with demo_server() as (first, _), demo_server() as (second, _):
            report = report_of("--regions", f"{first}/outfits,{second}/outfits", "--warm-up", "5", "--cycles", "1")
        self.assertGreaterEqual(report["pool"]["created"], 10)
        with demo_server() as (url, _):
            report = report_of("--regions", f"{url}/outfits,http://127.0.0.1:1/outfits", "--warm-up", "5", "--cycles", "1")
        self.assertGreaterEqual(report["pool"]["created"], 5)
        self.assertEqual(0, report["failed"])
        done = simulate("--regions", "http://127.0.0.1:1/a,http://127.0.0.1:2/a", "--warm-up", "2", "--cycles", "1")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_users_do_not_notice_a_region_that_dies(self):
        with demo_server() as (first, primary), demo_server() as (second, _):
            load = subprocess.Popen(
                [LIDO, "simulate", "--regions", f"{first}/outfits,{second}/outfits", "--strategy", "primary-backup",
                 "--num-users", "4", "--duration", "3s", "--circuit-breaker", "failures=3,reset=60s",
                 "--think-time", "2ms"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
            threading.Timer(1.0, primary.kill).start()
            out, err = load.communicate(timeout=PATIENCE)
        self.assertEqual(0, load.returncode, err)
        self.assertRegex(out, r"(?m)^  failed +0$")
        self.assertRegex(out, r"at backups [1-9]")
        self.assertRegex(out, r"breaker +open   at [\d.]+ m?s closed to open")
        self.assertIn(f"\nRegions\n  {first}\n", out)

    def test_a_rate_limit_is_kept(self):
        report = report_of("--rate-limit", "20/s", "--num-users", "10", "--duration", "2s")
        self.assertLessEqual(report["requests"], 20 + 20 * 3)  # the burst, and the second that requests may take to end
        self.assertGreater(report["upstream"]["rate_limit"]["waited"], 0)
        self.assertEqual(0, report["failed"])

    def test_a_breaker_opens_and_refuses_when_the_server_only_fails(self):
        with demo_server("--error-rate", "1") as (url, _):
            done = simulate(f"{url}/outfits", "--circuit-breaker", "failures=3,reset=60s", "--max-retries", "0",
                            "--cycles", "20", "--output", "json")  # fmt: skip
        report = json.loads(done.stdout)
        region = report["upstream"]["regions"][0]
        # A check that passes in the background lets a few probes through; they fail, too, if any come before the end.
        self.assertEqual("open", breaker_path(region)[0])
        self.assertIn(region["breaker"], ("open", "half_open"))
        let_through = report["statuses"]["503"]
        self.assertIn(let_through, range(3, 8))
        self.assertEqual(let_through, region["outcomes"]["failed"])
        self.assertEqual({"circuit_open": 20 - let_through}, report["errors"])

    def test_a_slow_request_is_hedged(self):
        with demo_server("--slow-rate", "0.02", "--slow-time", "300ms") as (first, _), demo_server() as (second, _):
            report = report_of("--regions", f"{first}/outfits,{second}/outfits", "--hedge", "p90",
                               "--num-users", "2", "--cycles", "500")  # fmt: skip
        self.assertGreater(report["upstream"]["hedges"], 0)
        self.assertGreater(report["upstream"]["hedging"]["won"], 0)
        self.assertEqual(1000, report["statuses"]["200"])

    def test_mistakes_are_one_line_that_says_what_is_possible(self):
        for arguments, said in [
            (["--regions", "http://a/x,http://a/y"], "must have the same path"),
            (["--regions", "http://a,http://a"], "twice"),
            (["http://b", "--regions", "http://a"], "exclude each other"),
            (["--strategy", "best"], "round-robin"),
            (["--rate-limit", "5"], "50/s"),
            (["--hedge", "soon"], "p50"),
            (["--circuit-breaker", "on"], "default"),
        ]:
            done = simulate(*arguments)
            self.assertEqual(2, done.returncode, arguments)
            self.assertEqual(1, done.stderr.count("\n"), done.stderr)
            self.assertIn(said, done.stderr)

    def test_no_region_that_can_be_reached_is_said_at_once(self):
        done = simulate("--regions", "http://127.0.0.1:1,http://127.0.0.1:2", "--duration", "1s")
        self.assertEqual(1, done.returncode)
        self.assertIn("127.0.0.1:1: connection refused", done.stderr)


if __name__ == "__main__":
    unittest.main()
