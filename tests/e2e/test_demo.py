"""`sockcli demo` as a stranger meets it: what it shows is true, can be typed, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pexpect  # type: ignore[import-untyped]
import pyte
import pytest

from sockcli.cli.demo import OFFER
from tests.e2e.runner import Process, Sockcli
from tests.netns import namespace
from tests.waiting import PATIENCE, until

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# Some: it starts a process for each of its steps, and others may be busy.
LONG: Final = 50.0

RULE: Final = re.compile(r'"((?:tcp-connect|udp-send-to):127\.0\.0\.1:([0-9]+))"')


class Shown(NamedTuple):
    """A step as it is printed."""

    about: str
    command: str
    output: str
    code: int


class Demo:
    """Starts `sockcli demo` with a place for temporary files that is empty before and after."""

    def __init__(self, sockcli: Sockcli, directory: Path) -> None:
        self._sockcli = sockcli
        self.temporary = directory
        self.temporary.mkdir()

    def start(self, *options: str, before: tuple[str, ...] = (), path: str | None = None) -> Process:
        env = {"TMPDIR": str(self.temporary), "PATH": path or self._sockcli.environment()["PATH"]}
        return self._sockcli.start("demo", *options, env=env, named=False, before=before)

    def left(self) -> list[Path]:
        return list(self.temporary.iterdir())


@pytest.fixture
def demo(sockcli: Sockcli, tmp_path: Path) -> Demo:
    return Demo(sockcli, tmp_path / "temporary")


def steps(text: str) -> list[Shown]:
    """What a run printed, step by step."""
    found = []
    for paragraph in re.split(r"\n\n(?=# )", text.partition("\n\n# ")[2].rpartition("\n\n")[0]):
        about, command, *output = paragraph.removeprefix("# ").split("\n")
        ended = re.fullmatch(r"\(exit code ([0-9]+): \w+\)", output[-1]) if output else None
        body = output[:-1] if ended else output
        found.append(Shown(about, command.removeprefix("$ "), "\n".join(body), int(ended[1]) if ended else 0))
    return found


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a whole run printed."""
    directory = tmp_path_factory.mktemp("tour")
    black_box = Sockcli(directory)
    demo = Demo(black_box, directory / "temporary")
    result = demo.start().finish(b"", LONG)
    black_box.close()
    assert (result.code, result.err) == (0, "")
    assert demo.left() == []
    return result.out.decode()


# What it shows


def test_each_step_ends_as_it_says(tour: str) -> None:
    assert [(step.command.replace("-4 ", "").split("sockcli ")[-1].split()[0], step.code) for step in steps(tour)] == [
        ("cat", 0),
        ("check", 0),
        ("tcp", 0),
        ("tcp", 3),
        ("tcp", 3),
        ("udp", 0),
        ("udp", 0),
        ("udp", 7),
        ("udp", 0),
        ("udp", 0),
        ("tcp", 0),
        ("tcp", 0),
    ]


def test_each_step_shows_what_it_is_about(tour: str) -> None:
    manifest, check, tcp, denied, name, udp, loses, lost, late, json, dump, telnet = steps(tour)
    assert RULE.search(manifest.output)
    assert check.output.startswith("allowed  tcp-connect:127.0.0.1:")
    assert tcp.output.endswith("\nhello, you\n42\ngoodbye")
    assert "tcp-connect to 127.0.0.1:22 denied: no rule allows it" in denied.output
    assert 'hint: to allow it, add this rule to the manifest: "tcp-connect:127.0.0.1:22"' in denied.output
    assert "localhost leads to 127.0.0.1 (loopback)" in name.output
    assert udp.output == "hello"
    assert loses.output == "lose 2 of these"
    assert "no reply within" in lost.output
    assert late.output == "delay 0.3 seconds"
    assert [line.partition(",")[0] for line in json.output.splitlines()] == [
        f'{{"event": "{event}"' for event in ("connect", "receive", "close")
    ]
    assert re.fullmatch(r"> .*63 61 66 c3 a9 01 0a.*\|caf\.\.\.\.\|\n< .*\|caf\.\.\.\.\|", dump.output)
    assert "welcome, ann" in telnet.output
    assert "secret" not in telnet.output


