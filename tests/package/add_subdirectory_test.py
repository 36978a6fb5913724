"""Lido is part of a larger build by add_subdirectory, without flags, tests or install rules of its own getting in."""

import os
import tempfile
import unittest
from pathlib import Path

import consumer

BUILD = Path(os.environ["LIDO_BINARY_DIR"])
LIDO = f"-DLIDO_FOLDER={consumer.SOURCE}"


class AddSubdirectory(unittest.TestCase):
    def test_a_program_builds_and_runs(self):
        # All of Lido is compiled once more. Where that is done beside this build, in the same way, a compiler cache knows
        # all of it, since from there the sources have the same relative names.
        with tempfile.TemporaryDirectory(prefix="lido-package-", dir=BUILD.parent) as folder:
            said = consumer.build_and_run(folder, LIDO, *consumer.settings_of(BUILD))
            self.assertEqual(["refused", "sum 3"], said)

    def test_nothing_gets_in_that_is_only_for_the_development_of_lido(self):
        with tempfile.TemporaryDirectory(prefix="lido-package-") as folder:
            consumer.configure(folder, LIDO, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
            targets = consumer.run(consumer.CMAKE, "--build", folder, "--target", "help")
            self.assertIn("lido_http", targets)
            for name in ("lone_headers", "unit_", "example_", "fuzz_", "lido_cli"):
                self.assertNotIn(name, targets)
            commands = (Path(folder) / "compile_commands.json").read_text()
            self.assertIn("src/http/client.cpp", commands)
            for flag in (" -W", " -g", " -O"):
                self.assertNotIn(flag, commands)
            # Nothing of it would be installed; if anything were, it would be missed, as nothing is built.
            consumer.run(consumer.CMAKE, "--install", folder, "--prefix", Path(folder) / "prefix")
            self.assertFalse((Path(folder) / "prefix").exists())


if __name__ == "__main__":
    unittest.main()
