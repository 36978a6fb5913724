"""tidy.py BUILD_FOLDER JOBS: clang-tidy over src/, cli/ and all public headers, several files at once.

A file that passed is not looked at again while neither it, nor what it includes, nor .clang-tidy has changed: the hash of
its preprocessed text is kept in BUILD_FOLDER/tidy.
"""

import hashlib
import json
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-16"


def wanted(path, build):
    return path.is_relative_to(ROOT / "src") or path.is_relative_to(ROOT / "cli") or path == build / "all_headers.cpp"


def preprocessed(entry):
    """The text that the compiler sees, comments in (a NOLINT is one), or None if it cannot be made."""
    command = shlex.split(entry["command"])
    # What stands before the compiler is a launcher such as ccache.
    while command and not Path(command[0]).name.startswith("clang"):
        command.pop(0)
    output = command.index("-o")
    del command[output : output + 2]
    command = [word for word in command if word != "-c"] + ["-E", "-C"]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def tidy(entry, build, salt):
    """(passed, what clang-tidy said, looked at)"""
    text = preprocessed(entry)
    stamp = None
    if text is not None:
        stamp = build / "tidy" / hashlib.sha256(salt + text).hexdigest()
        if stamp.exists():
            return True, "", False
    command = [TIDY, "-p", str(build), "--quiet", entry["file"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0 and stamp is not None:
        stamp.touch()
    # It counts what it did not show on standard error, with findings or without.
    said = done.stdout + re.sub(r"^\d+ warnings? generated\.\n", "", done.stderr, flags=re.MULTILINE)
    return done.returncode == 0, said, True


def main():
    build, jobs = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    entries = json.loads((build / "compile_commands.json").read_text())
    entries = [entry for entry in entries if wanted(Path(entry["file"]), build)]
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes()
    (build / "tidy").mkdir(exist_ok=True)
    failed = looked_at = 0
    with ThreadPoolExecutor(jobs) as workers:
        runs = workers.map(lambda entry: tidy(entry, build, salt), entries)
        for entry, (passed, said, fresh) in zip(entries, runs):
            looked_at += fresh
            if not passed:
                failed += 1
                print(f"{Path(entry['file']).name}:\n{said}", flush=True)
    print(f"clang-tidy: {len(entries)} files, {looked_at} of them changed, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
