"""Where a rule stands in its file: line and column, whatever the file looks like."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.policy.manifest import Manifest
from sockcli.policy.strictjson import Position, positions

TEXT: Final = """\
{"größe": "日本", "permissions": [
    "storage", {"socket": ["tcp-connect:*:23",
      "udp-send-to::99"]}],
 "sockets": {"udp": {"send": "*", "multicastMembership": ""}}, "deny": []
}
"""


@pytest.mark.parametrize(
    ("place", "position"),
    [
        ("", (1, 1)),
        ("permissions", (1, 32)),
        ("permissions[1].socket[0]", (2, 28)),
        ("permissions[1].socket[1]", (3, 7)),
        ("sockets.udp.send", (4, 30)),
        ("sockets.udp.multicastMembership", (4, 58)),
        ("deny", (4, 72)),
    ],
)
def test_line_and_column_of_a_place(place: str, position: tuple[int, int]) -> None:
    assert Manifest.parse(TEXT).position(place) == position


def test_each_rule_is_found_by_its_source() -> None:
    manifest = Manifest.parse(TEXT)
    lines = TEXT.splitlines()
    for placed in manifest.policy.rules:
        line, column = manifest.position(placed.source)
        assert lines[line - 1][column - 1] == '"'
    assert len(manifest.policy.rules) == 4


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        Manifest.parse("{}").position("deny[0]")


def test_time_grows_with_the_file_also_where_it_is_one_line() -> None:
    """Were the line searched from its start for every value, this would run into the test's time limit."""
    rules = [f"tcp-connect:host{number}:443" for number in range(20_000)]
    manifest = Manifest.parse(json.dumps({"comment": "x" * 12_000_000, "deny": rules}))
    assert manifest.position("deny[19999]").line == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab") | st.text(), inner, max_size=4),
    max_leaves=20,
)
separators = st.sampled_from([(", ", ": "), (",", ":"), (" \n,\r\n\t", "\n: ")])


@given(values, st.sampled_from([None, 0, 3]), separators, st.booleans())
def test_what_stands_at_a_position_is_the_value(
    value: object, indent: int | None, between: tuple[str, str], ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, separators=between, ensure_ascii=ascii_only)
    found = positions(text.encode())
    left = [("", json.loads(text))]
    while left:
        place, inner = left.pop()
        assert _value_at(text, found.pop(place)) == inner
        if isinstance(inner, list):
            left += [(f"{place}[{index}]", each) for index, each in enumerate(inner)]
        elif isinstance(inner, dict):  # how keys that are not plain are written is no matter here
            left += [(f"{place}.{key}".removeprefix("."), each) for key, each in inner.items() if key in ("a", "b")]


def _value_at(text: str, position: Position) -> object:
    start = sum(len(line) + 1 for line in text.split("\n")[: position.line - 1]) + position.column - 1
    return json.JSONDecoder().raw_decode(text, start)[0]
