"""Lido is part of a larger build by add_subdirectory, without flags, tests or install rules of its own getting in."""

import tempfile
import unittest

import consumer


class AddSubdirectory(unittest.TestCase):
    def test_a_program_builds_and_runs(self):
        with tempfile.TemporaryDirectory(prefix="lido-package-") as folder:
            said = consumer.build_and_run(folder, f"-DLIDO_FOLDER={consumer.SOURCE}")
            self.assertEqual(["refused", "sum 3"], said)
            targets = consumer.run(consumer.CMAKE, "--build", folder, "--target", "help")
            self.assertNotIn("lone_headers", targets)
            self.assertNotIn("unit_", targets)


if __name__ == "__main__":
    unittest.main()
