"""The translation units of a build folder, and which of them passed before and have not changed since."""

import hashlib
import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unit:
    file: Path
    directory: Path
    compiler: str
    arguments: tuple  # without the file itself, without what asks for an object file

    def command(self, *more):
        return [self.compiler, *self.arguments, *more, str(self.file)]


def unit_of(entry):
    """The unit of an entry of compile_commands.json."""
    words = shlex.split(entry["command"])
    # What stands before the compiler is a launcher such as ccache.
    while not Path(words[0]).name.startswith("clang"):
        words.pop(0)
    output = words.index("-o")
    del words[output : output + 2]
    arguments = tuple(word for word in words[1:] if word not in ("-c", entry["file"]))
    return Unit(Path(entry["file"]), Path(entry["directory"]), words[0], arguments)


def read(build):
    """The units of a build folder, each source once: a second target compiles it no differently."""
    units = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        unit = unit_of(entry)
        units.setdefault(unit.file, unit)
    return list(units.values())


def belongs_to_tidy(unit, root, build):
    """What clang-tidy looks at, and reports clang's warnings of; the rest only has to compile without warnings."""
    return any(unit.file.is_relative_to(root / folder) for folder in ("src", "cli")) or unit.file == build / "all_headers.cpp"


def files_in(dependencies):
    """The files that a rule for make names, as the compiler writes it with -MF."""
    text = dependencies.replace("\\\n", " ").partition(": ")[2]
    # A blank within a name has a backslash before it, a dollar sign is doubled.
    return [name.replace("\0", " ").replace("$$", "$") for name in text.replace("\\ ", "\0").split()]


class Passed:
    """Remembers in a folder what passed, by what it was made of: the command, and the text of all files that it read."""

    def __init__(self, folder, salt):
        folder.mkdir(exist_ok=True)
        self.folder, self.salt, self.hashes = folder, salt, {}

    def stamp(self, unit):
        return self.folder / hashlib.sha256(str(unit.file).encode()).hexdigest()

    def dependencies(self, unit):
        """Where the compiler is to write which files it read."""
        return self.stamp(unit).with_suffix(".d")

    def hash_of(self, name):
        # Most files are read by most units; each is read once here.
        if name not in self.hashes:
            self.hashes[name] = hashlib.sha256(Path(name).read_bytes()).digest()
        return self.hashes[name]

    def made_of(self, unit):
        """The hash of what the unit is made of, or None if that cannot be known."""
        try:
            names = files_in(self.dependencies(unit).read_text())
            texts = [self.hash_of(unit.directory / name) for name in names]
        except OSError:  # It was never looked at, or a file of then is no more.
            return None
        return hashlib.sha256(b"".join([self.salt, repr(unit).encode(), *texts])).hexdigest()

    def has(self, unit):
        stamp = self.stamp(unit)
        return stamp.exists() and stamp.read_text() == self.made_of(unit)

    def add(self, unit):
        made_of = self.made_of(unit)
        if made_of is not None:
            self.stamp(unit).write_text(made_of)


def look_at(name, units, passed, jobs, look):
    """Looks at the units that have not passed, several at once, and prints what was found; the number with findings.

    look(unit) returns (is it good, what was said), and has written the unit's dependencies if it is.
    """
    stale = [unit for unit in units if not passed.has(unit)]
    failed = 0
    with ThreadPoolExecutor(jobs) as workers:
        for unit, (good, said) in zip(stale, workers.map(look, stale)):
            if good:
                passed.add(unit)
            else:
                failed += 1
                print(f"{unit.file.name}:\n{said}", flush=True)
    print(f"{name}: {len(units)} files, {len(stale)} of them changed, {failed} with findings", flush=True)
    return failed
