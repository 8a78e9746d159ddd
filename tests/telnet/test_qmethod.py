"""RFC 1143's table, row by row as the RFC has it, and its promise: two ends always come to rest, and agree."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.telnet.events import Side
from sockcli.telnet.negotiation import Change, Negotiator
from sockcli.telnet.qmethod import STEPS, Input, State

NO, YES = State.NO, State.YES
WANT_NO, WANT_NO_OPPOSITE = State.WANT_NO, State.WANT_NO_OPPOSITE
WANT_YES, WANT_YES_OPPOSITE = State.WANT_YES, State.WANT_YES_OPPOSITE

# (before, what happens, after, what is said), in the words of the RFC's section 7.
RFC_1143 = [
    ("WILL, NO, we agree: YES, send DO", NO, Input.ON, YES, True),
    ("WILL, NO, we do not: send DONT", NO, Input.UNWANTED, NO, False),
    ("WILL, YES: ignore", YES, Input.ON, YES, None),
    ("WILL, WANTNO EMPTY: error, NO", WANT_NO, Input.ON, NO, None),
    ("WILL, WANTNO OPPOSITE: error, YES", WANT_NO_OPPOSITE, Input.ON, YES, None),
    ("WILL, WANTYES EMPTY: YES", WANT_YES, Input.ON, YES, None),
    ("WILL, WANTYES OPPOSITE: WANTNO, send DONT", WANT_YES_OPPOSITE, Input.ON, WANT_NO, False),
    ("WONT, NO: ignore", NO, Input.OFF, NO, None),
    ("WONT, YES: NO, send DONT", YES, Input.OFF, NO, False),
    ("WONT, WANTNO EMPTY: NO", WANT_NO, Input.OFF, NO, None),
    ("WONT, WANTNO OPPOSITE: WANTYES, send DO", WANT_NO_OPPOSITE, Input.OFF, WANT_YES, True),
    ("WONT, WANTYES EMPTY: NO", WANT_YES, Input.OFF, NO, None),
    ("WONT, WANTYES OPPOSITE: NO", WANT_YES_OPPOSITE, Input.OFF, NO, None),
    ("enable, NO: WANTYES, send DO", NO, Input.ASK_ON, WANT_YES, True),
    ("enable, YES: error", YES, Input.ASK_ON, YES, None),
    ("enable, WANTNO EMPTY: OPPOSITE", WANT_NO, Input.ASK_ON, WANT_NO_OPPOSITE, None),
    ("enable, WANTNO OPPOSITE: error", WANT_NO_OPPOSITE, Input.ASK_ON, WANT_NO_OPPOSITE, None),
    ("enable, WANTYES EMPTY: error", WANT_YES, Input.ASK_ON, WANT_YES, None),
    ("enable, WANTYES OPPOSITE: EMPTY", WANT_YES_OPPOSITE, Input.ASK_ON, WANT_YES, None),
    ("disable, NO: error", NO, Input.ASK_OFF, NO, None),
    ("disable, YES: WANTNO, send DONT", YES, Input.ASK_OFF, WANT_NO, False),
    ("disable, WANTNO EMPTY: error", WANT_NO, Input.ASK_OFF, WANT_NO, None),
    ("disable, WANTNO OPPOSITE: EMPTY", WANT_NO_OPPOSITE, Input.ASK_OFF, WANT_NO, None),
    ("disable, WANTYES EMPTY: OPPOSITE", WANT_YES, Input.ASK_OFF, WANT_YES_OPPOSITE, None),
    ("disable, WANTYES OPPOSITE: error", WANT_YES_OPPOSITE, Input.ASK_OFF, WANT_YES_OPPOSITE, None),
]


@pytest.mark.parametrize(
    ("before", "happens", "after", "said"), [row[1:] for row in RFC_1143], ids=[row[0] for row in RFC_1143]
)
def test_row(before: State, happens: Input, after: State, said: bool | None) -> None:
    assert STEPS[before, happens] == (after, said)


def test_the_table_is_whole() -> None:
    assert set(STEPS) == {(state, happens) for state in State for happens in Input}


@pytest.mark.parametrize("state", [state for state in State if state is not NO])
def test_what_we_want_matters_only_where_it_was_not_settled(state: State) -> None:
    assert STEPS[state, Input.UNWANTED] == STEPS[state, Input.ON]


OPTION = 3
_OTHER_SIDE = {Side.US: Side.PEER, Side.PEER: Side.US}


class _End:
    """One end of a connection, with what is on its way to it."""

    def __init__(self, willing: bool) -> None:
        self.negotiator = Negotiator(lambda _side, _option: willing)
        self.inbox: deque[bytes] = deque()

    def hear(self) -> Change:
        message = self.inbox.popleft()
        return self.negotiator.receive(message[1], message[2])


Action = tuple[str, int, Side, bool]
actions = st.lists(
    st.tuples(st.sampled_from(["ask", "deliver"]), st.integers(0, 1), st.sampled_from(Side), st.booleans()), max_size=40
)


@given(actions=actions, willing=st.tuples(st.booleans(), st.booleans()))
def test_two_ends_come_to_rest_and_agree(actions: list[Action], willing: tuple[bool, bool]) -> None:
    ends = [_End(willing[0]), _End(willing[1])]

    def pass_on(who: int, change: Change) -> None:
        if change.reply:
            ends[1 - who].inbox.append(change.reply)

    for what, who, side, enable in actions:
        if what == "ask":
            pass_on(who, ends[who].negotiator.request(side, OPTION, enable=enable))
        elif ends[who].inbox:
            pass_on(who, ends[who].hear())
    for _ in range(1_000):
        busy = [who for who in (0, 1) if ends[who].inbox]
        if not busy:
            break
        pass_on(busy[0], ends[busy[0]].hear())
    else:
        pytest.fail("they are still talking")
    for side in Side:
        first = ends[0].negotiator.enabled(side, OPTION)
        assert first == ends[1].negotiator.enabled(_OTHER_SIDE[side], OPTION)
    for end in ends:
        settled = {state for status in end.negotiator.status() for state in status[1:]}
        assert settled <= {NO, YES}
