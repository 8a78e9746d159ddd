"""Manifests of very many rules, or faults: the same answers as of few, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.base.endpoint import Host, Operation
from sockcli.errors import ManifestError, UsageError
from sockcli.policy import Effect, PlacedRule, Request, Rule
from sockcli.policy.faults import MOST
from sockcli.policy.manifest import parse_manifest
from sockcli.policy.plain_rules import plain_rules
from sockcli.policy.rule_list import RuleList, Run

PLAIN = [
    ("tcp-connect:a.com", "tcp-connect:a.com:*"),
    ("tcp-connect:a.com:*", "tcp-connect:a.com:*"),
    ("tcp-listen:*.a-b.c_d.com:65535", "tcp-listen:*.a-b.c_d.com:65535"),
    ("udp-bind:255.0.10.9:1", "udp-bind:255.0.10.9:1"),
    ("udp-send-to:10.0.0.0/8", "udp-send-to:10.0.0.0/8:*"),
    ("udp-send-to:10.9.0.0/16:80", "udp-send-to:10.9.0.0/16:80"),
    ("tcp-connect:10.9.8.0/24:80", "tcp-connect:10.9.8.0/24:80"),
    ("tcp-connect:10.9.8.7/32:80", "tcp-connect:10.9.8.7/32:80"),
]


@pytest.mark.parametrize(("text", "canonical"), PLAIN)
def test_what_is_plain(text: str, canonical: str) -> None:
    assert plain_rules([text]) == [canonical] == [str(Rule.parse(text))]


@pytest.mark.parametrize(
    "text",
    [
        *("tcp-connect:a.com\ntcp-connect:b.com", "tcp-connect:a.com\n", "\ntcp-connect:a.com", "", "tcp-connect"),
        *("tcp-connect:A.com", "tcp-connect:a.com.", "tcp-connect:.a.com", "tcp-connect:a..com", "tcp-connect:*"),
        *("tcp-connect:a.com:0", "tcp-connect:a.com:080", "tcp-connect:a.com:65536", "tcp-connect:a.com:", "x:a.com"),
        *("tcp-connect:1.2.3", "tcp-connect:256.0.0.1", "tcp-connect:01.2.3.4", "tcp-connect:10.1.0.0/8"),
        *(
            "tcp-connect:0x7f.1",
            "tcp-connect:a.0x1",
            "tcp-connect:*.0.0.1",
            "tcp-connect:[::1]",
            "tcp-connect:\u212a.com",
        ),
        *("tcp-connect:a.com:\u0661", f"tcp-connect:{'a' * 64}.com", f"tcp-connect:{'a.' * 140}com"),
    ],
)
def test_what_is_left_to_the_parser(text: str) -> None:
    assert plain_rules([text]) is None
    assert plain_rules(["tcp-connect:a.com", text, "tcp-connect:b.com"]) is None


pieces = st.lists(
    st.sampled_from(
        [
            "tcp-connect",
            "udp-bind",
            ":",
            ":",
            ".",
            "*.",
            "a",
            "com",
            "10",
            "0",
            "255",
            "256",
            "/8",
            "/24",
            "80",
            "-",
            "x",
            "\n",
        ]
    ),
    max_size=12,
).map("".join)


@given(st.lists(pieces | pieces.map(lambda text: f"tcp-connect:{text}") | st.text(max_size=30), min_size=1, max_size=3))
@settings(max_examples=400)
def test_what_is_plain_is_what_the_parser_makes_of_it(texts: list[str]) -> None:
    found = plain_rules(texts)
    if found is not None:
        assert found == [str(Rule.parse(text)) for text in texts]


@given(
    st.lists(
        st.sampled_from(
            [text for text, _ in PLAIN] + ["tcp-connect:[::1]:80", "tcp-connect:A.com:", "bad", "tcp-connect:x:0"]
        ),
        max_size=150,
    )
)
@settings(max_examples=40)
def test_many_together_are_what_each_is_alone(texts: list[str]) -> None:
    good = []
    wrong = []
    for index, text in enumerate(texts):
        place = f"deny[{index}]"
        try:
            good.append(PlacedRule(Rule.parse(text), Effect.DENY, place))
        except UsageError as exc:
            wrong.append(f'm: {place}: "{text}": {exc.message}')
    data = json.dumps({"deny": texts}).encode()
    if wrong:
        with pytest.raises(ManifestError) as caught:
            parse_manifest(data, "m")
        assert list(caught.value.lines) == wrong
    else:
        assert parse_manifest(data, "m").rules == good


def test_a_sequence_like_any_other() -> None:
    texts = [text for _, text in PLAIN]
    many = RuleList(
        [
            Run("a", texts, Effect.ALLOW, is_list=True),
            Run("b", [], Effect.DENY, is_list=True),
            Run("c", texts[:1], Effect.DENY, is_list=False),
        ]
    )
    plain = [PlacedRule(Rule.parse(text), Effect.ALLOW, f"a[{index}]") for index, text in enumerate(texts)]
    plain.append(PlacedRule(Rule.parse(texts[0]), Effect.DENY, "c"))
    assert list(many) == plain
    assert many == plain
    assert many == RuleList.of(plain)
    assert hash(many) == hash(RuleList.of(plain))
    assert (many[-1], many[2:4], len(many)) == (plain[-1], tuple(plain[2:4]), len(plain))
    with pytest.raises(IndexError):
        many[len(plain)]
    assert many.allowed_ports(Operation.TCP_CONNECT) == {None, 80}
    assert many.allowed_ports(Operation.UDP_BIND) == {1}


def test_of_rules_that_say_the_same_the_first_is_reported() -> None:
    same = ["tcp-connect:a.com", "tcp-connect:A.com.", "tcp-connect:a.com:*"]
    text = json.dumps({"permissions": [{"socket": same}, {"socket": same}], "sockets": {"tcp": {"connect": "a.com"}}})
    decision = parse_manifest(text.encode(), "m").decide(Request(Operation.TCP_CONNECT, Host.parse("a.com"), 80))
    assert decision.placed is not None
    assert decision.placed.source == "permissions[0].socket[0]"


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"deny": ["x"] * 250}),
        json.dumps({"deny": [5] * 250}),
        "[" + ",".join(["NaN"] * 249) + "]",
        '{"a": [' + ",".join(['{"b": 1, "b": 2}'] * 250) + "]}",
    ],
)
def test_a_hundred_faults_are_listed_and_the_rest_counted(data: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(data.encode(), "m")
    error = caught.value
    assert (len(error.problems), error.more) == (MOST, 150)
    assert error.lines[-1] == "m: and 150 more faults"
    assert len(error.lines) == MOST + 1


def test_a_hundred_faults_leave_nothing_to_count() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(json.dumps({"deny": ["x"] * MOST}).encode(), "m")
    assert "more" not in str(caught.value)


MEASURE = """
import sys
from pathlib import Path
from sockcli.errors import ManifestError
from sockcli.policy.manifest import parse_manifest
try:
    parse_manifest(Path(sys.argv[1]).read_bytes(), "m")
except ManifestError as exc:
    print(len(exc.message), file=sys.stderr)
# Not ru_maxrss: a child has that of the process that started it.
print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.parametrize(
    ("text", "mib", "most"),
    [
        pytest.param('"tcp-connect:host{}.example.com:443"', 16, 300, id="names"),
        pytest.param('"tcp-connect:h{}.e"', 16, 300, id="short names"),
        pytest.param('"tcp-connect:99999:x"', 2, 100, id="wrong rules"),
        pytest.param("NaN", 2, 100, id="constants"),
    ],
)
def test_large_files_take_little_memory(tmp_path: Path, text: str, mib: int, most: int) -> None:
    """In MiB. Memory is the same on a slow machine; the time is measured in benchmarks/policies.py."""
    path = tmp_path / "big.json"
    count = (mib * 1024 * 1024 - 100) // (len(text.format(100_000)) + 1)
    path.write_text('{"deny": [' + ",".join(text.format(index) for index in range(count)) + "]}")
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < most
