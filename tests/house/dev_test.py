"""./dev says what it can do and what is wrong, and its list of packages and presets is in order."""

import json
import re
import subprocess
import unittest

from tree import ROOT

GROUPS = {"build", "test", "check", "bench", "fuzz", "coverage"}


def dev(*arguments):
    return subprocess.run(
        [ROOT / "dev", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/", check=False
    )


class Dev(unittest.TestCase):
    def test_help_from_another_folder(self):
        for arguments in (["help"], ["--help"], []):
            done = dev(*arguments)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("usage: ./dev COMMAND", done.stdout)

    def test_help_names_every_preset(self):
        presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
        names = {preset["name"] for preset in presets if not preset.get("hidden")}
        listed = re.search(r"^Presets: ([a-z ]+)\.", dev("help").stdout, re.MULTILINE).group(1)
        self.assertEqual(names, set(listed.split()))

    def assert_refused(self, arguments, status, *words):
        done = dev(*arguments)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn("remedy: ", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_bad_usage_is_refused_with_a_remedy(self):
        self.assert_refused(["buidl"], 2, "buidl")
        self.assert_refused(["build", "fast"], 2, "fast")
        self.assert_refused(["build", "dev", "release"], 2)
        self.assert_refused(["test", "--preset", "fast"], 2, "fast")
        self.assert_refused(["test", "--preset"], 2, "--preset")
        self.assert_refused(["check", "nothing"], 2, "nothing")
        self.assert_refused(["coverage", "src/http"], 2, "coverage")

    def test_what_is_not_there_is_said(self):
        self.assert_refused(["bench", "no-such-benchmark"], 1, "no-such-benchmark", "there are")
        self.assert_refused(["fuzz", "no-such-target"], 1, "no-such-target")


class Packages(unittest.TestCase):
    def test_each_line_has_groups_a_package_and_what_it_is_for(self):
        lines = (ROOT / "packaging/debian-packages.txt").read_text().splitlines()
        lines = [line for line in lines if line and not line.startswith("#")]
        self.assertGreater(len(lines), 5)
        for line in lines:
            match = re.fullmatch(r"([a-z,]+) +([a-z0-9.+-]+) +# \S.*", line)
            self.assertTrue(match, line)
            self.assertLessEqual(set(match.group(1).split(",")), GROUPS, line)


if __name__ == "__main__":
    unittest.main()
