"""The table of commands, and what commands do that a script's user would have to wait long for."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from sockcli.base.endpoint import Address
from sockcli.cli.command_line import at_prompt, parse_at_prompt
from sockcli.commands.options import Kind, OptionSpec, by_flag
from sockcli.commands.table import COMMANDS, find, help_text, markdown_table, options_of, split
from sockcli.errors import Denied, TimedOut, UsageError
from sockcli.policy import Decision, Grant, Request
from sockcli.policy.policy import Dropped
from sockcli.sessions import manager
from sockcli.sessions.session import Session
from sockcli.stdio.progress import amount
from tests.console.conftest import Peer
from tests.console.shell import TestShell, policy_of
from tests.waiting import PATIENCE

README = Path(__file__).parents[2] / "README.md"

# What the issue asks for, and what scripts and terminals need besides.
ASKED = [
    *("tcp", "udp", "listen", "sessions", "use", "close", "eof", "send", "sendfile", "status", "telnet", "interrupt"),
    *("ayt", "break", "set", "log", "rules", "check", "history", "help", "quit", "wait", "suspend"),
]


# The table


def test_every_command_is_there() -> None:
    assert sorted(COMMANDS) == sorted(ASKED)
    assert all(command.name == name for name, command in COMMANDS.items())


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("tcp", "tcp"),
        ("tc", "tcp"),
        ("send", "send"),
        ("sendf", "sendfile"),
        ("q", "quit"),
        ("exit", "quit"),
        ("?", "help"),
    ],
)
def test_a_command_by_its_beginning(typed: str, name: str) -> None:
    assert find(typed).name == name


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("t", "the beginning of several commands: tcp, telnet"),
        ("", "no such command"),
        ("TCP", "no such command"),
        ("tcpp", "no such command"),
        ("\x1b[2K", r'no such command: "\x1b[2K"'),
    ],
)
def test_what_is_no_command(typed: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(typed)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("stauts", "did you mean status?"),
        ("lisetn", "did you mean listen?"),
        ("bye", "did you mean quit?"),
        ("open", "did you mean tcp?"),
        ("xyzzy", "`help` lists the commands"),
    ],
)
def test_a_slip_gets_advice(typed: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(typed)
    assert caught.value.hint == advice


@pytest.mark.parametrize("line", ["", "  ", "# tcp a 1", "  #"])
def test_nothing_to_do(line: str) -> None:
    assert split(line) is None


@pytest.mark.parametrize("line", ["send --help", "send -h", "sen --help"])
def test_help_as_on_the_command_line(line: str) -> None:
    with pytest.raises(UsageError):
        split("s --help")
    if line.startswith("send"):
        assert split(line) == (COMMANDS["help"], "send")
    else:
        with pytest.raises(UsageError, match="several commands: send, sendfile"):
            split(line)


def shown_flags(options: Sequence[OptionSpec]) -> list[str]:
    """Those that help has to name. It writes a pair as `--telnet / --no-telnet`, and explains `--` in its text."""
    return [flag for flag in by_flag(options) if flag != "--"]


@pytest.mark.parametrize("name", ASKED)
def test_help_says_all_that_the_table_has(name: str) -> None:
    command = COMMANDS[name]
    options = options_of(command, at_prompt())
    page = help_text(command, options)
    words = page.split()
    for text in (command.usage, command.summary, command.detail):
        assert " ".join(text.split()) in " ".join(words)
    named = {word.rstrip(",") for word in words}
    assert ("[OPTIONS]" in command.usage) == any(option.about for option in options)
    assert all(flag in named or flag in command.usage for flag in shown_flags(options))
    assert all(len(line) <= 80 for line in page.split("\n"))


def test_help_has_a_word_on_each_option_and_on_each_setting() -> None:
    async def main() -> None:
        shell = TestShell()
        await shell.run("help tcp")
        assert re.search(r"port\.\n\n-4 +IPv4 only\.$", shell.shown[-1], re.MULTILINE)
        assert "--probe" not in shell.shown[-1]
        await shell.run("help listen")
        assert "--crlf" in shell.shown[-1]
        assert "--connect-timeout" not in shell.shown[-1]
        await shell.run("help set")
        assert re.search(r"^view +how what comes is shown: text, hex, both$", shell.shown[-1], re.MULTILINE)

    asyncio.run(main())


def specs(name: str) -> dict[str, OptionSpec]:
    return by_flag(options_of(COMMANDS[name], at_prompt()))


@pytest.mark.parametrize(
    ("name", "flag", "words", "kind"),
    [
        ("tcp", "-4", 0, None),
        ("tcp", "--connect-timeout", 1, None),
        ("tcp", "-x", 1, Kind.FILE),
        ("tcp", "--log", 1, Kind.FILE),
        ("tcp", "--eol", 1, Kind.EOL),
        ("tcp", "--encoding", 1, Kind.ENCODING),
        ("tcp", "--no-telnet", 0, None),
        ("udp", "--terminal", 1, Kind.TERMINAL),
        ("udp", "--chomp", 0, None),
        ("listen", "--hex-dump", 1, Kind.FILE),
        ("send", "--to", 2, Kind.ADDRESSEE),
    ],
)
def test_completion_knows_what_follows_an_option(name: str, flag: str, words: int, kind: Kind | None) -> None:
    assert specs(name)[flag][1:3] == (words, kind)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("tcp", "-l --listen --keep-open --probe --json --progress --manifest -v --escape --send-only"),
        ("udp", "-l --count --framing --wait --json -q --retry"),
        ("listen", "-l --probe -s --source --retry --retry-delay --connect-timeout"),
    ],
)
def test_options_that_mean_nothing_to_a_session_are_not_offered(name: str, flags: str) -> None:
    assert specs(name).keys().isdisjoint(flags.split())


def test_every_kind_of_word_is_somewhere() -> None:
    """Else completion would have a case for nothing."""
    used = {command.argument for command in COMMANDS.values()}
    used |= {option.kind for command in COMMANDS.values() for option in options_of(command, at_prompt())}
    assert used == {None, *Kind}


def test_the_readme_has_the_table() -> None:
    text = README.read_text()
    found = text.partition("<!-- commands -->\n")[2].partition("<!-- /commands -->")[0].strip()
    assert found == markdown_table(), f"between the marks in README.md there should be:\n{markdown_table()}"


# Commands


@asynccontextmanager
async def shell_with(peer: Peer) -> AsyncIterator[tuple[TestShell, socket.socket]]:
    """A shell with one session, and the peer's end of it."""
    shell = TestShell()
    await shell.run(f"tcp 127.0.0.1 {peer.port}")
    try:
        yield shell, peer.accept()
    finally:
        shell.manager.close_all()


