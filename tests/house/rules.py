"""The house rules that neither the compilers nor clang-tidy know. Each function takes the root of a tree and returns one
line per breach, which says the place, and what to do where that is not plain."""

import re
from pathlib import Path

# Not written by people, or inputs of tests, which may be anything.
SKIPPED_FOLDERS = {".git", ".cache", "build", "__pycache__", "node_modules", "corpus", "crashes"}
TEXT_SUFFIXES = {
    ".cmake", ".cpp", ".css", ".h", ".hpp", ".html", ".in", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yml",
}  # fmt: skip
LINES_MAX = 600

# In pieces, so that this file passes too.
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\s*\(|(?<![\w.:])(?<!select )sleep\s*\(\s*\d")
COMMENT = re.compile(r"//|/\*|(?<!\S)#(?!include|define|if|pragma)")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def files(root, *tops):
    """The files of the tree that people write, in order."""
    pending = [Path(root) / top for top in tops or (".",)]
    while pending:
        path = pending.pop()
        if path.is_dir():
            if path.name not in SKIPPED_FOLDERS:
                pending += sorted(path.iterdir(), reverse=True)
        elif path.is_file():
            yield path


def is_text(path):
    """By the name; what has neither suffix nor a telling name is text if it is a script."""
    if path.suffix in TEXT_SUFFIXES or path.name.startswith("."):
        return True
    return path.suffix == "" and (path.name.isupper() or path.read_bytes().startswith(b"#!"))


def numbered_lines(path):
    return list(enumerate(path.read_text(encoding="utf-8").split("\n"), start=1))


def shown(root, path, line=None):
    name = path.relative_to(root).as_posix()
    return name if line is None else f"{name}:{line}"


def left_over_words(root):
    """What is open belongs into an issue, not into the sources."""
    found = []
    for path in filter(is_text, files(root)):
        for number, line in numbered_lines(path):
            word = LEFT_OVER.search(line)
            if word:
                found.append(f"{shown(root, path, number)}: {word.group()}: do it, or open an issue")
    return found


def whitespace(root):
    found = []
    for path in filter(is_text, files(root)):
        if path.stat().st_size == 0:
            continue
        lines = numbered_lines(path)
        if lines[-1][1] != "":
            found.append(f"{shown(root, path)}: no newline at the end")
        for number, line in lines:
            if line != line.rstrip():
                found.append(f"{shown(root, path, number)}: white space at the end of the line")
            elif line.startswith("\t"):
                found.append(f"{shown(root, path, number)}: a tab; indent by spaces")
    return found


def sleeps(root):
    """A test waits for what it needs, not for a time; where a time is the thing tested, a comment says so, on the line
    or in the line before."""
    found = []
    for path in filter(is_text, files(root, "tests", "examples")):
        if "house" in path.parts:
            continue
        before = ""
        for number, line in numbered_lines(path):
            if SLEEP.search(line) and not COMMENT.search(line) and not COMMENT.search(before):
                found.append(f"{shown(root, path, number)}: sleeps without a comment that says why it must")
            before = line
    return found


def headers(root):
    found = []
    for path in files(root, "include", "src", "cli", "tests", "bench", "fuzz"):
        if path.suffix == ".hpp" and "#pragma once" not in path.read_text(encoding="utf-8"):
            found.append(f"{shown(root, path)}: no #pragma once")
    return found


def typedefs(root):
    """clang-tidy would know it as modernize-use-using, in a twentieth of all its time."""
    found = []
    for path in files(root, "include", "src", "cli", "tests", "bench", "fuzz", "examples"):
        if path.suffix not in (".hpp", ".cpp"):
            continue
        for number, line in numbered_lines(path):
            if re.match(r"\s*typedef\b", line):
                found.append(f"{shown(root, path, number)}: a typedef; say using")
    return found


def prose_lines(path):
    """The lines of a markdown file that are not code."""
    inside = False
    for number, line in numbered_lines(path):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def markdown(root):
    """One title per page, the first thing on it, and no dead links within the tree."""
    found = []
    for path in files(root):
        if path.suffix != ".md":
            continue
        lines = list(prose_lines(path))
        titles = [number for number, line in lines if re.match(r"# \S", line)]
        if len(titles) != 1:
            found.append(f"{shown(root, path)}: {len(titles)} lines with a '# Title', not one")
        first = next((number for number, line in lines if line.strip()), None)
        if titles and first != titles[0]:
            found.append(f"{shown(root, path, titles[0])}: the title does not come first")
        for number, line in lines:
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                place = target.split("#")[0]
                if place and not re.match(r"[a-z]+:", place) and not (path.parent / place).exists():
                    found.append(f"{shown(root, path, number)}: the link {target} leads nowhere")
    return found


def changelog(root):
    path = Path(root) / "CHANGELOG.md"
    if not path.is_file():
        return ["CHANGELOG.md: missing"]
    sections = re.findall(r"^## \[?([^\]\s]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    if not sections or sections[0] != "Unreleased":
        return ["CHANGELOG.md: the first section is not 'Unreleased'"]
    return []


def test_programs(root):
    """A Python file that looks like a test and is found by nobody is worse than none."""
    found = []
    for path in files(root, "tests/cli", "tests/house", "tests/package"):
        text = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
        if re.search(r"^class \w+\(.*TestCase\):", text, re.MULTILINE):
            if not path.name.endswith("_test.py"):
                found.append(f"{shown(root, path)}: has tests, but is not called …_test.py")
            elif "unittest.main()" not in text:
                found.append(f"{shown(root, path)}: has tests, but does not call unittest.main()")
    return found


def long_files(root):
    """Not a breach, a hint: a file of this length has more than one thing in it."""
    found = []
    for path in files(root, "include", "src", "cli", "tests", "bench", "fuzz", "examples"):
        if path.suffix in (".hpp", ".cpp", ".py"):
            lines = len(numbered_lines(path)) - 1
            if lines > LINES_MAX:
                found.append(f"{shown(root, path)}: {lines} lines, more than {LINES_MAX}")
    return found


RULES = (left_over_words, whitespace, sleeps, headers, typedefs, markdown, changelog, test_programs)
