"""A6: Ctrl-C and SIGTERM end a run at once, with the whole report, and leave nothing behind."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

from command import LIDO, TestServer, children_of, demo_server, end_by, exists, make_certificate, ok, simulate, wait_until


def start(*arguments):
    return subprocess.Popen([LIDO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def descriptors_of(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def has_ended(pid):
    """Gone, or a zombie that nobody has reaped yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def requests_of(text):
    return json.loads(text)["requests"]


class Interrupt(unittest.TestCase):
    def interrupt(self, *arguments, number=signal.SIGINT, when=lambda process: True):
        process = start("simulate", "--output", "json", *arguments)
        wait_until(lambda: when(process), "the run to begin")
        return end_by(process, number)

    def test_ends_at_once_with_the_report(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with TestServer(ok) as server:
                returned, out, err, seconds = self.interrupt(
                    server.url, "--num-users", "3", "--duration", "1h", number=number,
                    when=lambda _, seen=server.seen: len(seen) > 50,
                )  # fmt: skip
                report = json.loads(out)
            self.assertEqual(code, returned, err)
            self.assertLess(seconds, 5)
            self.assertGreater(report["requests"], 0)
            self.assertEqual(report["requests"], sum(report["statuses"].values()) + report["failed"])
            self.assertEqual(report["pool"]["created"], report["pool"]["closed"])
            self.assertEqual(0, report["pool"]["in_use"])

    def test_requests_under_way_are_cut_and_counted(self):
        with demo_server("--latency", "30s") as (url, server):
            before = descriptors_of(server)
            code, out, err, seconds = self.interrupt(
                url + "/outfits", "--num-users", "5", "--duration", "1h",
                when=lambda _: descriptors_of(server) >= before + 5,
            )  # fmt: skip
            self.assertEqual((130, ""), (code, err))
            self.assertLess(seconds, 5)
            report = json.loads(out)
            self.assertEqual((0, 5), (report["requests"], report["unfinished"]))
            self.assertEqual(report["pool"]["created"], report["pool"]["closed"])

    def test_the_demo_service_ends_with_the_run(self):
        process = start("simulate", "--duration", "1h")
        wait_until(lambda: children_of(process.pid), "the demo service")
        child = children_of(process.pid)[0]
        # In a group of its own, so that the terminal's Ctrl-C does not reach it before the run has ended.
        wait_until(lambda: os.getpgid(child) == child, "its process group")
        code, out, _, _ = end_by(process)
        self.assertEqual(130, code)
        self.assertTrue(out.startswith("CONNECTION POOL STATS"), out)
        self.assertFalse(exists(child))

    def test_the_demo_service_ends_even_when_the_run_is_killed(self):
        process = start("simulate", "--duration", "1h")
        wait_until(lambda: children_of(process.pid), "the demo service")
        child = children_of(process.pid)[0]
        wait_until(lambda: os.getpgid(child) == child, "the demo service to have asked for it")
        # The line after setpgid asks for the signal; when the service serves, it has been passed.
        process.stderr.readline()
        process.kill()
        process.communicate()
        wait_until(lambda: has_ended(child), "its end")

    def test_while_the_first_connection_is_opened(self):
        # Nobody answers there: 192.0.2.0/24 is for documentation. Where the network refuses it at once there is nothing
        # to interrupt.
        process = start("simulate", "http://192.0.2.1/", "--connect-timeout", "1m", "--output", "json")
        try:
            process.wait(timeout=1)
            process.communicate()
        except subprocess.TimeoutExpired:
            code, out, _, seconds = end_by(process)
            self.assertEqual(130, code)
            self.assertLess(seconds, 5)
            self.assertEqual(0, requests_of(out))

    def test_in_the_middle_of_a_comparison(self):
        code, out, _, _ = self.interrupt("--compare", "--duration", "1h", when=lambda process: process.stderr.readline())
        self.assertEqual(130, code)
        report = json.loads(out)
        self.assertGreater(report["shared_pool"]["requests"], 0)
        self.assertNotIn("new_connections", report)

    def test_a_server_that_dies_is_counted(self):
        with demo_server() as (url, server):
            process = start("simulate", url + "/outfits", "--duration", "3s", "--max-retries", "0", "--output", "json")
            process.stderr.readline()
            server.kill()
            out, err = process.communicate(timeout=60)
        report = json.loads(out)
        self.assertEqual(0, process.returncode, err)
        self.assertGreater(report["failed"], 0)
        self.assertGreater(report["statuses"]["200"], 0)
        self.assertEqual(report["requests"], sum(report["statuses"].values()) + report["failed"])

    def test_the_demo_server_ends_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with demo_server() as (url, server):
                self.assertEqual(0, simulate(url + "/outfits", "--cycles", "5").returncode)
                server.send_signal(number)
                self.assertEqual(0, server.wait(timeout=30))

    def test_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder)
            with demo_server("--tls-cert", certificate, "--tls-key", key) as (url, _):
                code, out, _, _ = self.interrupt(
                    url + "/outfits", "--cacert", certificate, "--duration", "1h", when=lambda p: p.stderr.readline()
                )
                self.assertEqual(130, code)
                self.assertGreater(requests_of(out), 0)


if __name__ == "__main__":
    unittest.main()
