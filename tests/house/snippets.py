"""The C++ in the documentation compiles.

A block of C++ in a markdown file is compiled when the line before it is one of these comments:

    <!-- compile -->             the block is a whole file
    <!-- compile: statements -->  the block stands inside a coroutine; its #include lines go to the top of the file
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import rules

MARK = re.compile(r"^<!--\s*compile(?::\s*(\w+))?\s*-->$")

STATEMENTS = """\
{includes}
#include <lido/base/task.hpp>

#include <chrono>

namespace {{

using namespace std::chrono_literals;

[[maybe_unused]] lido::task<void> snippet() {{
#line {line} "{file}"
{body}
    co_return;
}}

}}  // namespace
"""


@dataclass
class Snippet:
    file: str
    line: int
    kind: str
    text: str

    def source(self):
        if self.kind == "file":
            return f'#line {self.line} "{self.file}"\n{self.text}\n'
        lines = self.text.split("\n")
        includes = [line for line in lines if line.startswith("#include")]
        body = ["" if line.startswith("#include") else line for line in lines]
        return STATEMENTS.format(includes="\n".join(includes), line=self.line, file=self.file, body="\n".join(body))


def snippets_in(root, path):
    """(the marked blocks of one file, what is wrong with its marks)"""
    found, wrong = [], []
    lines = path.read_text(encoding="utf-8").split("\n")
    for index, line in enumerate(lines):
        mark = MARK.match(line.strip())
        if not mark:
            continue
        place = f"{path.relative_to(root).as_posix()}:{index + 1}"
        if (mark.group(1) or "file") not in ("file", "statements"):
            wrong.append(f"{place}: the mark says neither 'compile' nor 'compile: statements'")
        elif index + 1 >= len(lines) or lines[index + 1].strip() != "```cpp":
            wrong.append(f"{place}: the next line does not begin a block of cpp")
        else:
            end = next((i for i in range(index + 2, len(lines)) if lines[i].strip() == "```"), len(lines))
            text = "\n".join(lines[index + 2 : end])
            found.append(Snippet(str(path.relative_to(root)), index + 3, mark.group(1) or "file", text))
    return found, wrong


def all_snippets(root):
    root = Path(root)
    found, wrong = [], []
    for path in rules.files(root):
        if path.suffix == ".md":
            more, more_wrong = snippets_in(root, path)
            found += more
            wrong += more_wrong
    return found, wrong


def compile_snippet(root, compiler, snippet):
    """What the compiler complains of; empty if of nothing."""
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only"]
    command += ["-Wno-missing-field-initializers"]
    command += ["-I", str(Path(root) / "include"), "-x", "c++", "-"]
    done = subprocess.run(command, input=snippet.source(), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"exit status {done.returncode}"
