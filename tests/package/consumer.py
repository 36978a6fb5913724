"""Builds and runs the programs in tests/package/consumer, given where its Lido comes from."""

import os
import re
import subprocess
from pathlib import Path

SOURCE = Path(os.environ.get("LIDO_SOURCE_DIR") or Path(__file__).resolve().parents[2])
CMAKE = os.environ.get("LIDO_CMAKE", "cmake")
COMPILER = os.environ.get("LIDO_CXX", "g++")
LAUNCHER = os.environ.get("LIDO_CXX_LAUNCHER", "")
PROGRAMS = ("client", "own_kind")
# What has a say in how a file of Lido is compiled.
COMPILING = r"CMAKE_BUILD_TYPE|CMAKE_CXX_FLAGS(?:_[A-Z]+)?|LIDO_WARNINGS(?:_AS_ERRORS)?"


def run(*command):
    """Runs a command; its whole output is the message if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def settings_of(binary_dir):
    """How the build in that folder compiles Lido, as arguments for CMake."""
    cache = (Path(binary_dir) / "CMakeCache.txt").read_text()
    return [f"-D{name}={value}" for name, value in re.findall(rf"^({COMPILING}):\w+=(.*)$", cache, re.MULTILINE)]


def configure(folder, *settings):
    """Has them configured in `folder` with these CMake settings."""
    run(
        *(CMAKE, "-G", "Ninja", "-S", SOURCE / "tests/package/consumer", "-B", folder),
        *(f"-DCMAKE_CXX_COMPILER={COMPILER}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={LAUNCHER}", *settings),
    )


def build_and_run(folder, *settings):
    """Builds them in `folder` with these CMake settings, and returns what its two programs print."""
    configure(folder, *settings)
    run(CMAKE, "--build", folder, "--parallel", str(os.cpu_count()), "--target", *PROGRAMS)
    return [run(Path(folder) / program).strip() for program in PROGRAMS]
