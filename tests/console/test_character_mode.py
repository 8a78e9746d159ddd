"""Character mode: keys go at once, the peer draws the screen, and the escape key is the one thing that stays ours."""

from __future__ import annotations

import signal
import socket

import pytest

from sockcli.errors import ExitCode
from sockcli.telnet.constants import DO, DONT, ECHO, IAC, NAWS, SB, SE, SGA, WILL, WONT
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, CTRL_D, CTRL_Z, ESCAPE, UP, Terminal

CHARACTER = bytes([IAC, WILL, ECHO, IAC, WILL, SGA])
AGREED = bytes([IAC, DO, ECHO, IAC, DO, SGA])
LINE = bytes([IAC, WONT, ECHO])
LINE_AGREED = bytes([IAC, DONT, ECHO])


def session(start: Start, peer: Peer, *options: str) -> tuple[Terminal, socket.socket]:
    """A session in character mode, with `$ ` as its prompt."""
    terminal = start("tcp", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    connection.sendall(b"hello\r\n$ ")
    terminal.prompts("$ ")
    return terminal, connection


def test_every_key_goes_at_once(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("l")
    receive(connection, b"l")
    connection.sendall(b"l")
    terminal.prompts("$ l")
    for key, sent in [("\t", b"\t"), ("\x1b[A", b"\x1b[A"), ("\x7f", b"\x7f"), ("\r", b"\r\0"), ("é", "é".encode())]:
        terminal.type(key)
        receive(connection, sent)


def test_ctrl_c_and_ctrl_d_and_ctrl_z_are_the_peers(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(CTRL_C + CTRL_D + CTRL_Z + "\x1c")
    receive(connection, b"\x03\x04\x1a\x1c")


def test_a_0xff_is_doubled_and_a_single_escape_is_not_held_back(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer, "--encoding", "latin-1")
    terminal.type("ÿ")
    receive(connection, b"\xff\xff")
    terminal.type("\x1b")
    receive(connection, b"\x1b")


def test_what_was_being_typed_goes_along(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"login: ")
    terminal.prompts("login: ")
    terminal.type("jo")
    terminal.prompts("login: jo")
    connection.sendall(CHARACTER)
    receive(connection, AGREED + b"jo")
    connection.sendall(b"jo")
    terminal.prompts("login: jo")
    terminal.type("e")
    receive(connection, b"e")


def test_a_pasted_block_is_data_without_its_marks(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.paste(f"one\ntwo {ESCAPE}quit\n")
    receive(connection, f"one\r\0two {ESCAPE}quit\r\0".encode())
    terminal.type("x")
    receive(connection, b"x")


def test_the_window_size_follows(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(bytes([IAC, DO, NAWS]))
    receive(connection, bytes([IAC, WILL, NAWS, IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE]))
    terminal.resize(100, 30)
    receive(connection, bytes([IAC, SB, NAWS, 0, 100, 0, 30, IAC, SE]))


def test_back_to_lines(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\r\nname: " + LINE)
    receive(connection, LINE_AGREED)
    terminal.shows("line  in")  # the toolbar
    terminal.prompts("name: ")
    terminal.enter("joe")
    receive(connection, b"joe\r\n")
    terminal.shows("$\nname: joe")


def test_what_came_before_the_change_is_shown_as_what_it_was(start: Start, peer: Peer) -> None:
    """One read has both: a full-screen program's last words, and the end of character mode."""
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[?1049h\x1b[Hfull\x1b[?1049l" + LINE + b"\r\nplain \x1b[H text\r\n")
    terminal.shows("plain ^[[H text")
    assert b"\x1b[?1049h\x1b[Hfull\x1b[?1049l" in terminal.written


def test_a_password_is_neither_shown_nor_remembered(start: Start, peer: Peer, environ: dict[str, str]) -> None:
    """The peer takes the echo and nothing else, as most services do that are no shells."""
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"user: ")
    terminal.prompts("user: ")
    terminal.enter("joe")
    receive(connection, b"joe\n")
    connection.sendall(bytes([IAC, WILL, ECHO]) + b"password: ")
    receive(connection, bytes([IAC, DO, ECHO]))
    terminal.prompts("password: ")
    terminal.type("sec")
    terminal.type(UP)  # nothing of the history may go out as a password
    terminal.enter("ret")
    receive(connection, b"secret\r\n")
    connection.sendall(b"\r\n" + bytes([IAC, WONT, ECHO]) + b"welcome\r\nmail> ")
    receive(connection, bytes([IAC, DONT, ECHO]))
    terminal.prompts("mail> ")
    assert "user: joe\npassword:\nwelcome" in terminal.text
    terminal.enter("list")
    receive(connection, b"list\r\n")
    terminal.type(UP + UP)
    terminal.prompts("joe")
    terminal.type(CTRL_C)
    terminal.prompts("")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert b"secret" not in terminal.written
    with open(f"{environ['HOME']}/.local/state/sockcli/history") as history:
        assert history.read() == ">joe\n>list\n"


def test_a_password_stays_one_when_its_prompt_is_given_up(start: Start, peer: Peer, environ: dict[str, str]) -> None:
    """The login takes too long, and the peer gives the echo back before Enter."""
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(bytes([IAC, WILL, ECHO]) + b"password: ")
    receive(connection, bytes([IAC, DO, ECHO]))
    terminal.prompts("password: ")
    terminal.type("sec")
    terminal.type(ESCAPE)  # nor when a command comes between
    terminal.prompts("sockcli> ")
    connection.sendall(b"\r\ntimed out\r\n" + bytes([IAC, WONT, ECHO]) + b"user: ")
    receive(connection, bytes([IAC, DONT, ECHO]))
    terminal.shows("timed out")
    terminal.type(ESCAPE)
    terminal.prompts("user: ")
    terminal.enter("ret")
    receive(connection, b"secret\r\n")
    connection.sendall(b"\r\nuser: ")
    terminal.until(lambda: terminal.text.count("user:") == 2, "the next prompt")
    terminal.type("x" + CTRL_C)
    terminal.enter("joe")
    receive(connection, b"joe\r\n")
    terminal.shows("user: joe")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert b"sec" not in terminal.written.partition(b"password")[2]
    with open(f"{environ['HOME']}/.local/state/sockcli/history") as history:
        assert history.read() == ">joe\n"


def test_the_escape_key_gives_one_command_and_then_the_peer_again(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type("a" + ESCAPE)
    receive(connection, b"a")
    terminal.prompts("sockcli> ")
    terminal.enter("status")
    terminal.shows("character mode, echo by the peer")
    terminal.type("b")
    receive(connection, b"b")


def test_the_peers_prompt_is_there_again_after_a_command(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\r\x1b[1;32mann@h\xc3\xb6st\x1b[0m:~$ lx\x08\x1b[Ks")
    terminal.prompts("ann@höst:~$ ls")
    for command in ("set eol", ""):
        terminal.type(ESCAPE)
        terminal.prompts("sockcli> ")
        terminal.enter(command)
        terminal.prompts("ann@höst:~$ ls")
    assert terminal.screen.buffer[terminal.screen.cursor.y][0].fg == "green"
    terminal.type("x")
    receive(connection, b"x")
    connection.sendall(b"x")
    terminal.prompts("ann@höst:~$ lsx")


def test_nothing_is_drawn_again_of_what_moved_the_cursor(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[5;1Hmenu> ")
    terminal.prompts("menu> ")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("")
    terminal.prompts("")


def test_keys_behind_the_escape_key_are_the_command(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(f"a{ESCAPE}send xyz\rb")
    receive(connection, b"axyzb")


def test_enter_alone_goes_back(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("")
    terminal.type("b")
    receive(connection, b"b")


def test_the_screen_waits_while_a_command_is_given(start: Start, peer: Peer) -> None:
    """What the peer draws meanwhile is drawn when the screen is back, and the peer is asked to draw it again."""
    terminal, connection = session(start, peer)
    connection.sendall(bytes([IAC, DO, NAWS]))
    receive(connection, bytes([IAC, WILL, NAWS, IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE]))
    connection.sendall(b"\x1b[?1049h\x1b[H\x1b[?25l\x1b(0full screen")
    terminal.until(lambda: b"full screen" in terminal.written, "the screen")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    assert not terminal.screen.cursor.hidden
    connection.sendall(b"\x1b[2;1Hmeanwhile")
    terminal.enter("set")
    terminal.prompts("(any key goes back) ")
    assert b"meanwhile" not in terminal.written
    terminal.type("\r")
    receive(connection, bytes([IAC, SB, NAWS, 0, 80, 0, 23, IAC, SE]) + bytes([IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE]))
    terminal.until(lambda: b"meanwhile" in terminal.written, "what was drawn meanwhile")
    terminal.type("b")
    receive(connection, b"b")


def test_the_key_that_goes_back_is_the_peers(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[?1049h\x1b[H")
    terminal.until(lambda: b"?1049h" in terminal.written, "the screen")
    terminal.type(f"{ESCAPE}set\r")
    terminal.prompts("(any key goes back) ")
    terminal.type("\x1b[Bj")
    receive(connection, b"\x1b[Bj")


@pytest.mark.parametrize(("option", "key"), [("^A", "\x01"), ("C-t", "\x14"), ("~", "~")])
def test_another_escape_key(start: Start, peer: Peer, option: str, key: str) -> None:
    terminal, connection = session(start, peer, "--escape", option)
    terminal.type(ESCAPE)
    receive(connection, ESCAPE.encode())
    terminal.type(key)
    terminal.prompts("sockcli> ")


def test_no_escape_key(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer, "--escape", "none")
    terminal.type(ESCAPE + "quit\r")
    receive(connection, ESCAPE.encode() + b"quit\r\0")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_gives_the_terminal_back(start: Start, peer: Peer, signum: signal.Signals) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[?1049h\x1b[?25l\x1b[?1h\x1b=\x1b[5;10r\x1b[31mfull screen")
    terminal.until(lambda: b"full screen" in terminal.written, "the screen")
    assert not terminal.is_as_found()
    terminal.process.send_signal(signum)
    assert terminal.finish() == -signum
    assert terminal.is_as_found()
    _expect_at_rest(terminal)


def test_the_peers_end_gives_the_terminal_back(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[?1049h\x1b[?25l\x1b[31mfull screen")
    terminal.until(lambda: b"full screen" in terminal.written, "the screen")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert terminal.is_as_found()
    _expect_at_rest(terminal)
    assert terminal.lines[-1].startswith("sockcli: connection closed by")


def _expect_at_rest(terminal: Terminal) -> None:
    """Nothing of the peer's is left in force."""
    written = bytes(terminal.written)
    for on, off in [
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[31m", b"\x1b[0m"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
    ]:
        assert written.rfind(on) < written.rfind(off), on


def test_terminal_safe_is_kept_in_character_mode(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer, "--terminal", "safe")
    connection.sendall(b"\x1b[2J\x1b[5;5Hmoved")
    terminal.shows("^[[2J^[[5;5Hmoved")


def test_reports_are_never_answered(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[6n\x1b[c\x1b[5n\x05\x1bZ\x1b]0;evil\x07\x1b[21t\x1b[?1000hdone")
    terminal.shows("done")
    assert terminal.screen.acted == []
    terminal.type("b")
    receive(connection, b"b")


def test_a_peer_that_does_not_read_holds_the_keys_back_and_loses_none(start: Start, peer: Peer) -> None:
    terminal, connection = session(start, peer)
    block = bytes(range(0x20, 0x7F)) * 40
    typed = 0
    idle = 0
    while idle < 20:  # a queue that nobody empties for so many looks is one that is held back
        fitted = terminal.type_what_fits((block * 2)[typed % len(block) :][: len(block)])
        typed += fitted
        idle = 0 if fitted else idle + 1
        terminal.read(0.02)
    assert typed > 256 * 1024
    receive(connection, (block * (typed // len(block) + 1))[:typed])


def test_the_escape_key_ends_the_reading_of_an_answer_as_well(start: Start, peer: Peer) -> None:
    """And the next time it gives a command prompt again, which takes a command."""
    terminal, connection = session(start, peer)
    connection.sendall(b"\x1b[?1049h\x1b[Hfull screen")
    terminal.until(lambda: b"full screen" in terminal.written, "the screen")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("set")
    terminal.prompts("(any key goes back) ")
    terminal.type(ESCAPE)
    connection.sendall(b"\x1b[2;1Hmeanwhile")
    terminal.until(lambda: b"meanwhile" in terminal.written, "the screen again")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("set view")
    terminal.shows("text|hex|both")
