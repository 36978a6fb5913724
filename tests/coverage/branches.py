"""Which branches of a tree's sources do the tests take both ways? ./dev coverage builds, runs and asks.

    branches.py SOURCE_ROOT EXPORT.json FOLDER...

`EXPORT.json` is what `llvm-cov export` writes. Prints a line for each file and one for each way that no test went, and
ends with 1 when there is one. Left out:

- the failing side of LIDO_ASSERT, which no test can take and go on;
- the way past all cases of a switch without a default: there are switches over enumerations only, the compilers refuse
  one that forgets a value, and no other value exists;
- what the compiler writes for `= default`;
- lines that say why with a comment `no test can take this branch: REASON`, at their end or on a line of its own before.
"""

import json
import os
import re
import sys

EXCUSE = re.compile(r"//.*no test can take this branch: \w")
ASSERTION = re.compile(r"\bLIDO_ASSERT\(")
# What stands before a branch that no test is asked for: a switch's own, and those of a function that is defaulted.
UNASKED = re.compile(r"\bswitch \($|= defaul$")


class Source:
    """The text of one file, and which of its places are left out."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.excused = {number for number, line in enumerate(self.lines, 1) if EXCUSE.search(line)}
        # A comment on a line of its own speaks of the next line.
        self.excused |= {number + 1 for number in self.excused if self.lines[number - 1].lstrip().startswith("//")}
        self.asserted = set()
        for number, line in enumerate(self.lines, 1):
            if ASSERTION.search(line):
                self.mark_assertion(number)

    def mark_assertion(self, number):
        """All lines from the one with the macro's name to the one with its closing parenthesis."""
        depth = 0
        for at in range(number, len(self.lines) + 1):
            line = self.lines[at - 1]
            begin = ASSERTION.search(line).start() if at == number else 0
            depth += line.count("(", begin) - line.count(")", begin)
            self.asserted.add(at)
            if depth <= 0:
                return

    def leaves_out(self, line, column):
        """The branch that begins there: that of a switch itself where it says what it looks at."""
        before = self.lines[line - 1][: column - 1]
        return line in self.excused or line in self.asserted or UNASKED.search(before) is not None

    def text(self, first, from_column, last, to_column):
        if first == last:
            return self.lines[first - 1][from_column - 1:to_column - 1]
        return self.lines[first - 1][from_column - 1:] + " ..."


def branches_of(exported):
    """{path: {place: [times true, times false]}}: several instances of a template count together."""
    found = {}
    for function in exported["data"][0]["functions"]:
        for branch in function["branches"]:
            *place, true_count, false_count, file_id, _, _ = branch
            path = os.path.normpath(function["filenames"][file_id])
            counts = found.setdefault(path, {}).setdefault(tuple(place), [0, 0])
            counts[0] += true_count
            counts[1] += false_count
    return found


def missing_in(source, branches):
    """(ways in all, [(line, what was never so)])."""
    ways, missing = 0, []
    for place, counts in sorted(branches.items()):
        if source.leaves_out(place[0], place[1]):
            continue
        ways += 2
        for count, side in zip(counts, ("true", "false")):
            if count == 0:
                missing.append((place[0], f"`{source.text(*place)}` is never {side}"))
    return ways, missing


def share(taken, ways):
    # Rounded down: "100.0 %" is said of all only.
    return f"{1000 * taken // ways / 10:6.1f} %  {taken:4} of {ways:4}"


def main():
    root, export, *folders = sys.argv[1:]
    with open(export, encoding="utf-8") as file:
        found = branches_of(json.load(file))
    total, lacking = 0, 0
    for path in sorted(found):
        name = os.path.relpath(path, root)
        if not name.startswith(tuple(folder.rstrip("/") + "/" for folder in folders)):
            continue
        with open(path, encoding="utf-8") as file:
            ways, missing = missing_in(Source(file.read()), found[path])
        if ways == 0:
            continue
        total += ways
        lacking += len(missing)
        print(f"{share(ways - len(missing), ways)}  {name}")
        for line, what in missing:
            print(f"    {name}:{line}: {what}")
    if total == 0:
        sys.exit(f"no branch of {', '.join(folders)} is in {export}")
    print(f"{share(total - lacking, total)}  branches in all")
    sys.exit(1 if lacking else 0)


if __name__ == "__main__":
    main()
