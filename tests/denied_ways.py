"""Ways to ask for what the manifest does not allow: each command, REPL command and library call, with each of its
options, each form of a target and each kind of manifest that denies it.

As a program (`python -m tests.denied_ways`) it runs ways, so that a test can trace them. Each is a process of its own,
forked from one that has loaded sockcli already: a start of Python for each would take most of the time. The ways are
read from stdin and what came of them is written to stdout, both as JSON.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import pkgutil
import signal
import sys
import termios
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any, Final, NamedTuple

import sockcli.__main__
from sockcli.base.connect_options import DialOptions, ListenOptions, LocalAddress
from sockcli.base.endpoint import Host, Operation, parse_port, split_target
from sockcli.engine import Engine
from sockcli.errors import SockcliError
from sockcli.policy import Request
from sockcli.policy.manifest import Manifest

USAGE, DENIED, BAD_MANIFEST = 2, 3, 4
QUIT: Final = 0  # the REPL at a terminal says that a line is denied, and goes on to the next, which is `quit`

OPERATIONS: Final = ("tcp-connect", "tcp-listen", "udp-send-to", "udp-bind")


def _manifest(allow: Iterable[str], deny: Iterable[str] = ()) -> str:
    return json.dumps({"permissions": [{"socket": list(allow)}], "deny": list(deny)})


def _each(*endpoints: str) -> list[str]:
    return [f"{operation}:{endpoint}" for operation in OPERATIONS for endpoint in endpoints]


# Each denies every target below, at every port that a way names.
DENYING: Final = {
    "no rules": _manifest([]),
    "other hosts": _manifest(_each("other.test", "192.0.2.200", "[2001:db8::200]", "198.51.100.0/24")),
    "another port": _manifest(_each("*:98")),
    "names under another": _manifest(_each("*.example.com", "*.a.printer.test", "*.rinter.test", "*.test.test")),
    "other permissions": _manifest(["resolve-host", "network-state", "udp-multicast-membership"]),
    "all allowed and all denied": _manifest(OPERATIONS, OPERATIONS),
    "all allowed and the ports denied": _manifest(OPERATIONS, _each("*:99", "*:23", "*:53", "*:80", "*:514")),
}
# These are no manifest: nothing is allowed, whatever is asked.
INVALID: Final = {
    "a wrong rule": _manifest([*OPERATIONS, "tcp-connect:*:99999"]),
    "not JSON": "tcp-connect",
    "empty": "",
    "a key twice": '{"deny": [], "deny": [], "permissions": [{"socket": ["tcp-connect", "udp-send-to"]}]}',
    "not UTF-8": "\udcff",
}
ANYTHING: Final = "anything"
OTHERS: Final = {
    ANYTHING: _manifest(OPERATIONS),
    # Each lacks one permission only, which is the one that is asked for.
    **{f"all but {each}": _manifest(operation for operation in OPERATIONS if operation != each) for each in OPERATIONS},
}
MISSING: Final = "missing"  # --manifest names a file that is not there
NOWHERE: Final = "nowhere"  # none is named, and none is in the usual places
NOT_TRUSTED: Final = "not trusted"  # none is named, and everybody may write the one in the folder
BY_VARIABLE: Final = "by the variable"  # the variable names one that has no rules


class Way(NamedTuple):
    """One request, and the exit code that refuses it."""

    manifest: str
    arguments: Sequence[str]
    code: int
    stdin: str = ""
    terminal: bool = False  # stdin, stdout and stderr are one
    library: bool = False  # the arguments are the name of one of CALLS, and a target

    def __str__(self) -> str:
        kind = "library: " if self.library else "terminal: " if self.terminal else ""
        stdin = f" < {self.stdin!r}" if self.stdin else ""
        return f"{kind}{' '.join(map(repr, self.arguments))}{stdin} ({self.manifest})"


# Targets. How many hosts there are is odd, so that each is written in two words and in one by turns.

HOSTS: Final = (
    "printer.test",
    "PRINTER.test.",
    "printer",
    "localhost",
    "api.localhost",
    "xn--mnchen-3ya.test",
    "127.0.0.1",
    "127.9.9.9",
    "192.0.2.7",
    "8.8.8.8",
    "169.254.169.254",
    "255.255.255.255",
    "224.0.0.251",
    "[::1]",
    "[2001:db8::7]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fd00:ec2::254]",
    "[fe80::7%lo]",
    "[fe80::7%1]",
    "10.255.255.255",
)
LOCAL: Final = (
    "127.0.0.1",
    "localhost",
    "printer.test",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "192.0.2.7",
    "127.9.9.9",
    "[fe80::7%lo]",
)

# Refused however much is allowed: they are no hosts, or not spelt as one is (contract 1.2).
NO_HOSTS: Final = (
    *("127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.01", "1.2.3.4.5"),
    *("１２７.0.0.1", "127。0。0。1", "ⓛocalhost", "münchen.test"),
    *("*", "", "<broadcast>", "*.test", "printer.test ", " printer.test", "printer\ttest", "printer.test\n"),
    *("printer.test/", "http://printer.test", "user@printer.test", "printer.test#", "printer.test?", "a\\b"),
    *("127.0.0.1%lo", "printer.test%lo", "[fe80::1%03]", "[fe80::1%4294967299]", "[::1%lo]", "[::1", "a" * 254),
)
NO_PORTS: Final = ("0", "65536", "65635", "+99", " 99", "99 ", "0x63", "-1", "９９", "nosuchservice", "")

# Options. Each is tried alone, with one target and one manifest after the other.

_BOTH: Final = (
    *("-4", "-6", "-s :5000", "-s 127.0.0.1", "-s [::1]:5000", "-s 127.0.0.1:0", "--deadline 9", "--json"),
    *("-x - -q", "-x dump", "--log log", "--log -", "--terminal safe", "--terminal raw", "--no-history", "-v", "-q"),
    *("--no-files", "--audit audit", "--audit audit --audit-format ocsf"),
)
_TCP: Final = (
    *("--retry 3 --retry-delay 0", "-z", "-z --retry 2 --retry-delay 0", "--connect-timeout 1", "--idle-timeout 1"),
    *("--linger 1", "--crlf", "--line-delay 0.1", "--no-shutdown", "--send-only", "--recv-only", "--progress"),
    *("--no-progress", "--telnet", "--no-telnet", "--telnet --binary", "--telnet --env USER=me", "--telnet --com"),
    *("--telnet --com-settings 9600,8n1", "--telnet --mud", "--telnet --compress", "--telnet --eol lf"),
    "-4 -z -s :5000 --retry 1 --retry-delay 0 --json",
)
_UDP: Final = (
    *("--framing line", "--framing all", "--framing 7", "--chomp", "--escapes", "--hex", "--empty", "-w 1", "-n 1"),
    *("-n 2 -w 1", "-n 1 --retries 3", "-4 -n 1 -w 1 --json"),
)
_TCP_LISTEN: Final = ("-k", "--recv-only", "--telnet", "--linger 1", "-4", "-6", "--json", "-x dump", "--crlf", "-k -v")
_UDP_LISTEN: Final = ("--count 1", "-4", "-6", "--json", "-x dump", "--deadline 9", "--log log")
_CHECK: Final = ("--resolve", "--resolve -4", "--resolve -6", "--resolve --json", "--resolve --deadline 9", "--json")

# Beginnings of requests, to be completed with a target, and the operation that each asks for.
COMMANDS: Final = {
    "tcp": "tcp-connect",
    "tcp -z": "tcp-connect",
    "tcp -s :5000": "tcp-connect",
    "udp": "udp-send-to",
    "udp -s :5000": "udp-send-to",
    "repl": "tcp-connect",
    "check tcp-connect": "tcp-connect",
    "check --resolve tcp-connect": "tcp-connect",
    "check --resolve udp-send-to": "udp-send-to",
}
LISTENING: Final = {
    "tcp -l": "tcp-listen",
    "tcp -l -k": "tcp-listen",
    "udp -l": "udp-bind",
    "check --resolve tcp-listen": "tcp-listen",
    "check --resolve udp-bind": "udp-bind",
}
# Lines of the REPL, with the operation that is missing.
LINES: Final = {
    "tcp {} 99": "tcp-connect",
    "tcp {}:99": "tcp-connect",
    "tcp -4 --retry 2 --retry-delay 0 {} 99": "tcp-connect",
    "tcp -s :5000 {} 99": "tcp-connect",
    "tcp --telnet --compress --mud {} telnet": "tcp-connect",
    "tcp -x dump --log log {} 99": "tcp-connect",
    "udp {} 99": "udp-send-to",
    "udp -s :5000 {} 99": "udp-send-to",
    "udp --chomp {} domain": "udp-send-to",
    "listen {} 99": "tcp-listen",
    "listen tcp --max-clients 1 {} 99": "tcp-listen",
    "listen tcp --telnet {} telnet": "tcp-listen",
    "listen udp {} 99": "udp-bind",
    "listen udp --log log {} domain": "udp-bind",
    "check tcp-connect {} 99": "tcp-connect",
    "check udp-bind:{}:99": "udp-bind",
}

# Library calls, each for a target at port 99.
_OWN_PORT: Final = DialOptions(source=LocalAddress(None, 5000), retry=1, retry_delay=0)
CALLS: Final[dict[str, Callable[[Engine, str], object]]] = {
    "open, tcp": lambda engine, target: engine.open(_request("tcp-connect", target)),
    "open, tcp from a port": lambda engine, target: engine.open(_request("tcp-connect", target), _OWN_PORT),
    "open, udp": lambda engine, target: engine.open(_request("udp-send-to", target)),
    "open, udp from a port": lambda engine, target: engine.open(_request("udp-send-to", target), _OWN_PORT),
    "connect": lambda engine, target: engine.connect(*_split(target)),
    "connect, udp": lambda engine, target: engine.connect(*_split(target), operation="udp-send-to", timeout=None),
    "listen": lambda engine, target: engine.listen(_request("tcp-listen", target), ListenOptions(family=4)),
    "bind": lambda engine, target: engine.bind(_request("udp-bind", target)),
    "resolve": lambda engine, target: engine.resolve(_request("tcp-connect", target), family=6),
    "resolve, udp": lambda engine, target: engine.resolve(_request("udp-send-to", target)),
    "authorize": lambda engine, target: engine.policy.authorize(_request("tcp-connect", target)),
}
_CALL_TARGETS: Final = ("printer.test:99", "localhost:99", "127.0.0.1:99", "[2001:db8::7]:99", "[fe80::7%lo]:99")


def _split(target: str) -> tuple[Host, int]:
    host, port = split_target(target)
    return Host.parse(host), parse_port(port)


def _request(operation: str, target: str) -> Request:
    return Request(Operation(operation), *_split(target))


def ways() -> dict[str, list[Way]]:
    """All of them by what varies; none twice."""
    groups = {
        "targets": _targets,
        "options": _options,
        "manifests": _manifests,
        "lines of the REPL": _repl,
        "wrong command lines": _usage,
        "at a terminal": _terminals,
        "library calls": _calls,
    }
    return {name: list(dict.fromkeys(group())) for name, group in groups.items()}


def _targets() -> Iterator[Way]:
    manifests = cycle(DENYING)
    in_one_word = cycle([False, True])
    for commands, hosts in ((COMMANDS, HOSTS), (LISTENING, LOCAL)):
        for command in commands:
            for host in hosts:
                words = (f"{host}:99",) if next(in_one_word) else (host.strip("[]"), "99")
                yield Way(next(manifests), (*command.split(), *words), DENIED)
    for command in ("tcp", "udp", "repl", "tcp -l", "udp -l"):
        for service in ("http", "telnet", "domain", "syslog"):
            udp_only, tcp_only = service == "syslog", service in ("telnet", "http")
            if not (tcp_only and "udp" in command) and not (udp_only and "udp" not in command):
                yield Way(next(manifests), (*command.split(), "printer.test", service), DENIED)


def _options() -> Iterator[Way]:
    manifests, hosts, local = cycle(DENYING), cycle(HOSTS), cycle(LOCAL)
    for _ in range(2):
        connecting: dict[str, Sequence[str]] = {"tcp": (*_BOTH, *_TCP), "udp": (*_BOTH, *_UDP)}
        for command, options in connecting.items():
            for option in options:
                yield Way(next(manifests), (command, *option.split(), next(hosts).strip("[]"), "99"), DENIED, "text\n")
        listening: dict[str, Sequence[str]] = {"tcp": _TCP_LISTEN, "udp": _UDP_LISTEN}
        for command, options in listening.items():
            for option in options:
                yield Way(next(manifests), (command, "-l", *option.split(), next(local).strip("[]"), "99"), DENIED)
        for option in _CHECK:
            for operation in ("tcp-connect", "udp-send-to"):
                host = next(hosts).strip("[]")
                yield Way(next(manifests), ("check", *option.split(), operation, host, "99"), DENIED)
    yield Way("no rules", ("udp", "printer.test", "99", "hello", "again"), DENIED)
    yield Way("no rules", ("udp", "-l", "224.0.0.251", "99"), DENIED)


def _manifests() -> Iterator[Way]:
    for commands, host in ((COMMANDS, "printer.test"), (LISTENING, "localhost")):
        for command, operation in commands.items():
            words = (*command.split(), host, "99")
            yield Way(f"all but {operation}", words, DENIED)
            for manifest in (*INVALID, MISSING, NOWHERE, NOT_TRUSTED):
                yield Way(manifest, words, BAD_MANIFEST)
            yield Way(BY_VARIABLE, words, DENIED)
    # A port of one's own is asked for before the name is looked up.
    yield Way("all but udp-bind", ("udp", "-s", ":5000", "printer.test", "99", "x"), DENIED)


def _repl() -> Iterator[Way]:
    manifests, hosts, local = cycle(DENYING), cycle(HOSTS), cycle(LOCAL)
    for line, operation in LINES.items():
        for host in (next(local if line.startswith("listen") else hosts) for _ in range(3)):
            yield Way(next(manifests), ("repl",), DENIED, line.format(host) + "\n")
        host = "printer.test" if "listen" not in line else "localhost"
        yield Way(f"all but {operation}", ("repl",), DENIED, f"set eol lf\n{line.format(host)}\ntcp localhost 98\n")
    for manifest in (*INVALID, MISSING, NOWHERE, NOT_TRUSTED):
        yield Way(manifest, ("repl",), BAD_MANIFEST, "tcp printer.test 99\nlisten 99\n")
    for line in ("send --to printer.test 99 hello", "sendfile file", "telnet do echo", "wait 0", "send x"):
        yield Way(ANYTHING, ("repl",), USAGE, f"{line}\n")  # there is no session


def _usage() -> Iterator[Way]:
    """Wrong command lines, although all is allowed."""
    for begin, host in _paired(("tcp", "udp", "check --resolve tcp-connect", "tcp -l", "udp -l", "repl"), NO_HOSTS):
        yield Way(ANYTHING, (*begin.split(), host.strip("[]") if "%" in host else host, "99"), USAGE)
    for begin, port in _paired(("tcp", "udp", "check --resolve udp-send-to", "repl"), NO_PORTS):
        yield Way(ANYTHING, (*begin.split(), "printer.test", port), USAGE)
    for line in (
        *("tcp", "udp", "tcp printer.test", "tcp printer.test 99 98", "tcp -4 -6 printer.test 99", "udp -l"),
        *(
            "tcp -l -z 99",
            "tcp --retry x printer.test 99",
            "tcp --deadline -1 printer.test 99",
            "tcp -k printer.test 99",
        ),
        *(
            "tcp --send-only --recv-only printer.test 99",
            "tcp --nosuch printer.test 99",
            "udp --hex printer.test 99 xy",
        ),
        *(
            "tcp -s printer.test: printer.test 99",
            "tcp --no-files --log log printer.test 99",
            "connect printer.test 99",
        ),
        *("udp --framing 0 printer.test 99", "check tcp-dial printer.test 99"),
        *("tcp --log manifests/anything.json printer.test 99", "udp -x manifests/anything.json printer.test 99 x"),
    ):
        yield Way(ANYTHING, tuple(line.split()), USAGE)


def _paired(commands: Sequence[str], values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each value with one command, and the first command with all."""
    for value, command in zip(values, cycle(commands)):
        yield command, value
        yield commands[0], value


