"""clang_warnings.py BUILD_FOLDER JOBS: what clang warns of in the files that clang-tidy does not look at (tidy.py does).

None of the warnings that the build asks for needs more than the syntax, so no object file is made: that takes half of the
time, and the linker. A file that passed is not looked at again while neither it nor what it includes has changed.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import translation_units as units_of
from tree import ROOT

# What most tests begin with. To read it once for all of them saves half of the time again. It has no header of Lido's, in
# which a warning would be found but once, and nothing depends on it: the ordinary build does without.
COMMON_HEADERS = """\
#include <chrono>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <variant>
"""
WORTH_PRECOMPILING = 8


def run(command, directory):
    """(is it good, what the compiler said)"""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def kind(unit):
    """What units must have in common to use the same precompiled header: all but where they look for others."""
    # A word of its own behind -isystem may stay out as well as in: it begins with no dash.
    return tuple(word for word in unit.arguments if word.startswith("-") and not word.startswith(("-I", "-isystem")))


def precompile(units, folder):
    """(the kind of most units, the arguments with which units of that kind read the common headers precompiled)"""
    ((most, count),) = Counter(map(kind, units)).most_common(1) or [((), 0)]
    if count < WORTH_PRECOMPILING:
        return None, ()
    header, result = folder / "common.hpp", folder / "common.pch"
    header.write_text(COMMON_HEADERS)
    first = next(unit for unit in units if kind(unit) == most)
    command = [first.compiler, *first.arguments, "-x", "c++-header", str(header), "-o", str(result)]
    good, _ = run(command, first.directory)
    # Without a framework for tests there is nothing to gain, and no fault either.
    return (most, ("-include-pch", str(result))) if good else (None, ())


def check(root, build, jobs):
    """The number of files with findings."""
    units = [unit for unit in units_of.read(build) if not units_of.belongs_to_tidy(unit, root, build)]
    if not units:
        return 0
    version = subprocess.run([units[0].compiler, "--version"], capture_output=True, check=True).stdout
    folder = build / "syntax"
    passed = units_of.Passed(folder, version)
    most, precompiled = precompile([unit for unit in units if not passed.has(unit)], folder)

    def look(unit):
        more = precompiled if kind(unit) == most else ()
        command = unit.command(*more, "-fsyntax-only", "-MD", "-MF", str(passed.dependencies(unit)))
        return run(command, unit.directory)

    return units_of.look_at("clang", units, passed, jobs, look)


if __name__ == "__main__":
    sys.exit(1 if check(ROOT, Path(sys.argv[1]).resolve(), int(sys.argv[2])) else 0)
