"""`lido sql` and `lido check` on databases of SQLite: results in three forms, parameters, and what is refused."""

import json
import os
import tempfile
import unittest

from command import run


class SqlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.url = "sqlite:" + os.path.join(folder.name, "shop.db")

    def good(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def refused(self, code, part, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn(part, done.stderr)

    def test_a_table_for_people(self):
        self.good("sql", self.url, "create table outfit (id integer primary key, name text)")
        out = self.good("sql", self.url, "insert into outfit (name) values (?), (?)", "--param", "coat", "--param", "hat")
        self.assertEqual(out, "2 rows changed\n")
        out = self.good("sql", self.url, "select id, name as title from outfit where id > ?", "--param", "1")
        self.assertEqual(out, "id  title\n--  -----\n2   hat\n(1 row)\n")

    def test_json_with_the_types_of_the_database(self):
        text = "select ? as a, ? as b, ? as c, ? as d, ? as e, 9223372036854775807 as f"
        words = ["7", "1.5", "text:7", "null:", "straße"]
        arguments = [word for value in words for word in ("--param", value)]
        answer = json.loads(self.good("sql", "sqlite::memory:", text, *arguments, "--output", "json"))
        self.assertEqual(answer["columns"], ["a", "b", "c", "d", "e", "f"])
        self.assertEqual(answer["rows"], [[7, 1.5, "7", None, "straße", 9223372036854775807]])

    def test_csv_of_values_with_commas_quotes_and_nothing(self):
        text = "select 'a,b' as x, 'say \"hi\"' as \"y,z\", null as n, '' as e"
        out = self.good("sql", "sqlite::memory:", text, "--output", "csv")
        self.assertEqual(out.encode(), b'x,"y,z",n,e\n"a,b","say ""hi""",,""\n')

    def test_control_characters_do_not_reach_the_terminal(self):
        self.assertIn("a\\x1b[31mb", self.good("sql", "sqlite::memory:", "select 'a' || char(27) || '[31mb'"))

    def test_what_is_refused(self):
        self.refused(2, "the URL of a database is missing", "sql")
        self.refused(2, "the statement is missing", "sql", self.url)
        self.refused(2, "--output must be table, json or csv", "sql", self.url, "select 1", "--output", "xml")
        self.refused(2, "oracle", "sql", "oracle:x", "select 1")
        self.refused(1, "there is no such file", "sql", self.url, "select * from nowhere")
        self.good("sql", self.url, "create table outfit (id integer)")
        self.refused(1, "no such table", "sql", self.url, "select * from nowhere")
        self.refused(1, "1 placeholders, 0 values", "sql", self.url, "select ?")
        self.refused(1, "make the folder", "sql", "sqlite:/nowhere/at/all.db", "create table a (b)")
        self.refused(1, "did not end in time", "sql", self.url, "--timeout", "50ms", "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n")

    def test_a_number_that_is_written_otherwise_stays_as_it_is(self):
        self.good("sql", self.url, "create table customer (zip text, name text)")
        self.good("sql", self.url, "insert into customer values (?, ?)", "--param", "01234", "--param", "1.10")
        self.assertEqual("01234,1.10", self.good("sql", self.url, "select * from customer", "--output", "csv").split()[1])

    def test_a_change_that_returns_rows_returns_any_number_of_them(self):
        self.good("sql", self.url, "create table big (x text)")
        numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 80000) "
        self.good("sql", self.url, f"{numbers} insert into big select hex(zeroblob(500)) from n")
        out = self.good("sql", self.url, "/* all of it */ delete from big returning x", "--output", "csv")
        self.assertEqual(80001, len(out.splitlines()))
        self.assertEqual("0", self.good("sql", self.url, "select count(*) from big", "--output", "csv").split()[1])

    def test_a_look_changes_nothing_of_a_file(self):
        path = os.path.join(self.folder, "shop.db")
        for arguments in (["check", self.url], ["sql", self.url, "select 1"]):
            self.refused(1, "there is no such file", *arguments)
            self.assertEqual([], os.listdir(self.folder))
        self.good("sql", self.url, "create table outfit (id integer)")
        with open(path, "rb") as file:
            before = file.read()
        self.good("check", self.url)
        self.good("sql", self.url, "select * from outfit")
        self.assertEqual(["shop.db"], os.listdir(self.folder))
        with open(path, "rb") as file:
            self.assertEqual(before, file.read())
        self.assertEqual("delete", self.good("sql", self.url, "pragma journal_mode", "--output", "csv").split()[-1])

    def test_no_password_is_said_again(self):
        secret = "postgresql://app:hunter2@127.0.0.1/shop"
        for arguments in (["sql", "sqlite::memory:", "select 1", secret], ["check", secret, secret], ["simulate", secret], ["fetch", secret]):
            done = run(*arguments)
            self.assertEqual(2, done.returncode, arguments)
            self.assertNotIn("hunter2", done.stdout + done.stderr)
            self.assertIn("app:***@127.0.0.1", done.stderr)

    def test_check_says_what_it_found(self):
        self.good("sql", self.url, "create table outfit (id integer)")
        out = self.good("check", self.url)
        for part in ["SQLite 3.", "writer", "not a network", "latency"]:
            self.assertIn(part, out)
        answer = json.loads(self.good("check", self.url + "?mode=ro", "--output", "json"))
        self.assertEqual(answer["role"], "read-only")
        self.assertGreater(answer["latency_ms"], 0)

    def test_check_fails_where_there_is_nothing(self):
        self.refused(1, "there is no such file", "check", self.url + "?mode=rw")
        self.refused(2, "the URL of a database is missing", "check")


if __name__ == "__main__":
    unittest.main()
