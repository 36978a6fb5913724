"""Who may include whom.

The allowed edges are the LAYERS of each lido_add_layer() in CMakeLists.txt; what CMake links and what the sources include
cannot differ. `findings(root)` returns one line for each include that goes elsewhere.
"""

import re
from pathlib import Path

# Kept out of the public headers, so that whoever uses Lido compiles none of it and can replace its version.
PRIVATE_LIBRARIES = re.compile(
    r"^(boost|openssl|nghttp2|brotli|toml\+\+|CLI|spdlog|mysql|mariadb)/"
    r"|^(libpq-fe|sqlite3|zlib|zstd|mysql)\.h$|^toml\.hpp$"
)
# Optional integrations in include/lido itself; whoever includes one has that library anyway.
INTEGRATIONS = {"include/lido/asio.hpp"}
# Layers without I/O: no sockets, no event loop, neither in headers nor in sources.
PURE_LAYERS = {"base", "pool", "resilience"}
IO_HEADERS = re.compile(r"^(boost/asio|openssl)[./]|^boost/asio\.hpp$|^sys/(socket|epoll|un)\.h$|^netinet/|^netdb\.h$")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)
LAYER_CALL = re.compile(r"^lido_add_layer\(\s*(\w+)([^)]*)\)", re.MULTILINE)


def allowed_layers(root):
    """The table: layer -> the layers that it may include, in the order of CMakeLists.txt."""
    table = {}
    for name, arguments in LAYER_CALL.findall((root / "CMakeLists.txt").read_text()):
        below, collecting = [], False
        for word in arguments.split():
            if word in ("PACKAGES", "PUBLIC", "PRIVATE"):
                collecting = False
            elif word == "LAYERS":
                collecting = True
            elif collecting:
                below.append(word)
        table[name] = below
    return table


def table_findings(table):
    """Each layer may name only layers that stand before it."""
    seen = set()
    for name, below in table.items():
        for other in below:
            if other not in seen:
                yield f"CMakeLists.txt: layer {name} uses {other}, which does not stand below it"
        seen.add(name)


def sources(root):
    for top in ("include/lido", "src"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h", ".inc", ".ipp"):
                yield path, path.relative_to(root / top)


def target_of(root, path, quote, name):
    """(is_public, path below include/lido or src) of a header of Lido, or None for one of somebody else."""
    if quote == '"':
        beside = path.parent / name
        if beside.is_file():
            beside = beside.resolve()
            for public, top in ((True, "include/lido"), (False, "src")):
                if beside.is_relative_to((root / top).resolve()):
                    return public, beside.relative_to((root / top).resolve())
    if name.startswith("lido/"):
        return True, Path(name[len("lido/") :])
    if quote == '"' or (root / "src" / name).is_file():
        return False, Path(name)
    return None


def file_findings(root, table, path, below_top):
    shown = path.relative_to(root).as_posix()
    public_file = shown.startswith("include/")
    layer = below_top.parts[0] if len(below_top.parts) > 1 else None
    if layer is None and not public_file:
        yield f"{shown}: stands in no layer"
        return
    if layer is not None and layer not in table:
        yield f"{shown}: {layer} is no layer; the layers are in CMakeLists.txt"
        return
    for quote, name in INCLUDE.findall(path.read_text()):
        if public_file and shown not in INTEGRATIONS and PRIVATE_LIBRARIES.search(name):
            yield f"{shown}: includes {name}; public headers name no library behind Lido"
        if layer in PURE_LAYERS and IO_HEADERS.search(name):
            yield f"{shown}: includes {name}; {layer} does no I/O"
        target = target_of(root, path, quote, name)
        if target is None:
            continue
        public_target, target_path = target
        if public_file and not public_target:
            yield f"{shown}: includes {name}, which is not public"
        if layer is None:
            continue
        if len(target_path.parts) == 1:
            yield f"{shown}: includes {name}, which stands above all layers"
        elif target_path.parts[0] != layer and target_path.parts[0] not in table[layer]:
            yield f"{shown}: includes {name}; {layer} may use {', '.join(table[layer]) or 'no other layer'}"


def findings(root):
    root = Path(root)
    table = allowed_layers(root)
    found = list(table_findings(table))
    for path, below_top in sources(root):
        found += file_findings(root, table, path, below_top)
    return found
