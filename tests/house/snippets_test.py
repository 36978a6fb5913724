"""The documentation's C++ compiles, and a block that does not is caught."""

import os
import shutil
import unittest

import snippets
from tree import ROOT, MadeUpTree

COMPILER = os.environ.get("LIDO_CXX") or shutil.which("c++") or "g++"
TASK = "#pragma once\n#include <coroutine>\n" + (
    "namespace lido { template <class T> struct task { struct promise_type { task get_return_object() { return {}; } "
    "std::suspend_never initial_suspend() { return {}; } std::suspend_never final_suspend() noexcept { return {}; } "
    "void return_void() {} void unhandled_exception() {} }; }; }\n"
)


class ThisTree(unittest.TestCase):
    maxDiff = None

    def test_every_marked_block_compiles(self):
        found, wrong = snippets.all_snippets(ROOT)
        self.assertEqual([], wrong)
        for snippet in found:
            with self.subTest(f"{snippet.file}:{snippet.line}"):
                self.assertEqual("", snippets.compile_snippet(ROOT, COMPILER, snippet))


class MadeUpTrees(unittest.TestCase):
    def complaints(self, text):
        with MadeUpTree({"docs/a.md": text, "include/lido/base/task.hpp": TASK}) as root:
            found, wrong = snippets.all_snippets(root)
            return wrong + [snippets.compile_snippet(root, COMPILER, snippet) for snippet in found]

    def test_good_file(self):
        self.assertEqual([""], self.complaints("# A\n\n<!-- compile -->\n```cpp\nint main() {}\n```\n"))

    def test_bad_file_is_named_with_its_line(self):
        (complaint,) = self.complaints("# A\n\n<!-- compile -->\n```cpp\nint main() {\n  retrun 0;\n}\n```\n")
        self.assertIn("docs/a.md:6", complaint)

    def test_good_statements(self):
        text = "<!-- compile: statements -->\n```cpp\n#include <string>\nauto wait = 5s;\nstd::string a;\n```\n"
        self.assertEqual([""], self.complaints(text))

    def test_bad_statements_are_named_with_their_line(self):
        (complaint,) = self.complaints("<!-- compile: statements -->\n```cpp\nint a = 1;\nint b = c;\n```\n")
        self.assertIn("docs/a.md:4", complaint)

    def test_unmarked_block_is_left_alone(self):
        self.assertEqual([], self.complaints("```cpp\nnot C++\n```\n"))

    def test_wrong_marks(self):
        self.assertIn("neither", self.complaints("<!-- compile: something -->\n```cpp\n```\n")[0])
        self.assertIn("next line", self.complaints("<!-- compile -->\n\n```cpp\n```\n")[0])


if __name__ == "__main__":
    unittest.main()
