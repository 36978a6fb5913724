"""`lido fetch` on a terminal: as careful with what is binary as curl is."""

import os
import pty
import subprocess
import tempfile
import unittest

from command import LIDO, PATIENCE, TestServer


def fetch_on_terminal(*arguments):
    """Runs `lido fetch` with standard output on a terminal: what it showed there, its errors, its exit code."""
    main, terminal = pty.openpty()
    process = subprocess.Popen([LIDO, "fetch", *arguments], stdout=terminal, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(terminal)
    shown = b""
    while True:
        try:
            data = os.read(main, 65536)
        except OSError:  # the other end is closed: it has ended
            break
        if not data:
            break
        shown += data
    _, err = process.communicate(timeout=PATIENCE)
    os.close(main)
    return shown, err.decode(), process.returncode


class BinaryOnTerminal(unittest.TestCase):
    def test_is_not_shown_unless_asked_for(self):
        with TestServer(lambda *_: (200, {}, b"\x89PNG\0\0bytes")) as server:
            for more in ([], ["--parallel", "2"]):
                shown, err, code = fetch_on_terminal(server.url, *more)
                self.assertEqual((b"", 23), (shown, code), err)
                self.assertIn("binary", err)
                self.assertIn("-o -", err)
            shown, _, code = fetch_on_terminal("-o", "-", server.url)
            self.assertEqual((b"\x89PNG\0\0bytes", 0), (shown, code))
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "image")
                self.assertEqual(0, fetch_on_terminal("-o", path, server.url)[2])
                with open(path, "rb") as image:
                    self.assertEqual(b"\x89PNG\0\0bytes", image.read())

    def test_text_of_any_kind_is(self):
        with TestServer(lambda *_: (200, {}, "straße\n".encode())) as server:
            shown, err, code = fetch_on_terminal("-i", server.url)
        self.assertEqual(0, code, err)
        self.assertTrue(shown.endswith("straße\r\n".encode()), shown)


if __name__ == "__main__":
    unittest.main()
