"""`lido simulate --sql`: users over a database, with the same report as over HTTP. SQLite, which needs no server; servers
are asked in tests/integration/command."""

import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import unittest

from command import LIDO, end_by, report_of, run, simulate, wait_until

TABLE = "create table outfit (id integer primary key, stars integer not null)"
READ = "select id from outfit where id = ?"
WRITE = "insert into outfit (stars) values (?)"


class SimulateSql(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "shop.db")
        self.url = "sqlite:" + self.file
        self.record = os.path.join(folder.name, "load.json")

    def load(self, *more):
        return ["--sql", self.url, "--statement", READ, "--param", "random:1-100", *more]

    def written(self):
        with sqlite3.connect(self.file) as database:
            return database.execute("select count(*) from outfit").fetchone()[0]

    def test_users_read_and_write_in_a_database_in_memory(self):
        report = report_of(
            "--sql", "sqlite::memory:", "--setup", TABLE, "--setup", "insert into outfit (stars) values (5)",
            "--statement", "select count(*) from outfit", "--write-statement", WRITE, "--write-param", "random:1-5",
            "--write-ratio", "0.25", "--num-users", "4", "--cycles", "250", "--seed", "7",
        )  # fmt: skip
        self.assertEqual((1000, 0), (report["requests"], report["failed"]))
        counts = report["statements"]
        self.assertEqual(1000, counts["reading"] + counts["writing"])
        self.assertTrue(150 < counts["writing"] < 350, counts)
        self.assertEqual((counts["reading"], counts["writing"]), (counts["rows"], counts["rows_changed"]))
        self.assertEqual("sqlite::memory:", report["service"])
        self.assertGreaterEqual(report["pool"]["reused"], 900)
        self.assertEqual(report["pool"]["created"], report["pool"]["closed"])
        self.assertEqual({}, report["statuses"])
        self.assertNotIn("protocols", report)

    def test_what_it_says_was_written_is_in_the_file(self):
        report = report_of(
            *self.load("--setup", TABLE, "--write-statement", WRITE, "--write-param", "3", "--write-ratio", "1"),
            "--num-users", "5", "--cycles", "20", "--warm-up", "3",
        )  # fmt: skip
        self.assertEqual({"reading": 0, "writing": 100, "rows": 0, "rows_changed": 100}, report["statements"])
        self.assertEqual(100, self.written())

    def test_the_text_has_the_lines_of_every_report(self):
        done = simulate(*self.load("--setup", TABLE, "--cycles", "10", "--num-users", "2"))
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"\ACONNECTION POOL STATS\nPool size: 10\nMax retries: 0\nPool requests: 2[0-9]\n")
        for part in ("Connections\n", "reuse ratio", "wait for one", "statements          20 reading\n",
                     "rows                0 came   0 changed\n", "response time       p50", f"database            {self.url}\n"):
            self.assertIn(part, done.stdout)
        self.assertNotIn("statuses", done.stdout)
        self.assertNotIn("received", done.stdout)

    def test_errors_are_counted_by_kind(self):
        setup = ["--setup", "create table outfit (id integer primary key check (id < 50))"]
        report = report_of(
            "--sql", self.url, *setup, "--statement", "insert into outfit values (?)", "--param", "random:1-100",
            "--cycles", "200", "--seed", "3",
        )  # fmt: skip
        errors = report["errors"]
        self.assertEqual({"unique_violation", "check_violation"}, set(errors))
        self.assertEqual(report["failed"], sum(errors.values()))
        self.assertEqual(report["statements"]["reading"], self.written())

    def test_a_run_in_which_nothing_works_fails_in_one_line(self):
        for arguments, part in (
            (["--sql", self.url, "--statement", "select * from nowhere", "--cycles", "3"], "no_such_object: "),
            (["--sql", self.url, "--setup", "create nonsense", "--statement", "select 1"], "--setup"),
            (["--sql", self.url + ".not?mode=rw", "--statement", "select 1"], "no such file"),
        ):
            done = simulate(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, capture_output=False)
            self.assertEqual(1, done.returncode, done.stderr)
            lines = [line for line in done.stderr.splitlines() if line.startswith("lido simulate: ")]
            self.assertEqual(1, len(lines), done.stderr)
            self.assertIn(part, lines[0])

    def test_ways_are_compared_on_a_file(self):
        report = report_of(*self.load("--setup", TABLE, "--compare", "--cycles", "30", "--num-users", "3"))
        self.assertEqual({"shared_pool", "per_user_pools", "new_connections", "shared_pool_to"}, set(report))
        self.assertEqual(3, report["per_user_pools"]["pool"]["pools"])
        self.assertGreaterEqual(report["new_connections"]["pool"]["created"], 90)
        self.assertEqual(0, report["new_connections"]["pool"]["reused"])

    def test_a_record_of_it_is_read_by_tune(self):
        report_of(*self.load("--setup", TABLE, "--duration", "500ms", "--think-time", "5ms", "--num-users", "5",
                             "--record", self.record))  # fmt: skip
        advice = run("tune", self.record, "--output", "json")
        self.assertEqual(0, advice.returncode, advice.stderr)
        self.assertGreaterEqual(json.loads(advice.stdout)["max_size"], 1)

    def test_each_statement_has_its_line_on_request(self):
        done = simulate(*self.load("--setup", TABLE, "--cycles", "3", "--log-requests"))
        self.assertRegex(done.stderr, r"(?m)^statement: 0 rows, 0 changed in [\d.]+ ms$")
        self.assertNotIn(READ, done.stderr)

    def test_a_signal_ends_it_with_the_report(self):
        load = subprocess.Popen(
            [LIDO, "simulate", *self.load("--setup", TABLE, "--write-statement", WRITE, "--write-param", "1"),
             "--write-ratio", "0.5", "--duration", "1h", "--num-users", "5", "--output", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: load.stderr.readline().startswith("Pool requests"), "its first line")
        code, out, err, seconds = end_by(load)
        self.assertEqual(128 + signal.SIGINT, code, err)
        self.assertLess(seconds, 5)
        report = json.loads(out)
        self.assertEqual(0, report["pool"]["in_use"])
        # One that was cut off may have been done all the same.
        self.assertIn(self.written() - report["statements"]["writing"], range(report["unfinished"] + 1))

    def test_a_statement_that_runs_too_long_is_cut_by_a_signal_too(self):
        endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
        load = subprocess.Popen([LIDO, "simulate", "--sql", self.url, "--statement", endless, "--timeout", "1h"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        wait_until(lambda: load.stderr.readline().startswith("Pool requests"), "its first line")
        code, out, _, seconds = end_by(load)
        self.assertEqual(128 + signal.SIGINT, code)
        self.assertLess(seconds, 10)
        self.assertIn("cut off at the end  1\n", out)

    def test_what_is_refused(self):
        for arguments, part in (
            (["--statement", "select 1"], "--statement needs --sql URL"),
            (["--setup", "select 1"], "--setup needs --sql URL"),
            (["--sql", self.url], "--sql needs --statement"),
            (["--sql", "oracle:x", "--statement", "select 1"], "--sql: database URL: the scheme oracle is not known"),
            (self.load("--write-ratio", "0.5"), "belong together"),
            (self.load("--write-statement", WRITE), "belong together"),
            (self.load("--write-statement", WRITE, "--write-ratio", "2"), "--write-ratio must be a number 0 … 1"),
            (self.load("--write-param", "1"), "--write-param needs --write-statement"),
            (self.load("--param", "random:9-1"), "--param must be such as random:1-1000, got 'random:9-1'"),
            (self.load("--http2"), "--http2 needs a URL; a database has --statement"),
            (self.load("--max-retries", "3"), "--max-retries is for HTTP"),
            (self.load("--regions", "http://a,http://b"), "--regions is for HTTP"),
            (self.load("http://127.0.0.1/"), "URL is for HTTP"),
            (["--sql", "sqlite::memory:", "--statement", "select 1", "--compare"], "name a file to compare"),
            (self.load("--statment", "x"), "did you mean --statement?"),
            (self.load("--sgl", "x"), "did you mean --sql?"),
            (self.load("--pool-size", "2", "--warm-up", "3"), "--warm-up must be 0 … 2"),
        ):
            with self.subTest(arguments=arguments):
                done = simulate(*arguments)
                self.assertEqual((2, ""), (done.returncode, done.stdout), done.stderr)
                self.assertEqual(1, done.stderr.count("\n"))
                self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
