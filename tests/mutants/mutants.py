"""Small faults put into the pool's core, one at a time: each must be found by the unit tests or by the simulator. Most of
them are faults that known pools shipped. ./dev mutants; with names as arguments, only those.

A fault is a replacement of one piece of a source by another; a piece that is not there exactly once stops the run, so that
the list cannot go stale unnoticed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from catalogue import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(os.environ.get("LIDO_MUTANTS_DIR", ROOT / "build" / "mutants"))
CXX = os.environ.get("LIDO_CXX", "g++")
FLAGS = ["-std=c++20", "-O1", "-D_GLIBCXX_ASSERTIONS", f"-I{ROOT}/include", f"-I{ROOT}/tests"]
SECONDS = 60
# What the unit tests share.
SUPPORT = ("ledger_driver.cpp", "made_up_queue.cpp", "pool_load.cpp", "fake_connector.cpp", "virtual_scheduler.cpp")


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def compiler():
    has_ccache = run(["sh", "-c", "command -v ccache"]).returncode == 0
    return ["ccache", CXX] if has_ccache else [CXX]


def compile_one(source, target, source_root):
    """`source_root` goes before the tree's own src, so that a changed header or source is the one that counts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    done = run([*compiler(), *FLAGS, f"-I{source_root}", f"-I{ROOT}/src", "-c", str(source), "-o", str(target)])
    if done.returncode != 0:
        raise RuntimeError(f"{source} does not compile:\n{done.stdout[-3000:]}")
    return target


def compile_all(sources, folder, source_root):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compile_one, s, folder / (s.name + ".o"), source_root) for s in sources]
        return [job.result() for job in jobs]


def sources_of(folder, pattern):
    return sorted((ROOT / folder).glob(pattern))


def pool_sources():
    return sources_of("src/pool", "*.cpp")


def unit_sources():
    names = ("ledger_", "settings_", "sizing_", "connect_gate_", "waiters_", "leak_watch_", "index_list_")
    return [s for s in sources_of("tests/unit/pool", "*_test.cpp") if s.name.startswith(names)]


def simulator_sources():
    return [s for s in sources_of("tests/sim", "*.cpp") if not s.name.endswith("_test.cpp")]


def build(folder, mutated, fixed, source_root):
    """The programs of one tree: unit tests and simulator. Only the pool itself is compiled anew, after a change of a
    header all of it: the tests need not know."""
    header = any(path.endswith(".hpp") for path in mutated)
    changed = {Path(path).name for path in mutated}
    anew = [source_root / "pool" / s.name for s in pool_sources() if header or s.name in changed]
    pool = compile_all(anew, folder, source_root)
    pool += [fixed["pool"][s.name] for s in pool_sources() if not header and s.name not in changed]
    link = [CXX, *map(str, pool), *map(str, fixed["base"])]
    gtest = ["-lgmock_main", "-lgmock", "-lgtest"]
    for name, objects, libraries in (("unit", fixed["unit"], gtest), ("sim", fixed["sim"], [])):
        done = run([*link, *map(str, objects), *libraries, "-lfmt", "-lpthread", "-o", str(folder / name)])
        if done.returncode != 0:
            raise RuntimeError(f"{name} does not link:\n{done.stdout[-3000:]}")


def killed_by(folder):
    """The first of the two that notices, and after how many seconds; None for neither."""
    begin = time.monotonic()
    for name, command in (
        ("unit tests", [str(folder / "unit"), "--gtest_brief=1", "--gtest_fail_fast"]),
        ("simulator", [str(folder / "sim"), "--minutes", str((SECONDS - 15) / 60), "--shrink", "0"]),
    ):
        left = SECONDS - (time.monotonic() - begin)
        try:
            ended = run(command, timeout=max(left, 1)).returncode != 0
        except subprocess.TimeoutExpired:
            # The sound programs end long before: it went round in circles.
            ended = True
        if ended:
            return name, time.monotonic() - begin
    return None, time.monotonic() - begin


def mutate(folder, path, old, new):
    text = (ROOT / "src" / path).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise RuntimeError(f"src/{path} has {text.count(old)} pieces like this, not one:\n{old}")
    target = folder / "src" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace(old, new), encoding="utf-8")


def try_mutant(mutant, fixed):
    name, _, changes = mutant
    folder = WORK / name
    for path, old, new in changes:
        mutate(folder, path, old, new)
    paths = [path for path, _, _ in changes]
    # A header that is included with quotes is looked for beside the file that includes it first: the sources that include
    # a changed header are compiled from a copy beside it.
    if any(path.endswith(".hpp") for path in paths):
        for source in [*(ROOT / "src/pool").glob("*.hpp"), *pool_sources()]:
            copy = folder / "src/pool" / source.name
            if not copy.exists():
                copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    build(folder, paths, fixed, folder / "src")
    return killed_by(folder)


def main(wanted):
    mutants = [m for m in MUTANTS if not wanted or m[0] in wanted]
    begin = time.monotonic()
    sound = WORK / "sound"
    fixed = {
        "base": compile_all(sources_of("src/base", "*.cpp"), sound, ROOT / "src"),
        "unit": compile_all(unit_sources() + [ROOT / "tests/support" / s for s in SUPPORT], sound, ROOT / "src"),
        "sim": compile_all(simulator_sources() + sources_of("tests/sim_program", "*.cpp"), sound, ROOT / "src"),
    }
    fixed["pool"] = dict(zip((s.name for s in pool_sources()), compile_all(pool_sources(), sound, ROOT / "src")))
    build(sound, [], fixed, ROOT / "src")
    if run([str(sound / "unit"), "--gtest_brief=1"]).returncode != 0:
        sys.exit("the unit tests fail without any mutant")
    if run([str(sound / "sim"), "--steps", "3000000", "--shrink", "0"]).returncode != 0:
        sys.exit("the simulator fails without any mutant")
    survivors = []
    print(f"{'mutant':<52} {'origin':<30} killed by", flush=True)
    # As many at once as there are cores: compiling, linking and testing one of them takes mostly one.
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for mutant, (killer, seconds) in zip(mutants, workers.map(lambda each: try_mutant(each, fixed), mutants)):
            if killer is None:
                survivors.append(mutant[0])
            print(f"{mutant[0]:<52} {mutant[1]:<30} {killer or 'NOBODY'}, {seconds:.1f} s", flush=True)
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} killed in {time.monotonic() - begin:.0f} s")
    if survivors:
        sys.exit("survived: " + ", ".join(survivors))


if __name__ == "__main__":
    main(set(sys.argv[1:]))
