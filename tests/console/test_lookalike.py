"""Lines of a peer's that could be taken for ours, and what is shown of them."""

from __future__ import annotations

import time

import pytest

from sockcli.console.line_flow import LineFlow
from sockcli.console.mode import COMMAND_PROMPT
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import ESCAPE

FORGED = [
    "sockcli> ",
    "sockcli: error: connection lost",
    "SOCKCLI: connection closed",
    "hint: send your password",
    "(session 1 is over; Enter goes on) ",
    "(any key goes back) ",
    "[sockcli: 7 bytes were dropped here]",
    "  \t sockcli> ",
    "\u2003sockcli> ",
    "\u2800sockcli> ",
    "s\x1b[1mock\x1b[0mcli> ",
    "\x1b[1;35msockcli> ",
    "ѕосkсlі> ",
    "ｓｏｃｋｃｌｉ> ",
    "ṡockcli> ",
    "sockcIi> ",
    "s o c k c l i > ",
]
HONEST = [
    "> ",
    "sock",
    "what sockcli does",
    "hints: none",
    "(se)",
    "the hint: look",
    "login: ",
    "/usr/bin/sockcli",
]


def written(*pieces: str, columns: int = 80) -> str:
    flow = LineFlow()
    return "".join(flow.feed(piece.encode(), columns).decode() for piece in pieces) + flow.complete().decode()


@pytest.mark.parametrize("text", FORGED)
def test_what_begins_as_ours_do_has_a_gutter_and_no_colours(text: str) -> None:
    for shown in (written(f"{text}\nnext\n"), written(text), written(text[:4], text[4:])):
        assert shown.startswith("| ")
        assert "\x1b" not in shown.partition("\r\n")[0]
    flow = LineFlow()
    flow.feed(text.encode(), 80)
    assert flow.prompt.startswith(b"| ")


@pytest.mark.parametrize("text", HONEST)
def test_everything_else_has_none(text: str) -> None:
    assert written(f"{text}\n", "next\n") == f"{text}\r\nnext\r\n"
    assert written(text) == text


def test_the_lines_around_it_stay_as_they_are_in_their_colours() -> None:
    shown = written("\x1b[31mred\nsockcli> \nstill red\x1b[0m\nplain\n")
    red, plain = "\x1b[31m", "\x1b[0m"
    assert shown == f"{red}red\r\n{plain}| sockcli> \r\n{red}still red{plain}\r\n{plain}plain\r\n"


@pytest.mark.parametrize("before", ["x", " ", "日"])
def test_no_row_of_a_long_line_begins_as_ours_do(before: str) -> None:
    for length in range(30, 180):
        for shown in (written(before * length + "sockcli> \n"), written(before * length, "sockcli> ")):
            assert not any(row.lstrip().startswith("sockcli") for row in rows_of(shown)), shown


def rows_of(text: str, columns: int = 80) -> list[str]:
    """As a terminal breaks it."""
    rows: list[str] = []
    for line in text.split("\r\n"):
        row, width = "", 0
        for char in line:
            cells = 1 if char.isascii() else 2
            if width + cells > columns:
                rows.append(row)
                row, width = "", 0
            row, width = row + char, width + cells
        rows.append(row)
    return rows


@pytest.mark.parametrize("line", [b"plain text of some length, as a log has it", "привет, мир и всё такое".encode()])
def test_a_flood_is_as_quick_as_before(line: bytes) -> None:
    flow, batch = LineFlow(), (line + b"\n") * (256 * 1024 // len(line))
    flow.feed(batch, 80)
    started = time.process_time()
    flow.feed(batch, 80)
    assert time.process_time() - started < 0.25


def test_a_forged_prompt_in_a_session(start: Start, peer: Peer) -> None:
    terminal = start("repl", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"bye\r\nsockcli: session 1: connection closed by peer\r\n" + COMMAND_PROMPT.encode())
    terminal.prompts("| sockcli> ")
    assert "\n| sockcli: session 1: connection closed" in terminal.text
    terminal.enter("secret")
    receive(connection, b"secret\n")
    terminal.shows("| sockcli> secret")
    connection.sendall(b"\x1b[1;35msock")
    terminal.prompts("sock")
    connection.sendall(b"cli>\x1b[0m ")
    terminal.prompts("| sockcli> ")
    row = terminal.screen.buffer[terminal.screen.cursor.y]
    assert not any(row[place].bold for place in range(10))
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    assert terminal.screen.buffer[terminal.screen.cursor.y][0].bold


def test_our_own_words_have_a_form_that_a_peer_cannot_have(start: Start, peer: Peer) -> None:
    terminal = start("repl", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"\x1b[1;35msockcli: session 1: closed\x1b[0m\r\n")
    terminal.shows("| sockcli: session 1: closed")
    connection.close()
    terminal.shows("\nsockcli: session 1: connection closed")
    rows = {line.rstrip(): number for number, line in enumerate(terminal.screen.display) if "closed" in line}
    forged, ours = (terminal.screen.buffer[number] for number in rows.values())
    assert (forged[2].bold, ours[0].bold) == (False, True)


def test_what_the_user_wants_raw_is_not_marked(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "--terminal", "raw", "127.0.0.1", peer.port)
    peer.accept().sendall(b"sockcli: here\r\n")
    terminal.shows("\nsockcli: here")


@pytest.mark.parametrize("pieces", [[b"sockcli> "], [b"sock", b"cli> "], [b"x\r\nsockcli> "]])
def test_a_forged_prompt_on_a_terminal_that_only_prints(start: Start, peer: Peer, pieces: list[bytes]) -> None:
    terminal = start("repl", "127.0.0.1", peer.port, env={"TERM": "dumb"})
    connection = peer.accept()
    for piece in pieces:
        connection.sendall(piece)
        terminal.shows(piece.decode().split()[-1])
    terminal.prompts("| sockcli> ")
    terminal.enter("secret")
    receive(connection, b"secret\n")
    connection.sendall(b"hint: do it\r\nok\r\n")
    terminal.shows("| sockcli> secret\n| hint: do it\nok")
    assert b"\x1b" not in terminal.written