def _terminals() -> Iterator[Way]:
    """At a terminal other modules are at work: the console, and what draws it."""
    manifests = cycle(DENYING)
    for command in ("tcp", "tcp --telnet", "udp", "tcp --no-history --escape none", "tcp -v"):
        for host in ("printer.test", "127.0.0.1"):
            yield Way(next(manifests), (*command.split(), host, "99"), DENIED, terminal=True)
    for command in ("tcp -l", "udp -l"):
        yield Way(next(manifests), (*command.split(), "99"), DENIED, terminal=True)
    for command in ("tcp", "udp", "repl"):
        yield Way("a wrong rule", (command, "printer.test", "99"), BAD_MANIFEST, terminal=True)
        yield Way(NOWHERE, (command, "printer.test", "99"), BAD_MANIFEST, terminal=True)
    yield Way(next(manifests), ("repl", "printer.test", "99"), QUIT, "quit\r", terminal=True)
    for line in LINES:
        if "--log" not in line and not line.startswith("check"):
            yield Way(next(manifests), ("repl",), QUIT, f"{line.format('localhost')}\rquit\r", terminal=True)


def _calls() -> Iterator[Way]:
    manifests = cycle(DENYING)
    for call in CALLS:
        for target in (*_CALL_TARGETS, *_CALL_TARGETS):
            yield Way(next(manifests), (call, target), DENIED, library=True)
    for manifest in (*INVALID, MISSING):
        yield Way(manifest, ("open, tcp", "printer.test:99"), BAD_MANIFEST, library=True)
    for host in NO_HOSTS:
        yield Way(ANYTHING, ("connect", f"{host}:99"), USAGE, library=True)


