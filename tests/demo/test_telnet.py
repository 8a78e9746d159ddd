"""The demo's telnet service, with sockcli's own codec at the other end: what the client is brought to do, and when."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import closing

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockcli import Engine, Manifest
from sockcli.demo import login
from sockcli.demo.login import BANNER, EXPLAINED, Visit
from sockcli.demo.screen import ENTER, LARGEST, LEAVE, page
from sockcli.demo.servers import Servers
from sockcli.demo.telnet import ClientTerminal, ClientWindow, TelnetServer
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.events import CommandReceived, Data
from tests.telnet.talk import drain
from tests.waiting import PATIENCE

OPTIONS = TelnetOptions(terminal_type="xterm-256color", size=(60, 12), mode="auto")
NEGOTIATION = bytes([tn.IAC, tn.DO, tn.TTYPE, tn.IAC, tn.DO, tn.NAWS])


class Session:
    """A visit and a client, each fed with what the other sends until both are quiet."""

    def __init__(self, options: TelnetOptions = OPTIONS) -> None:
        self.visit = Visit()
        self.client = TelnetCodec(options, active=False)
        self.shown = b""
        self.exchange()

    def exchange(self) -> None:
        while True:
            self.client.receive_data(self.visit.take())
            self.shown += b"".join(event.data for event in drain(self.client) if isinstance(event, Data))
            sent = self.client.data_to_send() + self.client.urgent_to_send()
            if not sent:
                return
            self.visit.receive(sent)

    def type(self, text: str, *, enter: bool = True) -> None:
        self.client.send_data(text.encode())
        if enter:
            self.client.send_enter()
        self.exchange()

    def new(self) -> str:
        """What was shown since it was asked for last."""
        shown, self.shown = self.shown, b""
        return shown.decode()

    def log_in(self) -> None:
        self.type("ann")
        self.type("secret")
        self.new()


# The stages


def test_the_name_is_edited_and_shown_by_the_client() -> None:
    session = Session()
    assert session.new() == f"{BANNER}login: ".replace("\n", "\r\n")
    assert session.client.active
    assert session.client.local_echo
    assert not session.client.character_mode


def test_the_password_is_hidden_and_still_edited_by_the_client() -> None:
    session = Session()
    session.new()
    session.type("ann")
    assert session.new() == "password: "
    assert not session.client.local_echo
    assert not session.client.character_mode


def test_then_each_key_is_the_servers() -> None:
    session = Session()
    session.type("ann")
    session.new()
    session.type("secret")
    assert session.new() == f"\nwelcome, ann\n{EXPLAINED}".replace("\n", "\r\n")
    assert session.client.character_mode
    assert not session.client.local_echo


def test_what_is_agreed_on() -> None:
    session = Session()
    session.log_in()
    on = [(option, us.value == "on", peer.value == "on") for option, us, peer in session.client.status()]
    assert on == [(tn.ECHO, False, True), (tn.SGA, False, True), (tn.TTYPE, True, False), (tn.NAWS, True, False)]


@pytest.mark.parametrize("key", ["q", "Q", "\x03", "\x04", "qxy"])
def test_it_can_be_left_before_the_page(key: str) -> None:
    session = Session()
    session.log_in()
    session.type(key, enter=False)
    assert session.new() == "\r\ngoodbye\r\n"
    assert session.visit.over


@pytest.mark.parametrize("stage", [0, 1])
def test_control_d_leaves_a_line(stage: int) -> None:
    session = Session()
    for _ in range(stage):
        session.type("ann")
    session.type("half a li\x04", enter=False)
    assert session.visit.over
    assert session.new().endswith("\r\ngoodbye\r\n")


def test_a_name_is_safe_to_show_and_of_a_bounded_length() -> None:
    session = Session()
    session.type("\x1b[2J\u202e" + "x" * 500)
    session.type("")
    assert rf"welcome, \x1b[2J\u202e{'x' * (login.MAX_LINE - 2)}" + "\r\n" in session.new()


def test_a_character_is_erased_as_one() -> None:
    session = Session(OPTIONS._replace(mode="character"))
    session.type("an→\x7fn\x08é")
    session.type("secret")
    assert "welcome, ané\r\n" in session.new()


# The page


def screen_of(shown: str, columns: int, rows: int) -> pyte.Screen:
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(shown)
    return screen


def on_page(options: TelnetOptions = OPTIONS) -> Session:
    session = Session(options)
    session.log_in()
    session.type("x", enter=False)
    return session


def test_the_page_has_the_windows_size_and_the_terminals_name() -> None:
    shown = on_page().new()
    assert shown.startswith(ENTER)
    assert [line.rstrip() for line in screen_of(shown, 60, 12).display] == [
        "┌─ sockcli demo " + "─" * 43 + "┐",
        *("│" + f"  {line}".ljust(58) + "│" for line in ("", "hello, ann", "", "terminal  XTERM-256COLOR")),
        *("│" + f"  {line}".ljust(58) + "│" for line in ("window    60 x 12", "keys      0", "")),
        "│" + "  Resize the window, press keys, press q.".ljust(58) + "│",
        *["│" + " " * 58 + "│"] * 2,
        "└─ q leaves " + "─" * 47 + "┘",
    ]


def test_the_page_counts_keys_and_shows_the_last() -> None:
    session = on_page()
    for keys, shown in (
        ("a", "1, the last one a"),
        ("→\x1b[A", r"3, the last one \x1b[A"),
        ("\r", r"4, the last one \r"),
    ):
        session.type(keys, enter=False)
        assert f"keys      {shown} " in session.new()


def test_the_page_follows_the_window() -> None:
    session = on_page()
    session.new()
    session.client.resize(255, 40)
    session.exchange()
    screen = screen_of(session.new(), 255, 40)
    assert screen.display[0].startswith("┌─ sockcli demo ─")
    assert screen.display[0].endswith("─┐")
    assert screen.display[39].endswith("─┘")
    assert "window    255 x 40" in screen.display[5]


def test_a_client_without_a_window_gets_a_page_all_the_same() -> None:
    shown = on_page(OPTIONS._replace(size=None)).new()
    assert "80 x 24, a guess" in screen_of(shown, 80, 24).display[5]


def test_the_page_is_not_written_over() -> None:
    session = on_page()
    session.new()
    session.client.send_command("ayt")
    session.exchange()
    assert session.new() == ""


@pytest.mark.parametrize(
    "leave",
    [
        lambda session: session.type("q", enter=False),
        lambda session: session.type("\x03", enter=False),
        lambda session: session.client.interrupt(),
        lambda session: session.client.send_command("brk"),
        lambda session: session.visit.leave(),
    ],
    ids=["q", "Ctrl-C", "interrupt", "break", "the peer's end"],
)
def test_the_screen_is_given_back(leave: Callable[[Session], None]) -> None:
    session = on_page()
    session.new()
    leave(session)
    session.exchange()
    assert session.new() == f"{LEAVE}\r\ngoodbye\r\n"
    session.visit.leave()
    session.exchange()
    assert session.new() == ""


@example(10, 5, "", ["longer than the window"])
@given(st.integers(1, 300), st.integers(1, 80), st.text(max_size=80), st.lists(st.text(max_size=200), max_size=8))
def test_a_page_fits_any_window(columns: int, rows: int, title: str, lines: list[str]) -> None:
    visible = str.isprintable
    title, lines = "".join(filter(visible, title)), ["".join(filter(visible, line)) for line in lines]
    drawn = page(columns, rows, title, lines, "q leaves")
    if columns < 2 or rows < 2:
        assert drawn == ""
        return
    narrow = "".join(char if char in "┌┐└┘─│\x1b" or char.isascii() else "?" for char in drawn)
    display = screen_of(narrow, columns, rows).display
    assert all(line[0] in "┌│└" and line[-1] in "┐│┘" for line in display)
    assert len(re.sub(r"\x1b\[[0-9;]*H", "", drawn)) == columns * rows
    assert display[0][0] + display[0][-1] + display[-1][0] + display[-1][-1] == "┌┐└┘"


def test_a_window_larger_than_any_costs_no_more_than_a_large_one() -> None:
    assert len(page(65_535, 65_535, "", [], "")) == len(page(*LARGEST, "", [], ""))


# The wire


def test_it_offers_nothing_that_a_plain_client_must_answer() -> None:
    visit = Visit()
    assert visit.take() == NEGOTIATION + f"{BANNER}login: ".replace("\n", "\r\n").encode()
    visit.receive(b"ann\nsecret\nq")
    *_, text = visit.take().split(b"password: ")
    assert text.endswith(b"\r\ngoodbye\r\n")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r\0", b"\r", b"\n"])
def test_every_end_of_line_is_one(line_end: bytes) -> None:
    whole, cut = Visit(), Visit()
    data = line_end.join([b"ann", b"secret", b""])
    whole.receive(data)
    for at in range(len(data)):
        cut.receive(data[at : at + 1])
    sent = whole.take()
    assert b"welcome, ann" in sent
    assert ENTER.encode() not in sent
    assert cut.take() == sent


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"ann\r\n", b"\xff\xfb\x1f", b"\xff\xfa\x1f", b"\xff\xf0"])))
def test_garbage_is_answered_or_ignored(chunks: list[bytes]) -> None:
    visit = Visit()
    for chunk in chunks:
        visit.receive(chunk)
    visit.leave()
    assert visit.take()


@pytest.mark.parametrize("option", [tn.BINARY, tn.NEW_ENVIRON, tn.TIMING_MARK, 99])
def test_other_options_are_refused(option: int) -> None:
    server = TelnetServer()
    assert list(server.receive(bytes([tn.IAC, tn.DO, option, tn.IAC, tn.WILL, option]))) == []
    assert server.take() == bytes([tn.IAC, tn.WONT, option, tn.IAC, tn.DONT, option])


def test_echo_is_not_promised_before_its_time() -> None:
    """PuTTY asks for it at once, and would show nothing of the name."""
    visit = Visit()
    visit.take()
    visit.receive(bytes([tn.IAC, tn.DO, tn.ECHO]))
    assert visit.take() == bytes([tn.IAC, tn.WONT, tn.ECHO])
    visit.receive(b"ann\r\n")
    assert visit.take().startswith(bytes([tn.IAC, tn.WILL, tn.ECHO]))


def subnegotiation(option: int, body: bytes) -> bytes:
    body = body.replace(tn.IAC_BYTE, tn.IAC_IAC)
    return bytes([tn.IAC, tn.WILL, option, tn.IAC, tn.SB, option, *body, tn.IAC, tn.SE])


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        (subnegotiation(tn.NAWS, struct.pack("!HH", 255, 24)), [ClientWindow(255, 24)]),
        (subnegotiation(tn.NAWS, struct.pack("!HH", 0, 24)), []),
        (subnegotiation(tn.NAWS, b"\1\2\3"), []),
        (subnegotiation(tn.NAWS, struct.pack("!HH", 80, 24))[3:], []),
        (subnegotiation(tn.TTYPE, b"\0VT100"), [ClientTerminal("VT100")]),
        (subnegotiation(tn.TTYPE, b"\0" + b"x" * 500), [ClientTerminal("x" * 40)]),
        (subnegotiation(tn.TTYPE, b"\1"), []),
        (subnegotiation(tn.TTYPE, b""), []),
        (b"a\xff\xffb\r\0c\r\n", [b"a\xffb\rc\r\n"]),
        (bytes([tn.IAC, tn.AYT]), [CommandReceived(tn.AYT)]),
    ],
)
def test_what_the_client_tells(data: bytes, heard: list[object]) -> None:
    server = TelnetServer()
    server.ask_peer(tn.NAWS)
    server.ask_peer(tn.TTYPE)
    told = [*server.receive(data)]
    assert told == heard
    assert [type(each) for each in told] == [type(each) for each in heard]


# On the network


@pytest.fixture
def servers() -> Iterator[Servers]:
    with closing(Servers()) as running:
        yield running


def test_are_you_there(servers: Servers) -> None:
    engine = Engine(Manifest.parse(servers.manifest()).policy)
    with engine.connect(servers.telnet.host, servers.telnet.port) as connection:
        connection.send(bytes([tn.IAC, tn.AYT]))
        data = b""
        while b"[yes]" not in data:
            more = connection.receive(timeout=PATIENCE)
            assert more is not None
            data += more


@pytest.mark.parametrize("ended_by", ["the peer", "the servers"])
def test_the_screen_is_given_back_over_the_network(servers: Servers, ended_by: str) -> None:
    engine = Engine(Manifest.parse(servers.manifest()).policy)
    with engine.connect(servers.telnet.host, servers.telnet.port) as connection:
        connection.send_all(b"ann\nsecret\nx")
        data = b""
        while ENTER.encode() not in data:
            more = connection.receive(timeout=PATIENCE)
            assert more is not None
            data += more
        if ended_by == "the peer":
            connection.send_eof()
        else:
            servers.close()
        while (more := connection.receive(timeout=PATIENCE)) is not None:
            data += more
    assert data.endswith(f"{LEAVE}\r\ngoodbye\r\n".encode())
