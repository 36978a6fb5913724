"""The house rules: this tree keeps them, and for each rule a tree that breaks it is caught."""

import unittest

import rules
from tree import ROOT, MadeUpTree


class ThisTree(unittest.TestCase):
    def test_keeps_every_rule(self):
        for rule in rules.RULES:
            with self.subTest(rule.__name__):
                self.assertEqual([], rule(ROOT))

    def test_hints(self):
        for hint in rules.long_files(ROOT):
            print(f"hint: {hint}")


class MadeUpTrees(unittest.TestCase):
    def assert_found(self, rule, files, *words):
        with MadeUpTree(files) as root:
            found = rule(root)
        self.assertEqual(1, len(found), found)
        for word in words:
            self.assertIn(word, found[0])

    def assert_fine(self, rule, files):
        with MadeUpTree(files) as root:
            self.assertEqual([], rule(root))

    def test_left_over_words(self):
        word = "TO" + "DO"
        self.assert_found(rules.left_over_words, {"src/a.cpp": f"int a;\n// {word} later\n"}, "src/a.cpp:2", word)
        self.assert_found(rules.left_over_words, {"dev": f"#!/bin/sh\n# {word}\n"}, "dev:2")
        self.assert_fine(rules.left_over_words, {"fuzz/corpus/url/one.txt": f"http://a/{word}"})
        self.assert_fine(rules.left_over_words, {"build/a.cpp": word, ".git/x.md": word, "a.md": f"{word}S, m{word}\n"})

    def test_whitespace(self):
        self.assert_found(rules.whitespace, {"a.cpp": "int a;"}, "newline")
        self.assert_found(rules.whitespace, {"a.cpp": "int a; \n"}, "a.cpp:1")
        self.assert_found(rules.whitespace, {"a.py": "if a:\n\tb\n"}, "a.py:2", "tab")
        self.assert_fine(rules.whitespace, {"a.cpp": "int a;\n", "b.cpp": ""})

    def test_sleeps(self):
        for line in ("std::this_thread::sleep_for(5ms);", "usleep(5);", "sleep(1);", "time.sleep(1)"):
            self.assert_found(rules.sleeps, {"tests/unit/a_test.cpp": f"f();\n{line}\n"}, "a_test.cpp:2")
            self.assert_fine(rules.sleeps, {"tests/a.cpp": f"{line}  // the server needs a second to notice\n"})
            self.assert_fine(rules.sleeps, {"tests/a.cpp": f"// Longer than the idle timeout.\n{line}\n"})
            self.assert_fine(rules.sleeps, {"src/a.cpp": f"{line}\n"})
        self.assert_fine(rules.sleeps, {"tests/a.cpp": "co_await fake.sleep(waiter);\n"})
        # There the database sleeps, and the test waits for it.
        self.assert_fine(rules.sleeps, {"tests/a.cpp": 'ask("select sleep(20)");\n'})

    def test_headers(self):
        self.assert_found(rules.headers, {"include/lido/a.hpp": "int a;\n"}, "pragma once")
        self.assert_fine(rules.headers, {"include/lido/a.hpp": "#pragma once\n"})

    def test_typedefs(self):
        self.assert_found(rules.typedefs, {"src/a.cpp": "int b;\n    typedef int a;\n"}, "src/a.cpp:2", "using")
        self.assert_fine(rules.typedefs, {"src/a.cpp": "using a = int;  // no typedef\n", "a.md": "typedef\n"})

    def test_markdown(self):
        self.assert_found(rules.markdown, {"a.md": "# One\n\n# Two\n"}, "2 lines")
        self.assert_found(rules.markdown, {"a.md": "no title\n"}, "0 lines")
        self.assert_found(rules.markdown, {"a.md": "text\n\n# Title\n"}, "first")
        self.assert_found(rules.markdown, {"a.md": "# A\n\n[b](docs/b.md)\n"}, "a.md:3", "docs/b.md")
        fine = "# A\n\n```sh\n# a comment\n```\n\n[b](docs/b.md#there) [c](https://c.example/) `[d](e)`\n"
        self.assert_fine(rules.markdown, {"a.md": fine, "docs/b.md": "# B\n"})

    def test_changelog(self):
        self.assert_found(rules.changelog, {}, "missing")
        self.assert_found(rules.changelog, {"CHANGELOG.md": "# Changes\n\n## [0.1.0]\n"}, "Unreleased")
        self.assert_fine(rules.changelog, {"CHANGELOG.md": "# Changes\n\n## [Unreleased]\n\n## [0.1.0]\n"})

    def test_test_programs(self):
        test_case = "class A(unittest.TestCase):\n    pass\n"
        self.assert_found(rules.test_programs, {"tests/cli/a.py": test_case}, "not called")
        self.assert_found(rules.test_programs, {"tests/cli/a_test.py": test_case}, "unittest.main()")

    def test_long_files(self):
        self.assert_found(rules.long_files, {"src/a.cpp": "\n" * (rules.LINES_MAX + 1)}, "601 lines")
        self.assert_fine(rules.long_files, {"src/a.cpp": "\n" * rules.LINES_MAX})


if __name__ == "__main__":
    unittest.main()
