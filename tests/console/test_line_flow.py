"""A stream cut into the lines to show and the one that is a prompt, however it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockcli.console.line_flow import LineFlow

RED, PLAIN = b"\x1b[31m", b"\x1b[0m"


def shown(*pieces: bytes, columns: int = 80) -> tuple[bytes, bytes]:
    """What was written, and what is left as the prompt."""
    flow = LineFlow()
    return b"".join(flow.feed(piece, columns) for piece in pieces), flow.partial


def test_whole_lines_are_written_and_the_rest_is_the_prompt() -> None:
    assert shown(b"one\ntwo\r\nthree") == (b"one\r\ntwo\r\n", b"three")


def test_a_prompt_in_two_pieces() -> None:
    assert shown(b"user na", b"me: ") == (b"", b"user name: ")


def test_an_end_of_line_in_two_pieces() -> None:
    assert shown(b"one\r", b"\ntwo") == (b"one\r\n", b"two")


def test_the_user_ends_it() -> None:
    flow = LineFlow()
    flow.feed(b"name: ", 80)
    assert (flow.complete(), flow.partial) == (b"name: ", b"")


def test_a_colour_is_in_force_on_the_next_line_and_never_on_ours() -> None:
    flow = LineFlow()
    assert flow.feed(RED + b"one\n", 80) == RED + b"one\r\n" + PLAIN
    assert flow.feed(b"two\n", 80) == RED + b"two\r\n" + PLAIN
    assert flow.feed(PLAIN + b"three\n", 80) == RED + PLAIN + b"three\r\n" + PLAIN
    assert flow.feed(b"four\n", 80) == b"four\r\n"


def test_a_prompt_has_the_colours_of_the_lines_before() -> None:
    flow = LineFlow()
    flow.feed(RED + b"one\nname: ", 80)
    assert flow.prompt == RED + b"name: "
    flow.complete()
    assert flow.prompt == b""


def test_colours_without_end_are_forgotten() -> None:
    flow = LineFlow()
    flow.feed(b"".join(b"\x1b[38;5;%dm" % number for number in range(256)) + b"\n", 80)
    assert len(flow.feed(b"x\n", 80)) < 200


def test_a_long_line_is_written_row_by_row() -> None:
    written, prompt = shown(b"x" * 205, columns=50)
    assert written == b"x" * 200 + b"\r\n"
    assert prompt == b"x" * 5


def test_rows_are_counted_in_characters_that_show() -> None:
    text = (RED + "é".encode()) * 120
    written, prompt = shown(text, columns=50)
    assert written.startswith((RED + "é".encode()) * 100 + b"\r\n")
    assert prompt == (RED + "é".encode()) * 20


@given(st.lists(st.text("ab\n é", max_size=40), max_size=8), st.integers(10, 30))
def test_no_character_is_lost_or_doubled(pieces: list[str], columns: int) -> None:
    written, prompt = shown(*(piece.encode() for piece in pieces), columns=columns)
    flat = (written + prompt).replace(b"\r\n", b"").decode()
    assert flat == "".join(pieces).replace("\n", "")
    assert len(prompt.decode()) <= 2 * columns


def test_back_from_character_mode_with_the_row_of_the_cursor() -> None:
    flow = LineFlow()
    flow.watch(b"motd\r\n\x1b[1mna")
    flow.watch(b"me: ")
    assert flow.resume(80)
    assert flow.partial == b"\x1b[1mname: "


def test_back_from_character_mode_with_a_row_that_may_be_anything() -> None:
    for text in (b"\x1b[5;5Hthere", "é".encode(), b"x" * 100, b"back\b\b"):
        flow = LineFlow()
        flow.watch(text)
        assert not flow.resume(80)
        assert flow.partial == b""


def test_character_mode_without_an_end_of_line_takes_no_memory() -> None:
    flow = LineFlow()
    for _ in range(1_000):
        flow.watch(b"x" * 1_000)
    assert len(flow.partial) < 5_000
