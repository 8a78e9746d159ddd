"""Line mode at a terminal: a line is typed while what comes in appears above it."""

from __future__ import annotations

import signal
import socket
import struct
import termios
from typing import Final

import pytest

from sockcli.errors import ExitCode
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, CTRL_D, ESCAPE, UP, Terminal
from tests.waiting import PATIENCE

CTRL_G: Final = "\x07"
CTRL_R: Final = "\x12"
CTRL_V: Final = "\x16"
LFLAG: Final = 3  # of a terminal's attributes


def session(start: Start, peer: Peer, *options: str) -> tuple[Terminal, socket.socket]:
    """`sockcli tcp` in a session that is ready."""
    terminal = start("tcp", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"welcome\r\n")
    terminal.shows("welcome")
    return terminal, connection


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_line_goes_out_with_enter_and_stays_visible(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.enter("hello")
    receive(connection, b"hello\n")
    connection.sendall(b"and hello to you\n")
    terminal.shows("hello\nand hello to you")


def test_what_comes_in_appears_above_the_line_being_typed(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("half a li")
    terminal.prompts("half a li")
    connection.sendall(b"first\r\nsecond\n")
    terminal.shows("welcome\nfirst\nsecond\nhalf a li")
    terminal.prompts("half a li")
    terminal.enter("ne")
    receive(connection, b"half a line\n")
    terminal.shows("second\nhalf a line")


def test_an_unfinished_line_is_the_prompt_also_in_two_reads(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"user na")
    terminal.prompts("user na")
    terminal.type("jo")
    terminal.prompts("user najo")
    connection.sendall(b"me: ")
    terminal.prompts("user name: jo")
    connection.sendall(b"\r\nsorry, once more\r\nname: ")
    terminal.shows("user name:\nsorry, once more\nname: jo")
    terminal.enter("e")
    receive(connection, b"joe\n")
    terminal.shows("name: joe")


def test_a_prompt_is_there_again_after_a_command(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"login: ")
    terminal.prompts("login: ")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("status")
    terminal.shows("allowed by")
    terminal.prompts("login: ")


def test_a_prompt_keeps_its_words_and_loses_its_sequences(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[31mred\x1b[0m\x1b]0;title\x07 caf\xc3\xa9\x9b31m> ")
    terminal.prompts("red café\ufffd31m> ")
    assert terminal.screen.acted == []


def test_a_prompt_keeps_its_colours(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[31mred\x1b[0m> ")
    terminal.prompts("red>")
    terminal.type("x")
    terminal.prompts("red> x")
    row = terminal.screen.buffer[terminal.screen.cursor.y]
    assert [row[column].fg for column in (0, 2, 3, 5)] == ["red", "red", "default", "default"]


def test_a_colour_lasts_beyond_the_redraw_of_the_line(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[31mred\r\n")
    terminal.shows("red")
    connection.sendall(b"still\r\n\x1b[0mplain\r\n")
    terminal.shows("plain")
    rows = {line.strip(): number for number, line in enumerate(terminal.screen.display)}
    colours = [terminal.screen.buffer[rows[word]][0].fg for word in ("red", "still", "plain")]
    assert colours == ["red", "red", "default"]


def test_the_peers_end_is_the_end(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"bye\r\nno newline")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert f"bye\nno newline\nsockcli: connection closed by 127.0.0.1:{peer.port}" in terminal.text
    assert terminal.is_as_found()


def test_what_is_half_typed_at_the_peers_end_is_in_the_history(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("half a li")
    terminal.prompts("half a li")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert "sockcli: what was being typed was not sent" in terminal.text
    terminal, connection = session(start, peer)
    terminal.type(UP)
    terminal.prompts("half a li")


def test_a_lost_connection_is_told_after_what_came_before(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"last words\r\n")
    reset(connection)
    assert terminal.finish() == ExitCode.UNREACHABLE
    assert "last words" in terminal.text
    assert "sockcli: error: connection with 127.0.0.1" in terminal.text
    assert terminal.is_as_found()


def test_nobody_listens(start: Start, peer: Peer) -> None:
    port = peer.port
    peer.close()
    terminal = start("tcp", "127.0.0.1", port)
    assert terminal.finish() == ExitCode.UNREACHABLE
    assert "connection refused" in terminal.text


def test_ctrl_c_empties_the_line_and_then_ends_the_program(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("wrong")
    terminal.prompts("wrong")
    terminal.type(CTRL_C)
    terminal.prompts("")
    terminal.type(CTRL_C)
    assert terminal.finish() == -signal.SIGINT
    assert connection.recv(100) == b""
    assert terminal.is_as_found()


def test_ctrl_d_ends_the_input_and_then_waits_for_the_peer(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(CTRL_D)
    assert connection.recv(100) == b""
    connection.sendall(b"the rest\r\n")
    terminal.shows("the rest")
    terminal.shows("input ended")
    connection.close()
    assert terminal.finish() == ExitCode.OK


def test_ctrl_d_again_ends_the_session(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(CTRL_D)
    assert connection.recv(100) == b""
    terminal.shows("input ended")
    terminal.type(CTRL_D)
    assert terminal.finish() == ExitCode.OK


def test_ctrl_d_within_a_line_deletes(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.enter("ab\x01" + CTRL_D)  # Ctrl-A: to its beginning
    receive(connection, b"b\n")


def test_a_line_after_the_end_of_input_is_refused(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(CTRL_D)
    assert connection.recv(100) == b""
    terminal.enter("too late")
    terminal.shows("the end of input was sent")
    connection.sendall(b"still here\n")
    terminal.shows("still here")


@pytest.mark.parametrize("key", ["none", "^A"])
def test_with_another_escape_key_or_none_it_is_a_key_like_any_other(start: Start, peer: Peer, key: str) -> None:
    terminal, connection = session(start, peer, "--escape", key)
    terminal.type(f"a{ESCAPE}b")
    terminal.prompts("a^]b")
    terminal.enter("")
    receive(connection, b"a\x1db\n")


def test_the_escape_key_behind_esc(start: Start, peer: Peer) -> None:
    terminal, _ = session(start, peer)
    terminal.type(f"\x1b{ESCAPE}")
    terminal.prompts("sockcli> ")


@pytest.mark.parametrize(("eol", "sent"), [("crlf", b"a\r\n"), ("lf", b"a\n"), ("cr", b"a\r"), ("crnul", b"a\r\0")])
def test_the_end_of_a_line_is_what_was_asked_for(start: Start, peer: Peer, eol: str, sent: bytes) -> None:
    terminal, connection = session(start, peer, "--eol", eol)
    terminal.enter("a")
    receive(connection, sent)


def test_an_encoding_goes_both_ways(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer, "--encoding", "latin-1")
    connection.sendall(b"gar\xe7on: ")
    terminal.prompts("garçon:")
    terminal.enter("é")
    receive(connection, b"\xe9\n")
    terminal.enter("€")
    terminal.shows("has no form in iso8859-1")


def test_a_search_that_is_given_up_leaves_the_line_as_it_was(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    for line in ("older match", "newer match"):
        terminal.enter(line)
        receive(connection, f"{line}\n".encode())
    terminal.type("being typed")
    terminal.prompts("being typed")
    terminal.type(f"{CTRL_R}match")
    terminal.shows("match")
    terminal.type(CTRL_R * 2)
    terminal.until(lambda: terminal.text.count("older match") == 2, "the older one in the line")
    terminal.type(CTRL_G)
    terminal.prompts("being typed")


def test_ctrl_v_has_the_next_key_taken_as_it_is(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.enter(f"{CTRL_V}{CTRL_C}{CTRL_V}{ESCAPE}{CTRL_V}{CTRL_V}.")
    receive(connection, f"{CTRL_C}{ESCAPE}{CTRL_V}.\n".encode())


def test_a_pasted_block_is_one_line_to_enter(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.paste(f"one\ntwo\n{ESCAPE}quit\n{CTRL_C}three\n")
    terminal.shows("three")
    terminal.enter("")
    receive(connection, f"one\ntwo\n{ESCAPE}quit\n{CTRL_C}three\n".encode())
    terminal.enter("then typed")
    receive(connection, b"then typed\n")


def test_a_block_that_is_too_large_is_not_taken(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("kept")
    block = "x" * 70_000
    for at in range(0, len(block), 1_000):  # a terminal's input queue is not larger than this
        terminal.settle()
        terminal.type(("\x1b[200~" if not at else "") + block[at : at + 1_000])
    terminal.type("\x1b[201~")
    terminal.shows("70,000 characters are too much to paste")
    terminal.enter("")
    receive(connection, b"kept\n")


def test_many_pasted_lines_arrive_in_order(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    lines = [f"line {number}" for number in range(500)]
    terminal.paste("\n".join(lines[:100]))
    terminal.enter("")
    receive(connection, "".join(f"{line}\n" for line in lines[:100]).encode())
    for line in lines[100:]:  # typed as fast as a script can
        terminal.settle()
        terminal.enter(line)
    receive(connection, "".join(f"{line}\n" for line in lines[100:]).encode())


def test_keys_typed_before_the_prompt_count(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    terminal.enter("early")
    receive(peer.accept(), b"early\n")


def test_what_is_typed_while_the_program_starts_shows_once(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    terminal.type("half")
    terminal.shows("half")
    connection = peer.accept()
    connection.sendall(b"welcome\r\n")
    terminal.shows("welcome")
    terminal.prompts("half")
    assert terminal.text.count("half") == 1
    terminal.enter(" a line")
    receive(connection, b"half a line\n")
    terminal.shows("half a line")


def test_what_is_typed_while_it_connects_shows_once(start: Start) -> None:
    with socket.socket() as listener:
        listener.settimeout(PATIENCE)
        listener.bind(("127.0.0.1", 0))  # and nobody listens
        port = listener.getsockname()[1]
        terminal = start("tcp", "--retry", "1000", "--retry-delay", "0.05", "127.0.0.1", str(port))
        terminal.until(lambda: not terminal.attributes()[LFLAG] & termios.ECHO, "the terminal to be taken")
        terminal.enter("early")
        terminal.type("half")
        listener.listen()
        connection, _ = listener.accept()
        with connection:
            terminal.prompts("half")
            receive(connection, b"early\n")
            terminal.until(lambda: terminal.text.count("early") == 1, "what was sent")
            assert terminal.text.count("half") == 1


def test_a_long_line_is_edited_and_sent_whole(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    long = "0123456789" * 30
    terminal.type(long)
    terminal.shows("0123456789" * 8)
    connection.sendall(b"between\r\n")
    terminal.shows("between")
    terminal.enter("")
    receive(connection, f"{long}\n".encode())


def test_without_an_end_a_line_is_shown_as_it_comes(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("typed")
    connection.sendall(b"".join(b"%03d " % number for number in range(101)))
    terminal.shows("100 typed")
    shown = terminal.text.partition("welcome\n")[2].replace("\n", "")
    assert shown.startswith("000 001 002 003")
    assert all(f"{number:03}" in shown for number in range(100))