def test_it_says_what_it_is_first_and_what_to_do_next_last(tour: str) -> None:
    assert tour.startswith("sockcli goes only where a manifest says it may.")
    assert "`sockcli demo --serve`" in tour.splitlines()[-1]
    assert "\x1b" not in tour
    assert all(line.isprintable() for line in tour.splitlines())


# What it shows can be typed


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_each_command_works_when_pasted(tour: str, demo: Demo) -> None:
    """In another terminal, against servers that are kept up; only their ports are others."""
    told = demo.start("--serve", path=os.defpath).read_until(b"\n# ").decode()
    preparation = [line.removeprefix("$ ") for line in told.splitlines() if line.startswith("$ ")]
    (folder,) = demo.left()
    manifest, *rest = steps(tour)
    old = [port for _, port in RULE.findall(manifest.output)]
    new = [port for _, port in RULE.findall((folder / "manifest.json").read_text())]
    ports = dict(zip(old, new, strict=True))

    def paste(command: str) -> tuple[str, int]:
        done = subprocess.run(
            ["bash", "-c", "\n".join([*preparation, command])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout.decode(), done.returncode

    for step in (manifest, *rest):
        command, expected = (
            re.sub(r"\b[0-9]{4,5}\b", lambda port: ports.get(port[0], port[0]), text) for text in step[1:3]
        )
        output, code = paste(command)
        assert without_chance(output) == without_chance(expected)
        assert code == step.code


def without_chance(output: str) -> str:
    """Without times and the manifest's path, and lines ended as the tour ends them."""
    output = re.sub(r'"time": [0-9.]+', '"time": 0', output)
    output = re.sub(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}", "00:00:00.000", output)
    output = re.sub(r"/[^ ]*/sockcli-demo-[^/]*/", "/tmp/", output)
    return output.replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize("on_path", [True, False])
def test_the_path_is_set_only_where_it_has_to_be(demo: Demo, on_path: bool) -> None:
    installed = Path(sys.executable).parent
    if not (installed / "sockcli").exists():
        pytest.skip("sockcli is not installed beside this Python")
    path = f"{installed}:{os.defpath}" if on_path else os.defpath
    told = demo.start("--serve", path=path).read_until(b"\n# ").decode()
    assert (f'$ export PATH={installed}:"$PATH"\n' in told) == (not on_path)


# Serving


def test_serving_tells_how_to_reach_each_server_and_the_manifest(demo: Demo, sockcli: Sockcli) -> None:
    serving = demo.start("--serve")
    told = serving.read_until(b"sockcli udp 127.0.0.1 ").decode() + serving.read_until(b"\n").decode()
    (folder,) = demo.left()
    manifest = str(folder / "manifest.json")
    assert f"export SOCKCLI_MANIFEST={manifest}\n" in told
    tcp, udp = (re.findall(rf"\$ sockcli {kind} 127\.0\.0\.1 ([0-9]+)", told) for kind in ("tcp", "udp"))
    assert [port for _, port in RULE.findall(Path(manifest).read_text())] == [*tcp, *udp]
    for port, sent, received in ((tcp[0], "quit\n", "goodbye\r\n"), (tcp[1], "ann\n", "login: "), (tcp[2], "x", "x")):
        result = sockcli.run("--manifest", manifest, "tcp", "127.0.0.1", port, data=sent.encode(), named=False)
        assert received in result.out.decode("latin-1")
    assert sockcli.run("--manifest", manifest, "udp", "-n", 1, "127.0.0.1", udp[0], "x", named=False).out == b"x"
    assert serving.running()


def test_as_every_command_it_takes_the_option_that_names_a_manifest(demo: Demo, sockcli: Sockcli) -> None:
    """And uses its own: nothing of the one that is named would allow these servers."""
    sockcli.allow()
    serving = demo.start("--serve", "--manifest", str(sockcli.manifest))
    assert str(sockcli.manifest) not in serving.read_until(b"sockcli repl\n").decode()


def test_verbose_names_the_manifest_and_the_servers(demo: Demo) -> None:
    serving = demo.start("--serve", "-v")
    told = serving.read_until(b"sockcli repl\n").decode()
    (folder,) = demo.left()
    manifest, *services = serving.errors().splitlines()
    assert manifest == f"sockcli: manifest {folder / 'manifest.json'}"
    ports = [line.rpartition(":")[2] for line in services]
    assert ports == re.findall(r"sockcli (?:tcp|udp) 127\.0\.0\.1 ([0-9]+)", told)


# The end


def children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_the_tour_with_nothing_left(demo: Demo, signum: signal.Signals) -> None:
    process = demo.start()
    process.read_until(b"'lose 2 of those'\n")  # a step that waits, so that it is under way
    (shell,) = until(lambda: children(process.pid), "the step's shell")
    process.kill(signum)
    result = process.finish()
    assert (result.code, result.err) == (-signum, "")
    assert demo.left() == []
    assert not Path(f"/proc/{shell}").exists()


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_serving_with_nothing_left(demo: Demo, signum: signal.Signals) -> None:
    process = demo.start("--serve")
    process.read_until(b"sockcli udp 127.0.0.1 ")
    process.kill(signum)
    result = process.finish()
    assert (result.code, result.err) == (-signum, "")
    assert demo.left() == []


def test_a_peer_does_not_hold_up_the_end(demo: Demo, sockcli: Sockcli) -> None:
    process = demo.start("--serve")
    process.read_until(b"sockcli tcp ")
    host, port = process.read_until(b"\n").decode().split()
    peer = sockcli.start("tcp", host, port)
    peer.read_until(b"quit\r\n")
    process.kill(signal.SIGTERM)
    assert process.finish().code == -signal.SIGTERM
    assert peer.finish().code == 0


@pytest.mark.parametrize("options", [(), ("--serve",)])
def test_a_reader_that_leaves_ends_it_quietly(demo: Demo, options: tuple[str, ...]) -> None:
    process = demo.start(*options)
    process.close_output()
    result = process.finish(seconds=LONG)
    assert (result.code, result.err) == (141, "")
    assert demo.left() == []


def test_a_full_disk_is_told(demo: Demo, sockcli: Sockcli) -> None:
    with open("/dev/full", "wb") as full:
        process = sockcli.start("demo", stdout=full, env={"TMPDIR": str(demo.temporary)}, named=False)
        result = process.finish()
    assert result.code == 1
    assert result.err.startswith("sockcli: error: ")
    assert demo.left() == []


# Where it runs


def test_it_needs_no_network(demo: Demo, tmp_path: Path, tour: str) -> None:
    """In a namespace with nothing but its loopback, where no name server answers."""
    with namespace(tmp_path / "namespace") as alone:
        result = demo.start(before=tuple(alone.command())).finish(seconds=LONG)
    assert (result.code, result.err) == (0, "")
    assert [step.code for step in steps(result.out.decode())] == [step.code for step in steps(tour)]


def test_it_leaves_its_input_to_others(demo: Demo) -> None:
    process = demo.start()
    process.send(b"not for the demo")
    result = process.finish(seconds=LONG)
    assert result.code == 0
    assert not process.has_read_all()


# On a terminal


@pytest.fixture
def terminal(demo: Demo, sockcli: Sockcli) -> Iterator[pexpect.spawn]:
    """The demo on a pty, at the end of its tour."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "sockcli", "demo"],
        env={**sockcli.environment(), "TMPDIR": str(demo.temporary), "TERM": "xterm"},
        cwd=str(sockcli.working_directory),
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=LONG,
    )
    child.expect_exact(OFFER)
    yield child
    child.close(force=True)


def end_of(child: pexpect.spawn) -> int:
    """Its exit code, or the signal it died of, as a shell has it."""
    child.expect(pexpect.EOF)
    child.wait()
    return int(child.exitstatus) if child.signalstatus is None else 128 + int(child.signalstatus)


@pytest.mark.parametrize(("answer", "code"), [("q\r", 0), ("no\r", 0), ("\x04", 0), ("\x03", 130)])
def test_the_repl_need_not_be_entered(terminal: pexpect.spawn, demo: Demo, answer: str, code: int) -> None:
    terminal.send(answer)
    assert end_of(terminal) == code
    assert "sockcli>" not in terminal.before
    assert demo.left() == []


def test_the_repl_is_on_the_demos_servers(terminal: pexpect.spawn, demo: Demo) -> None:
    terminal.send("\r")
    terminal.expect(r"tcp 127\.0\.0\.1 ([0-9]+)[^0-9]")
    port = terminal.match[1]
    terminal.expect_exact("sockcli>")
    terminal.send(f"tcp 127.0.0.1 {port}\r")
    terminal.expect_exact("sum N…, quit")
    terminal.send("sum 40 2\r")
    terminal.expect_exact("42")
    terminal.send("quit\r")
    terminal.expect_exact("goodbye")
    terminal.expect_exact("sockcli>")
    terminal.send("\x04")
    assert end_of(terminal) == 0
    assert demo.left() == []


def test_the_telnet_page_on_a_terminal(demo: Demo, sockcli: Sockcli) -> None:
    """With sockcli as the client: a line with the name, one that is hidden, and then the page has the terminal."""
    serving = demo.start("--serve")
    serving.read_until(b"telnet service")
    serving.read_until(b"$ sockcli tcp ")
    words = serving.read_until(b"\n").decode().split()
    (folder,) = demo.left()
    screen = pyte.Screen(60, 14)
    stream = pyte.Stream(screen)
    child = pexpect.spawn(
        sys.executable,
        ["-m", "sockcli", "--manifest", str(folder / "manifest.json"), "tcp", *words],
        env={**sockcli.environment(), "TERM": "xterm"},
        cwd=str(sockcli.working_directory),
        dimensions=(14, 60),
        encoding="utf-8",
        timeout=PATIENCE,
    )

    def shows(text: str) -> None:
        def seen() -> bool:
            with contextlib.suppress(pexpect.TIMEOUT):
                stream.feed(child.read_nonblocking(65_536, timeout=0))
            return any(text in line for line in screen.display)

        until(seen, f"{text!r} on the screen: {screen.display}")

    shows("login: ")
    child.send("ann\r")
    shows("password: ")
    child.send("secret\r")
    shows("q to leave.")
    assert not any("secret" in line for line in screen.display)
    child.send("x")
    shows("window    60 x 14")
    assert (screen.display[0][0], screen.display[13][59]) == ("┌", "┘")
    child.send("a")
    shows("keys      1, the last one a")
    screen.resize(20, 70)
    child.setwinsize(20, 70)
    shows("window    70 x 20")
    assert (screen.display[0][0], screen.display[19][69]) == ("┌", "┘")
    child.send("\x03")
    assert end_of(child) == 0
    assert "goodbye" in child.before


def test_a_signal_in_the_repl_leaves_nothing_behind(terminal: pexpect.spawn, demo: Demo) -> None:
    terminal.send("\r")
    terminal.expect_exact("sockcli>")
    terminal.kill(signal.SIGTERM)
    assert end_of(terminal) == 143
    assert demo.left() == []


def test_what_was_typed_during_the_tour_is_no_answer(demo: Demo, sockcli: Sockcli) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "sockcli", "demo"],
        env={**sockcli.environment(), "TMPDIR": str(demo.temporary)},
        cwd=str(sockcli.working_directory),
        encoding="utf-8",
        timeout=LONG,
    )
    child.expect_exact("sockcli check")
    child.send("\r\r")
    child.expect_exact(OFFER)
    child.send("q\r")
    assert end_of(child) == 0
    assert "sockcli>" not in child.before


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    demo: Demo, sockcli: Sockcli, environment: dict[str, str], coloured: bool
) -> None:
    env = {**sockcli.environment(), "TMPDIR": str(demo.temporary), **environment}
    child = pexpect.spawn(sys.executable, ["-m", "sockcli", "demo", "--serve"], env=env, encoding="utf-8", timeout=LONG)
    child.expect_exact("sockcli repl")
    assert ("\x1b[" in child.before) == coloured
    child.send("\x03")
    assert end_of(child) == 130
