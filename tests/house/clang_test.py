"""./dev check clang and tidy: each warning is found by one of them, and what passed is looked at again when it changes."""

import contextlib
import io
import json
import shutil
import unittest

import clang_warnings
import tidy
import translation_units
from tree import ROOT, MadeUpTree

COMPILER = "clang++-16"
FILES = {
    "include/lido/base/number.hpp": "#pragma once\n\nstruct number {\n    int value = 0;\n};\n",
    "src/base/number.cpp": "#include <lido/base/number.hpp>\n\nint first(const number& one) {\n    return one.value;\n}\n",
    "tests/unit/base/helper.hpp": "#pragma once\n\ninline int two() { return 2; }\n",
    "tests/unit/base/number_test.cpp": "#include \"helper.hpp\"\n#include <lido/base/number.hpp>\n\nint main() { return two(); }\n",
}
UNUSED = "inline int odd() {\n    int forgotten = 1;\n    return 2;\n}\n"
WARNINGS = {
    "unused-variable": UNUSED,
    "shadow": "inline int twice(int same) {\n    {\n        int same = 1;\n        return same;\n    }\n}\n",
    "sign-conversion": "inline unsigned whole(int below) {\n    return below;\n}\n",
    "inconsistent-missing-override": (
        "struct base {\n    virtual ~base() = default;\n    virtual void a() = 0;\n    virtual void b() = 0;\n};\n"
        "struct derived : base {\n    void a() override;\n    void b();\n};\n"
    ),
    "old-style-cast": "inline int cut(double big) {\n    return (int)big;\n}\n",
    "uninitialized": "inline int some() {\n    int nothing;  // NOLINT\n    return nothing;\n}\n",
}


class Project:
    """A made-up tree with a folder build as CMake leaves it."""

    def __init__(self, root):
        self.root, self.build = root, root / "build"
        self.build.mkdir()
        shutil.copy(ROOT / ".clang-tidy", root)
        entries = [self.entry(name) for name in FILES if name.endswith(".cpp")]
        # Two targets have it; and a launcher stands before the compiler.
        entries.append({**entries[0], "command": entries[0]["command"].replace(COMPILER, f"/usr/bin/ccache {COMPILER}")})
        (self.build / "compile_commands.json").write_text(json.dumps(entries))

    def entry(self, name):
        file = str(self.root / name)
        command = f"{COMPILER} -I{self.root}/include -O0 -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion"
        command += f" -Wold-style-cast -Werror -std=c++20 -o {name}.o -c {file}"
        return {"directory": str(self.build), "command": command, "file": file}

    def append(self, name, text):
        with (self.root / name).open("a") as file:
            file.write(text)

    def restore(self, name):
        (self.root / name).write_text(FILES[name])

    def check(self, tool):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            failed = tool.check(self.root, self.build, 2)
        return failed, said.getvalue()


@unittest.skipUnless(shutil.which(COMPILER) and shutil.which(tidy.TIDY), "./dev check installs clang and clang-tidy")
class Warnings(unittest.TestCase):
    def setUp(self):
        tree = MadeUpTree(FILES)
        self.project = Project(tree.__enter__())
        self.addCleanup(tree.__exit__)

    def assert_found(self, tool, name, kind, text):
        self.project.append(name, text)
        failed, said = self.project.check(tool)
        self.project.restore(name)
        self.assertEqual(1, failed, said)
        self.assertRegex(said, rf"{name}:\d+:\d+: error: .*{kind}")

    def test_each_is_found_in_a_source_a_header_and_a_test(self):
        for kind, text in WARNINGS.items():
            with self.subTest(kind):
                self.assert_found(tidy, "src/base/number.cpp", kind, text)
                self.assert_found(clang_warnings, "tests/unit/base/number_test.cpp", kind, text)
        self.assert_found(tidy, "include/lido/base/number.hpp", "unused-variable", UNUSED)
        self.assert_found(clang_warnings, "tests/unit/base/helper.hpp", "unused-variable", UNUSED)

    def test_what_passed_is_looked_at_when_it_or_what_it_includes_has_changed(self):
        for tool, own, included in (
            (tidy, "src/base/number.cpp", "include/lido/base/number.hpp"),
            (clang_warnings, "tests/unit/base/number_test.cpp", "tests/unit/base/helper.hpp"),
        ):
            with self.subTest(tool.__name__):
                self.assertIn("1 files, 1 of them changed, 0 with", self.project.check(tool)[1])
                self.assertIn("1 files, 0 of them changed, 0 with", self.project.check(tool)[1])
                for name in (own, included):
                    self.project.append(name, "// Changed.\n")
                    self.assertIn("1 files, 1 of them changed, 0 with", self.project.check(tool)[1])
                    self.assertIn("1 files, 0 of them changed, 0 with", self.project.check(tool)[1])

    def test_what_failed_is_looked_at_again(self):
        self.project.append("tests/unit/base/helper.hpp", UNUSED)
        for _ in range(2):
            self.assertEqual(1, self.project.check(clang_warnings)[0])

    def test_what_includes_a_file_that_is_gone_is_looked_at(self):
        self.assertEqual(0, self.project.check(clang_warnings)[0])
        (self.project.root / "tests/unit/base/helper.hpp").unlink()
        failed, said = self.project.check(clang_warnings)
        self.assertEqual(1, failed)
        self.assertIn("'helper.hpp' file not found", said)


class Dependencies(unittest.TestCase):
    def test_are_read_as_the_compiler_writes_them(self):
        rule = "a.o: /one/a.cpp /one/with\\ blank.hpp \\\n  /one/a$$b.hpp \\\n  c.hpp\n"
        expected = ["/one/a.cpp", "/one/with blank.hpp", "/one/a$b.hpp", "c.hpp"]
        self.assertEqual(expected, translation_units.files_in(rule))


if __name__ == "__main__":
    unittest.main()
