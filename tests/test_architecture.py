"""The house rules about modules that a machine can hold: which may import which, and which may not import at all.

The import graph is read from the source, imports inside functions and under TYPE_CHECKING included: a cycle that
shows only at run time is one all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "sockcli"

# From the bottom up, as the folders are named. A package imports from the rows below its own, never from its own row;
# within a package there are no cycles. A new package needs a place here.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("errors",),
    ("base",),
    ("policy", "telnet", "terminal"),
    ("net",),
    ("connection",),
    ("engine",),
    ("stdio",),
    ("observers",),
    ("transfer", "datagram", "sandbox"),
    ("sessions",),
    ("commands",),
    ("console",),
    ("demo",),
    ("cli",),
    ("__init__", "__main__"),
)
# Modules that stand in no package: the faces of the house, and what everything needs.
LOOSE: Final = frozenset({"errors", "connection", "engine", "__init__", "__main__"})

# Bytes in, events out: what decides and what parses does not look at the world. Those that may, and at what.
PURE_LAYERS: Final = 3
WORLD: Final = frozenset(
    {"asyncio", "fcntl", "io", "os", "pathlib", "select", "selectors", "shutil", "signal", "socket", "ssl", "stat"}
    | {"subprocess", "sys", "tempfile", "termios", "threading", "time"}
)
WINDOWS: Final = {
    "base.deadline": {"time"},
    "base.poller": {"select"},
    "base.interrupts": {"os", "signal"},
    "policy.locate": {"os", "stat"},
}

# Libraries, and the packages that may use them, wherever in a file the import stands.
ROOMS: Final = {
    **dict.fromkeys(("socket", "_socket", "ssl", "_ssl"), ("net",)),
    "asyncio": ("sessions", "commands", "console"),
    "prompt_toolkit": ("console",),
    "click": ("cli", "__main__", "stdio"),  # stdio/progress draws its bar
    # Each of these opens sockets of its own.
    **dict.fromkeys(("socketserver", "http.client", "http.server", "urllib.request", "xmlrpc", "smtplib"), ()),
    **dict.fromkeys(("ftplib", "imaplib", "poplib", "telnetlib", "nntplib", "multiprocessing"), ()),
    # These ask whatever /etc/nsswitch.conf names, which may be a server.
    **dict.fromkeys(("pwd", "grp"), ()),
}
# Ways to the network that need no import: an event loop, and a socket somebody hands over.
CALLS: Final = frozenset(
    {"getaddrinfo", "getnameinfo", "gethostbyname", "open_connection", "create_connection", "start_server"}
    | {"create_datagram_endpoint", "create_server", "sock_connect", "connect_ex", "sendto", "sendmsg"}
)
# What opens sockets takes a Grant; above the engine nobody holds both.
OPENERS: Final = frozenset({"dial", "resolve", "listen", "receiver", "connect", "bind_first", "SYSTEM_NET"})


class Import(NamedTuple):
    """`importer` needs `imported`, both without the leading `sockcli.`; `name` is what it takes from there."""

    importer: str
    imported: str
    name: str | None
    line: int


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the package, by its name below `sockcli`; a package is its `__init__`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(path.read_bytes(), str(path))
    return found


class RawImport(NamedTuple):
    """As it stands in the file: the module, the name taken from it, and whether only type checkers see it."""

    module: str
    name: str | None
    line: int
    typing_only: bool


def raw_imports(module: str) -> Iterator[RawImport]:
    tree = sources()[module]
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield RawImport(alias.name, None, node.lineno, id(node) in guarded)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            for alias in node.names:
                yield RawImport(node.module or "", alias.name, node.lineno, id(node) in guarded)


def internal(module: str) -> Iterator[Import]:
    """The imports of our own modules."""
    for imported, name, line, _ in raw_imports(module):
        if imported == "sockcli" and name != "__version__":
            yield Import(module, name or "__init__", None, line)
        elif imported.startswith("sockcli."):
            below = imported.removeprefix("sockcli.")
            # `from sockcli.net import udp` takes a module, not a name.
            is_module = f"{below}.{name}" in sources()
            yield Import(module, f"{below}.{name}" if is_module else below, None if is_module else name, line)


def external(module: str) -> Iterator[tuple[str, int]]:
    """The imports of anything else, by their full names. To name a type is not to use it."""
    for imported, name, line, typing_only in raw_imports(module):
        if imported.partition(".")[0] != "sockcli" and not typing_only:
            yield (f"{imported}.{name}" if name else imported), line


def top(module: str) -> str:
    return module.partition(".")[0]


def layer(module: str) -> int:
    return next((number for number, row in enumerate(LAYERS) if top(module) in row), -1)


def is_in(imported: str, library: str) -> bool:
    return f"{imported}.".startswith(f"{library}.")


def test_every_module_has_a_layer() -> None:
    homeless = sorted({top(module) for module in sources() if layer(module) < 0})
    assert not homeless, f"give them a place in LAYERS: {homeless}"


def test_no_module_is_loose() -> None:
    assert {module for module in sources() if "." not in module and not (PACKAGE / module).is_dir()} == LOOSE


def test_imports_point_down() -> None:
    """Into a lower row, or within the package."""
    wrong = [
        f"{each.importer}:{each.line} imports {each.imported}"
        for module in sources()
        for each in internal(module)
        if top(each.imported) != top(module) and layer(each.imported) >= layer(module)
    ]
    assert not wrong


def test_no_cycles() -> None:
    """Between modules, whether the import stands at the top of a file or is put off."""
    graph = {module: sorted({each.imported for each in internal(module)} - {module}) for module in sources()}
    state: dict[str, str] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state.get(module) != "open", " -> ".join((*path[path.index(module) :], module))
        if module in state:
            return
        state[module] = "open"
        for imported in graph.get(module, ()):
            visit(imported, (*path, module))
        state[module] = "done"

    for module in graph:
        visit(module, ())


def test_own_imports_name_modules_that_exist() -> None:
    missing = [
        f"{each.importer}:{each.line}: {each.imported}"
        for module in sources()
        for each in internal(module)
        if each.imported not in sources()
    ]
    assert not missing


def test_what_decides_and_parses_sees_nothing_of_the_world() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module in sources()
        if 0 <= layer(module) < PURE_LAYERS
        for imported, line in external(module)
        if top(imported) in WORLD - WINDOWS.get(module, set())
    ]
    assert not wrong


def test_sockets_and_event_loops_stay_in_their_rooms() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module in sources()
        for imported, line in external(module)
        for library, rooms in ROOMS.items()
        if is_in(imported, library) and top(module) not in rooms
    ]
    assert not wrong


def test_network_calls_stay_in_net() -> None:
    wrong = [
        f"{module}:{node.lineno} calls {node.attr}"
        for module, tree in sources().items()
        if top(module) != "net"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in CALLS
    ]
    assert not wrong


def test_only_the_engine_opens() -> None:
    wrong = [
        f"{module}:{each.line} takes {each.name} from {each.imported}"
        for module in sources()
        if top(module) not in ("net", "engine")
        for each in internal(module)
        if top(each.imported) == "net" and each.name in OPENERS
    ]
    assert not wrong


def test_no_class_name_stands_twice() -> None:
    """Else a reader has to look at the imports of a file to know which class is meant."""
    homes: dict[str, list[str]] = {}
    for module, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


# click makes a dictionary of a command line. request.py makes typed values of it, and nothing below has such a thing.
UNTYPED: Final = frozenset({"dict[str, Any]", "Mapping[str, Any]", "MutableMapping[str, Any]"})


def test_no_dictionary_of_clicks_is_handed_on() -> None:
    """The only one there is belongs to asyncio, which tells an exception handler of a fault in that way."""
    wrong = [
        f"{module}:{node.lineno} has a {ast.unparse(node)}"
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node) in UNTYPED and id(node) not in handed_by_asyncio(tree)
    ]
    assert not wrong


def handed_by_asyncio(tree: ast.Module) -> set[int]:
    """The annotations of `context` in `(loop, context)`, the arguments of an event loop's exception handler."""
    return {
        id(argument.annotation)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any("AbstractEventLoop" in ast.unparse(a) for a in node.args.args)
        for argument in node.args.args
        if argument.arg == "context"
    }


def test_options_to_connect_are_made_in_one_place_of_the_command_line() -> None:
    makers = {
        module
        for module, tree in sources().items()
        if top(module) in ("cli", "commands", "console")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("DialOptions", "ListenOptions")
    }
    assert makers == {"cli.request"}


def test_graph_has_edges_of_every_kind() -> None:
    """Else the rules above would hold of anything."""
    edges = {(each.importer, each.imported, each.name) for module in sources() for each in internal(module)}
    assert ("net.tcp_connect", "policy", "Grant") in edges
    assert ("datagram.exchange", "net.udp", None) in edges
    assert any(imported == "socket" for imported, _ in external("net.system"))
    assert len(edges) > 50
