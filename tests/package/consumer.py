"""Builds and runs the programs in tests/package/consumer, given where its Lido comes from."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(os.environ.get("LIDO_SOURCE_DIR") or Path(__file__).resolve().parents[2])
CMAKE = os.environ.get("LIDO_CMAKE", "cmake")
COMPILER = os.environ.get("LIDO_CXX", "g++")
LAUNCHER = os.environ.get("LIDO_CXX_LAUNCHER", "")


def run(*command):
    """Runs a command; its whole output is the message if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def build_and_run(folder, *settings):
    """Builds them in `folder` with these CMake settings, and returns what its two programs print."""
    run(
        *(CMAKE, "-G", "Ninja", "-S", SOURCE / "tests/package/consumer", "-B", folder),
        *(f"-DCMAKE_CXX_COMPILER={COMPILER}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={LAUNCHER}", *settings),
    )
    programs = ("client", "own_kind")
    run(CMAKE, "--build", folder, "--parallel", str(os.cpu_count()), "--target", *programs)
    return [run(Path(folder) / program).strip() for program in programs]