async def fill(shell: TestShell) -> None:
    """Send to a peer that does not read, until nothing more can be given to it."""
    with suppress(TimeoutError):
        while True:
            await asyncio.wait_for(shell.run(f"send {'x' * 400_000}"), 0.3)


async def stall(session: Session) -> None:
    """Until the peer, which does not read, takes nothing more of what is on its way."""
    turns = 0
    while turns < 100:
        sent = session.sent
        await asyncio.sleep(0)
        turns = turns + 1 if session.unsent and session.sent == sent else 0


def test_a_session_is_announced(peer: Peer) -> None:
    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            assert shell.notices == [f"session 1: tcp 127.0.0.1:{peer.port}, connected with 127.0.0.1:{peer.port}"]
            await shell.run("listen 0")
            assert shell.shown[-1].startswith("session 2: tcp-listen 127.0.0.1:0, listening on 127.0.0.1:")

    asyncio.run(main())


def test_close_does_not_wait_for_a_peer_that_takes_nothing(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "STALLED", 0.2)

    async def main() -> None:
        async with shell_with(peer) as (shell, connection):
            await fill(shell)
            with pytest.raises(TimedOut, match=r"session 1 is closed; the peer did not take the last [0-9,]+ bytes"):
                await shell.run("close")
            assert not shell.manager.sessions
            assert connection.recv(1) == b"x"

    asyncio.run(main())


def test_close_that_is_cancelled_closes(peer: Peer) -> None:
    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            await fill(shell)
            task = asyncio.ensure_future(shell.run("close"))
            await asyncio.sleep(0)
            assert shell.manager.sessions
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not shell.manager.sessions

    asyncio.run(main())


def test_sendfile_tells_its_progress_and_can_be_cancelled(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(50_000_000))

    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            task = asyncio.ensure_future(shell.run(f"sendfile {file}"))
            session = shell.manager.get()
            await stall(session)
            before = len(os.listdir("/proc/self/fd"))
            progress = shell.state
            assert progress is not None
            assert "of 50.0 MB sent" in progress()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert shell.state is None
            assert f'"{file}": ' in shell.notices[-1]
            assert "of 50.0 MB sent" in shell.notices[-1]
            assert len(os.listdir("/proc/self/fd")) == before - 1
            assert 0 < session.unsent < 1_000_000
            # What was queued goes all the same.
            assert f": {amount(session.sent + session.unsent)} of" in shell.notices[-1]

    asyncio.run(main())


def test_sendfile_tells_what_was_taken_while_the_peer_stands_still(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(50_000_000))

    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            task = asyncio.ensure_future(shell.run(f"sendfile {file}"))
            session = shell.manager.get()
            async with asyncio.timeout(PATIENCE):
                while not session.sent or session.room:
                    await asyncio.sleep(0)
            assert shell.state is not None
            assert f": {amount(session.sent)} of" in shell.state()
            task.cancel()

    asyncio.run(main())


def test_commands_that_wait_end_with_the_session(peer: Peer) -> None:
    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            task = asyncio.ensure_future(shell.run("wait"))
            await asyncio.sleep(0)
            shell.manager.close(1)
            await asyncio.wait_for(task, 5)

    asyncio.run(main())


def test_status_shows_a_peers_and_a_users_words_as_text(peer: Peer, tmp_path: Path) -> None:
    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            await shell.run(f"log '{tmp_path}/\x1b[2K'")
            await shell.run("status")
            assert r"\x1b[2K" in shell.shown[-1]
            assert shell.shown[-1].replace("\n", "").isprintable()

    asyncio.run(main())


