"""What ./dev test says once more when tests failed."""

import subprocess
import sys
import unittest

from tree import ROOT, MadeUpTree

TESTS = """
add_test(good "sh" "-c" "echo all is well")
add_test(bad "sh" "-c" "seq 1 100; echo 'expected <a & b>'; exit 3")
add_test(silent "sh" "-c" "exit 1")
add_test(skipped "sh" "-c" "echo no server here; exit 77")
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
"""


class Failures(unittest.TestCase):
    def test_the_last_words_of_each_failed_test_are_said_and_nothing_of_others(self):
        with MadeUpTree({"CTestTestfile.cmake": TESTS}) as root:
            ctest = ["ctest", "--test-dir", root, "--output-junit", root / "results.xml"]
            self.assertNotEqual(0, subprocess.run(ctest, capture_output=True, check=False).returncode)
            command = [sys.executable, "-B", ROOT / "tests/house/failures.py", root / "results.xml"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        bad, silent = said.split("what silent said last:")
        self.assertTrue(bad.startswith("what bad said last:\n    72\n    73\n"), bad)
        self.assertIn("    100\n    expected <a & b>\n", bad)
        self.assertEqual("    nothing", silent.strip("\n"))


if __name__ == "__main__":
    unittest.main()
