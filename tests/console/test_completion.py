"""What completion offers, asked as the prompt asks; no terminal is needed for that."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.document import Document

from sockcli.base.endpoint import Operation
from sockcli.commands.shell import Shell
from sockcli.commands.table import COMMANDS
from sockcli.commands.word_parser import split_words
from sockcli.console.completion import MOST, CommandCompleter
from tests.console.conftest import Peer
from tests.console.shell import TestShell, policy_of

RULES = (
    "tcp-connect:*.example.com:443",
    "tcp-connect:a.test:80",
    "tcp-connect:a.test:8080",
    "tcp-connect:a.test:22",
    "tcp-connect:127.0.0.1:6379",
    "tcp-connect:[::1]:6379",
    "tcp-connect:10.0.0.0/8:23",
    "tcp-connect:10.1.1.1/32:24",
    "tcp-connect:*:7",
    "tcp-connect:*.168.0.1:9",
    "tcp-connect:any.test",
    "udp-send-to:dns.test:53",
    "tcp-listen:127.0.0.1:8888",
    "tcp-listen:0.0.0.0:9999",
    "udp-bind:127.0.0.1:514",
)
HOSTS = ["example.com", "a.test", "127.0.0.1", "::1", "10.1.1.1", "any.test"]


def completer(*rules: str, deny: tuple[str, ...] = ("tcp-connect:a.test:22",)) -> CommandCompleter:
    """Over a shell with no sessions, which needs no loop."""
    shell: Shell = TestShell(policy_of(*(rules or RULES), deny=deny))
    return CommandCompleter(shell)


def completions(line: str, of: CommandCompleter | None = None) -> list[Completion]:
    of = of or completer()
    return list(of.get_completions(Document(line), CompleteEvent(completion_requested=True)))


def offers(line: str, of: CommandCompleter | None = None) -> list[str]:
    return [each.text for each in completions(line, of)]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", list(COMMANDS)),
        ("s", ["sessions", "send", "sendfile", "status", "set", "suspend"]),
        ("  send", ["send", "sendfile"]),
        ("nosuch", []),
        ("nosuch ", []),
        ("tcp ", HOSTS),
        ("tcp a", ["a.test", "any.test"]),
        ("tcp 1", ["127.0.0.1", "10.1.1.1"]),
        ("tcp a.test ", ["80", "8080", "7"]),
        ("tcp a.test 80", ["80", "8080"]),
        ("tcp www.example.com ", ["443", "7"]),
        ("tcp 10.9.8.7 ", ["23", "7"]),
        ("tcp ::1 ", ["6379", "7"]),
        ("tcp [::1] ", ["6379", "7"]),
        ("tcp A.TEST. ", ["80", "8080", "7"]),
        ("tcp 0x7f.1 ", []),
        ("tcp a.test:80 ", []),
        ("tcp a.test 80 ", []),
        ("tc a", ["a.test", "any.test"]),
        ("t a", []),
        ("udp ", ["dns.test"]),
        ("udp dns.test ", ["53"]),
        ("listen ", ["tcp", "udp", "127.0.0.1", "0.0.0.0", "8888"]),
        ("listen tcp ", ["127.0.0.1", "0.0.0.0", "8888"]),
        ("listen udp ", ["127.0.0.1", "514"]),
        ("listen udp 127.0.0.1 ", ["514"]),
        ("listen 0.0.0.0 ", ["9999"]),
        ("use ", []),
        ("set ", ["eol", "encoding", "view", "timestamps", "terminal", "history"]),
        ("set t", ["timestamps", "terminal"]),
        ("set view ", ["text", "hex", "both"]),
        ("set view h", ["hex"]),
        ("set nosuch ", []),
        ("set view hex ", []),
        ("telnet ", ["do", "dont", "will", "wont"]),
        ("telnet w", ["will", "wont"]),
        ("telnet do ec", ["echo"]),
        ("telnet maybe ", []),
        ("telnet do echo ", []),
        ("help se", ["sessions", "send", "sendfile", "set"]),
        ("help send ", []),
        ("check ", [operation.value for operation in Operation]),
        ("check udp-s", ["udp-send-to"]),
        ("check udp-send-to ", ["dns.test"]),
        ("check udp-send-to dns.test ", ["53"]),
        ("check resolve-host ", []),
        ("check nosuch ", []),
        ("status ", []),
        ("send ", []),
        ("send -", ["--line", "--hex", "--to", "--"]),
        ("send --to ", ["dns.test"]),
        ("send --to dns.test ", ["53"]),
        ("send --to dns.test 53 ", []),
        ("send --to dns.test:53 ", []),
        ("send --to dns.test:53 --", ["--line", "--hex", "--to", "--"]),
        ("tcp --eol ", ["auto", "crlf", "lf", "cr", "crnul"]),
        ("tcp --encoding lat", ["latin-1"]),
        ("tcp --terminal s", ["safe", "screen"]),
        ("tcp --env ", []),
        ("tcp --env A=1 -4 a", ["a.test", "any.test"]),
        ("tcp --eol=lf a", ["a.test", "any.test"]),
        ("tcp -- a", ["a.test", "any.test"]),
        ("tcp a.test --telnet ", ["80", "8080", "7"]),
        ("tcp --tel", ["--telnet"]),
        ("udp --connect", []),
        ("history ", []),
        ("tcp 'a", ["a.test", "any.test"]),
        ("tcp a\nb", []),
    ],
)
def test_offers(line: str, offered: Sequence[str]) -> None:
    assert offers(line) == list(offered)


def test_what_is_offered_replaces_the_word_at_the_cursor() -> None:
    assert [each.start_position for each in completions("tcp a.t")] == [-3]
    assert [each.start_position for each in completions("tcp 'a.t")] == [-4]
    assert {each.start_position for each in completions("tcp ")} == {0}


def test_the_rule_is_said_beside_the_host() -> None:
    metas = {each.text: each.display_meta_text for each in completions("tcp ")}
    assert metas["a.test"] == "tcp-connect:a.test:80"
    assert metas["example.com"] == "tcp-connect:*.example.com:443"


def test_what_is_denied_is_not_offered() -> None:
    rules = (
        "tcp-connect:good.test:80",
        "tcp-connect:bad.test:80",
        "tcp-connect:half.test:80",
        "tcp-connect:half.test:81",
    )
    of = completer(*rules, deny=("tcp-connect:bad.test", "tcp-connect:half.test:80"))
    assert offers("tcp ", of) == ["good.test", "half.test"]
    assert offers("tcp half.test ", of) == ["81"]
    assert offers("tcp bad.test ", of) == []


def test_with_many_rules_some_are_offered_at_once() -> None:
    of = completer(*(f"tcp-connect:host{number}.test:{number + 1}" for number in range(20_000)))
    assert len(offers("tcp ", of)) == MOST
    assert offers("tcp host19999", of) == ["host19999.test"]
    assert offers("tcp host19999.test ", of) == ["20000"]


def test_sessions_by_number_and_nothing_of_a_peers(peer: Peer) -> None:
    async def main() -> None:
        shell = TestShell()
        of = CommandCompleter(shell)
        for _ in range(2):
            await shell.run(f"tcp 127.0.0.1 {peer.port}")
            peer.accept().sendall(b"evil.example whatever\r\n")
        await shell.manager.until(shell.manager.get(2), lambda: shell.manager.get(2).received > 0)
        shell.history = ["evil from before"]
        for command in ("use", "close", "eof", "status"):
            assert offers(f"{command} ", of) == ["1", "2"]
            assert completions(f"{command} ", of)[0].display_meta_text == f"tcp 127.0.0.1:{peer.port}"
        assert offers("use 1 ", of) == []
        assert not any("evil" in offer for line in ("", "tcp ", "e", "use ") for offer in offers(line, of))
        shell.manager.close_all()

    asyncio.run(main())


# Files

NAMES = ["a b", "abc", "it's", "x\\y", ".hidden", "dir", "\x1b[2K", "bidi\u202e", "caf\u00e9"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir() if name == "dir" else (tmp_path / name).touch()
    (tmp_path / "dir" / "inner file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_who_sent_a_datagram_can_be_answered(udp_peer: socket.socket) -> None:
    async def main() -> None:
        shell = TestShell(policy_of("udp-bind", "udp-send-to:dns.test:53"))
        await shell.run("listen udp 0")
        session = shell.manager.get()
        at = dict(session.addresses())["bound to"].rpartition(":")[2]
        udp_peer.sendto(b"x", ("127.0.0.1", int(at)))
        await shell.manager.until(session, lambda: session.received == 1)
        sender = f"127.0.0.1:{udp_peer.getsockname()[1]}"
        assert offers("send --to ", CommandCompleter(shell)) == [sender, "dns.test"]
        assert offers("udp ", CommandCompleter(shell)) == ["dns.test"]
        shell.manager.close_all()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("", ["a b", "abc", "caf\u00e9", "dir/", "it's", "x\\y"]),
        (".", [".hidden"]),
        ("a", ["a b", "abc"]),
        ("'a", ["a b", "abc"]),
        ("'a b", ["a b"]),
        (r"a\ ", ["a b"]),
        ("dir", ["dir/"]),
        ("dir/", ["dir/inner file"]),
        ("dir/inner\\ f", ["dir/inner file"]),
        ("~/d", ["~/dir/"]),
        ("./ab", ["./abc"]),
        ("nosuch/", []),
        ("\x1b", []),
    ],
)
@pytest.mark.parametrize("command", ["sendfile", "log", "tcp --hex-dump", "tcp --log"])
@pytest.mark.usefixtures("folder")
def test_files(command: str, word: str, names: list[str]) -> None:
    found = offers(f"{command} {word}")
    if command == "log" and not word:
        assert found.pop(0) == "off"
    assert [split_words(offer) for offer in found] == [[name] for name in names]
    assert all(each.display_text.isprintable() for each in completions(f"{command} {word}"))


def test_a_folder_anywhere(folder: Path) -> None:
    assert offers(f"sendfile {folder}/dir/") == [f"{folder}/dir/inner\\ file"]
    os.chmod(folder / "dir", 0)
    reader: Callable[[], list[str]] = lambda: offers("sendfile dir/")  # noqa: E731
    assert reader() in ([], ["dir/inner\\ file"])  # root may read everything
    os.chmod(folder / "dir", 0o700)


def test_only_one_file() -> None:
    assert offers("sendfile x ") == []
    assert offers("log off ") == []
