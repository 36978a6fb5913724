"""The table of lessons in docs/design/lessons.md: each source names tests that there are, which speak of it. Every
function takes the root of a tree."""

import re
from pathlib import Path

TABLE = "docs/design/lessons.md"
ROW = re.compile(r"^\| (?P<source>[^|]+) \| (?P<lesson>[^|]+) \| (?P<tests>[^|]+) \|$")
NAMED = re.compile(r"`(\w+)\.(\w+)`")
DEFINED = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
NOT_FOR_US = "none: "
# What a source is known by, as far as a test has to repeat it.
TAG = re.compile(r"CVE-\d{4}-\d+|GHSA-\w{4}|[\w.-]+#\d+")


def plain(text):
    """Only letters and digits: GHSA-mf9v and ghsa_mf9v are the same."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def says(text, tag):
    """A number goes on until its last digit; of GHSA-mf9v-mfxr-j63j the beginning is enough."""
    end = "" if tag.startswith("GHSA") else r"(?!\d)"
    return re.search(plain(tag) + end, text) is not None


def rows(root):
    """Number, source and tests of each line of a table."""
    text = (Path(root) / TABLE).read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("|") or re.match(r"\|\s*(source\b|-)", line):
            continue
        found = ROW.match(line)
        yield number, found and found["source"], found and found["tests"]


def tests_of(root):
    """Of each "suite.name" the files that have it."""
    known = {}
    for path in sorted((Path(root) / "tests").rglob("*_test.cpp")):
        for suite, name in DEFINED.findall(path.read_text(encoding="utf-8")):
            known.setdefault(f"{suite}.{name}", []).append(path)
    return known


def findings(root):
    """One line for each row that names a test that is not there, or does not speak of its source, and for each test of a
    lesson that no row names."""
    known = tests_of(root)
    found = []
    named = set()
    for number, source, tests in rows(root):
        place = f"{TABLE}:{number}"
        if source is None:
            found.append(f"{place}: a row has three columns: source, what it has learned, tests")
            continue
        names = [".".join(each) for each in NAMED.findall(tests)]
        if not names and not tests.startswith(NOT_FOR_US):
            found.append(f"{place}: {source} names no test; '{NOT_FOR_US}why' where there can be none")
        named.update(names)
        missing = [each for each in names if each not in known]
        found += [f"{place}: there is no test {each}" for each in missing]
        if names and not missing:
            said = plain("".join(path.read_text(encoding="utf-8") for each in names for path in known[each]))
            unsaid = [tag for tag in TAG.findall(source) if not says(said, tag)]
            found += [f"{place}: no file of its tests speaks of {tag}" for tag in unsaid]
    forgotten = [each for each in known if each.startswith("lessons_") and each not in named]
    return found + [f"{TABLE}: no row names {each}" for each in forgotten]
