"""The smaller parts: what is kept unseen, how it is shown, what options mean, what is remembered."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.endpoint import Address, Host
from sockcli.console import toolbar
from sockcli.console.escape_key import EscapeKey, parse_escape
from sockcli.console.history import COMMANDS, KEPT, LINES, HistoryFile, TypedHistory, history_path
from sockcli.console.paste import PasteMarks
from sockcli.errors import UsageError
from sockcli.sessions.inbox import BACKGROUND_LIMIT, CURRENT_LIMIT, Chunk, Inbox, InboxBudget
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.view import TerminalView

NOON = 1_700_000_000.25


# The inbox


def test_a_stream_is_taken_in_pieces_and_a_datagram_whole() -> None:
    inbox = Inbox()
    inbox.put(Chunk(b"abcdef", 0.0))
    inbox.put(Chunk(b"datagram", 0.0, datagram=True))
    taken = [inbox.take(4), inbox.take(4), inbox.take(4), inbox.take(4)]
    assert [chunk and chunk.data for chunk in taken] == [b"abcd", b"ef", b"datagram", None]
    assert (inbox.size, inbox.unread, bool(inbox)) == (0, 0, False)


def test_in_front_it_is_full_before_it_is_large() -> None:
    inbox = Inbox()
    while not inbox.full:
        inbox.put(Chunk(bytes(1_000), 0.0))
    assert inbox.unread <= CURRENT_LIMIT


@pytest.mark.parametrize("size", [0, 1, 1_000, 3 * BACKGROUND_LIMIT])
def test_in_the_background_the_oldest_goes(size: int) -> None:
    inbox = Inbox()
    for number in range(10_000):
        inbox.put(Chunk(bytes(size), float(number)))
        inbox.trim()
        assert inbox.size <= max(BACKGROUND_LIMIT, size + 1_000)
    newest = None
    while (chunk := inbox.take(1 << 30)) is not None:
        newest = chunk
    assert newest is not None
    assert newest.time == 9_999.0
    assert inbox.dropped % max(1, size) == 0


def test_all_inboxes_together_have_a_limit_and_the_largest_gives() -> None:
    told: list[str] = []
    budget = InboxBudget(lambda: told.append("exceeded"), limit=20_000)
    small, large = Inbox(), Inbox()
    budget.add(small)
    budget.add(large)
    small.put(Chunk(bytes(1_000), 0.0))
    for number in range(100):
        large.put(Chunk(bytes(1_000), float(number)))
        assert budget.size == small.size + large.size <= 20_000
    assert (told, small.dropped) == (["exceeded"], 0)
    assert large.dropped + large.unread == 100_000
    assert large.take(400) is not None
    budget.remove(large)
    assert budget.size == small.size


def test_the_newest_stays_also_where_it_is_more_than_all_may_have() -> None:
    budget = InboxBudget(lambda: None, limit=100)
    inbox = Inbox()
    budget.add(inbox)
    inbox.put(Chunk(bytes(1_000), 0.0))
    assert inbox.unread == 1_000


# The view


def view(**settings: str) -> TerminalView:
    return TerminalView(SessionSettings(**settings))


def test_text_passes_the_filter() -> None:
    assert view().show(Chunk(b"a\x07b\x1b[2J\n", NOON)) == b"a^Gb^[[2J\n"


def test_hex_and_both() -> None:
    assert view(view="hex").show(Chunk(b"abc\n", NOON)) == (
        b"00000000  61 62 63 0a                                      |abc.|\n"
    )
    assert view(view="both").show(Chunk(b"abc\n", NOON)).startswith(b"abc\n00000000  61 62 63 0a")
    assert view(view="both").show(Chunk(b"> ", NOON)).startswith(b"> \n00000000  3e 20")


def test_the_offset_in_hex_goes_on() -> None:
    shown = view(view="hex")
    shown.show(Chunk(b"x" * 20, NOON))
    assert shown.show(Chunk(b"y", NOON)).startswith(b"00000014")


@pytest.mark.parametrize("name", ["hex", "both"])
def test_a_dump_with_its_time_and_sender_has_room_in_80_columns(name: str) -> None:
    sender = Address(Host.parse("127.0.0.1"), 5_353)
    shown = view(view=name, timestamps="on").show(Chunk(b"x" * 16, NOON, sender, True)).decode()
    head, *lines = shown.splitlines()
    assert head[8:] == ".250 [127.0.0.1:5353]"
    assert lines[-1].startswith("00000000  78 78")
    assert max(map(len, lines)) < 80


def test_each_datagram_in_hex_begins_at_0_and_one_of_no_bytes_is_seen() -> None:
    shown = view(view="hex")
    for _ in range(2):
        assert shown.show(Chunk(b"x", NOON, None, True)).startswith(b"00000000  78")
        assert shown.show(Chunk(b"", NOON, None, True)) == b"(a datagram of no bytes)\n"
    assert view(view="both").show(Chunk(b"", NOON, None, True)) == b"(a datagram of no bytes)\n"


def test_timestamps_stand_at_the_beginnings_of_lines_only() -> None:
    shown = view(timestamps="on")
    first = shown.show(Chunk(b"one\ntwo\nthr", NOON)).decode()
    second = shown.show(Chunk(b"ee\nfour\n", NOON)).decode()
    lines = (first + second).splitlines()
    assert [line[13:] for line in lines] == ["one", "two", "three", "four"]
    assert all(line[8:13] == ".250 " for line in lines)


def test_a_datagram_has_lines_of_its_own_and_its_sender() -> None:
    sender = Address(Host.parse("127.0.0.1"), 5_353)
    assert view().show(Chunk(b"one", NOON, sender, True)) == b"[127.0.0.1:5353] one\n"
    assert view().show(Chunk(b"\xe2\x82", NOON, None, True)) == "\ufffd\n".encode()
    assert view().show(Chunk(b"", NOON, None, True)) == b"(a datagram of no bytes)\n"


def test_another_encoding_is_read_across_reads() -> None:
    shown = view(encoding="shift_jis")
    data = "日本".encode("shift_jis")
    assert shown.show(Chunk(data[:1], NOON)) + shown.show(Chunk(data[1:], NOON)) == "日本".encode()


def test_what_another_encoding_decodes_to_passes_the_filter_as_well() -> None:
    assert view(encoding="latin-1").show(Chunk(b"\x9b2J", NOON)) == b"<U+009B>2J"


def test_character_mode_shows_a_screen_unless_the_user_said_otherwise() -> None:
    clear = Chunk(b"\x1b[2J", NOON)
    auto, safe, raw = view(view="hex"), view(terminal="safe"), view(terminal="raw")
    for each in (auto, safe, raw):
        each.set_character(True)
    assert (auto.show(clear), safe.show(clear), raw.show(clear)) == (b"\x1b[2J", b"^[[2J", b"\x1b[2J")
    auto.set_character(False)
    assert auto.show(clear).startswith(b"00000000  1b 5b 32 4a")


def test_settings_take_effect_at_once_and_put_the_terminal_right() -> None:
    settings = SessionSettings(terminal="raw")
    shown = TerminalView(settings)
    shown.show(Chunk(b"\x1b[?1049h", NOON))
    settings.change("terminal", "safe")
    assert b"\x1b[?1049l" in shown.apply()
    assert shown.show(Chunk(b"\x1b[?1049h", NOON)) == b"^[[?1049h"


# Options


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("^]", EscapeKey(b"\x1d", "^]")),
        ("C-]", EscapeKey(b"\x1d", "^]")),
        ("c-a", EscapeKey(b"\x01", "^A")),
        ("^a", EscapeKey(b"\x01", "^A")),
        ("^@", EscapeKey(b"\0", "^@")),
        ("~", EscapeKey(b"~", "~")),
        ("x", EscapeKey(b"x", "x")),
        ("\x1d", EscapeKey(b"\x1d", "^]")),
        ("none", None),
    ],
)
def test_escape_keys(text: str, key: EscapeKey | None) -> None:
    assert parse_escape(text) == key


@pytest.mark.parametrize("text", ["", "^[", "^M", "^J", "C-i", "^H", "^?", "^^^", "é", " ", "ctrl-a", "\x7f", "^é"])
def test_keys_that_cannot_be_it(text: str) -> None:
    with pytest.raises(UsageError):
        parse_escape(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eol", "nl"),
        ("encoding", "hex"),
        ("encoding", "utf-16"),
        ("encoding", "\0"),
        ("encoding", "cp037"),
        ("view", ""),
        ("terminal", "SAFE"),
        ("timestamps", "yes"),
        ("colour", "on"),
        ("__class__", "x"),
    ],
)
def test_settings_that_are_none(name: str, value: str) -> None:
    settings = SessionSettings()
    before = settings.values()
    with pytest.raises(UsageError):
        settings.change(name, value)
    assert settings.values() == before


def test_a_copy_of_settings_is_its_own() -> None:
    settings = SessionSettings(encoding="latin-1", view="hex")
    copy = settings.copy()
    copy.change("view", "text")
    assert (settings.view, copy.encoding) == ("hex", "iso8859-1")


# Pasted blocks


def pieces(*reads: bytes) -> list[tuple[bool, bytes]]:
    """Neighbours of a kind joined; what is held back at the end is released."""
    marks = PasteMarks()
    found: list[tuple[bool, bytes]] = []
    for pasted, data in [piece for read in reads for piece in marks.feed(read)] + [(False, marks.release())]:
        if found and found[-1][0] == pasted:
            found[-1] = pasted, found[-1][1] + data
        elif data:
            found.append((pasted, data))
    return found


def test_marks_are_taken_out() -> None:
    assert pieces(b"a\x1b[200~b\x1d\x1b[201~c") == [(False, b"a"), (True, b"b\x1d"), (False, b"c")]


@pytest.mark.parametrize("at", range(2, 6))
def test_a_mark_in_two_reads(at: int) -> None:
    begin, end = b"\x1b[200~", b"\x1b[201~"
    reads = (b"a" + begin[:at], begin[at:] + b"b" + end[:at], end[at:] + b"c")
    assert pieces(*reads) == [(False, b"a"), (True, b"b"), (False, b"c")]


def test_a_key_is_not_held_back() -> None:
    marks = PasteMarks()
    for key in (b"\x1b", b"a", b"\x1b[A", b"\x1bOA"):
        assert list(marks.feed(key)) == [(False, key)]
        assert not marks.holds


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_what_is_typed_is_not_lost(reads: list[bytes]) -> None:
    typed = b"".join(reads)
    if b"\x1b[20" not in typed:
        assert b"".join(data for _, data in pieces(*reads)) == typed


# History


def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sockcli" / "history"


def test_the_place_of_the_history() -> None:
    assert history_path({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/sockcli/history")
    assert history_path({"XDG_STATE_HOME": "x", "HOME": "/h"}) == Path("/h/.local/state/sockcli/history")
    assert history_path({}) is None


def test_it_is_nobody_elses_to_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        HistoryFile(file(tmp_path)).add(LINES, "hello")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file(tmp_path).parent.stat().st_mode) == 0o700


def test_commands_and_lines_apart_and_found_again(tmp_path: Path) -> None:
    first = HistoryFile(file(tmp_path))
    for mark, text in [(LINES, "hello"), (COMMANDS, "quit"), (LINES, "naïve \udcff")]:
        first.add(mark, text)
    again = HistoryFile(file(tmp_path))
    assert again.entries(LINES) == ["hello", "naïve \udcff"]
    assert again.entries(COMMANDS) == ["quit"]


@pytest.mark.parametrize("text", ["", " secret", "\tx", "two\nlines", "x" * 5_000])
def test_what_is_not_remembered(tmp_path: Path, text: str) -> None:
    history = TypedHistory(HistoryFile(file(tmp_path)), LINES)
    history.remember(text)
    assert history.get_strings() == []
    assert not file(tmp_path).exists()


def test_the_same_again_is_remembered_once(tmp_path: Path) -> None:
    history = TypedHistory(HistoryFile(file(tmp_path)), LINES)
    for text in ("a", "a", "b", "a"):
        history.remember(text)
    assert history.get_strings() == ["a", "b", "a"]


def test_a_large_file_is_cut_to_what_is_kept(tmp_path: Path) -> None:
    file(tmp_path).parent.mkdir(parents=True)
    file(tmp_path).write_text("".join(f">line {number} {'x' * 200}\n" for number in range(5_000)))
    entries = HistoryFile(file(tmp_path)).entries(LINES)
    assert len(entries) == KEPT
    assert entries[-1].startswith("line 4999 ")
    assert file(tmp_path).stat().st_size < KEPT * 300
    assert stat.S_IMODE(file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("make", ["directory", "dangling link", "rubbish"])
def test_a_file_that_is_none_is_no_reason_to_fail(tmp_path: Path, make: str) -> None:
    path = file(tmp_path)
    path.parent.mkdir(parents=True)
    match make:
        case "directory":
            path.mkdir()
        case "dangling link":
            path.symlink_to(tmp_path / "elsewhere")
        case _:
            path.write_bytes(b"\xff\0\n\n>ok\nwithout an end")
    history = HistoryFile(path)
    history.add(LINES, "hello")
    assert history.entries(LINES)[-1] == "hello"
    assert not (tmp_path / "elsewhere").exists()


# The toolbar


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (4_200_000, "4.2M"),
        (10**19, "10000P"),
    ],
)
def test_amounts(count: int, text: str) -> None:
    assert toolbar.amount(count) == text


class FakeSession:
    """As much of a session as the toolbar looks at."""

    def __init__(self, number: int, unread: int = 0) -> None:
        self.number = number
        self.title = f"tcp host:{number}\x1b[2J"
        self.speaks_telnet = self.character_mode = self.input_ended = False
        self.sent = self.received = 1_500
        self.inbox = Inbox()
        if unread:
            self.inbox.put(Chunk(bytes(unread), 0.0))

        class Grant:
            rule = "tcp-connect:*:*"

        self.grant = Grant()


def bar(session: Any, others: list[Any], columns: int = 200) -> str:
    return "".join(text for _, text in toolbar.fragments(session, others, columns))


def test_the_toolbar_has_all_that_matters() -> None:
    text = bar(FakeSession(1), [FakeSession(2, 2_000), FakeSession(3)])
    assert text == r" 1: tcp host:1\x1b[2J  line  in 1.5k, out 1.5k  2: 2.0k bytes unread  tcp-connect:*:* "


@pytest.mark.parametrize("columns", range(1, 120, 7))
def test_it_never_takes_more_than_a_row(columns: int) -> None:
    assert len(bar(FakeSession(1), [FakeSession(2, 2_000)], columns)) < columns or columns == 1


def test_it_says_where_nothing_is() -> None:
    assert bar(None, []) == " no session "
    assert bar(None, [FakeSession(1)]) == " 1 session "
