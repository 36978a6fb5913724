"""What ./dev coverage says of branches: which count, which are left out, and how it ends."""

import json
import subprocess
import sys
import unittest

from tree import ROOT, MadeUpTree

SCRIPT = ROOT / "tests/coverage/branches.py"


def place_of(text, piece):
    """Line, column, line and column of the only piece of the text like this, as llvm-cov counts them."""
    begin = text.index(piece)
    assert text.count(piece) == 1, piece
    line = text.count("\n", 0, begin) + 1
    column = begin - (text.rfind("\n", 0, begin) + 1) + 1
    return [line, column, line, column + len(piece)]


class Branches(unittest.TestCase):
    def ask(self, text, *functions):
        """`functions`: for each, (piece of the text, times true, times false) for each of its branches."""
        with MadeUpTree({"src/pool/a.cpp": text}) as root:
            path = str(root / "src/pool/../pool/a.cpp")
            exported = [
                {"filenames": [path], "branches": [[*place_of(text, p), yes, no, 0, 0, 4] for p, yes, no in each]}
                for each in functions
            ]
            (root / "export.json").write_text(json.dumps({"data": [{"functions": exported}]}))
            command = [sys.executable, "-B", SCRIPT, root, root / "export.json", "include/lido/pool", "src/pool"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_a_branch_taken_both_ways_is_good(self):
        status, said = self.ask("if (a) b();\n", [("a)", 3, 1)])
        self.assertEqual(0, status, said)
        self.assertIn("100.0 %     2 of    2  src/pool/a.cpp", said)
        self.assertIn("100.0 %     2 of    2  branches in all", said)

    def test_each_way_not_taken_is_named_and_fails(self):
        status, said = self.ask("f();\nif (first && other) b();\n", [("first", 0, 0), ("other", 7, 0)])
        self.assertEqual(1, status, said)
        self.assertIn("src/pool/a.cpp:2: `first` is never true", said)
        self.assertIn("src/pool/a.cpp:2: `first` is never false", said)
        self.assertIn("src/pool/a.cpp:2: `other` is never false", said)
        self.assertNotIn("`other` is never true", said)
        self.assertIn(" 25.0 %     1 of    4  branches in all", said)

    def test_instances_of_a_template_count_together(self):
        status, said = self.ask("if (a) b();\n", [("a)", 1, 0)], [("a)", 0, 1)])
        self.assertEqual(0, status, said)

    def test_the_failing_side_of_an_assertion_is_left_out_and_nothing_behind_it(self):
        text = "LIDO_ASSERT(a() &&\n            good);\nif (bad) b();\n"
        status, said = self.ask(text, [("a()", 1, 0), ("good", 1, 0), ("bad", 1, 0)])
        self.assertEqual(1, status, said)
        self.assertIn("a.cpp:3: `bad` is never false", said)
        self.assertIn(" 50.0 %     1 of    2", said)

    def test_the_way_past_all_cases_of_a_switch_is_left_out_but_its_cases_are_not(self):
        text = "switch (which) {\n    case one:\n        break;\n    case two:\n        break;\n}\n"
        status, said = self.ask(text, [("which", 0, 9), ("case one", 9, 0), ("case two", 0, 9)])
        self.assertEqual(1, status, said)
        self.assertNotIn("which", said)
        self.assertIn("a.cpp:4: `case two` is never true", said)

    def test_a_comparison_that_the_compiler_writes_is_left_out(self):
        text = "friend bool operator==(a, a) = default;\nif (b) c();\n"
        status, said = self.ask(text, [("t;", 9, 0), ("b)", 1, 1)])
        self.assertEqual(0, status, said)
        self.assertIn("100.0 %     2 of    2  branches in all", said)

    def test_a_line_with_an_excuse_is_left_out_only_with_a_reason(self):
        text = "// no test can take this branch: the clock would have to stand\nif (a) b();\n"
        text += "if (c) d();  // no test can take this branch: no memory\nif (e) f();  // no test can take this branch:\n"
        status, said = self.ask(text, [("a)", 1, 0), ("c)", 1, 0), ("e)", 1, 0)])
        self.assertEqual(1, status, said)
        self.assertIn(" 50.0 %     1 of    2  branches in all", said)
        self.assertIn("a.cpp:4: `e)` is never false", said)

    def test_almost_all_is_not_rounded_to_all(self):
        text = "".join(f"if (a{i:04}) b();\n" for i in range(1200))
        status, said = self.ask(text, [(f"a{i:04}", 1, int(i > 0)) for i in range(1200)])
        self.assertEqual(1, status, said)
        self.assertIn(" 99.9 %  2399 of 2400  branches in all", said)

    def test_an_export_without_the_folders_asked_for_fails(self):
        with MadeUpTree({"export.json": json.dumps({"data": [{"functions": []}]})}) as root:
            command = [sys.executable, "-B", SCRIPT, root, root / "export.json", "src/pool"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("no branch of src/pool is in", done.stderr)


if __name__ == "__main__":
    unittest.main()
