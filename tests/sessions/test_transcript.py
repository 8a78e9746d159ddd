"""What a peer sent, to be searched and consumed: what stays, where the cursor is, and how much is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.sessions.transcript import KEPT, Transcript


def filled(*pieces: bytes) -> Transcript:
    transcript = Transcript()
    for piece in pieces:
        transcript.add(piece)
    return transcript


def test_what_is_consumed_is_given_and_the_rest_stays() -> None:
    transcript = filled(b"220 ready\r\n250", b" ok\r\n")
    at = transcript.unread().index(b"\r\n") + 2
    assert transcript.consume(at) == b"220 ready\r\n"
    assert transcript.unread() == b"250 ok\r\n"
    assert (transcript.position, transcript.end) == (11, 19)


def test_only_what_is_new_can_be_looked_at() -> None:
    transcript = filled(b"one two")
    searched = transcript.end
    transcript.add(b" three")
    assert transcript.unread(searched) == b" three"
    transcript.consume(searched + 3)
    assert transcript.unread(searched) == b"ree"  # never what is consumed already


def test_the_cursor_moves_within_what_is_unread_only() -> None:
    transcript = filled(b"abc")
    transcript.consume(2)
    assert transcript.consume(2) == b""
    for position in (1, 4):
        with pytest.raises(ValueError, match="not within 2 and 3"):
            transcript.consume(position)
    assert transcript.unread() == b"c"


def test_the_oldest_is_dropped_and_counted_and_positions_stay() -> None:
    transcript = filled(b"old" * 1_000)
    transcript.add(b"x" * KEPT)
    assert transcript.dropped == transcript.position == 3_000
    assert transcript.unread() == b"x" * KEPT
    transcript.consume(transcript.end)
    transcript.add(b"new")
    assert transcript.dropped == 3_000  # what was consumed is not lost
    assert transcript.unread(3_000 + KEPT) == b"new"


def test_one_piece_larger_than_all_that_is_kept() -> None:
    transcript = filled(b"begin" + b"x" * KEPT)
    assert (transcript.dropped, len(transcript.unread())) == (5, KEPT)


@given(st.lists(st.binary(max_size=20)), st.data())
def test_nothing_is_lost_or_doubled(pieces: list[bytes], data: st.DataObject) -> None:
    transcript, passed = Transcript(), b""
    for piece in pieces:
        transcript.add(piece)
        passed += transcript.consume(data.draw(st.integers(transcript.position, transcript.end)))
        assert transcript.position == len(passed)
    assert passed + transcript.unread() == b"".join(pieces)
