"""What this build installs is found by find_package(lido), and nothing of it points back into the tree."""

import os
import tempfile
import unittest
from pathlib import Path

import consumer


class FindPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lido-package-")
        cls.prefix = Path(cls.folder.name) / "prefix with spaces"
        consumer.run(consumer.CMAKE, "--install", os.environ["LIDO_BINARY_DIR"], "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_program_builds_and_runs(self):
        said = consumer.build_and_run(Path(self.folder.name) / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.assertEqual(["refused", "sum 3"], said)

    def test_nothing_points_into_the_tree(self):
        for path in self.prefix.rglob("*.cmake"):
            text = path.read_text()
            self.assertNotIn(str(consumer.SOURCE), text, path)
            self.assertNotIn(os.environ["LIDO_BINARY_DIR"], text, path)

    def test_every_public_header_is_there(self):
        expected = {path.relative_to(consumer.SOURCE) for path in (consumer.SOURCE / "include").rglob("*.hpp")}
        installed = {path.relative_to(self.prefix) for path in (self.prefix / "include").rglob("*.hpp")}
        self.assertEqual(expected, installed)

    def test_licence_is_there(self):
        self.assertEqual(1, len(list(self.prefix.rglob("LICENSE"))))

    def test_the_command_is_there_if_it_was_built(self):
        self.assertEqual(Path(os.environ["LIDO_COMMAND"]).exists(), (self.prefix / "bin/lido").exists())


if __name__ == "__main__":
    unittest.main()