# Running them

LIMIT: Final = 15  # seconds, after which SIGALRM ends one that waits for something


class Place:
    """A folder with all the manifests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifests = directory / "manifests"

    def build(self) -> None:
        self.manifests.mkdir(parents=True)
        (self.directory / "nothing").mkdir()
        for name, text in (DENYING | INVALID | OTHERS).items():
            self.path(name).write_bytes(text.encode("utf-8", "surrogateescape"))
        shared = self.directory / "shared"
        shared.mkdir()
        (shared / "manifest.json").write_text(OTHERS[ANYTHING])
        (shared / "manifest.json").chmod(0o666)

    def path(self, manifest: str) -> Path:
        return self.manifests / f"{manifest}.json"

    def command(self, way: Way) -> list[str]:
        """The arguments of sockcli."""
        named = way.manifest not in (NOWHERE, NOT_TRUSTED, BY_VARIABLE)
        return [*(["--manifest", str(self.path(way.manifest))] if named else []), *way.arguments]

    def working_directory(self, way: Way) -> Path:
        return self.directory / {NOT_TRUSTED: "shared", NOWHERE: "nothing"}.get(way.manifest, ".")

    def environment(self, way: Way) -> dict[str, str]:
        home = self.directory / "nothing"
        found = {"HOME": str(home), "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TERM": "xterm"}
        return found | ({"SOCKCLI_MANIFEST": str(self.path("no rules"))} if way.manifest == BY_VARIABLE else {})


class Outcome(NamedTuple):
    """`code` is negative for a signal; `said` is what it wrote; `traces` are the files that strace made meanwhile."""

    code: int
    said: str
    traces: list[str]


def _run_all(ways: Iterable[Way], place: Place, traces: str) -> Iterator[Outcome]:
    for module in pkgutil.walk_packages(sockcli.__path__, "sockcli."):
        import_module(module.name)  # once, for all of them
    main = sockcli.__main__.main
    gc.freeze()  # the children look for no garbage in it, and so share its memory
    before = set(os.listdir(traces))
    for way in ways:
        code, said = _run(way, place, main)
        after = set(os.listdir(traces))
        yield Outcome(code, said.decode(errors="replace"), sorted(after - before))
        before = after


def _run(way: Way, place: Place, main: Callable[[Sequence[str]], int]) -> tuple[int, bytes]:
    """One way, as a process: how it ended and what it wrote."""
    if way.terminal:
        output, child_output = os.openpty()
        child_input = child_output
        os.write(output, way.stdin.encode())
    else:
        output, child_output = os.pipe()
        child_input, stdin = os.pipe()
        os.write(stdin, way.stdin.encode())
        os.close(stdin)
    pid = os.fork()
    if pid == 0:
        code = 99  # of a traceback
        try:
            code = _be(way, place, main, child_input, child_output)
        finally:
            sys.stderr.flush()
            os._exit(code)
    for fd in {child_input, child_output}:
        os.close(fd)
    said = b""
    with suppress(OSError):  # the end of a terminal
        while chunk := os.read(output, 65_536):
            said += chunk
    os.close(output)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def _be(way: Way, place: Place, main: Callable[[Sequence[str]], int], stdin: int, stdout: int) -> int:
    """In the child: become that run of sockcli, or that program that uses it."""
    signal.alarm(LIMIT)
    for fd, number in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(fd, number)
    os.closerange(3, max(stdin, stdout) + 9)
    if way.terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(place.working_directory(way))
    os.environ.clear()
    os.environ.update(place.environment(way))
    if not way.library:
        return main(place.command(way))
    call, target = way.arguments
    try:
        CALLS[call](Engine(Manifest.load(place.path(way.manifest)).policy), target)
    except SockcliError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    return 0


def _serve(directory: str, traces: str) -> None:
    given: list[Any] = json.load(sys.stdin)
    outcomes = _run_all((Way(*each) for each in given), Place(Path(directory)), traces)
    json.dump(list(outcomes), sys.stdout)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