def test_a_denial_leaves_everything_as_it_was(peer: Peer) -> None:
    async def main() -> None:
        shell = TestShell(policy_of(f"tcp-connect:127.0.0.1:{peer.port}"))
        await shell.run(f"tcp 127.0.0.1 {peer.port}")
        with pytest.raises(Denied):
            await shell.run("tcp 127.0.0.1 1")
        assert list(shell.manager.sessions) == [1]
        assert shell.manager.current is shell.manager.get(1)
        shell.manager.close_all()

    asyncio.run(main())


def test_rules_are_filtered() -> None:
    async def main() -> None:
        shell = TestShell(policy_of("tcp-connect:a.example:80", "udp-send-to:*:53", deny=("tcp-connect:10.0.0.0/8",)))
        for line, count in (
            ("rules", 3),
            ("rules A.EXAMPLE", 1),
            ("rules deny", 1),
            ("rules tcp-connect", 2),
            ("rules :53", 1),
        ):
            await shell.run(line)
            assert len(shell.shown[-1].split("\n")) == count, line
        await shell.run("rules nothing of that")
        assert shell.shown[-1] == 'none of the 3 rules of rules.json has "nothing of that" in it'
        empty = TestShell(policy_of())
        await empty.run("rules")
        assert empty.shown == ["rules.json allows nothing"]

    asyncio.run(main())


def test_the_history_is_shown() -> None:
    async def main() -> None:
        shell = TestShell()
        await shell.run("history")
        assert shell.shown == []
        shell.history = ["tcp a 1", "\x1b[2K"]
        await shell.run("history")
        assert shell.shown == ["   1  tcp a 1\n   2  \\x1b[2K"]

    asyncio.run(main())


# Logs


def test_a_log_adds_to_what_the_file_has(peer: Peer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("precious\n")

    async def main() -> None:
        async with shell_with(peer) as (shell, _):
            await shell.run(f"log {log}")
            assert shell.notices[-1] == f'logging to "{log}" (appended)'
            await shell.run("send x")
            await shell.manager.until(shell.manager.get(), lambda: not shell.manager.get().unsent)
            await shell.run("log off")
            assert shell.notices[-1] == f'no longer logging to "{log}"'
            await shell.run("log off")
            assert shell.notices[-1] == "there was no log"
            await shell.run(f"log {tmp_path}/new")
            assert shell.notices[-1] == f'logging to "{tmp_path}/new"'

    asyncio.run(main())
    assert log.read_text() == "precious\nx"


@pytest.mark.parametrize("way", ["log /dev/full", "tcp {options} 127.0.0.1 {port}"])
def test_a_full_disk_ends_the_log_and_not_the_session(peer: Peer, way: str) -> None:
    async def main() -> None:
        async with shell_with(peer) as (shell, connection):
            await shell.run(way.format(options="-x /dev/full --log /dev/full", port=peer.port))
            if way.startswith("tcp"):
                connection = peer.accept()
            session = shell.manager.get()
            await shell.run("send x")
            await shell.manager.until(session, lambda: not session.unsent)
            reason = f'session {session.number}: cannot write to "/dev/full": no space left on device'
            assert reason in shell.notices
            connection.sendall(b"y")
            await shell.manager.until(session, lambda: session.received == 1)
            assert session.failure is None
            assert session.records.log_path is None

    asyncio.run(main())


# Words of commands


@pytest.mark.parametrize("form", ["127.0.0.1 {port}", "127.0.0.1:{port}"])
def test_whom_a_datagram_goes_to_is_one_word_or_two(udp_peer: socket.socket, form: str) -> None:
    async def main() -> None:
        shell = TestShell()
        await shell.run("listen udp 0")
        await shell.run(f"send --to {form.format(port=udp_peer.getsockname()[1])} a:b c")
        assert udp_peer.recv(100) == b"a:b c"
        shell.manager.close_all()

    asyncio.run(main())


@pytest.mark.parametrize("option", ["-x", "--log"])
def test_a_record_is_not_written_over_the_prompt(option: str) -> None:
    with pytest.raises(UsageError, match="is the screen; give a file"):
        parse_at_prompt(["tcp", option, "-", "127.0.0.1", "1"])


def test_check_is_no_use_of_the_network_and_is_not_told_to_the_policys_observer() -> None:
    class Recorder:
        def __init__(self) -> None:
            self.asked: list[Request] = []

        def decided(self, request: Request, decision: Decision) -> None:  # noqa: ARG002
            self.asked.append(request)

        def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
            raise AssertionError(f"{grant}: {admitted} {dropped}")

    async def main() -> None:
        policy, recorder = policy_of("tcp-connect:a.test:80"), Recorder()
        policy.observe(recorder)
        shell = TestShell(policy)
        await shell.run("check tcp-connect a.test 80")
        with pytest.raises(Denied):
            await shell.run("check tcp-connect b.test 80")
        assert [shown.split()[0] for shown in shell.shown] == ["allowed", "denied"]
        assert recorder.asked == []

    asyncio.run(main())
