"""The progress on a terminal: a live line that fits, with colour only where it is wanted, and that goes away."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from command import LIDO, PATIENCE

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run_on_terminal(*arguments, columns=80, interrupt=False, **environment):
    """Runs `lido simulate` with standard error on a terminal: what it showed there, its output, its exit code."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm", **environment}
    if "NO_COLOR" not in environment:
        variables.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [LIDO, "simulate", *arguments], stdout=subprocess.PIPE, stderr=terminal, stdin=terminal, env=variables,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 1)
        try:
            data = os.read(main, 65536) if ready else b""
        except OSError:
            break
        shown += data
        if interrupt and b"/s" in shown:
            os.write(main, b"\x03")
            interrupt = False
    out, _ = process.communicate(timeout=PATIENCE)
    os.close(main)
    return shown.decode(), out.decode(), process.returncode


class Terminal(unittest.TestCase):
    def lines(self, shown):
        return [line for line in re.split(r"[\r\n]+", ESCAPE.sub("", shown)) if line]

    def test_a_live_line(self):
        shown, out, code = run_on_terminal("--duration", "1500ms")
        self.assertEqual(0, code, shown)
        self.assertIn("\r\x1b[K", shown)
        self.assertRegex(shown, COLOUR)
        self.assertNotIn("\n", shown)
        self.assertRegex(self.lines(shown)[-1], r"^\[=* *\]  \d s of 1\.5 s  [\d,.]+/s  p50 ")
        self.assertTrue(shown.endswith("\r\x1b[K"), "the line was left there")
        self.assertTrue(out.startswith("CONNECTION POOL STATS"))
        self.assertNotIn("\x1b", out)

    def test_it_fits(self):
        for columns in (20, 40, 80, 200):
            shown, _, code = run_on_terminal("--duration", "600ms", columns=columns)
            self.assertEqual(0, code)
            self.assertTrue(self.lines(shown))
            for line in self.lines(shown):
                self.assertLess(len(line), columns)

    def test_no_color(self):
        shown, _, _ = run_on_terminal("--duration", "600ms", NO_COLOR="1")
        self.assertIsNone(COLOUR.search(shown), shown)
        self.assertTrue(self.lines(shown))

    def test_a_terminal_that_cannot_rewrite_gets_lines(self):
        shown, _, _ = run_on_terminal("--duration", "1200ms", TERM="dumb")
        self.assertNotIn("\x1b", shown)
        self.assertEqual(5, len(self.lines(shown)), shown)

    def test_lines_do_not_mix_with_the_live_line(self):
        shown, _, _ = run_on_terminal("--duration", "700ms", "--think-time", "50ms", "--log-requests")
        for line in shown.split("\r\n")[:-1]:
            self.assertRegex(line.rpartition("\x1b[K")[2], r"^(GET|POST) http")

    def test_control_c_of_a_terminal(self):
        _, out, code = run_on_terminal("--duration", "1h", "--num-users", "3", interrupt=True)
        self.assertEqual(128 + signal.SIGINT, code)
        self.assertTrue(out.startswith("CONNECTION POOL STATS"), out)
        # The signal goes to everything in the foreground; the demo service must not have got it.
        self.assertRegex(out, r"failed +0\n")


if __name__ == "__main__":
    unittest.main()
