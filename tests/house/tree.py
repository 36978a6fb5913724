"""Help for the tests of the house: where the tree is, and small made-up trees."""

import os
import tempfile
from pathlib import Path

ROOT = Path(os.environ.get("LIDO_SOURCE_DIR") or Path(__file__).resolve().parents[2])


class MadeUpTree:
    """A folder with the files given, gone at the end of the with block."""

    def __init__(self, files):
        self.files = files
        self.folder = tempfile.TemporaryDirectory(prefix="lido-house-")

    def __enter__(self):
        root = Path(self.folder.name)
        for name, text in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def __exit__(self, *_):
        self.folder.cleanup()
