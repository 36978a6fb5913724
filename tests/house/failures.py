"""failures.py JUNIT_FILE: what each failed test said last, once more.

CTest says it between the tests that passed, where a log that is cut keeps nothing of it.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

LINES = 30


def failed(junit):
    """(name, output) of each test that ran and failed."""
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        if case.get("status") == "fail":
            yield case.get("name"), case.findtext("system-out") or ""


def report(junit, lines=LINES):
    said = []
    for name, output in failed(junit):
        last = output.strip().splitlines()[-lines:]
        said += [f"what {name} said last:", *(f"    {line}" for line in last or ["nothing"])]
    return "\n".join(said)


if __name__ == "__main__":
    print(report(Path(sys.argv[1])))
