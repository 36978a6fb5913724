"""Each source in the table of lessons names tests that there are, and a table that is wrong is caught."""

import unittest

import lessons
from tree import ROOT, MadeUpTree

HEAD = "# Lessons\n\n| source | what it has learned | tests |\n| --- | --- | --- |\n"
TESTS = """/// curl CVE-2003-1605.
TEST_F(lessons_of_others,
       envoy_2715_all_is_well) {
}
TEST(elsewhere, too) {}
"""


class ThisTree(unittest.TestCase):
    maxDiff = None

    def test_each_source_names_tests_that_there_are(self):
        self.assertEqual([], lessons.findings(ROOT))

    def test_the_table_is_found(self):
        self.assertGreater(len(list(lessons.rows(ROOT))), 80)


class MadeUpTrees(unittest.TestCase):
    def findings_of(self, *rows):
        files = {lessons.TABLE: HEAD + "".join(row + "\n" for row in rows), "tests/unit/a/a_test.cpp": TESTS}
        with MadeUpTree(files) as root:
            return lessons.findings(root)

    GOOD = "| Envoy#2715, curl CVE-2003-1605 | all | `lessons_of_others.envoy_2715_all_is_well` |"

    def test_a_good_table_is_fine(self):
        self.assertEqual([], self.findings_of(self.GOOD, "| nobody | nothing | none: there is nothing like it |"))

    def assert_found(self, words, *rows):
        (found,) = self.findings_of(*rows)
        self.assertIn(words, found)

    def test_a_test_that_is_not_there(self):
        self.assert_found("no test lessons_of_others.gone", self.GOOD, "| a | b | `lessons_of_others.gone` |")

    def test_a_test_that_does_not_speak_of_the_source(self):
        self.assert_found("speaks of CVE-2003-1606", self.GOOD, "| curl CVE-2003-1606 | b | `elsewhere.too` |")
        beginning = "| Envoy#271 | b | `lessons_of_others.envoy_2715_all_is_well` |"
        self.assert_found("speaks of Envoy#271", self.GOOD, beginning)
        self.assert_found("speaks of sqlx#1", self.GOOD, "| sqlx#1 | b | `elsewhere.too` |")

    def test_a_source_without_tests(self):
        self.assert_found("a names no test", self.GOOD, "| a | b | later |")

    def test_a_row_that_is_none(self):
        self.assert_found("three columns", self.GOOD, "| a | b |")

    def test_a_test_of_a_lesson_that_no_row_names(self):
        self.assert_found("no row names lessons_of_others.envoy_2715_all_is_well", "| a | b | `elsewhere.too` |")


if __name__ == "__main__":
    unittest.main()
