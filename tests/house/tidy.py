"""tidy.py BUILD_FOLDER JOBS: clang-tidy over src/, cli/ and all public headers, several files at once.

It reports clang's own warnings as well (clang-diagnostic-*), those that the build asks for, so that these files need not
be compiled by clang for them. A file that passed is not looked at again while neither it, nor what it includes, nor
.clang-tidy has changed.
"""

import re
import subprocess
import sys
from pathlib import Path

import translation_units as units_of
from tree import ROOT

TIDY = "clang-tidy-16"


def tidy(unit, passed):
    """(is it good, what clang-tidy said)"""
    # Its own command behind --, since clang-tidy would take each command that the build folder has for the file.
    command = [TIDY, "--quiet", str(unit.file), "--", *unit.arguments]
    done = subprocess.run(command, cwd=unit.directory, capture_output=True, text=True, check=False)
    # It counts what it did not show on standard error, with findings or without.
    said = done.stdout + re.sub(r"^\d+ warnings? generated\.\n", "", done.stderr, flags=re.MULTILINE)
    if done.returncode == 0:
        # clang-tidy writes no dependencies; to ask the compiler for them is a fiftieth of the work.
        list_files = unit.command("-M", "-MF", str(passed.dependencies(unit)))
        subprocess.run(list_files, cwd=unit.directory, capture_output=True, check=False)
    return done.returncode == 0, said


def check(root, build, jobs):
    """The number of files with findings."""
    units = [unit for unit in units_of.read(build) if units_of.belongs_to_tidy(unit, root, build)]
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    passed = units_of.Passed(build / "tidy", version + (root / ".clang-tidy").read_bytes())
    return units_of.look_at("clang-tidy", units, passed, jobs, lambda unit: tidy(unit, passed))


if __name__ == "__main__":
    sys.exit(1 if check(ROOT, Path(sys.argv[1]).resolve(), int(sys.argv[2])) else 0)
